"""What it takes to change an ElastiCache replication group (cluster mode disabled). No AWS calls here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.graviflow.airflow.plugins.module_utils.reconcile import (
    Call,
    Plan,
    Refusal,
    declared,
    differing,
    tag_calls,
    tag_list,
)

AVAILABLE = "replication_group_available"

# Option -> its name in CreateReplicationGroup and ModifyReplicationGroup.
ARGUMENTS = {
    "description": "ReplicationGroupDescription",
    "engine": "Engine",
    "engine_version": "EngineVersion",
    "node_type": "CacheNodeType",
    "num_cache_clusters": "NumCacheClusters",
    "port": "Port",
    "parameter_group": "CacheParameterGroupName",
    "subnet_group": "CacheSubnetGroupName",
    "security_group_ids": "SecurityGroupIds",
    "transit_encryption_enabled": "TransitEncryptionEnabled",
    "transit_encryption_mode": "TransitEncryptionMode",
    "at_rest_encryption_enabled": "AtRestEncryptionEnabled",
    "kms_key_id": "KmsKeyId",
    "auth_token": "AuthToken",
    "automatic_failover_enabled": "AutomaticFailoverEnabled",
    "multi_az_enabled": "MultiAZEnabled",
    "preferred_availability_zones": "PreferredCacheClusterAZs",
    "preferred_maintenance_window": "PreferredMaintenanceWindow",
    "snapshot_window": "SnapshotWindow",
    "snapshot_retention_limit": "SnapshotRetentionLimit",
    "auto_minor_version_upgrade": "AutoMinorVersionUpgrade",
    "log_delivery": "LogDeliveryConfigurations",
}
IMMUTABLE = ("at_rest_encryption_enabled", "kms_key_id", "subnet_group", "port")
# Each tuple is one ModifyReplicationGroup: AWS takes a version, a node type and TLS one at a time. A parameter group
# goes with the version, whose family it must be of.
MODIFICATIONS = (
    (
        "description",
        "security_group_ids",
        "automatic_failover_enabled",
        "multi_az_enabled",
        "preferred_maintenance_window",
        "snapshot_window",
        "snapshot_retention_limit",
        "auto_minor_version_upgrade",
        "log_delivery",
    ),
    ("engine", "engine_version", "parameter_group"),
    ("node_type",),
    ("transit_encryption_enabled", "transit_encryption_mode"),
)
# TLS is switched over while clients move: both ways through `preferred`.
TRANSIT_STEPS = {
    ("disabled", "preferred"),
    ("preferred", "required"),
    ("required", "preferred"),
    ("preferred", "disabled"),
}


def normalised(wanted: Mapping[str, Any], current: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the declaration in AWS's spelling, so that equal things compare equal."""
    result = dict(wanted)
    for option in ("preferred_maintenance_window", "snapshot_window"):
        if result.get(option):
            result[option] = result[option].lower()
    if result.get("security_group_ids") is not None:
        result["security_group_ids"] = sorted(result["security_group_ids"])
    if result.get("log_delivery") is not None:
        result["log_delivery"] = sorted(result["log_delivery"], key=lambda each: each["log_type"])
    if result.get("transit_encryption_enabled") is False:
        result["transit_encryption_mode"] = None
    if current is None:
        return result
    for option, same in (("engine_version", _same_version), ("kms_key_id", _same_key)):
        if result.get(option) and current.get(option) and same(result[option], current[option]):
            result[option] = current[option]
    return result


def _same_version(wanted: str, current: str) -> bool:
    """7.1 is satisfied by 7.1.0, and 6.x by 6.2.6."""
    parts = [part for part in wanted.split(".") if part != "x"]
    return current.split(".")[: len(parts)] == parts


def _same_key(wanted: str, current: str) -> bool:
    """A key's id is the end of its ARN. Which key an alias names is for KMS to say: aliases are not compared."""
    return "alias/" in wanted or current == wanted or current.endswith(f"key/{wanted}")


def plan(wanted: Mapping[str, Any], current: Mapping[str, Any] | None) -> Plan:
    """Return what leads from `current` to `wanted` (module parameters). Raises Refusal for what AWS cannot change."""
    if wanted["state"] == "absent":
        return _deletion(wanted, current)
    _refuse_contradictions(wanted)
    if current is None or current["status"] == "deleting":
        return _creation(wanted, current)
    target = normalised(wanted, current)
    _refuse_immutable(target, current)
    _refuse_transit_leap(target, current)
    calls = (
        *_more_replicas(target, current),
        *_modifications(target, current),
        *_auth_token(target, current),
        *_fewer_replicas(target, current),
        *tag_calls(
            target.get("tags"),
            current.get("tags"),
            purge=target["purge_tags"],
            resource={"ResourceName": current["arn"]},
            ready=AVAILABLE,
        ),
    )
    options = {key: value for key, value in declared(target).items() if key in current}
    if options.get("tags") is not None and current.get("tags") is not None and not target["purge_tags"]:
        options["tags"] = {**current["tags"], **options["tags"]}
    return Plan(calls, {**current, **options})


def _creation(wanted: Mapping[str, Any], current: Mapping[str, Any] | None) -> Plan:
    target = {**normalised(wanted, None), "description": wanted.get("description") or wanted["name"]}
    if not target.get("node_type"):
        raise Refusal("node_type", None, "A new group needs one.", "Give it, for example cache.m7g.large.")
    arguments = {"ReplicationGroupId": target["name"], **as_arguments(declared(target))}
    if target.get("tags"):
        arguments["Tags"] = tag_list(target["tags"])
    after = {key: value for key, value in declared(target).items() if key in ARGUMENTS and key != "auth_token"}
    after |= {"name": target["name"], "auth_token_enabled": bool(target.get("auth_token")), "tags": target.get("tags")}
    ready = "replication_group_deleted" if current else ""
    return Plan((Call("create_replication_group", arguments, ready),), after)


def _deletion(wanted: Mapping[str, Any], current: Mapping[str, Any] | None) -> Plan:
    if current is None or current["status"] == "deleting":
        return Plan()
    arguments = {"ReplicationGroupId": wanted["name"]}
    if wanted.get("final_snapshot_identifier"):
        arguments["FinalSnapshotIdentifier"] = wanted["final_snapshot_identifier"]
    # A creation that failed can be deleted, and will never be available.
    ready = "" if current["status"] == "create-failed" else AVAILABLE
    return Plan((Call("delete_replication_group", arguments, ready),))


def as_arguments(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options under the names, and in the shapes, of the API."""
    arguments = {ARGUMENTS[key]: value for key, value in options.items() if key in ARGUMENTS}
    if "LogDeliveryConfigurations" in arguments:
        arguments["LogDeliveryConfigurations"] = [_log_argument(each) for each in options["log_delivery"]]
    return arguments


def _log_argument(delivery: Mapping[str, str]) -> dict[str, Any]:
    details = {
        "cloudwatch-logs": {"CloudWatchLogsDetails": {"LogGroup": delivery["destination"]}},
        "kinesis-firehose": {"KinesisFirehoseDetails": {"DeliveryStream": delivery["destination"]}},
    }
    return {
        "LogType": delivery["log_type"],
        "LogFormat": delivery["log_format"],
        "DestinationType": delivery["destination_type"],
        "DestinationDetails": details[delivery["destination_type"]],
        "Enabled": True,
    }


def _refuse_contradictions(wanted: Mapping[str, Any]) -> None:
    if wanted.get("automatic_failover_enabled") and (wanted.get("num_cache_clusters") or 2) < 2:
        raise Refusal(
            "automatic_failover_enabled",
            True,
            "Failover needs a replica, and num_cache_clusters is 1.",
            "Declare 2 nodes, or no failover.",
        )
    if wanted.get("multi_az_enabled") and wanted.get("automatic_failover_enabled") is False:
        raise Refusal(
            "multi_az_enabled",
            True,
            "Multi-AZ needs automatic failover.",
            "Declare automatic_failover_enabled: true, or no Multi-AZ.",
        )
    if wanted.get("auth_token") and wanted.get("transit_encryption_enabled") is False:
        raise Refusal(
            "auth_token",
            "(not shown)",
            "ElastiCache takes a token only over TLS.",
            "Declare transit_encryption_enabled: true, or no token.",
        )
    deleting = wanted["auth_token_update_strategy"] == "DELETE"
    if wanted["auth_token_update"] and not deleting and not wanted.get("auth_token"):
        raise Refusal("auth_token", None, "auth_token_update needs a token to set.", "Give auth_token.")


def _refuse_immutable(target: Mapping[str, Any], current: Mapping[str, Any]) -> None:
    for option, value in differing(target, current, IMMUTABLE).items():
        raise Refusal(
            option,
            value,
            f"It is {current[option]!r} since the group was created, and ElastiCache cannot change it.",
            "Keep it, or create a group under another name from a snapshot of this one.",
        )
    if target.get("engine") == "redis" and current.get("engine") == "valkey":
        raise Refusal("engine", "redis", "A group goes from redis to valkey, not back.", "Keep valkey.")
    if target.get("auth_token") and current.get("auth_token_enabled") is False and not target["auth_token_update"]:
        raise Refusal(
            "auth_token",
            "(not shown)",
            "The group has none, and a token is only set on an existing group when auth_token_update says so.",
            "Set auth_token_update to true for one run.",
        )


def _transit(state: Mapping[str, Any]) -> str:
    if not state.get("transit_encryption_enabled"):
        return "disabled"
    return state.get("transit_encryption_mode") or "required"


def _refuse_transit_leap(target: Mapping[str, Any], current: Mapping[str, Any]) -> None:
    if target.get("transit_encryption_enabled") is None or current.get("transit_encryption_enabled") is None:
        return
    # Without a declared mode, whichever mode the group is in will do.
    declared_mode = {"transit_encryption_mode": current.get("transit_encryption_mode"), **declared(target)}
    before, after = _transit(current), _transit(declared_mode)
    if before != after and (before, after) not in TRANSIT_STEPS:
        raise Refusal(
            "transit_encryption_mode",
            after,
            f"ElastiCache goes from {before} to {after} only through preferred.",
            "Declare preferred first, have every client follow, then declare this.",
        )


def _modifications(target: Mapping[str, Any], current: Mapping[str, Any]) -> list[Call]:
    calls = []
    for options in MODIFICATIONS:
        changed = differing(target, current, options)
        if "engine" in changed and target.get("engine_version"):
            changed["engine_version"] = target["engine_version"]
        if "transit_encryption_enabled" in options and changed:
            # AWS wants both, and tells no mode of a group without TLS.
            both = {option: target.get(option) for option in options}
            changed = declared({"transit_encryption_enabled": True, **declared(both)})
        if changed:
            calls.append(_modify(target, as_arguments(changed) | _log_delivery(changed, current)))
    return calls


def _log_delivery(changed: Mapping[str, Any], current: Mapping[str, Any]) -> dict[str, Any]:
    """A delivery ends by being switched off, not by being left out."""
    if "log_delivery" not in changed:
        return {}
    kept = {each["log_type"] for each in changed["log_delivery"]}
    ended = [{"LogType": each["log_type"], "Enabled": False} for each in current["log_delivery"]]
    wanted = [_log_argument(each) for each in changed["log_delivery"]]
    return {"LogDeliveryConfigurations": wanted + [each for each in ended if each["LogType"] not in kept]}


def _modify(target: Mapping[str, Any], arguments: Mapping[str, Any]) -> Call:
    # TLS is never left to the maintenance window: AWS refuses to.
    now = target["apply_immediately"] or "TransitEncryptionEnabled" in arguments
    fixed = {"ReplicationGroupId": target["name"], "ApplyImmediately": now}
    return Call("modify_replication_group", {**fixed, **arguments}, AVAILABLE)


def _auth_token(target: Mapping[str, Any], current: Mapping[str, Any]) -> list[Call]:
    if not target["auth_token_update"]:
        return []
    strategy = target["auth_token_update_strategy"]
    if strategy == "DELETE":
        if current.get("auth_token_enabled") is False:
            return []
        return [_modify(target, {"AuthTokenUpdateStrategy": strategy, "ApplyImmediately": True})]
    arguments = {"AuthToken": target["auth_token"], "AuthTokenUpdateStrategy": strategy, "ApplyImmediately": True}
    return [_modify(target, arguments)]


def _replicas(operation: str, target: Mapping[str, Any]) -> list[Call]:
    arguments = {
        "ReplicationGroupId": target["name"],
        "NewReplicaCount": target["num_cache_clusters"] - 1,
        # The API refuses False.
        "ApplyImmediately": True,
    }
    return [Call(operation, arguments, AVAILABLE)]


def _more_replicas(target: Mapping[str, Any], current: Mapping[str, Any]) -> list[Call]:
    """Replicas come before the failover that needs them."""
    count = differing(target, current, ["num_cache_clusters"]).get("num_cache_clusters", 0)
    return _replicas("increase_replica_count", target) if count > (current["num_cache_clusters"] or 0) else []


def _fewer_replicas(target: Mapping[str, Any], current: Mapping[str, Any]) -> list[Call]:
    """Replicas go after the failover that needed them."""
    count = differing(target, current, ["num_cache_clusters"]).get("num_cache_clusters")
    return _replicas("decrease_replica_count", target) if count and count < current["num_cache_clusters"] else []
