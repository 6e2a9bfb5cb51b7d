from ansible_collections.graviflow.airflow.plugins.module_utils.alarms import plan
from ansible_collections.graviflow.airflow.plugins.module_utils.reconcile import reconcile
from ansible_collections.graviflow.airflow.plugins.modules.cloudwatch_alarms import ARGUMENT_SPEC, AlarmsApi

DESCRIBE = {"AlarmNamePrefix": "demo/", "AlarmTypes": ["MetricAlarm"]}
CPU = {
    "name": "cpu",
    "namespace": "AWS/RDS",
    "metric_name": "CPUUtilization",
    "statistic": "Maximum",
    "period": 60,
    "comparison_operator": "GreaterThanThreshold",
    "threshold": 80.0,
    "evaluation_periods": 5,
}


def alarm(name, threshold=80.0):
    return {
        "AlarmName": f"demo/{name}",
        "AlarmArn": f"arn:{name}",
        "Namespace": "AWS/RDS",
        "MetricName": "CPUUtilization",
        "Statistic": "Maximum",
        "Period": 60,
        "ComparisonOperator": "GreaterThanThreshold",
        "Threshold": threshold,
        "EvaluationPeriods": 5,
    }


def read(stub, *alarms, tagged=()):
    # Alarms come in pages.
    stub.add_response("describe_alarms", {"MetricAlarms": list(alarms[:1]), "NextToken": "n"}, DESCRIBE)
    stub.add_response("describe_alarms", {"MetricAlarms": list(alarms[1:])}, {**DESCRIBE, "NextToken": "n"})
    for name in tagged:
        tags = {"Tags": [{"Key": "t", "Value": "1"}]}
        stub.add_response("list_tags_for_resource", tags, {"ResourceARN": f"arn:{name}"})


def run(client, check_mode=False, **options):
    defaults = {name: spec.get("default") for name, spec in ARGUMENT_SPEC.items()}
    declared = {**defaults, "prefix": "demo/", **options}
    api = AlarmsApi(client, declared)
    return reconcile(api, lambda current: plan(declared, current), check_mode=check_mode, wait=False)


def test_changes_one_and_removes_another(stubbed):
    client, stub = stubbed("cloudwatch")
    read(stub, alarm("cpu", 70.0), alarm("old"), tagged=["cpu"])
    put = {key: value for key, value in alarm("cpu").items() if key != "AlarmArn"}
    more = {"ActionsEnabled": True, "AlarmActions": [], "OKActions": [], "InsufficientDataActions": []}
    more |= {"DatapointsToAlarm": 5, "TreatMissingData": "missing", "Dimensions": []}
    stub.add_response("put_metric_alarm", {}, {**put, **more})
    stub.add_response("delete_alarms", {}, {"AlarmNames": ["demo/old"]})
    read(stub, alarm("cpu"), tagged=["cpu"])
    result = run(client, alarms=[CPU], tags={"t": "1"})
    assert result.before["alarms"]["cpu"]["threshold"] == 70.0
    assert {name: each["threshold"] for name, each in result.after["alarms"].items()} == {"cpu": 80.0}
    assert result.after["tags"] == {"cpu": {"t": "1"}}


def test_check_mode_tells_the_same(stubbed):
    client, stub = stubbed("cloudwatch")
    read(stub)
    result = run(client, check_mode=True, alarms=[CPU], tags={"t": "1"})
    assert (result.operations, list(result.after["alarms"])) == (["put_metric_alarm"], ["cpu"])
    assert result.after["tags"] == {"cpu": {"t": "1"}}


def test_present_is_left_alone(stubbed):
    client, stub = stubbed("cloudwatch")
    read(stub, alarm("cpu"))
    assert not run(client, alarms=[CPU]).changed


def test_absent_removes_all(stubbed):
    client, stub = stubbed("cloudwatch")
    read(stub, alarm("a"), alarm("b"))
    stub.add_response("delete_alarms", {}, {"AlarmNames": ["demo/a", "demo/b"]})
    read(stub)
    assert run(client, state="absent").operations == ["delete_alarms"]
