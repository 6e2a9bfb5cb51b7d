"""ElastiCache replication groups with cluster mode off: their members, endpoints, changes and parameter groups.

What the reconciler reads on a ReplicationGroup: `status`, `asked` (a Request or None), `ready_at`, `tokens` (the AUTH
tokens that are valid), `open` (whether no token is valid too), and its members in `node_groups[0]`.
"""

from __future__ import annotations

import functools
import hashlib
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moto.core.responses import ActionResult, EmptyResult, PaginatedResult
from moto.core.utils import utcnow
from moto.elasticache import exceptions, models
from moto.elasticache.responses import ElastiCacheResponse

from local_region.patches._edges import ask
from local_region.patches._tools import after, replace

if TYPE_CHECKING:
    from local_region.region import Region

# Engine -> its versions; behind them are the Redis and the Valkey that Debian ships.
ENGINE_VERSIONS = {"redis": ("6.2.6", "7.0.7", "7.1.0"), "valkey": ("7.2.6", "8.0.1", "8.1.0")}
FAMILIES = ("redis6.x", "redis7", "valkey7", "valkey8")
PARAMETERS_FILE = Path(__file__).parents[1] / "images" / "data" / "cache-parameters.tsv"
TOKEN = re.compile(r"[A-Za-z0-9!&#$^<>-]{16,128}")
MAX_MEMBERS = 6


@dataclass(frozen=True)
class Request:
    """An edge that the API's state does not show: modify, failover or delete."""

    action: str
    removed: tuple[str, ...] = ()


class NotFound(exceptions.ElastiCacheException):
    """A cache parameter group that is not there."""

    code = "CacheParameterGroupNotFound"

    def __init__(self, name: str) -> None:
        super().__init__(f"CacheParameterGroup {name} not found.")


class InUse(exceptions.ElastiCacheException):
    """A group that others still use; code differs by kind."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


class InvalidState(exceptions.ElastiCacheException):
    """A change to a replication group that is busy or not able to do it."""

    code = "InvalidReplicationGroupState"


def region_code(aws_region: str) -> str:
    """Return the short form of a region in ElastiCache's endpoint names: us-east-1 -> use1, cn-northwest-1 -> cnw1."""
    area, *rest = aws_region.split("-")
    number, direction = rest[-1], "".join(rest[:-1])
    words = re.findall("north|south|east|west|central", direction)
    if area == "cn" and len(words) > 1:
        words = words[-1:]
    return area + ("g" if "gov" in rest else "") + "".join(word[0] for word in words) + number


def family(engine: str, version: str) -> str:
    """Return the parameter group family of an engine version."""
    major = version.split(".")[0]
    return "redis6.x" if (engine, major) == ("redis", "6") else f"{engine}{major}"


def full_version(engine: str, version: str | None) -> str:
    """Return the version that ElastiCache makes of an abbreviated one, or of none."""
    known = ENGINE_VERSIONS[engine]
    if version is None:
        return known[-1]
    return next((each for each in reversed(known) if f"{each}.".startswith(f"{version}.")), version)


@dataclass(frozen=True)
class Endpoints:
    """The names of a replication group; they differ with TLS."""

    primary: str
    reader: str
    member: str

    @classmethod
    def of(cls, identifier: str, account: str, aws_region: str, suffix: str, tls: bool) -> Endpoints:
        """Return a group's names; member is a format string."""
        part = hashlib.sha256(f"{account}/{aws_region}".encode()).hexdigest()[:6]
        tail = f"{region_code(aws_region)}.cache.{suffix}"
        if tls:
            domain = f"{identifier}.{part}.{tail}"
            return cls(f"master.{domain}", f"replica.{domain}", "{}." + domain)
        return cls(
            f"{identifier}.{part}.ng.0001.{tail}",
            f"{identifier}-ro.{part}.ng.0001.{tail}",
            "{}." + f"{part}.0001.{tail}",
        )


@functools.cache
def parameters() -> dict[str, dict[str, Any]]:
    """Return what a parameter group knows, as DescribeCacheParameters has it, by name."""
    rows = (line.split("\t") for line in PARAMETERS_FILE.read_text().splitlines() if not line.startswith("#"))
    return {
        name: {
            "ParameterName": name,
            "ParameterValue": default or None,
            "DataType": data_type,
            "AllowedValues": allowed or None,
            "ChangeType": change_type,
            "IsModifiable": name != "cluster-enabled",
            "Source": "system",
        }
        for name, data_type, allowed, default, change_type in rows
    }


@dataclass
class ParameterGroup:
    """A cache parameter group: its family and the values that differ from the family's."""

    name: str
    family: str
    description: str
    arn: str
    values: dict[str, str]

    def describe(self) -> dict[str, Any]:
        """Return it as DescribeCacheParameterGroups has it."""
        return {
            "CacheParameterGroupName": self.name,
            "CacheParameterGroupFamily": self.family,
            "Description": self.description,
            "IsGlobal": False,
            "ARN": self.arn,
        }


def parameter_group(backend: Any, name: str) -> ParameterGroup:
    """Return a parameter group, a family's default one too; raises NotFound."""
    groups: dict[str, ParameterGroup] = backend.__dict__.setdefault("parameter_groups", {})
    default = name.removeprefix("default.")
    if name.startswith("default.") and default in FAMILIES and name not in groups:
        groups[name] = ParameterGroup(name, default, f"Default parameter group for {default}", _arn(backend, name), {})
    if name not in groups:
        raise NotFound(name)
    return groups[name]


def check_token(token: str | None, tls: bool) -> None:
    """Refuse what ElastiCache refuses in an AUTH token."""
    if token is None:
        return
    if not tls:
        raise exceptions.InvalidParameterCombinationException(
            "The AUTH token can be specified only when in-transit encryption is enabled."
        )
    if not TOKEN.fullmatch(token):
        raise exceptions.InvalidParameterValueException(
            "Invalid AuthToken provided. 16 to 128 printable characters; of those that are neither letters nor digits "
            "only ! & # $ ^ < > - may be used."
        )


def apply(region: Region) -> None:
    """Patch moto's ElastiCache."""
    _groups(region)
    _changes()
    _members()
    _parameter_groups()
    _subnet_groups()
    _tags()


def _arn(backend: Any, name: str, kind: str = "parametergroup") -> str:
    return f"arn:{backend.partition}:elasticache:{backend.region_name}:{backend.account_id}:{kind}:{name}"


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
        group.arn = _arn(backend, group.replication_group_id, "replicationgroup")
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
        "ARN": _arn(backend, member["cache_cluster_id"], "cluster"),
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


def _parameter_groups() -> None:
    """Gap: cache parameter groups are missing altogether."""

    @replace(ElastiCacheResponse, "create_cache_parameter_group")
    def create(_original: Any, response: Any) -> ActionResult:
        backend, given = response.elasticache_backend, response._get_params()
        name, kind = given["CacheParameterGroupName"].lower(), given["CacheParameterGroupFamily"]
        if kind not in FAMILIES:
            raise exceptions.InvalidParameterValueException(f"CacheParameterGroupFamily {kind} is not a valid family.")
        if name in backend.__dict__.setdefault("parameter_groups", {}):
            raise InUse("CacheParameterGroupAlreadyExists", f"Cache parameter group {name} already exists.")
        group = ParameterGroup(name, kind, given.get("Description", ""), _arn(backend, name), {})
        backend.parameter_groups[name] = group
        if tags := given.get("Tags"):
            backend.tagging_service.tag_resource(group.arn, tags)
        return ActionResult({"CacheParameterGroup": group.describe()})

    @replace(ElastiCacheResponse, "describe_cache_parameter_groups")
    def describe(_original: Any, response: Any) -> ActionResult:
        backend, name = response.elasticache_backend, response._get_param("CacheParameterGroupName")
        for each in FAMILIES:
            parameter_group(backend, f"default.{each}")
        groups = [parameter_group(backend, name)] if name else list(backend.parameter_groups.values())
        return PaginatedResult({"CacheParameterGroups": [group.describe() for group in groups]})

    @replace(ElastiCacheResponse, "describe_cache_parameters")
    def describe_parameters(_original: Any, response: Any) -> ActionResult:
        group = parameter_group(response.elasticache_backend, response._get_param("CacheParameterGroupName"))
        source = response._get_param("Source")
        listed = [
            {**entry, "ParameterValue": group.values[name], "Source": "user"} if name in group.values else entry
            for name, entry in parameters().items()
        ]
        return PaginatedResult({"Parameters": [entry for entry in listed if source in (None, entry["Source"])]})

    @replace(ElastiCacheResponse, "modify_cache_parameter_group")
    def modify(_original: Any, response: Any) -> ActionResult:
        group = _own_group(response)
        wanted = response._get_params().get("ParameterNameValues", [])
        for entry in wanted:
            _check_parameter(entry["ParameterName"], entry["ParameterValue"])
        group.values.update({entry["ParameterName"]: entry["ParameterValue"] for entry in wanted})
        _tell(response.elasticache_backend, group)
        return ActionResult({"CacheParameterGroupName": group.name})

    @replace(ElastiCacheResponse, "reset_cache_parameter_group")
    def reset(_original: Any, response: Any) -> ActionResult:
        group = _own_group(response)
        names = [entry["ParameterName"] for entry in response._get_params().get("ParameterNameValues", [])]
        for name in list(group.values) if response._get_bool_param("ResetAllParameters") else names:
            group.values.pop(name, None)
        _tell(response.elasticache_backend, group)
        return ActionResult({"CacheParameterGroupName": group.name})

    @replace(ElastiCacheResponse, "delete_cache_parameter_group")
    def delete(_original: Any, response: Any) -> ActionResult:
        backend, group = response.elasticache_backend, _own_group(response)
        if any(used.cache_parameter_group_name == group.name for used in backend.replication_groups.values()):
            raise InUse(
                "InvalidCacheParameterGroupState",
                "One or more cache clusters are still members of this parameter group.",
            )
        del backend.parameter_groups[group.name]
        return EmptyResult()


def _own_group(response: Any) -> ParameterGroup:
    name = response._get_param("CacheParameterGroupName")
    if name.startswith("default."):
        raise InUse("InvalidCacheParameterGroupState", f"The default parameter group {name} cannot be changed.")
    return parameter_group(response.elasticache_backend, name)


def _check_parameter(name: str, value: str) -> None:
    known = parameters().get(name)
    if known is None or not known["IsModifiable"]:
        raise exceptions.InvalidParameterValueException(f"The parameter {name} does not exist or cannot be modified.")
    allowed = known["AllowedValues"]
    if allowed and known["DataType"] == "string" and value not in allowed.split(","):
        raise exceptions.InvalidParameterValueException(f"{name}={value} is not one of {allowed}.")
    if known["DataType"] == "integer" and not re.fullmatch(r"-?\d+", value):
        raise exceptions.InvalidParameterValueException(f"{name}={value} is not an integer.")


def _tell(backend: Any, group: ParameterGroup) -> None:
    for used in backend.replication_groups.values():
        if used.cache_parameter_group_name == group.name and used.asked is None and used.status == "available":
            ask(used, Request("modify"), used.status)


def _subnet_groups() -> None:
    @after(models.CacheSubnetGroup, "__init__")
    def create(group: Any, account_id: str, region_name: str, **_: Any) -> None:
        """Gap: the ARN is always in partition aws, a subnet's zone is no structure."""
        partition = models.get_partition(region_name)
        group.arn = (
            f"arn:{partition}:elasticache:{region_name}:{account_id}:subnetgroup:{group.cache_subnet_group_name}"
        )
        for subnet in group.subnets:
            zone = subnet.get("subnet_availability_zone")
            subnet["subnet_availability_zone"] = {"Name": zone} if isinstance(zone, str) else zone

    @replace(ElastiCacheResponse, "modify_cache_subnet_group")
    def modify(_original: Any, response: Any) -> ActionResult:
        """Gap: missing."""
        backend, given = response.elasticache_backend, response._get_params()
        group = backend.describe_cache_subnet_groups(given["CacheSubnetGroupName"])[0]
        changed = models.CacheSubnetGroup(
            account_id=backend.account_id,
            region_name=backend.region_name,
            cache_subnet_group_name=group.cache_subnet_group_name,
            cache_subnet_group_description=given.get(
                "CacheSubnetGroupDescription", group.cache_subnet_group_description
            ),
            subnet_ids=given.get("SubnetIds", group.subnet_ids),
            tags=group.tags,
        )
        backend.cache_subnet_groups[group.cache_subnet_group_name] = changed
        return ActionResult({"CacheSubnetGroup": changed})

    @replace(ElastiCacheResponse, "delete_cache_subnet_group")
    def delete(_original: Any, response: Any) -> ActionResult:
        """Gap: missing."""
        backend, name = response.elasticache_backend, response._get_param("CacheSubnetGroupName")
        backend.describe_cache_subnet_groups(name)
        if any(group.cache_subnet_group_name == name for group in backend.replication_groups.values()):
            raise InUse("CacheSubnetGroupInUse", f"CacheSubnetGroup {name} is currently in use by a cache cluster.")
        del backend.cache_subnet_groups[name]
        return EmptyResult()


def _tags() -> None:
    @after(models.ElastiCacheBackend, "__init__")
    def every_partition(backend: Any, *_: Any, **__: Any) -> None:
        """Gap: ARNs of the China partition, and of parameter groups, are refused."""
        backend.arn_regex = re.compile(
            r"arn:aws[a-z-]*:elasticache:[^:]*:\d*:"
            r"(cluster|snapshot|subnetgroup|replicationgroup|parametergroup|user):.+"
        )

    for action in ("add_tags_to_resource", "remove_tags_from_resource"):

        @replace(ElastiCacheResponse, action)
        def change(original: Any, response: Any) -> ActionResult:
            """Gap: the answer lacks the tags."""
            original()
            return response.list_tags_for_resource()
