import json

from ansible_collections.graviflow.airflow.plugins.module_utils.dashboard import plan
from ansible_collections.graviflow.airflow.plugins.module_utils.reconcile import reconcile
from ansible_collections.graviflow.airflow.plugins.modules.cloudwatch_dashboard import ARGUMENT_SPEC, DashboardApi

IDENTITY = {"DashboardName": "demo"}
BODY = {"widgets": []}
ANSWER = {**IDENTITY, "DashboardArn": "arn:demo", "DashboardBody": json.dumps(BODY)}


def run(client, **options):
    defaults = {name: spec.get("default") for name, spec in ARGUMENT_SPEC.items()}
    declared = {**defaults, "name": "demo", **options}
    api = DashboardApi(client, declared)
    return reconcile(api, lambda current: plan(declared, current), check_mode=False, wait=False), api


def test_puts_it_and_keeps_what_cloudwatch_remarks(stubbed):
    client, stub = stubbed("cloudwatch")
    stub.add_client_error("get_dashboard", "ResourceNotFound", expected_params=IDENTITY)
    remark = {"DataPath": "/widgets/0", "Message": "Unknown."}
    put = {**IDENTITY, "DashboardBody": json.dumps(BODY), "Tags": [{"Key": "t", "Value": "1"}]}
    stub.add_response("put_dashboard", {"DashboardValidationMessages": [remark]}, put)
    stub.add_response("get_dashboard", ANSWER, IDENTITY)
    stub.add_response("list_tags_for_resource", {"Tags": put["Tags"]}, {"ResourceARN": "arn:demo"})
    outcome, api = run(client, body=BODY, tags={"t": "1"})
    assert outcome.operations == ["put_dashboard"]
    assert api.remarks == ["/widgets/0: Unknown."]


def test_present_is_left_alone(stubbed):
    client, stub = stubbed("cloudwatch")
    stub.add_response("get_dashboard", ANSWER, IDENTITY)
    assert not run(client, body=BODY)[0].changed


def test_absent(stubbed):
    client, stub = stubbed("cloudwatch")
    stub.add_response("get_dashboard", ANSWER, IDENTITY)
    stub.add_response("delete_dashboards", {}, {"DashboardNames": ["demo"]})
    stub.add_client_error("get_dashboard", "ResourceNotFound")
    assert run(client, state="absent")[0].after is None
