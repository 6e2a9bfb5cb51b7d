"""What an EFS file system with its mount targets is, and what it takes to change one. No AWS calls here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.policy import compare_policies
from ansible_collections.graviflow.airflow.plugins.module_utils.reconcile import (
    Call,
    Plan,
    Refusal,
    declared,
    differing,
    tag_calls,
    tag_list,
)

AVAILABLE = "file_system_available"
IMMUTABLE = ("encrypted", "kms_key_id", "performance_mode")
LIFECYCLE = {
    "transition_to_ia": "TransitionToIA",
    "transition_to_archive": "TransitionToArchive",
    "transition_to_primary_storage_class": "TransitionToPrimaryStorageClass",
}
DESCRIBED = (
    "encrypted",
    "kms_key_id",
    "performance_mode",
    "throughput_mode",
    "provisioned_throughput_in_mibps",
    "lifecycle_policy",
    "backup",
    "policy",
    "mount_targets",
)


def current_state(
    file_system: Mapping[str, Any],
    *,
    targets: list[Mapping[str, Any]],
    lifecycle: list[Mapping[str, str]],
    backup: str,
    policy: str | None,
) -> dict[str, Any]:
    """Return a file system as options. `targets` are DescribeMountTargets' with their `SecurityGroups`."""
    throughput = file_system.get("ProvisionedThroughputInMibps")
    return {
        "name": file_system["CreationToken"],
        "id": file_system["FileSystemId"],
        "arn": file_system.get("FileSystemArn"),
        "status": file_system["LifeCycleState"],
        "encrypted": file_system.get("Encrypted"),
        "kms_key_id": file_system.get("KmsKeyId"),
        "performance_mode": file_system.get("PerformanceMode"),
        "throughput_mode": file_system.get("ThroughputMode"),
        "provisioned_throughput_in_mibps": None if throughput is None else float(throughput),
        "lifecycle_policy": lifecycle_options(lifecycle),
        "backup": backup in ("ENABLED", "ENABLING"),
        "policy": json.loads(policy) if policy else None,
        "mount_targets": sorted((_target(each) for each in targets), key=lambda each: each["subnet_id"]),
        "tags": {tag["Key"]: tag["Value"] for tag in file_system.get("Tags") or []},
    }


def _target(target: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": target["MountTargetId"],
        "status": target["LifeCycleState"],
        "subnet_id": target["SubnetId"],
        "ip_address": target.get("IpAddress"),
        "availability_zone": target.get("AvailabilityZoneName"),
        "security_groups": sorted(target.get("SecurityGroups") or []),
    }


def lifecycle_options(policies: list[Mapping[str, str]]) -> dict[str, str]:
    """Return DescribeLifecycleConfiguration's list of one-key dictionaries as options."""
    told = {key: value for policy in policies for key, value in policy.items()}
    return {option: told[key] for option, key in LIFECYCLE.items() if key in told}


def plan(wanted: Mapping[str, Any], current: Mapping[str, Any] | None) -> Plan:
    """Return what leads from `current` to `wanted` (module parameters). Raises Refusal for what AWS cannot change."""
    if wanted["state"] == "absent":
        return _deletion(current)
    target = normalised(wanted, current)
    _refuse_throughput(target)
    if current is None or current["status"] == "deleting":
        return _creation(target, current)
    _refuse_immutable(target, current)
    identity = {"FileSystemId": current["id"]}
    calls = (
        *_throughput(target, current, identity),
        *_settings(target, current, identity),
        *_mount_targets(target, current, identity),
        *tag_calls(
            target["tags"],
            current["tags"],
            purge=True,
            resource={"ResourceId": current["id"]},
            operations=("tag_resource", "untag_resource"),
        ),
    )
    return Plan(calls, {**current, **_predicted(target, current)})


def normalised(wanted: Mapping[str, Any], current: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the declaration in AWS's spelling, so that equal things compare equal."""
    result = dict(wanted)
    if result.get("lifecycle_policy") is not None:
        result["lifecycle_policy"] = declared(result["lifecycle_policy"])
    known_policy = (current or {}).get("policy")
    if result.get("policy") and known_policy and not compare_policies(known_policy, result["policy"]):
        result["policy"] = known_policy
    key, known = result.get("kms_key_id"), (current or {}).get("kms_key_id")
    # Which key an alias names is for KMS to say: aliases are not compared.
    if key and known and ("alias/" in key or known.endswith(f"key/{key}")):
        result["kms_key_id"] = known
    tags = {"Name": wanted["name"], **(wanted.get("tags") or {})}
    if wanted.get("tags") is None or not wanted["purge_tags"]:
        tags = {**((current or {}).get("tags") or {}), **tags}
    return {**result, "tags": tags}


def _refuse_throughput(target: Mapping[str, Any]) -> None:
    provisioned = target.get("provisioned_throughput_in_mibps") is not None
    if provisioned != (target.get("throughput_mode") == "provisioned"):
        raise Refusal(
            "throughput_mode",
            target.get("throughput_mode"),
            "The mode `provisioned` and provisioned_throughput_in_mibps belong together.",
            "Declare both or none.",
        )


def _refuse_immutable(target: Mapping[str, Any], current: Mapping[str, Any]) -> None:
    for option, value in differing(target, current, IMMUTABLE).items():
        raise Refusal(
            option,
            value,
            f"It is {current[option]!r} since the file system was created, and EFS cannot change it.",
            "Keep it, or create a file system under another name and copy the data.",
        )


def _creation(target: Mapping[str, Any], current: Mapping[str, Any] | None) -> Plan:
    names = {
        "name": "CreationToken",
        "encrypted": "Encrypted",
        "kms_key_id": "KmsKeyId",
        "performance_mode": "PerformanceMode",
        "throughput_mode": "ThroughputMode",
        "provisioned_throughput_in_mibps": "ProvisionedThroughputInMibps",
        "backup": "Backup",
    }
    arguments = {names[key]: value for key, value in declared(target).items() if key in names}
    arguments["Tags"] = tag_list(target["tags"])
    after = {"name": target["name"], **_predicted(target, {"mount_targets": []})}
    return Plan((Call("create_file_system", arguments, "file_system_deleted" if current else ""),), after)


def _deletion(current: Mapping[str, Any] | None) -> Plan:
    if current is None or current["status"] == "deleting":
        return Plan()
    targets = [
        Call("delete_mount_target", {"MountTargetId": each["id"]})
        for each in current["mount_targets"]
        if each["status"] != "deleting"
    ]
    return Plan((*targets, Call("delete_file_system", {"FileSystemId": current["id"]}, "mount_targets_deleted")))


def _predicted(target: Mapping[str, Any], current: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options as they will be, with what AWS keeps of mount targets that stay."""
    options = {key: target[key] for key in (*DESCRIBED, "tags") if target.get(key) is not None}
    if "mount_targets" in options:
        kept = {each["subnet_id"]: each for each in current["mount_targets"]}
        options["mount_targets"] = [
            {
                **kept.get(each["subnet_id"], {}),
                **declared(each),
                "security_groups": sorted(each.get("security_groups") or []),
            }
            for each in sorted(options["mount_targets"], key=lambda each: each["subnet_id"])
        ]
    return options


def _throughput(target: Mapping[str, Any], current: Mapping[str, Any], identity: Mapping[str, str]) -> list[Call]:
    mode, rate = target.get("throughput_mode"), target.get("provisioned_throughput_in_mibps")
    if mode is None or (mode, rate) == (current["throughput_mode"], current["provisioned_throughput_in_mibps"]):
        return []
    arguments = {**identity, "ThroughputMode": mode}
    if rate is not None:
        arguments["ProvisionedThroughputInMibps"] = rate
    return [Call("update_file_system", arguments, AVAILABLE)]


def _settings(target: Mapping[str, Any], current: Mapping[str, Any], identity: Mapping[str, str]) -> list[Call]:
    calls = []
    lifecycle = target.get("lifecycle_policy")
    if lifecycle is not None and lifecycle != current["lifecycle_policy"]:
        policies = [{LIFECYCLE[option]: value} for option, value in lifecycle.items()]
        calls.append(Call("put_lifecycle_configuration", {**identity, "LifecyclePolicies": policies}, AVAILABLE))
    backup = target.get("backup")
    if backup is not None and backup != current["backup"]:
        status = {"Status": "ENABLED" if backup else "DISABLED"}
        calls.append(Call("put_backup_policy", {**identity, "BackupPolicy": status}, AVAILABLE))
    policy = target.get("policy")
    if policy and policy != current["policy"]:
        calls.append(Call("put_file_system_policy", {**identity, "Policy": json.dumps(policy)}, AVAILABLE))
    elif policy == {} and current["policy"]:
        calls.append(Call("delete_file_system_policy", identity, AVAILABLE))
    return calls


def _mount_targets(target: Mapping[str, Any], current: Mapping[str, Any], identity: Mapping[str, str]) -> list[Call]:
    if target.get("mount_targets") is None:
        return []
    wanted = {each["subnet_id"]: each for each in target["mount_targets"]}
    present = {each["subnet_id"]: each for each in current["mount_targets"] if each["status"] != "deleting"}
    calls = [
        Call("delete_mount_target", {"MountTargetId": each["id"]})
        for subnet, each in present.items()
        if subnet not in wanted
    ]
    for subnet, each in sorted(wanted.items()):
        groups = sorted(each.get("security_groups") or [])
        if subnet not in present:
            arguments = {**identity, "SubnetId": subnet}
            if groups:
                arguments["SecurityGroups"] = groups
            if each.get("ip_address"):
                arguments["IpAddress"] = each["ip_address"]
            # A zone has room for one: the old one must be gone first, and the file system must be there.
            calls.append(Call("create_mount_target", arguments, "mount_targets_settled" if present else AVAILABLE))
        elif groups and groups != present[subnet]["security_groups"]:
            arguments = {"MountTargetId": present[subnet]["id"], "SecurityGroups": groups}
            calls.append(Call("modify_mount_target_security_groups", arguments, "mount_targets_available"))
    return calls
