"""RDS for PostgreSQL: where moto is done at once something real must become ready, and some things it drops.

What the reconciler reads on a DBInstance: `status`, `asked` (a Request or None), `ready_at`, `primary_zone` and
`standby_zone`, `restore_from` (the snapshot whose copy is the first data).
"""

from __future__ import annotations

import functools
import hashlib
import re
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moto.core.responses import ActionResult
from moto.rds import exceptions, models
from moto.rds.responses import RDSResponse

from local_region.patches._edges import ask
from local_region.patches._tools import after, replace

if TYPE_CHECKING:
    from local_region.region import Region

# The versions that the API offers; behind each of them is the PostgreSQL that Debian ships.
ENGINE_VERSIONS = ("15.12", "15.13", "15.14", "16.8", "16.9", "16.10", "17.4", "17.5", "17.6")
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
PARAMETERS_FILE = Path(__file__).parents[1] / "images" / "data" / "postgres-parameters.tsv"

# What waits for the maintenance window unless ApplyImmediately is given.
PENDING = {
    "db_instance_class": "DBInstanceClass",
    "engine_version": "EngineVersion",
    "multi_az": "MultiAZ",
    "allocated_storage": "AllocatedStorage",
    "storage_type": "StorageType",
    "iops": "Iops",
    "storage_throughput": "StorageThroughput",
}
RESTARTING = {"db_instance_class", "engine_version"}


@dataclass(frozen=True)
class Request:
    """An edge that the API's state does not show: modify, reboot, failover, stop, start, or delete."""

    action: str
    final_snapshot: str | None = None


def endpoint_hash(account: str, aws_region: str) -> str:
    """Return the part of RDS endpoint names that is the same for all instances of an account in a region."""
    return "c" + hashlib.sha256(f"{account}/{aws_region}".encode()).hexdigest()[:11]


def latest(version: str | None) -> str:
    """Return the full version that RDS makes of a major version, or of none; full versions stay."""
    if version is None:
        return ENGINE_VERSIONS[-1]
    if "." in version:
        return version
    return next((known for known in reversed(ENGINE_VERSIONS) if known.startswith(f"{version}.")), version)


def family(version: str) -> str:
    """Return the parameter group family of an engine version."""
    return f"postgres{version.split('.')[0]}"


def check_password(password: str | None) -> None:
    """Refuse what RDS refuses in a master password."""
    if password is not None and not re.fullmatch(r"[!#-.0-?A-~]{8,128}", password):
        raise exceptions.InvalidParameterValue(
            "The parameter MasterUserPassword is not a valid password. Only printable ASCII characters besides "
            "'/', '@', '\"', ' ' may be used, 8 to 128 of them."
        )


@functools.cache
def parameters() -> dict[str, dict[str, Any]]:
    """Return what PostgreSQL's parameter groups know, as DescribeDBParameters has it, by name."""
    rows = (line.split("\t") for line in PARAMETERS_FILE.read_text().splitlines() if not line.startswith("#"))
    return {
        name: {
            "ParameterName": name,
            "ApplyType": apply_type,
            "DataType": data_type,
            "AllowedValues": allowed or None,
            "IsModifiable": True,
            "Source": "engine-default",
            "ApplyMethod": "pending-reboot",
        }
        for name, apply_type, data_type, allowed in rows
    }


def _page(response: Any, key: str, rows: list[dict[str, Any]]) -> ActionResult:
    """Return one page: moto's own paging fails with more than a page of dictionaries."""
    start, size = int(response.params.get("Marker") or 0), int(response.params.get("MaxRecords") or 100)
    end = start + size
    return ActionResult({key: rows[start:end], "Marker": str(end) if end < len(rows) else None})


def apply(region: Region) -> None:
    """Patch moto's RDS."""
    _instances(region)
    _lifecycle()
    _modifications()
    _snapshots()
    _parameter_groups()
    _catalogues()


def _instances(region: Region) -> None:
    @replace(models.DBInstance, "__init__")
    def create(original: Any, instance: Any, backend: Any, **kwargs: Any) -> None:
        """Gap: versions are not resolved, zones not the subnet group's, gp3 has no Iops, all have one resource id."""
        is_postgres = kwargs.get("engine") == "postgres"
        if is_postgres:
            check_password(kwargs.get("master_user_password"))
            kwargs["engine_version"] = latest(kwargs.get("engine_version"))
        original(backend, **kwargs)
        instance.dbi_resource_id = f"db-{uuid.uuid4().hex[:26].upper()}"
        instance.pending_modified_values = {}
        instance.performance_insights_enabled = bool(kwargs.get("enable_performance_insights"))
        if instance.performance_insights_enabled:
            instance.performance_insights_retention_period = kwargs.get("performance_insights_retention_period") or 7
            instance.performance_insights_kms_key_id = _key_arn(backend, kwargs.get("performance_insights_kms_key_id"))
        if not is_postgres or instance.db_cluster_identifier:
            return
        if instance.storage_encrypted:
            instance.kms_key_id = _key_arn(backend, kwargs.get("kms_key_id"))
        if instance.storage_type == "gp3":
            instance.iops = instance.iops or 3000
            instance.storage_throughput = instance.storage_throughput or 125
        zones = [subnet["SubnetAvailabilityZone"]["Name"] for subnet in _subnets(instance)]
        wanted = kwargs.get("availability_zone")
        instance.availability_zone = wanted if wanted in zones else zones[0] if zones else instance.availability_zone
        instance.secondary_availability_zone = _other_zone(instance) if instance.multi_az else None
        instance.status, instance.asked, instance.restore_from = "creating", None, None
        instance.ready_at = time.monotonic() + region.control.timing("rds")

    def address(instance: Any) -> str:
        """Gap: one made-up hash, and amazonaws.com in China too."""
        place = instance.region
        suffix = region.dns_suffix(place)
        return f"{instance.db_instance_identifier}.{endpoint_hash(instance.account_id, place)}.{place}.rds.{suffix}"

    def endpoint(instance: Any) -> dict[str, Any] | None:
        """Gap: the endpoint is there from the start; RDS tells it once the instance can be reached."""
        if instance.status == "creating":
            return None
        return {"Address": instance.address, "Port": instance.port, "HostedZoneId": "Z3GCNFO8DEMUMO"}

    models.DBInstance.address = property(address)
    models.DBInstance.endpoint = property(endpoint)


def _subnets(instance: Any) -> list[dict[str, Any]]:
    group = getattr(instance, "db_subnet_group", None)
    return group.subnets if group else []


def _other_zone(instance: Any) -> str | None:
    zones = (subnet["SubnetAvailabilityZone"]["Name"] for subnet in _subnets(instance))
    return next((zone for zone in zones if zone != instance.availability_zone), None)


def _key_arn(backend: Any, key: str | None) -> str:
    if key and key.startswith("arn:"):
        return key
    prefix = f"arn:{backend.partition}:kms:{backend.region_name}:{backend.account_id}:key/"
    if key:
        return prefix + (backend.kms.get_key_id_from_alias(key) or key if key.startswith("alias/") else key)
    return prefix + str(uuid.uuid5(uuid.NAMESPACE_URL, prefix + "aws/rds"))  # the account's key for RDS


def _available(backend: Any, identifier: str) -> Any:
    instance = backend.describe_db_instances(identifier)[0]
    if instance.status != "available":
        raise exceptions.InvalidDBInstanceStateFault(f"Instance {identifier} is not in available state.")
    return instance


def _lifecycle() -> None:
    @replace(RDSResponse, "reboot_db_instance")
    def reboot(_original: Any, response: Any) -> ActionResult:
        """Gap: a reboot is nothing to moto."""
        instance = _available(response.backend, response.params["DBInstanceIdentifier"])
        failover = bool(response.params.get("ForceFailover"))
        if failover and not instance.multi_az:
            raise exceptions.InvalidParameterCombination(
                "ForceFailover cannot be specified since the instance is not configured for either MultiAZ or High "
                "Availability."
            )
        ask(instance, Request("failover" if failover else "reboot"), "rebooting")
        return ActionResult({"DBInstance": instance})

    @after(models.RDSBackend, "stop_db_instance")
    def stop(backend: Any, identifier: str, *_: Any) -> None:
        """Gap: stopped at once."""
        ask(backend.databases[identifier], Request("stop"), "stopping")

    @after(models.RDSBackend, "start_db_instance")
    def start(backend: Any, identifier: str) -> None:
        """Gap: started at once."""
        ask(backend.databases[identifier], Request("start"), "starting")

    @replace(models.RDSBackend, "delete_db_instance")
    def delete(original: Any, backend: Any, db_instance_identifier: str, **kwargs: Any) -> Any:
        """Gap: deleted at once, with a final snapshot of nothing. Here the reconciler finishes it (finish_delete)."""
        instance = backend.databases.get(db_instance_identifier)
        if instance is None or not hasattr(instance, "ready_at") or instance.deletion_protection:
            return original(db_instance_identifier, **kwargs)
        snapshot = kwargs.get("final_db_snapshot_identifier")
        if not kwargs.get("skip_final_snapshot"):
            if not snapshot:
                raise exceptions.InvalidParameterCombination(
                    "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified."
                )
            backend.create_db_snapshot(db_instance_identifier, snapshot)
        ask(instance, Request("delete", snapshot), "deleting")
        return instance

    models.RDSBackend.finish_delete = lambda backend, identifier: backend.databases.pop(identifier, None)

    @replace(models.RDSBackend, "restore_db_instance_to_point_in_time")
    def restore_to_point_in_time(_original: Any, _backend: Any, *_: Any) -> None:
        """Gap: moto answers with an empty instance; there is no write-ahead log archive here."""
        raise exceptions.InvalidParameterCombination("Restoring to a point in time is not emulated: use a snapshot.")


def _modifications() -> None:
    @replace(models.RDSBackend, "modify_db_instance")
    def modify(original: Any, backend: Any, identifier: str, changes: Any) -> Any:
        """Gap: everything applies at once. RDS keeps what restarts the instance until it may."""
        instance = backend.describe_db_instances(identifier)[0]
        if not hasattr(instance, "ready_at"):
            return original(identifier, changes)
        if instance.status not in ("available", "stopped"):
            raise exceptions.InvalidDBInstanceStateFault(
                f"Database instance is not in available state: {instance.status}"
            )
        check_password(changes.get("master_user_password"))
        if changes.get("engine_version"):
            changes["engine_version"] = latest(changes["engine_version"])
        if group := changes.get("db_parameter_group_name"):
            backend.describe_db_parameter_groups({"db_parameter_group_name": group})
        wanted = {key: changes[key] for key in PENDING if changes.get(key) is not None}
        wanted = {key: value for key, value in wanted.items() if value != getattr(instance, key, None)}
        if changes.get("apply_immediately"):
            waiting = {key: instance.pending_modified_values.get(name) for key, name in PENDING.items()}
            for key, value in waiting.items():
                if value is not None and key not in wanted:
                    changes[key] = wanted[key] = value
            instance.pending_modified_values = {}
        else:
            instance.pending_modified_values.update({PENDING[key]: value for key, value in wanted.items()})
            for key in wanted:
                changes[key] = getattr(instance, key)
            wanted = {}
        original(identifier, changes)
        if "enable_performance_insights" in changes:
            instance.performance_insights_enabled = bool(changes["enable_performance_insights"])
        if "multi_az" in wanted:
            instance.secondary_availability_zone = _other_zone(instance) if instance.multi_az else None
        restart = bool(RESTARTING & set(wanted))
        action = ("failover" if instance.multi_az else "reboot") if restart else "modify"
        ask(instance, Request(action), "modifying" if instance.status == "available" else "stopped")
        return instance


def _snapshots() -> None:
    @replace(models.DBInstance, "save_automated_backup")
    def no_backup(_original: Any, _instance: Any) -> None:
        """Gap: moto records a backup at creation that holds nothing and could not be restored."""

    @replace(models.RDSBackend, "create_db_snapshot")
    def snapshot(original: Any, backend: Any, *args: Any, **kwargs: Any) -> Any:
        """Gap: a snapshot is complete at once."""
        taken = original(*args, **kwargs)
        if hasattr(taken.database, "ready_at"):
            taken.status, taken.percent_progress = "creating", 0
        return taken

    @replace(models.RDSBackend, "restore_db_instance_from_db_snapshot")
    def restore(original: Any, backend: Any, from_snapshot_id: str, overrides: Any) -> Any:
        """Gap: moto does not know where the data is, and restores only ARNs of the aws partition."""
        identifier = from_snapshot_id.rsplit(":", 1)[-1] if from_snapshot_id.startswith("arn:") else from_snapshot_id
        taken = backend.get_db_snapshot(identifier)
        if taken.status != "available":
            raise exceptions.RDSClientError(
                "InvalidDBSnapshotState", f"Snapshot {identifier} is {taken.status}, not available."
            )
        if not overrides.get("db_subnet_group_name") and taken.database.db_subnet_group:
            overrides["db_subnet_group_name"] = taken.database.db_subnet_group.name
        instance = original(identifier, overrides)
        instance.restore_from = identifier
        return instance


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
