from ansible_collections.graviflow.airflow.plugins.module_utils.parameter_path import plan
from ansible_collections.graviflow.airflow.plugins.module_utils.reconcile import reconcile
from ansible_collections.graviflow.airflow.plugins.modules.ssm_parameter_path import (
    ARGUMENT_SPEC,
    ParameterPathApi,
    texts,
)

PATH = "/graviflow/demo"


def read(stub, **values):
    found = [{"Name": f"{PATH}/{name}", "Value": value} for name, value in values.items()]
    # Parameters come in pages, even with nothing on the first one.
    stub.add_response("get_parameters_by_path", {"Parameters": [], "NextToken": "n"}, {"Path": PATH})
    stub.add_response("get_parameters_by_path", {"Parameters": found}, {"Path": PATH, "NextToken": "n"})


def tags(stub, name):
    resource = {"ResourceType": "Parameter", "ResourceId": f"{PATH}/{name}"}
    stub.add_response("list_tags_for_resource", {"TagList": [{"Key": "t", "Value": "1"}]}, resource)


def run(client, check_mode=False, **options):
    defaults = {name: spec.get("default") for name, spec in ARGUMENT_SPEC.items()}
    declared = {**defaults, "path": PATH, **options}
    api = ParameterPathApi(client, declared)
    return texts(reconcile(api, lambda current: plan(declared, current), check_mode=check_mode, wait=False))


def test_publishes_and_shows_only_what_changes(stubbed):
    client, stub = stubbed("ssm")
    read(stub, a="1", b="old", other="x")
    tags(stub, "a")
    tags(stub, "b")
    put = {"Name": f"{PATH}/b", "Value": "new", "Type": "String", "Tier": "Intelligent-Tiering", "Overwrite": True}
    stub.add_response("put_parameter", {"Version": 2}, put)
    read(stub, a="1", b="new", other="x")
    tags(stub, "a")
    tags(stub, "b")
    result = run(client, parameters={"a": "1", "b": "new"}, tags={"t": "1"})
    assert result["changed"]
    assert result["diff"] == [{"before": "old", "after": "new", "before_header": "b", "after_header": "b"}]


def test_check_mode_shows_the_same_diff(stubbed):
    client, stub = stubbed("ssm")
    read(stub)
    result = run(client, check_mode=True, parameters={"a": "1"})
    assert result["diff"] == [{"before": "", "after": "1", "before_header": "a", "after_header": "a"}]


def test_present_is_left_alone(stubbed):
    client, stub = stubbed("ssm")
    read(stub, a="1")
    result = run(client, parameters={"a": "1"})
    assert (result["changed"], result["diff"]) == (False, [])


def test_absent_removes_all(stubbed):
    client, stub = stubbed("ssm")
    read(stub, a="1", b="2")
    stub.add_response("delete_parameters", {}, {"Names": [f"{PATH}/a", f"{PATH}/b"]})
    read(stub)
    assert [each["before"] for each in run(client, state="absent")["diff"]] == ["1", "2"]
