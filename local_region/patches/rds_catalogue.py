"""RDS for PostgreSQL: parameter groups, and what versions and classes there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.core.responses import ActionResult
from moto.rds import exceptions, models
from moto.rds.responses import RDSResponse

from local_region.patches._edges import ask
from local_region.patches._rds import ENGINE_VERSIONS, Request, family, parameters
from local_region.patches._tools import replace

if TYPE_CHECKING:
    from local_region.region import Region

INSTANCE_CLASSES = tuple(
    f"db.{family}.{size}"
    for family, sizes in {
        "t4g": ("micro", "small", "medium", "large", "xlarge", "2xlarge"),
        "m7g": ("large", "xlarge", "2xlarge", "4xlarge", "8xlarge"),
        "r7g": ("large", "xlarge", "2xlarge", "4xlarge", "8xlarge"),
    }.items()
    for size in sizes
)
STORAGE_TYPES = ("gp2", "gp3", "io1")


def apply(_region: Region) -> None:
    """Patch moto's parameter groups and catalogues."""
    _parameter_groups()
    _catalogues()


def _page(response: Any, key: str, rows: list[dict[str, Any]]) -> ActionResult:
    """Return one page: moto's own paging fails with more than a page of dictionaries."""
    start, size = int(response.params.get("Marker") or 0), int(response.params.get("MaxRecords") or 100)
    end = start + size
    return ActionResult({key: rows[start:end], "Marker": str(end) if end < len(rows) else None})


def _parameter_groups() -> None:
    @replace(models.RDSBackend, "describe_db_parameter_groups")
    def describe(original: Any, backend: Any, query: Any) -> Any:
        """Gap: a missing group is an empty list, the families' default groups exist only once they are used."""
        name = query.get("db_parameter_group_name")
        for default in {family(version) for version in ENGINE_VERSIONS}:
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
        if not (group.family or "").startswith("postgres"):
            return original()
        known = {parameter: dict(entry) for parameter, entry in parameters().items()}
        known["rds.force_ssl"].update(ParameterValue="1" if int(group.family.removeprefix("postgres")) >= 15 else "0")
        for parameter, entry in group.parameters.items():
            known.setdefault(parameter, {"ParameterName": parameter}).update(entry, Source="user")
        source = response.params.get("Source")
        listed = [entry for entry in known.values() if source in (None, entry["Source"])]
        return _page(response, "Parameters", sorted(listed, key=lambda entry: entry["ParameterName"]))

    @replace(RDSResponse, "modify_db_parameter_group")
    def modify(original: Any, response: Any) -> ActionResult:
        """Gap: unknown parameters are taken; and instances must be told."""
        group = response.backend.db_parameter_groups.get(response.params["DBParameterGroupName"])
        if group is not None and (group.family or "").startswith("postgres"):
            for parameter in response.params.get("Parameters", []):
                if parameter["ParameterName"] not in parameters():
                    raise exceptions.InvalidParameterValue(f"Could not find parameter: {parameter['ParameterName']}")
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
        return original(name)


def _catalogues() -> None:
    @replace(RDSResponse, "describe_db_engine_versions")
    def versions(_original: Any, response: Any) -> ActionResult:
        """Gap: missing."""
        asked = response.params.get("EngineVersion")
        group = response.params.get("DBParameterGroupFamily")
        shown = [
            version
            for version in ENGINE_VERSIONS
            if response.params.get("Engine", "postgres") == "postgres"
            and (not asked or version == asked or version.startswith(f"{asked}."))
            and (not group or group == family(version))
        ]
        if response.params.get("DefaultOnly") and shown:
            shown = shown[-1:]
        return _page(response, "DBEngineVersions", [_engine_version(version) for version in shown])

    @replace(RDSResponse, "describe_orderable_db_instance_options")
    def orderable(original: Any, response: Any) -> ActionResult:
        """Gap: none for postgres."""
        if response.params.get("Engine") != "postgres":
            return original()
        version = response.params.get("EngineVersion")
        size = response.params.get("DBInstanceClass")
        zones = [{"Name": f"{response.region}{letter}"} for letter in "abc"]
        options = [
            _orderable(known, instance_class, storage, zones)
            for known in ENGINE_VERSIONS
            if version in (None, known)
            for instance_class in INSTANCE_CLASSES
            if size in (None, instance_class)
            for storage in STORAGE_TYPES
        ]
        return _page(response, "OrderableDBInstanceOptions", options)


def _engine_version(version: str) -> dict[str, Any]:
    return {
        "Engine": "postgres",
        "EngineVersion": version,
        "MajorEngineVersion": version.split(".")[0],
        "DBParameterGroupFamily": family(version),
        "DBEngineDescription": "PostgreSQL",
        "DBEngineVersionDescription": f"PostgreSQL {version}-R1",
        "Status": "available",
        "SupportsReadReplica": True,
        "SupportsLogExportsToCloudwatchLogs": True,
        "ExportableLogTypes": ["postgresql", "upgrade", "iam-db-auth-error"],
        "ValidUpgradeTarget": [
            {
                "Engine": "postgres",
                "EngineVersion": target,
                "Description": f"PostgreSQL {target}-R1",
                "AutoUpgrade": False,
                "IsMajorVersionUpgrade": family(target) != family(version),
            }
            for target in ENGINE_VERSIONS[ENGINE_VERSIONS.index(version) + 1 :]
        ],
    }


def _orderable(version: str, instance_class: str, storage: str, zones: list[dict[str, str]]) -> dict[str, Any]:
    return {
        "Engine": "postgres",
        "EngineVersion": version,
        "DBInstanceClass": instance_class,
        "LicenseModel": "postgresql-license",
        "AvailabilityZones": zones,
        "MultiAZCapable": True,
        "ReadReplicaCapable": True,
        "Vpc": True,
        "SupportsStorageEncryption": True,
        "StorageType": storage,
        "SupportsIops": storage != "gp2",
        "SupportsEnhancedMonitoring": True,
        "SupportsIAMDatabaseAuthentication": True,
        "SupportsPerformanceInsights": not instance_class.endswith(("micro", "small")),
        "MinStorageSize": 20,
        "MaxStorageSize": 65536,
    }
