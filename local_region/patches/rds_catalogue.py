"""RDS: parameter groups, and what versions and classes there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.core.responses import ActionResult
from moto.rds import exceptions, models
from moto.rds.responses import RDSResponse

from local_region.patches._edges import ask
from local_region.patches._rds import ENGINE_VERSIONS, Request, described, families, family, refuse_unknown
from local_region.patches._tools import replace

if TYPE_CHECKING:
    from local_region.region import Region

SIZES = ("large", "xlarge", "2xlarge", "4xlarge", "8xlarge")
FAMILIES = {
    "t4g": ("micro", "small", "medium", "large", "xlarge", "2xlarge"),
    **dict.fromkeys(("m6gd", "m7g", "r6gd", "r7g"), SIZES),
}
INSTANCE_CLASSES = {
    "postgres": tuple(f"db.{family}.{size}" for family, sizes in FAMILIES.items() for size in sizes),
    "aurora-postgresql": (
        "db.serverless",
        "db.t4g.medium",
        "db.t4g.large",
        *(f"db.{family}.{size}" for family in ("r6gd", "r7g") for size in SIZES),
    ),
}
INSTANCE_CLASSES["mysql"] = INSTANCE_CLASSES["postgres"]
STORAGE_TYPES = {"aurora-postgresql": ("aurora", "aurora-iopt1")}
INSTANCE_STORAGE = ("gp2", "gp3", "io1")
LICENCES = {"mysql": "general-public-license"}
LOGS = {
    "postgres": ["postgresql", "upgrade", "iam-db-auth-error"],
    "aurora-postgresql": ["postgresql", "instance", "iam-db-auth-error"],
    "mysql": ["audit", "error", "general", "slowquery", "iam-db-auth-error"],
}


def apply(_region: Region) -> None:
    """Patch moto's parameter groups and catalogues."""
    _parameter_groups()
    _catalogues()


def page(response: Any, key: str, rows: list[dict[str, Any]]) -> ActionResult:
    """Return one page: moto's own paging fails with more than a page of dictionaries."""
    start, size = int(response.params.get("Marker") or 0), int(response.params.get("MaxRecords") or 100)
    end = start + size
    return ActionResult({key: rows[start:end], "Marker": str(end) if end < len(rows) else None})


def _parameter_groups() -> None:
    @replace(models.RDSBackend, "describe_db_parameter_groups")
    def describe(original: Any, backend: Any, query: Any) -> Any:
        """Gap: a missing group is an empty list, the families' default groups exist only once they are used."""
        name = query.get("db_parameter_group_name")
        for default in families():
            if f"default.{default}" not in backend.db_parameter_groups:
                backend.db_parameter_groups[f"default.{default}"] = models.DBParameterGroup(
                    backend=backend,
                    db_parameter_group_name=f"default.{default}",
                    db_parameter_group_family=default,
                    description=f"Default parameter group for {default}",
                )
        groups = original(query)
        if name and not groups:
            raise exceptions.DBParameterGroupNotFoundError(name)
        return groups

    @replace(RDSResponse, "describe_db_parameters")
    def describe_parameters(original: Any, response: Any) -> ActionResult:
        """Gap: only what was set is listed; rds_instance_param_group then calls every parameter unknown."""
        name = response.params["DBParameterGroupName"]
        group = response.backend.describe_db_parameter_groups({"db_parameter_group_name": name})[0]
        if group.family not in families():
            return original()
        source = response.params.get("Source")
        return page(response, "Parameters", [entry for entry in described(group) if source in (None, entry["Source"])])

    @replace(RDSResponse, "modify_db_parameter_group")
    def modify(original: Any, response: Any) -> ActionResult:
        """Gap: unknown parameters are taken; and instances must be told."""
        group = response.backend.db_parameter_groups.get(response.params["DBParameterGroupName"])
        if group is not None and group.family in families():
            refuse_unknown(group.family, response.params.get("Parameters", []))
        result = original()
        for instance in response.backend.databases.values():
            in_use = {used.name for used in instance.db_parameter_groups()}
            if group is not None and group.name in in_use and instance.status == "available":
                ask(instance, Request("modify"), instance.status)
        return result

    @replace(models.RDSBackend, "delete_db_parameter_group")
    def delete(original: Any, backend: Any, name: str) -> Any:
        """Gap: a group in use can be deleted."""
        if any(name == instance.db_parameter_group_name for instance in backend.databases.values()):
            raise exceptions.RDSClientError(
                "InvalidDBParameterGroupState",
                "One or more database instances are still members of this parameter group",
            )
        return original(name)

    @replace(models.RDSBackend, "delete_subnet_group")
    def delete_subnet_group(original: Any, backend: Any, name: str) -> Any:
        """Gap: a group in use can be deleted."""
        for instance in backend.databases.values():
            group = getattr(instance, "db_subnet_group", None)
            if group is not None and group.name == name.lower():
                raise exceptions.RDSClientError(
                    "InvalidDBSubnetGroupStateFault",
                    f"Cannot delete the subnet group '{name}' because at least one database instance: "
                    f"{instance.db_instance_identifier} is still using it.",
                )
        for cluster in backend.clusters.values():
            if cluster.db_subnet_group_name == name.lower():
                raise exceptions.RDSClientError(
                    "InvalidDBSubnetGroupStateFault",
                    f"Cannot delete the subnet group '{name}' because at least one database cluster: "
                    f"{cluster.db_cluster_identifier} is still using it.",
                )
        return original(name)


def _catalogues() -> None:
    @replace(RDSResponse, "describe_db_engine_versions")
    def versions(_original: Any, response: Any) -> ActionResult:
        """Gap: missing."""
        engine, asked = response.params.get("Engine", "postgres"), response.params.get("EngineVersion")
        group = response.params.get("DBParameterGroupFamily")
        shown = [
            version
            for version in ENGINE_VERSIONS.get(engine, ())
            if (not asked or f"{version}.".startswith(f"{asked}.")) and (not group or group == family(version, engine))
        ]
        if response.params.get("DefaultOnly") and shown:
            shown = shown[-1:]
        return page(response, "DBEngineVersions", [_engine_version(engine, version) for version in shown])

    @replace(RDSResponse, "describe_orderable_db_instance_options")
    def orderable(original: Any, response: Any) -> ActionResult:
        """Gap: none for postgres and mysql, old ones for aurora-postgresql."""
        engine = response.params.get("Engine")
        if engine not in ENGINE_VERSIONS:
            return original()
        version = response.params.get("EngineVersion")
        size = response.params.get("DBInstanceClass")
        zones = [{"Name": f"{response.region}{letter}"} for letter in "abc"]
        options = [
            _orderable(engine, known, instance_class, storage, zones)
            for known in ENGINE_VERSIONS[engine]
            if version in (None, known)
            for instance_class in INSTANCE_CLASSES[engine]
            if size in (None, instance_class)
            for storage in STORAGE_TYPES.get(engine, INSTANCE_STORAGE)
        ]
        return page(response, "OrderableDBInstanceOptions", options)


def _engine_version(engine: str, version: str) -> dict[str, Any]:
    offered = ENGINE_VERSIONS[engine]
    return {
        "Engine": engine,
        "EngineVersion": version,
        "MajorEngineVersion": family(version, engine).removeprefix(engine),
        "DBParameterGroupFamily": family(version, engine),
        "DBEngineDescription": engine,
        "DBEngineVersionDescription": f"{engine} {version}",
        "Status": "available",
        "SupportsReadReplica": True,
        "SupportsLogExportsToCloudwatchLogs": True,
        "ExportableLogTypes": LOGS[engine],
        "ValidUpgradeTarget": [
            {
                "Engine": engine,
                "EngineVersion": target,
                "Description": f"{engine} {target}",
                "AutoUpgrade": False,
                "IsMajorVersionUpgrade": family(target, engine) != family(version, engine),
            }
            for target in offered[offered.index(version) + 1 :]
        ],
    }


def _orderable(
    engine: str, version: str, instance_class: str, storage: str, zones: list[dict[str, str]]
) -> dict[str, Any]:
    aurora = engine.startswith("aurora")
    return {
        "Engine": engine,
        "EngineVersion": version,
        "DBInstanceClass": instance_class,
        "LicenseModel": LICENCES.get(engine, "postgresql-license"),
        "AvailabilityZones": zones,
        "MultiAZCapable": not aurora,
        "ReadReplicaCapable": not aurora,
        "SupportsClusters": aurora or "gd." in instance_class,
        "Vpc": True,
        "SupportsStorageEncryption": True,
        "StorageType": storage,
        "SupportsIops": storage in ("gp3", "io1"),
        "SupportsEnhancedMonitoring": True,
        "SupportsIAMDatabaseAuthentication": True,
        "SupportsPerformanceInsights": not instance_class.endswith(("micro", "small")),
        "MinStorageSize": 1 if aurora else 20,
        "MaxStorageSize": 65536,
    }
