"""An ElastiCache replication group as AWS describes it, in this collection's terms. No AWS calls here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def current_state(
    group: Mapping[str, Any], member: Mapping[str, Any], tags: Mapping[str, str] | None, *, pending: bool = False
) -> dict[str, Any]:
    """Return a group as options, from DescribeReplicationGroups, one of its DescribeCacheClusters, and its tags.

    With `pending`, changes that wait for the maintenance window count as made. None stands for what AWS does not tell
    (yet): much of it while the group is being created.
    """
    member = {**member, **_known(member.get("PendingModifiedValues"))} if pending else member
    failover = group.get("AutomaticFailover")
    if pending:
        failover = (group.get("PendingModifiedValues") or {}).get("AutomaticFailoverStatus") or failover
    nodes = [node for shard in group.get("NodeGroups") or [] for node in shard.get("NodeGroupMembers") or []]
    shard = (group.get("NodeGroups") or [{}])[0]
    primary, reader = shard.get("PrimaryEndpoint") or {}, shard.get("ReaderEndpoint") or {}
    return {
        "name": group["ReplicationGroupId"],
        "arn": group.get("ARN"),
        "status": group.get("Status"),
        "description": group.get("Description"),
        "engine": group.get("Engine") or member.get("Engine"),
        "engine_version": member.get("EngineVersion"),
        "node_type": member.get("CacheNodeType") if pending else group.get("CacheNodeType"),
        "num_cache_clusters": len(group.get("MemberClusters") or []) or None,
        "port": primary.get("Port"),
        "parameter_group": (member.get("CacheParameterGroup") or {}).get("CacheParameterGroupName"),
        "subnet_group": member.get("CacheSubnetGroupName"),
        "security_group_ids": sorted(each["SecurityGroupId"] for each in member.get("SecurityGroups") or []) or None,
        "transit_encryption_enabled": group.get("TransitEncryptionEnabled"),
        "transit_encryption_mode": group.get("TransitEncryptionMode"),
        "at_rest_encryption_enabled": group.get("AtRestEncryptionEnabled"),
        "kms_key_id": group.get("KmsKeyId"),
        "auth_token_enabled": group.get("AuthTokenEnabled"),
        "automatic_failover_enabled": failover in ("enabled", "enabling") if failover else None,
        "multi_az_enabled": group["MultiAZ"] == "enabled" if group.get("MultiAZ") else None,
        "preferred_maintenance_window": member.get("PreferredMaintenanceWindow"),
        "snapshot_window": group.get("SnapshotWindow"),
        "snapshot_retention_limit": group.get("SnapshotRetentionLimit"),
        "auto_minor_version_upgrade": group.get("AutoMinorVersionUpgrade"),
        "log_delivery": _log_delivery(group.get("LogDeliveryConfigurations")),
        "primary_endpoint": {"address": primary["Address"], "port": primary["Port"]} if primary else None,
        "reader_endpoint": {"address": reader["Address"], "port": reader["Port"]} if reader else None,
        "members": [
            {
                "id": node.get("CacheClusterId"),
                "role": node.get("CurrentRole"),
                "availability_zone": node.get("PreferredAvailabilityZone"),
            }
            for node in nodes
        ],
        "tags": None if tags is None else dict(tags),
    }


def _known(values: Mapping[str, Any] | None) -> dict[str, Any]:
    return {key: value for key, value in (values or {}).items() if value}


def _log_delivery(configurations: list[Mapping[str, Any]] | None) -> list[dict[str, str]]:
    """Return log deliveries as options, those that are being switched off apart."""
    found = []
    for each in configurations or []:
        if each.get("Status") == "disabling":
            continue
        details = each.get("DestinationDetails") or {}
        to_logs = each["DestinationType"] == "cloudwatch-logs"
        destination = (
            details.get("CloudWatchLogsDetails", {}).get("LogGroup")
            if to_logs
            else details.get("KinesisFirehoseDetails", {}).get("DeliveryStream")
        )
        found.append(
            {
                "log_type": each["LogType"],
                "destination_type": each["DestinationType"],
                "destination": destination or "",
                "log_format": each["LogFormat"],
            }
        )
    return sorted(found, key=lambda each: each["log_type"])
