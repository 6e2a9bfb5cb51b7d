"""ElastiCache replication groups with cluster mode off: their members, endpoints and changes.

What the reconciler reads on a ReplicationGroup: `status`, `asked` (a Request or None), `ready_at`, `tokens` (the AUTH
tokens that are valid), `open` (whether no token is valid too), and its `members`.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from moto.core.responses import ActionResult, PaginatedResult
from moto.core.utils import utcnow
from moto.elasticache import exceptions, models
from moto.elasticache.responses import ElastiCacheResponse

from local_region.patches._edges import ask
from local_region.patches._elasticache import (
    ENGINE_VERSIONS,
    Endpoints,
    InvalidState,
    Request,
    arn,
    check_token,
    family,
    full_version,
    parameter_group,
)
from local_region.patches._tools import replace

if TYPE_CHECKING:
    from local_region.region import Region

MAX_MEMBERS = 6


def apply(region: Region) -> None:
    """Patch moto's replication groups."""
    _groups(region)
    _changes()
    _members()


def _zones(backend: Any, subnet_group: str | None) -> list[str]:
    if subnet_group:
        found = backend.describe_cache_subnet_groups(subnet_group)[0]
        return list(dict.fromkeys(subnet["subnet_availability_zone"]["Name"] for subnet in found.subnets))
    return [f"{backend.region_name}{letter}" for letter in "ab"]


def _member(group: Any, number: int, zone: str) -> dict[str, Any]:
    identifier = f"{group.replication_group_id}-{number:03}"
    return {
        "cache_cluster_id": identifier,
        "cache_node_id": "0001",
        "read_endpoint": {"address": group.endpoints.member.format(identifier), "port": group.port},
        "preferred_availability_zone": zone,
        "current_role": "replica",
    }


def _lay_out(group: Any) -> None:
    """Write the members into moto's fields."""
    members = group.members
    group.member_clusters = [member["cache_cluster_id"] for member in members]
    group.node_groups = [
        {
            "node_group_id": "0001",
            "status": "available",
            "primary_endpoint": {"address": group.endpoints.primary, "port": group.port},
            "reader_endpoint": {"address": group.endpoints.reader, "port": group.port},
            "node_group_members": members,
        }
    ]
    group.snapshotting_cluster_id = group.member_clusters[-1] if group.snapshot_retention_limit else None


def _check_creation(backend: Any, given: dict[str, Any]) -> None:
    engine = given.get("engine") or "redis"
    if engine not in ENGINE_VERSIONS:
        raise exceptions.InvalidParameterValueException(f"Invalid engine: {engine}")
    if (given.get("num_node_groups") or 1) > 1 or given.get("cluster_mode") == "enabled":
        raise exceptions.InvalidParameterCombinationException("Cluster mode is not emulated.")
    check_token(given.get("auth_token"), bool(given.get("transit_encryption_enabled")))
    if given.get("cache_subnet_group_name"):
        backend.describe_cache_subnet_groups(given["cache_subnet_group_name"])
    if given.get("cache_parameter_group_name"):
        group = parameter_group(backend, given["cache_parameter_group_name"])
        wanted = family(engine, full_version(engine, given.get("engine_version")))
        if group.family != wanted:
            raise exceptions.InvalidParameterCombinationException(
                f"Expected a parameter group of family {wanted} but found one of family {group.family}"
            )
    if given.get("automatic_failover_enabled") and _count(given) < 2:
        raise exceptions.InvalidParameterValueException(
            "Replication group with automatic failover enabled must have at least 2 cache clusters."
        )
    if given.get("multi_az_enabled") and not given.get("automatic_failover_enabled"):
        raise exceptions.InvalidParameterCombinationException("Multi-AZ requires automatic failover to be enabled.")


def _count(given: dict[str, Any]) -> int:
    return given.get("num_cache_clusters") or (given.get("replicas_per_node_group") or 0) + 1


def _groups(region: Region) -> None:
    @replace(models.ElastiCacheBackend, "create_replication_group")
    def create(original: Any, backend: Any, **given: Any) -> Any:
        """Gap: NumCacheClusters 2 gives one member, names say use1 everywhere, the token is lost."""
        if given["replication_group_id"] not in backend.replication_groups:
            _check_creation(backend, given)
        group = original(**given)
        group.arn = arn(backend, group.replication_group_id, "replicationgroup")
        if given.get("tags"):
            backend.tagging_service.tag_resource(group.arn, given["tags"])
        group.engine_version = full_version(group.engine, given.get("engine_version"))
        group.cache_parameter_group_name = given.get("cache_parameter_group_name") or (
            f"default.{family(group.engine, group.engine_version)}"
        )
        group.preferred_maintenance_window = given.get("preferred_maintenance_window") or "sun:05:00-sun:06:00"
        group.auto_minor_version_upgrade = given.get("auto_minor_version_upgrade") not in (False, "false")
        group.snapshot_window = given.get("snapshot_window") or "03:00-04:00"
        group.transit_encryption_mode = "required" if group.transit_encryption_enabled else None
        group.tokens = [given["auth_token"]] if given.get("auth_token") else []
        group.open = not group.tokens
        suffix = region.dns_suffix(backend.region_name)
        group.endpoints = Endpoints.of(
            group.replication_group_id,
            backend.account_id,
            backend.region_name,
            suffix,
            group.transit_encryption_enabled,
        )
        zones = given.get("preferred_cache_cluster_azs") or _zones(backend, given.get("cache_subnet_group_name"))
        group.members = [_member(group, n + 1, zones[n % len(zones)]) for n in range(_count(given))]
        group.members[0]["current_role"] = "primary"
        _lay_out(group)
        group.status, group.asked, group.pending = "creating", None, {}
        group.ready_at = time.monotonic() + region.control.timing("elasticache")
        return group

    @replace(models.ElastiCacheBackend, "delete_replication_group")
    def delete(original: Any, backend: Any, replication_group_id: str, retain_primary_cluster: bool | None) -> Any:
        """Gap: deleting never ends. Here the reconciler ends it (finish_delete)."""
        group = backend.describe_replication_groups(replication_group_id)[0]
        if group.status == "deleting":
            raise InvalidState(f"Replication group {replication_group_id} is already being deleted.")
        if retain_primary_cluster:
            raise exceptions.InvalidParameterCombinationException("Retaining the primary cluster is not emulated.")
        ask(group, Request("delete"), "deleting")
        return group

    models.ElastiCacheBackend.finish_delete = lambda backend, identifier: backend.replication_groups.pop(
        identifier, None
    )

    @replace(ElastiCacheResponse, "delete_replication_group")
    def delete_with_snapshot(original: Any, response: Any) -> ActionResult:
        """Gap: FinalSnapshotIdentifier is dropped."""
        if name := response._get_param("FinalSnapshotIdentifier"):
            response.elasticache_backend.create_snapshot(
                name, response._get_param("ReplicationGroupId"), None, None, None
            )
        return original()

    @replace(ElastiCacheResponse, "describe_cache_engine_versions")
    def versions(_original: Any, response: Any) -> ActionResult:
        """Gap: missing."""
        asked = response._get_param("Engine"), response._get_param("CacheParameterGroupFamily")
        rows = [
            {"Engine": engine, "EngineVersion": version, "CacheParameterGroupFamily": family(engine, version)}
            for engine, versions in ENGINE_VERSIONS.items()
            for version in versions
            if asked[0] in (None, engine) and asked[1] in (None, family(engine, version))
        ]
        return PaginatedResult({"CacheEngineVersions": rows})


def _settled(backend: Any, identifier: str) -> Any:
    group = backend.describe_replication_groups(identifier)[0]
    if group.status != "available":
        raise InvalidState(f"Replication group {identifier} is in state {group.status}, must be available.")
    return group


def _changes() -> None:
    @replace(ElastiCacheResponse, "modify_replication_group")
    def modify(_original: Any, response: Any) -> ActionResult:
        """Gap: most fields are dropped, and a token's rotation is unknown."""
        backend, given = response.elasticache_backend, response._get_params()
        group = _settled(backend, given["ReplicationGroupId"])
        if name := given.get("CacheParameterGroupName"):
            parameter_group(backend, name)
        _modify_failover(response, group)
        _modify_token(group, given.get("AuthToken"), given.get("AuthTokenUpdateStrategy"))
        simple = {
            "ReplicationGroupDescription": "description",
            "CacheParameterGroupName": "cache_parameter_group_name",
            "PreferredMaintenanceWindow": "preferred_maintenance_window",
            "SnapshotWindow": "snapshot_window",
            "NotificationTopicArn": "notification_topic_arn",
            "SecurityGroupIds": "security_group_ids",
        }
        for field, attribute in simple.items():
            if given.get(field) is not None:
                setattr(group, attribute, given[field])
        if (days := response._get_int_param("SnapshotRetentionLimit")) is not None:
            group.snapshot_retention_limit = days
        if (minor := response._get_bool_param("AutoMinorVersionUpgrade")) is not None:
            group.auto_minor_version_upgrade = minor
        _modify_nodes(group, given, bool(response._get_bool_param("ApplyImmediately")))
        _lay_out(group)
        ask(group, Request("modify"), "modifying")
        return ActionResult({"ReplicationGroup": group})

    @replace(ElastiCacheResponse, "test_failover")
    def test_failover(_original: Any, response: Any) -> ActionResult:
        """Gap: missing."""
        group = _settled(response.elasticache_backend, response._get_param("ReplicationGroupId"))
        if response._get_param("NodeGroupId") != "0001":
            raise exceptions.InvalidParameterValueException(f"Invalid node group: {response._get_param('NodeGroupId')}")
        if group.automatic_failover != "enabled":
            raise InvalidState(f"Automatic failover is not enabled on replication group {group.replication_group_id}.")
        ask(group, Request("failover"), "modifying")
        return ActionResult({"ReplicationGroup": group})

    @replace(ElastiCacheResponse, "increase_replica_count")
    def increase(_original: Any, response: Any) -> ActionResult:
        """Gap: missing."""
        return _resize(response)

    @replace(ElastiCacheResponse, "decrease_replica_count")
    def decrease(_original: Any, response: Any) -> ActionResult:
        """Gap: missing."""
        return _resize(response)


def _modify_failover(response: Any, group: Any) -> None:
    failover, multi_az = (
        response._get_bool_param("AutomaticFailoverEnabled"),
        response._get_bool_param("MultiAZEnabled"),
    )
    if failover and len(group.members) < 2:
        raise exceptions.InvalidParameterValueException("Automatic failover takes at least one replica.")
    if failover is not None:
        group.automatic_failover = "enabled" if failover else "disabled"
    if multi_az is not None:
        group.multi_az = "enabled" if multi_az else "disabled"


def _modify_token(group: Any, token: str | None, strategy: str | None) -> None:
    if token is None and strategy != "DELETE":
        return
    check_token(token, group.transit_encryption_enabled)
    match strategy or "ROTATE":
        case "ROTATE":  # the former token stays valid until SET
            group.tokens = [*group.tokens[-1:], token]
        case "SET":
            group.tokens, group.open = [token], False
        case "DELETE":
            group.tokens, group.open = [], True
    group.auth_token_enabled, group.auth_token_last_modified_date = bool(group.tokens), utcnow()


def _modify_nodes(group: Any, given: dict[str, Any], at_once: bool) -> None:
    """Change node type and engine version now, or leave them for the maintenance window."""
    engine = given.get("Engine") or group.engine
    wanted = {"CacheNodeType": given.get("CacheNodeType"), "EngineVersion": given.get("EngineVersion")}
    if wanted["EngineVersion"]:
        wanted["EngineVersion"] = full_version(engine, wanted["EngineVersion"])
    wanted = {key: value for key, value in wanted.items() if value}
    if not at_once:
        group.pending.update(wanted)
        return
    wanted = {**group.pending, **wanted}
    group.pending = {}
    group.engine = engine
    group.cache_node_type = wanted.get("CacheNodeType", group.cache_node_type)
    if "EngineVersion" in wanted:
        default = group.cache_parameter_group_name.startswith("default.")
        group.engine_version = wanted["EngineVersion"]
        if default and not given.get("CacheParameterGroupName"):
            group.cache_parameter_group_name = f"default.{family(engine, group.engine_version)}"


def _resize(response: Any) -> ActionResult:
    backend = response.elasticache_backend
    group = _settled(backend, response._get_param("ReplicationGroupId"))
    count = (response._get_int_param("NewReplicaCount") or 0) + 1
    least = 2 if group.automatic_failover == "enabled" else 1
    if not least <= count <= MAX_MEMBERS:
        raise exceptions.InvalidParameterValueException(
            f"The number of replicas must be {least - 1} to {MAX_MEMBERS - 1}."
        )
    zones = _zones(backend, group.cache_subnet_group_name)
    taken = {int(member["cache_cluster_id"][-3:]) for member in group.members}
    free = (number for number in range(1, 1000) if number not in taken)
    while len(group.members) < count:
        used = [member["preferred_availability_zone"] for member in group.members]
        group.members.append(_member(group, next(free), min(zones, key=used.count)))
    asked = response._get_param("ReplicasToRemove") or []
    removed = []
    while len(group.members) > count:
        replicas = [member for member in group.members if member["current_role"] == "replica"]
        chosen = next((member for member in replicas if member["cache_cluster_id"] in asked), replicas[-1])
        group.members.remove(chosen)
        removed.append(chosen["cache_cluster_id"])
    _lay_out(group)
    ask(group, Request("modify", tuple(removed)), "modifying")
    return ActionResult({"ReplicationGroup": group})


def _members() -> None:
    @replace(ElastiCacheResponse, "describe_cache_clusters")
    def describe(_original: Any, response: Any) -> ActionResult:
        """Gap: the members of replication groups are not listed."""
        backend, asked = response.elasticache_backend, response._get_param("CacheClusterId")
        alone = response._get_bool_param("ShowCacheClustersNotInReplicationGroups")
        nodes = bool(response._get_bool_param("ShowCacheNodeInfo"))
        found = (
            []
            if alone
            else [
                _cache_cluster(backend, group, member, nodes)
                for group in backend.replication_groups.values()
                for member in group.members
                if asked in (None, member["cache_cluster_id"])
            ]
        )
        if not found or not asked:
            found += backend.describe_cache_clusters(asked)
        return PaginatedResult({"CacheClusters": found})


def _cache_cluster(backend: Any, group: Any, member: dict[str, Any], nodes: bool) -> dict[str, Any]:
    described = {
        "CacheClusterId": member["cache_cluster_id"],
        "ReplicationGroupId": group.replication_group_id,
        "CacheNodeType": group.cache_node_type,
        "Engine": group.engine,
        "EngineVersion": group.engine_version,
        "CacheClusterStatus": group.status,
        "NumCacheNodes": 1,
        "PreferredAvailabilityZone": member["preferred_availability_zone"],
        "CacheClusterCreateTime": group.replication_group_create_time,
        "PreferredMaintenanceWindow": group.preferred_maintenance_window,
        "PendingModifiedValues": dict(group.pending),
        "CacheSecurityGroups": [],
        "CacheParameterGroup": {
            "CacheParameterGroupName": group.cache_parameter_group_name,
            "ParameterApplyStatus": "in-sync",
            "CacheNodeIdsToReboot": [],
        },
        "CacheSubnetGroupName": group.cache_subnet_group_name,
        "AutoMinorVersionUpgrade": group.auto_minor_version_upgrade,
        "SecurityGroups": [{"SecurityGroupId": each, "Status": "active"} for each in group.security_group_ids or []],
        "SnapshotRetentionLimit": group.snapshot_retention_limit,
        "SnapshotWindow": group.snapshot_window,
        "AuthTokenEnabled": group.auth_token_enabled,
        "AuthTokenLastModifiedDate": group.auth_token_last_modified_date,
        "TransitEncryptionEnabled": group.transit_encryption_enabled,
        "TransitEncryptionMode": group.transit_encryption_mode,
        "AtRestEncryptionEnabled": group.at_rest_encryption_enabled,
        "ARN": arn(backend, member["cache_cluster_id"], "cluster"),
        "NetworkType": group.network_type,
        "IpDiscovery": group.ip_discovery,
    }
    if group.notification_topic_arn:
        described["NotificationConfiguration"] = {"TopicArn": group.notification_topic_arn, "TopicStatus": "active"}
    if nodes:
        endpoint = member["read_endpoint"]
        described["CacheNodes"] = [
            {
                "CacheNodeId": "0001",
                "CacheNodeStatus": group.status,
                "CacheNodeCreateTime": group.replication_group_create_time,
                "Endpoint": {"Address": endpoint["address"], "Port": endpoint["port"]},
                "ParameterGroupStatus": "in-sync",
                "CustomerAvailabilityZone": member["preferred_availability_zone"],
            }
        ]
    return described
