"""ElastiCache's parameter groups and subnet groups, and tags of all its resources."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from moto.core.responses import ActionResult, EmptyResult, PaginatedResult
from moto.elasticache import exceptions, models
from moto.elasticache.responses import ElastiCacheResponse

from local_region.patches._edges import ask
from local_region.patches._elasticache import (
    FAMILIES,
    InUse,
    ParameterGroup,
    Request,
    arn,
    parameter_group,
    parameters,
)
from local_region.patches._tools import after, replace

if TYPE_CHECKING:
    from local_region.region import Region


def apply(_region: Region) -> None:
    """Patch moto's ElastiCache groups."""
    _parameter_groups()
    _subnet_groups()
    _tags()


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
        group = ParameterGroup(name, kind, given.get("Description", ""), arn(backend, name), {})
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
