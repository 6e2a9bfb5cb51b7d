import datetime

import pytest
from ansible_collections.graviflow.airflow.plugins.module_utils.efs import plan
from ansible_collections.graviflow.airflow.plugins.module_utils.reconcile import reconcile
from ansible_collections.graviflow.airflow.plugins.modules.efs_file_system import (
    ARGUMENT_SPEC,
    FileSystemApi,
    with_dns_name,
)

TOKEN, IDENTITY = {"CreationToken": "demo"}, {"FileSystemId": "fs-1"}
FILE_SYSTEM = {
    **TOKEN,
    **IDENTITY,
    "OwnerId": "1",
    "CreationTime": datetime.datetime(2026, 1, 1),
    "NumberOfMountTargets": 0,
    "SizeInBytes": {"Value": 0},
    "PerformanceMode": "generalPurpose",
    "LifeCycleState": "available",
    "Tags": [{"Key": "Name", "Value": "demo"}],
}
TARGET = {**IDENTITY, "MountTargetId": "fsmt-00000001", "SubnetId": "subnet-00000001", "LifeCycleState": "available"}


def describe(stub, state="available"):
    stub.add_response("describe_file_systems", {"FileSystems": [{**FILE_SYSTEM, "LifeCycleState": state}]})


def read(stub, state="available", targets=()):
    describe(stub, state)
    stub.add_response("describe_mount_targets", {"MountTargets": list(targets)}, IDENTITY)
    for target in targets:
        groups = {"SecurityGroups": ["sg-00000001"]}
        stub.add_response("describe_mount_target_security_groups", groups, {"MountTargetId": target["MountTargetId"]})
    stub.add_response("describe_lifecycle_configuration", {"LifecyclePolicies": []}, IDENTITY)
    stub.add_client_error("describe_backup_policy", "PolicyNotFound")
    stub.add_client_error("describe_file_system_policy", "PolicyNotFound")


def run(client, check_mode=False, **options):
    defaults = {name: spec.get("default") for name, spec in ARGUMENT_SPEC.items()}
    declared = {**defaults, "name": "demo", "wait_timeout": 3, **options}
    api = FileSystemApi(client, declared)
    return reconcile(api, lambda current: plan(declared, current), check_mode=check_mode, wait=True, rounds=2)


WANTED = {"mount_targets": [{"subnet_id": "subnet-00000001", "security_groups": ["sg-00000001"], "ip_address": None}]}


def test_creates_the_file_system_then_its_mount_targets(stubbed):
    client, stub = stubbed("efs")
    stub.add_response("describe_file_systems", {"FileSystems": []}, TOKEN)
    tags = [{"Key": "Name", "Value": "demo"}]
    stub.add_response("create_file_system", FILE_SYSTEM, {**TOKEN, "Encrypted": True, "Tags": tags})
    read(stub, "creating")
    describe(stub, "available")  # before the mount target
    stub.add_response(
        "create_mount_target", TARGET, {**IDENTITY, "SubnetId": "subnet-00000001", "SecurityGroups": ["sg-00000001"]}
    )
    read(stub, targets=[{**TARGET, "LifeCycleState": "creating"}])
    describe(stub)
    stub.add_response("describe_mount_targets", {"MountTargets": [TARGET]}, IDENTITY)
    read(stub, targets=[TARGET])
    outcome = run(client, encrypted=True, **WANTED)
    assert outcome.operations == ["create_file_system", "create_mount_target"]
    assert outcome.after["mount_targets"][0]["status"] == "available"


def test_present_is_left_alone(stubbed):
    client, stub = stubbed("efs")
    read(stub, targets=[TARGET])
    assert not run(client, backup=False, **WANTED).changed


def test_check_mode_only_reads(stubbed):
    client, stub = stubbed("efs")
    read(stub)
    outcome = run(client, check_mode=True, **WANTED)
    assert outcome.operations == ["create_mount_target"]


def test_deletes_mount_targets_first_and_waits(stubbed):
    client, stub = stubbed("efs")
    read(stub, targets=[TARGET])
    stub.add_response("delete_mount_target", {}, {"MountTargetId": "fsmt-00000001"})
    stub.add_response("describe_mount_targets", {"MountTargets": []}, IDENTITY)
    stub.add_response("delete_file_system", {}, IDENTITY)
    describe(stub, "deleting")
    stub.add_client_error("describe_file_systems", "FileSystemNotFound")
    stub.add_response("describe_file_systems", {"FileSystems": []}, TOKEN)
    outcome = run(client, state="absent")
    assert (outcome.operations, outcome.after) == (["delete_mount_target", "delete_file_system"], None)


@pytest.mark.parametrize(
    ("region", "name"),
    [
        ("us-east-1", "fs-1.efs.us-east-1.amazonaws.com"),
        ("cn-north-1", "fs-1.efs.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_dns_name_has_the_partition_s_domain(region, name):
    assert with_dns_name({"file_system": {"id": "fs-1"}}, region)["file_system"]["dns_name"] == name
    assert with_dns_name({"file_system": {}}, region) == {"file_system": {}}
