import pytest
from ansible_collections.graviflow.airflow.plugins.module_utils.access_point import plan
from ansible_collections.graviflow.airflow.plugins.module_utils.reconcile import reconcile
from ansible_collections.graviflow.airflow.plugins.modules.efs_access_point import ARGUMENT_SPEC, AccessPointApi

POINT = {
    "ClientToken": "demo",
    "AccessPointId": "fsap-1",
    "AccessPointArn": "arn:fsap-1",
    "FileSystemId": "fs-1",
    "LifeCycleState": "available",
    "RootDirectory": {"Path": "/offload"},
    "Tags": [{"Key": "Name", "Value": "demo"}],
}


def run(client, check_mode=False, **options):
    defaults = {name: spec.get("default") for name, spec in ARGUMENT_SPEC.items()}
    declared = {**defaults, "name": "demo", "path": "/offload", **options}
    api = AccessPointApi(client, declared)
    outcome = reconcile(api, lambda current: plan(declared, current), check_mode=check_mode, wait=False)
    return outcome.result("access_point")


def test_creates(stubbed):
    client, stub = stubbed("efs")
    stub.add_response("describe_access_points", {"AccessPoints": [], "NextToken": "n"}, {"FileSystemId": "fs-1"})
    stub.add_response("describe_access_points", {"AccessPoints": []}, {"FileSystemId": "fs-1", "NextToken": "n"})
    stub.add_response(
        "create_access_point",
        {},
        {
            "ClientToken": "demo",
            "FileSystemId": "fs-1",
            "RootDirectory": {"Path": "/offload"},
            "Tags": [{"Key": "Name", "Value": "demo"}],
        },
    )
    stub.add_response("describe_access_points", {"AccessPoints": [POINT]}, {"FileSystemId": "fs-1"})
    assert run(client, file_system_id="fs-1")["access_point"]["id"] == "fsap-1"


@pytest.mark.parametrize("error", ["FileSystemNotFound", "ValidationException"])
def test_check_mode_before_the_file_system_exists(stubbed, error):
    client, stub = stubbed("efs")
    stub.add_client_error("describe_access_points", error)
    assert run(client, check_mode=True, file_system_id="fs-0")["operations"] == ["create_access_point"]


def test_goes_without_being_told_where_it_is(stubbed):
    client, stub = stubbed("efs")
    stub.add_response("describe_access_points", {"AccessPoints": [POINT]}, {})
    stub.add_response("delete_access_point", {}, {"AccessPointId": "fsap-1"})
    stub.add_response("describe_access_points", {"AccessPoints": []}, {})
    assert run(client, state="absent")["access_point"] == {}
