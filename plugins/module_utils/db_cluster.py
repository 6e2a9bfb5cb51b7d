"""What an RDS DB cluster is (Aurora's, or a Multi-AZ one), and what it takes to change one. No AWS calls here."""

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

AVAILABLE, DELETED = "db_cluster_available", "db_cluster_deleted"  # botocore's waiters
# Option -> its name in CreateDBCluster and ModifyDBCluster.
ARGUMENTS = {
    "engine": "Engine",
    "engine_version": "EngineVersion",
    "database_name": "DatabaseName",
    "master_username": "MasterUsername",
    "master_user_password": "MasterUserPassword",
    "port": "Port",
    "instance_class": "DBClusterInstanceClass",
    "allocated_storage": "AllocatedStorage",
    "storage_type": "StorageType",
    "iops": "Iops",
    "serverless": "ServerlessV2ScalingConfiguration",
    "parameter_group": "DBClusterParameterGroupName",
    "subnet_group": "DBSubnetGroupName",
    "security_group_ids": "VpcSecurityGroupIds",
    "storage_encrypted": "StorageEncrypted",
    "kms_key_id": "KmsKeyId",
    "backup_retention_period": "BackupRetentionPeriod",
    "copy_tags_to_snapshot": "CopyTagsToSnapshot",
    "deletion_protection": "DeletionProtection",
    "iam_database_authentication": "EnableIAMDatabaseAuthentication",
    "log_exports": "EnableCloudwatchLogsExports",
    "performance_insights": "EnablePerformanceInsights",
    "performance_insights_kms_key_id": "PerformanceInsightsKMSKeyId",
    "monitoring_interval": "MonitoringInterval",
    "monitoring_role_arn": "MonitoringRoleArn",
    "auto_minor_version_upgrade": "AutoMinorVersionUpgrade",
}
IMMUTABLE = ("engine", "database_name", "master_username", "subnet_group", "storage_encrypted", "kms_key_id")
MODIFIABLE = (
    "engine_version",
    "port",
    "instance_class",
    "allocated_storage",
    "storage_type",
    "iops",
    "serverless",
    "parameter_group",
    "security_group_ids",
    "backup_retention_period",
    "copy_tags_to_snapshot",
    "deletion_protection",
    "iam_database_authentication",
    "log_exports",
    "performance_insights",
    "monitoring_interval",
    "monitoring_role_arn",
    "auto_minor_version_upgrade",
)
# AWS takes these only together.
TOGETHER = ({"allocated_storage", "storage_type", "iops"}, {"monitoring_interval", "monitoring_role_arn"})


def current_state(cluster: Mapping[str, Any]) -> dict[str, Any]:
    """Return a cluster as options, from DescribeDBClusters. None stands for what AWS does not tell of this kind.

    What is being changed, or waits to be, counts as changed.
    """
    cluster = {**cluster, **declared(cluster.get("PendingModifiedValues") or {})}
    scaling = cluster.get("ServerlessV2ScalingConfiguration")
    return {
        "name": cluster["DBClusterIdentifier"],
        "arn": cluster.get("DBClusterArn"),
        "status": cluster["Status"],
        "engine": cluster.get("Engine"),
        "engine_version": cluster.get("EngineVersion"),
        "database_name": cluster.get("DatabaseName"),
        "master_username": cluster.get("MasterUsername"),
        "port": cluster.get("Port"),
        "instance_class": cluster.get("DBClusterInstanceClass"),
        "allocated_storage": cluster.get("AllocatedStorage"),
        "storage_type": cluster.get("StorageType"),
        "iops": cluster.get("Iops"),
        "serverless": _capacities(scaling) if scaling else None,
        "parameter_group": cluster.get("DBClusterParameterGroup"),
        "subnet_group": cluster.get("DBSubnetGroup"),
        "security_group_ids": sorted(each["VpcSecurityGroupId"] for each in cluster.get("VpcSecurityGroups") or []),
        "storage_encrypted": cluster.get("StorageEncrypted"),
        "kms_key_id": cluster.get("KmsKeyId"),
        "backup_retention_period": cluster.get("BackupRetentionPeriod"),
        "copy_tags_to_snapshot": cluster.get("CopyTagsToSnapshot"),
        "deletion_protection": cluster.get("DeletionProtection"),
        "iam_database_authentication": cluster.get("IAMDatabaseAuthenticationEnabled"),
        "log_exports": _log_exports(cluster),
        # AWS tells none of the three of a cluster that has none.
        "performance_insights": bool(cluster.get("PerformanceInsightsEnabled")),
        "monitoring_interval": cluster.get("MonitoringInterval") or 0,
        "monitoring_role_arn": cluster.get("MonitoringRoleArn") or "",
        "auto_minor_version_upgrade": cluster.get("AutoMinorVersionUpgrade"),
        "endpoint": cluster.get("Endpoint"),
        "reader_endpoint": cluster.get("ReaderEndpoint"),
        "members": sorted(
            (
                {"id": member["DBInstanceIdentifier"], "writer": bool(member.get("IsClusterWriter"))}
                for member in cluster.get("DBClusterMembers") or []
            ),
            key=lambda member: member["id"],
        ),
        "tags": {tag["Key"]: tag["Value"] for tag in cluster.get("TagList") or []},
    }


def _capacities(scaling: Mapping[str, Any]) -> dict[str, float]:
    return {"min_capacity": float(scaling["MinCapacity"]), "max_capacity": float(scaling["MaxCapacity"])}


def _log_exports(cluster: Mapping[str, Any]) -> list[str]:
    pending = cluster.get("PendingCloudwatchLogsExports") or {}
    exported = set(cluster.get("EnabledCloudwatchLogsExports") or []) | set(pending.get("LogTypesToEnable") or [])
    return sorted(exported - set(pending.get("LogTypesToDisable") or []))


def normalised(wanted: Mapping[str, Any], current: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the declaration in AWS's spelling, so that equal things compare equal."""
    result = dict(wanted)
    for option in ("security_group_ids", "log_exports"):
        if result.get(option) is not None:
            result[option] = sorted(result[option])
    if result.get("monitoring_interval") == 0:
        result["monitoring_role_arn"] = None
    if current is None:
        return result
    version, key = result.get("engine_version"), result.get("kms_key_id")
    if version and current.get("engine_version") and _keeps(version, current["engine_version"]):
        result["engine_version"] = current["engine_version"]
    # Which key an alias names is for KMS to say: aliases are not compared.
    if key and current.get("kms_key_id") and ("alias/" in key or current["kms_key_id"].endswith(f"key/{key}")):
        result["kms_key_id"] = current["kms_key_id"]
    return result


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isdigit()]


def _keeps(wanted: str, current: str) -> bool:
    """AWS moves minor versions on by itself, and none goes back."""
    return wanted.split(".")[0] == current.split(".")[0] and _numbers(wanted) <= _numbers(current)


def plan(wanted: Mapping[str, Any], current: Mapping[str, Any] | None) -> Plan:
    """Return what leads from `current` to `wanted` (module parameters). Raises Refusal for what AWS cannot change."""
    if wanted["state"] == "absent":
        return _deletion(wanted, current)
    if current is None or current["status"] == "deleting":
        return _creation(wanted, current)
    target = normalised(wanted, current)
    _refuse(target, current)
    calls = (
        *_modification(target, current),
        *tag_calls(
            target.get("tags"),
            current["tags"],
            purge=target["purge_tags"],
            resource={"ResourceName": current["arn"]},
        ),
    )
    options = {key: value for key, value in declared(target).items() if key in current}
    if options.get("tags") is not None and not target["purge_tags"]:
        options["tags"] = {**current["tags"], **options["tags"]}
    return Plan(calls, {**current, **options})


def _creation(wanted: Mapping[str, Any], current: Mapping[str, Any] | None) -> Plan:
    target = normalised(wanted, None)
    for option in ("engine", "master_username", "master_user_password"):
        if not target.get(option):
            raise Refusal(option, None, "A new cluster needs it.", "Give it.")
    if (target["engine"] == "postgres") != bool(target.get("instance_class")):
        raise Refusal(
            "instance_class",
            target.get("instance_class"),
            "A Multi-AZ DB cluster (engine postgres) has one for all its instances, Aurora's have each their own.",
            "Give it with engine postgres, and only then.",
        )
    arguments = {"DBClusterIdentifier": target["name"], **as_arguments(target)}
    if target.get("tags"):
        arguments["Tags"] = tag_list(target["tags"])
    after = {key: value for key, value in declared(target).items() if key in ARGUMENTS and "password" not in key}
    after |= {"name": target["name"], "tags": target.get("tags")}
    return Plan((Call("create_db_cluster", arguments, DELETED if current else ""),), after)


def _deletion(wanted: Mapping[str, Any], current: Mapping[str, Any] | None) -> Plan:
    if current is None or current["status"] == "deleting":
        return Plan()
    identity = {"DBClusterIdentifier": wanted["name"]}
    calls = []
    if current["deletion_protection"] and wanted.get("deletion_protection") is False:
        unprotected = {**identity, "DeletionProtection": False, "ApplyImmediately": True}
        calls.append(Call("modify_db_cluster", unprotected, AVAILABLE))
    snapshot = wanted.get("final_snapshot_identifier")
    ending = {"SkipFinalSnapshot": False, "FinalDBSnapshotIdentifier": snapshot} if snapshot else {}
    return Plan((*calls, Call("delete_db_cluster", {**identity, "SkipFinalSnapshot": True, **ending})))


def as_arguments(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was declared under the names, and in the shapes, of the API."""
    arguments = {ARGUMENTS[key]: value for key, value in declared(options).items() if key in ARGUMENTS}
    if "ServerlessV2ScalingConfiguration" in arguments:
        scaling = options["serverless"]
        arguments["ServerlessV2ScalingConfiguration"] = {
            "MinCapacity": scaling["min_capacity"],
            "MaxCapacity": scaling["max_capacity"],
        }
    return arguments


def _refuse(target: Mapping[str, Any], current: Mapping[str, Any]) -> None:
    for option, value in differing(target, current, IMMUTABLE).items():
        raise Refusal(
            option,
            value,
            f"It is {current[option]!r} since the cluster was created, and RDS cannot change it.",
            "Keep it, or create a cluster under another name and bring the data there.",
        )
    version = differing(target, current, ["engine_version"]).get("engine_version", "")
    if version and version.split(".")[0] != current["engine_version"].split(".")[0]:
        raise Refusal(
            "engine_version",
            version,
            f"The cluster is at {current['engine_version']}, and another major version is not a change in passing.",
            "Keep it, upgrade the cluster by hand or by a blue/green deployment, and declare the new version then.",
        )
    if "port" in differing(target, current, ["port"]) and current["engine"] == "postgres":
        raise Refusal("port", target["port"], "A Multi-AZ DB cluster keeps its port.", f"Keep {current['port']}.")
    size = differing(target, current, ["allocated_storage"]).get("allocated_storage")
    if size and size < current["allocated_storage"]:
        rule = f"The cluster has {current['allocated_storage']} GiB, and storage does not shrink."
        raise Refusal("allocated_storage", size, rule, "Keep what it has.")


def _modification(target: Mapping[str, Any], current: Mapping[str, Any]) -> list[Call]:
    changed = differing(target, current, MODIFIABLE)
    if target.get("serverless") and current["serverless"] is None:
        changed["serverless"] = target["serverless"]
    if not changed:
        return []
    for options in TOGETHER:
        if options & set(changed):
            changed |= declared({option: target.get(option) for option in options})
    exports = changed.pop("log_exports", None)
    arguments = {"DBClusterIdentifier": target["name"], "ApplyImmediately": True, **as_arguments(changed)}
    if exports is not None:
        arguments["CloudwatchLogsExportConfiguration"] = {
            "EnableLogTypes": sorted(set(exports) - set(current["log_exports"])),
            "DisableLogTypes": sorted(set(current["log_exports"]) - set(exports)),
        }
    return [Call("modify_db_cluster", arguments, AVAILABLE)]
