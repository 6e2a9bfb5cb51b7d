import pytest
from ansible_collections.graviflow.airflow.plugins.module_utils.alarms import current_state, line, plan
from ansible_collections.graviflow.airflow.plugins.module_utils.reconcile import Refusal

PREFIX = "demo/"
DEFAULTS = {"state": "present", "prefix": PREFIX, "alarms": [], "tags": None, "purge_tags": True}
METRIC = {
    "namespace": "AWS/RDS",
    "metric_name": "CPUUtilization",
    "dimensions": {"DBInstanceIdentifier": "demo"},
    "statistic": "Maximum",
    "period": 60,
}
CPU = {
    **METRIC,
    "name": "cpu",
    "description": "Busy.",
    "comparison_operator": "GreaterThanThreshold",
    "threshold": 80,
    "evaluation_periods": 5,
    "treat_missing_data": "breaching",
    "alarm_actions": ["topic"],
    "metrics": None,
}
# What DescribeAlarms tells of it, where it adds what nobody asked for.
CPU_TOLD = {
    "AlarmName": "demo/cpu",
    "AlarmArn": "arn:cpu",
    "AlarmDescription": "Busy.",
    "ActionsEnabled": True,
    "OKActions": [],
    "AlarmActions": ["topic"],
    "InsufficientDataActions": [],
    "StateValue": "OK",
    "Namespace": "AWS/RDS",
    "MetricName": "CPUUtilization",
    "Dimensions": [{"Name": "DBInstanceIdentifier", "Value": "demo"}],
    "Statistic": "Maximum",
    "Period": 60,
    "EvaluationPeriods": 5,
    "DatapointsToAlarm": 5,
    "Threshold": 80.0,
    "ComparisonOperator": "GreaterThanThreshold",
    "TreatMissingData": "breaching",
}
CPU_PUT = {
    key: value
    for key, value in CPU_TOLD.items()
    if key not in ("AlarmArn", "StateValue") and not key.startswith("State")
}
NODES = {
    **{key: value for key, value in CPU.items() if key not in METRIC},
    "name": "nodes",
    "metrics": [
        {"id": "watched", "expression": "MAX(METRICS())", "return_data": True},
        {"id": "m1", **METRIC},
    ],
}
NODES_TOLD = {
    **{key: CPU_TOLD[key] for key in ("AlarmDescription", "AlarmActions", "EvaluationPeriods", "Threshold")},
    "AlarmName": "demo/nodes",
    "AlarmArn": "arn:nodes",
    "ComparisonOperator": "GreaterThanThreshold",
    "TreatMissingData": "breaching",
    "Metrics": [
        {
            "Id": "m1",
            "MetricStat": {
                "Metric": {key: CPU_TOLD[key] for key in ("Namespace", "MetricName", "Dimensions")},
                "Period": 60,
                "Stat": "Maximum",
            },
            "ReturnData": False,
        },
        {"Id": "watched", "Expression": "MAX(METRICS())", "ReturnData": True},
    ],
}
CURRENT = current_state(PREFIX, [NODES_TOLD, CPU_TOLD], {"cpu": {"t": "1"}})


def calls(current=CURRENT, **options):
    return [(call.operation, dict(call.arguments)) for call in plan({**DEFAULTS, **options}, current).calls]


def test_no_alarms_are_no_state():
    assert current_state(PREFIX, [], {}) is None
    assert list(CURRENT["alarms"]) == ["cpu", "nodes"]


def test_declaring_what_is_does_nothing():
    assert calls(alarms=[CPU, NODES], tags={"t": "1"}) == []


def test_order_of_metrics_and_actions_does_not_matter():
    turned = {**NODES, "metrics": NODES["metrics"][::-1]}
    assert calls(alarms=[turned, CPU]) == []
    two = current_state(PREFIX, [{**CPU_TOLD, "AlarmActions": ["b", "a"]}], {})
    assert calls(two, alarms=[{**CPU, "alarm_actions": ["a", "b"]}]) == []


def test_a_new_one_is_put_with_tags():
    assert calls(None, alarms=[CPU], tags={"t": "1"}) == [
        ("put_metric_alarm", {**CPU_PUT, "Tags": [{"Key": "t", "Value": "1"}]})
    ]


def test_a_changed_threshold_is_put_whole_and_without_tags():
    changed = {**CPU, "threshold": 90}
    assert calls(alarms=[changed, NODES], tags={"t": "1"}) == [("put_metric_alarm", {**CPU_PUT, "Threshold": 90.0})]
    after = plan({**DEFAULTS, "alarms": [changed, NODES]}, CURRENT).after["alarms"]
    assert after == {**CURRENT["alarms"], "cpu": {**CURRENT["alarms"]["cpu"], "threshold": 90.0}}


def test_percentiles_and_units_have_their_own_arguments():
    [(_, arguments)] = calls(None, alarms=[{**CPU, "statistic": "p95", "unit": "Percent"}])
    assert (arguments["ExtendedStatistic"], arguments["Unit"]) == ("p95", "Percent")
    assert "Statistic" not in arguments


def test_expressions_are_put_as_metrics():
    [(_, arguments)] = calls(None, alarms=[NODES])
    assert arguments["Metrics"] == NODES_TOLD["Metrics"]
    assert not {"MetricName", "Statistic", "Period", "Dimensions"} & {*arguments}


def test_surplus_is_removed_a_hundred_at_a_time():
    assert calls(alarms=[CPU]) == [("delete_alarms", {"AlarmNames": ["demo/nodes"]})]
    many = [{**CPU_TOLD, "AlarmName": f"demo/{number:03}"} for number in range(101)]
    removed = calls(current_state(PREFIX, many, {}), state="absent", alarms=None)
    assert [len(arguments["AlarmNames"]) for _, arguments in removed] == [100, 1]
    assert calls(None, state="absent", alarms=None) == []


def test_tags_of_known_ones_change():
    assert calls(alarms=[CPU, NODES], tags={"u": "2"}) == [
        ("untag_resource", {"ResourceARN": "arn:cpu", "TagKeys": ["t"]}),
        ("tag_resource", {"ResourceARN": "arn:cpu", "Tags": [{"Key": "u", "Value": "2"}]}),
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"metric_name": None}, "one metric"),
        ({"metrics": NODES["metrics"]}, "one metric"),
        ({"namespace": None}, "namespace"),
        ({"period": 90}, "multiples of 60"),
        ({"period": 300, "evaluation_periods": 289}, "a day at most"),
        ({"evaluation_periods": 0}, "0"),
        ({"datapoints_to_alarm": 6}, "6 of 5"),
    ],
)
def test_what_cloudwatch_refuses_is_refused_before_any_call(change, message):
    with pytest.raises(Refusal, match=message):
        calls(None, alarms=[{**CPU, **change}])


def test_two_of_a_name_and_two_watched_metrics_are_refused():
    with pytest.raises(Refusal, match="Two alarms"):
        calls(None, alarms=[CPU, CPU])
    with pytest.raises(Refusal, match="watches one"):
        calls(None, alarms=[{**NODES, "metrics": [{**each, "return_data": True} for each in NODES["metrics"]]}])


@pytest.mark.parametrize("prefix", ["", "/", "demo", "demo-"])
def test_a_prefix_that_others_may_share_is_refused(prefix):
    with pytest.raises(Refusal, match="slash"):
        calls(None, prefix=prefix)


def test_an_alarm_fits_on_a_line():
    assert line(CURRENT["alarms"]["cpu"]) == "Maximum of CPUUtilization > 80 in 5 of 5 periods of 60 s"
    assert line(CURRENT["alarms"]["nodes"]) == "MAX(METRICS()) of CPUUtilization > 80 in 5 of 5 periods of 60 s"
