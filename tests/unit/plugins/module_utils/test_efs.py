import json

import pytest
from ansible_collections.graviflow.airflow.plugins.module_utils.efs import current_state, plan
from ansible_collections.graviflow.airflow.plugins.module_utils.reconcile import Refusal

POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": ["a", "b"]}]}
CURRENT = current_state(
    {
        "CreationToken": "demo",
        "FileSystemId": "fs-1",
        "FileSystemArn": "arn:fs-1",
        "LifeCycleState": "available",
        "Encrypted": True,
        "KmsKeyId": "arn:aws:kms:us-east-1:1:key/k",
        "PerformanceMode": "generalPurpose",
        "ThroughputMode": "elastic",
        "Tags": [{"Key": "Name", "Value": "demo"}, {"Key": "a", "Value": "1"}],
    },
    targets=[
        {"MountTargetId": "fsmt-2", "LifeCycleState": "available", "SubnetId": "subnet-2", "SecurityGroups": ["sg-1"]},
        {"MountTargetId": "fsmt-1", "LifeCycleState": "available", "SubnetId": "subnet-1", "SecurityGroups": ["sg-1"]},
    ],
    lifecycle=[{"TransitionToIA": "AFTER_30_DAYS"}, {"TransitionToPrimaryStorageClass": "AFTER_1_ACCESS"}],
    backup="ENABLED",
    policy=json.dumps(POLICY),
)
DEFAULTS = {"state": "present", "name": "demo", "purge_tags": True, "tags": None}
NO_LIFECYCLE = {
    "transition_to_ia": None,
    "transition_to_archive": None,
    "transition_to_primary_storage_class": None,
}


def target(subnet, *groups):
    return {"subnet_id": subnet, "security_groups": list(groups), "ip_address": None}


SAME = {
    "encrypted": True,
    "kms_key_id": "k",
    "performance_mode": "generalPurpose",
    "throughput_mode": "elastic",
    "lifecycle_policy": {
        **NO_LIFECYCLE,
        "transition_to_ia": "AFTER_30_DAYS",
        "transition_to_primary_storage_class": "AFTER_1_ACCESS",
    },
    "backup": True,
    "policy": {**POLICY, "Statement": [{**POLICY["Statement"][0], "Action": ["b", "a"]}]},
    "mount_targets": [target("subnet-1", "sg-1"), target("subnet-2", "sg-1")],
    "tags": {"a": "1"},
}


def calls(options, current=CURRENT):
    return [(call.operation, dict(call.arguments)) for call in plan({**DEFAULTS, **options}, current).calls]


@pytest.mark.parametrize("options", [{}, SAME, {"kms_key_id": "alias/any"}, {"tags": {"Name": "demo", "a": "1"}}])
def test_declaring_what_is_does_nothing(options):
    assert calls(options) == []


def test_creation_is_one_call_and_predicts_the_rest():
    options = {**SAME, "throughput_mode": "provisioned", "provisioned_throughput_in_mibps": 5.0}
    made = plan({**DEFAULTS, **options}, None)
    [call] = made.calls
    assert call.operation == "create_file_system"
    assert call.arguments == {
        "CreationToken": "demo",
        "Encrypted": True,
        "KmsKeyId": "k",
        "PerformanceMode": "generalPurpose",
        "ThroughputMode": "provisioned",
        "ProvisionedThroughputInMibps": 5.0,
        "Backup": True,
        "Tags": [{"Key": "Name", "Value": "demo"}, {"Key": "a", "Value": "1"}],
    }
    assert [each["subnet_id"] for each in made.after["mount_targets"]] == ["subnet-1", "subnet-2"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (
            {"throughput_mode": "bursting"},
            ("update_file_system", {"FileSystemId": "fs-1", "ThroughputMode": "bursting"}),
        ),
        ({"backup": False}, ("put_backup_policy", {"FileSystemId": "fs-1", "BackupPolicy": {"Status": "DISABLED"}})),
        (
            {"lifecycle_policy": {**NO_LIFECYCLE, "transition_to_archive": "AFTER_90_DAYS"}},
            (
                "put_lifecycle_configuration",
                {"FileSystemId": "fs-1", "LifecyclePolicies": [{"TransitionToArchive": "AFTER_90_DAYS"}]},
            ),
        ),
        (
            {"lifecycle_policy": NO_LIFECYCLE},
            ("put_lifecycle_configuration", {"FileSystemId": "fs-1", "LifecyclePolicies": []}),
        ),
        ({"policy": {}}, ("delete_file_system_policy", {"FileSystemId": "fs-1"})),
        (
            {"policy": {"Version": "2012-10-17", "Statement": []}},
            (
                "put_file_system_policy",
                {"FileSystemId": "fs-1", "Policy": '{"Version": "2012-10-17", "Statement": []}'},
            ),
        ),
        ({"tags": {"a": "2"}}, ("tag_resource", {"ResourceId": "fs-1", "Tags": [{"Key": "a", "Value": "2"}]})),
        ({"tags": {}}, ("untag_resource", {"ResourceId": "fs-1", "TagKeys": ["a"]})),
        (
            {"mount_targets": [target("subnet-1", "sg-1"), target("subnet-2", "sg-2", "sg-1")]},
            ("modify_mount_target_security_groups", {"MountTargetId": "fsmt-2", "SecurityGroups": ["sg-1", "sg-2"]}),
        ),
    ],
)
def test_one_change_is_one_call(options, expected):
    assert calls(options) == [expected]


def test_mount_targets_that_are_not_listed_go_before_others_come():
    made = plan({**DEFAULTS, "mount_targets": [target("subnet-1"), target("subnet-3", "sg-1")]}, CURRENT).calls
    assert [(call.operation, call.ready) for call in made] == [
        ("delete_mount_target", ""),
        ("create_mount_target", "mount_targets_settled"),
    ]
    assert made[1].arguments == {"FileSystemId": "fs-1", "SubnetId": "subnet-3", "SecurityGroups": ["sg-1"]}


def test_first_mount_target_waits_for_the_file_system():
    [call] = plan({**DEFAULTS, "mount_targets": [target("subnet-1")]}, {**CURRENT, "mount_targets": []}).calls
    assert call.ready == "file_system_available"


def test_tags_stay_without_purge():
    made = plan({**DEFAULTS, "tags": {"b": "2"}, "purge_tags": False}, CURRENT)
    assert [call.operation for call in made.calls] == ["tag_resource"]
    assert made.after["tags"] == {"Name": "demo", "a": "1", "b": "2"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"encrypted": False}, "cannot change"),
        ({"performance_mode": "maxIO"}, "generalPurpose"),
        ({"kms_key_id": "other"}, "key/k"),
        ({"throughput_mode": "provisioned"}, "belong together"),
        ({"provisioned_throughput_in_mibps": 1.0}, "belong together"),
    ],
)
def test_what_cannot_be_is_refused(options, message):
    with pytest.raises(Refusal, match=message):
        calls(options)


def test_deletion_takes_the_mount_targets_first():
    made = plan({**DEFAULTS, "state": "absent"}, CURRENT).calls
    assert [(call.operation, call.ready) for call in made] == [
        ("delete_mount_target", ""),
        ("delete_mount_target", ""),
        ("delete_file_system", "mount_targets_deleted"),
    ]
    assert calls({"state": "absent"}, None) == calls({"state": "absent"}, {**CURRENT, "status": "deleting"}) == []


def test_a_file_system_that_is_being_deleted_is_awaited_and_made_anew():
    [call] = plan(DEFAULTS, {**CURRENT, "status": "deleting"}).calls
    assert (call.operation, call.ready) == ("create_file_system", "file_system_deleted")
