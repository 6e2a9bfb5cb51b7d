"""RDS instances: where moto is done at once something real must become ready, and what it drops.

What the reconciler reads on a DBInstance: `status`, `asked` (a Request or None), `ready_at`, both its zones,
and `restore_from`, the snapshot whose copy is the first data. Members of a cluster are instances, too.
"""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any

from moto.core.responses import ActionResult
from moto.kms.utils import RESERVED_ALIASE_TARGET_KEY_IDS
from moto.rds import exceptions, models
from moto.rds.responses import RDSResponse

from local_region.patches._edges import ask
from local_region.patches._rds import ENGINE_VERSIONS, Request, check_password, endpoint_hash, latest
from local_region.patches._tools import after, replace

if TYPE_CHECKING:
    from local_region.region import Region

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


def apply(region: Region) -> None:
    """Patch moto's DB instances and snapshots."""
    _instances(region)
    _lifecycle()
    _modifications()
    _snapshots()


def _instances(region: Region) -> None:
    @replace(models.DBInstance, "__init__")
    def create(original: Any, instance: Any, backend: Any, **kwargs: Any) -> None:
        """Gap: versions are not resolved, zones not the subnet group's, gp3 has no Iops, all have one resource id."""
        engine, cluster = kwargs.get("engine"), backend.clusters.get(kwargs.get("db_cluster_identifier") or "")
        if engine in ENGINE_VERSIONS and cluster is None:
            if kwargs.get("manage_master_user_password"):
                raise exceptions.InvalidParameterCombination("ManageMasterUserPassword is not emulated.")
            check_password(kwargs.get("master_user_password"))
            kwargs["engine_version"] = latest(kwargs.get("engine_version"), engine)
        if hasattr(cluster, "ready_at"):
            kwargs["db_subnet_group_name"] = cluster.db_subnet_group_name  # moto gives a member none
            kwargs["port"] = cluster.port
        original(backend, **kwargs)
        instance.dbi_resource_id = f"db-{uuid.uuid4().hex[:26].upper()}"
        instance.pending_modified_values = {}
        instance.performance_insights_enabled = bool(kwargs.get("enable_performance_insights"))
        if instance.performance_insights_enabled:
            instance.performance_insights_retention_period = kwargs.get("performance_insights_retention_period") or 7
            instance.performance_insights_kms_key_id = key_arn(backend, kwargs.get("performance_insights_kms_key_id"))
        if hasattr(cluster, "ready_at"):
            instance.availability_zone = _emptiest_zone(backend, cluster, instance)
        elif cluster is None and engine in ENGINE_VERSIONS:
            _stand_alone(backend, instance, kwargs)
        else:
            return
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


def _stand_alone(backend: Any, instance: Any, given: dict[str, Any]) -> None:
    """Give an instance that is no cluster's member its key, its storage's speed and its zones."""
    if instance.storage_encrypted:
        instance.kms_key_id = key_arn(backend, given.get("kms_key_id"))
    if instance.storage_type == "gp3":
        iops, throughput = (12000, 500) if instance.allocated_storage >= 400 else (3000, 125)
        instance.iops = instance.iops or iops
        instance.storage_throughput = instance.storage_throughput or throughput
    zones, wanted = _zones(instance), given.get("availability_zone")
    instance.availability_zone = wanted if wanted in zones else zones[0] if zones else instance.availability_zone
    instance.secondary_availability_zone = _other_zone(instance) if instance.multi_az else None


def _zones(instance: Any) -> list[str]:
    group = getattr(instance, "db_subnet_group", None)
    return [subnet["SubnetAvailabilityZone"]["Name"] for subnet in group.subnets] if group else []


def _other_zone(instance: Any) -> str | None:
    return next((zone for zone in _zones(instance) if zone != instance.availability_zone), None)


def _emptiest_zone(backend: Any, cluster: Any, instance: Any) -> str:
    taken = [
        each.availability_zone
        for each in backend.databases.values()
        if each.db_cluster_identifier == cluster.db_cluster_identifier
    ]
    return min(_zones(instance), key=taken.count)


def key_arn(backend: Any, key: str | None) -> str:
    """Return the ARN of a key that was named by ARN, id or alias; without one, of RDS's own."""
    if key and key.startswith("arn:"):
        return key
    prefix = f"arn:{backend.partition}:kms:{backend.region_name}:{backend.account_id}:key/"
    if key:
        return prefix + (backend.kms.get_key_id_from_alias(key) or key if key.startswith("alias/") else key)
    return prefix + RESERVED_ALIASE_TARGET_KEY_IDS["alias/aws/rds"]


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
        if not instance.db_cluster_identifier and not kwargs.get("skip_final_snapshot"):
            if not snapshot:
                raise exceptions.InvalidParameterCombination(
                    "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified."
                )
            backend.create_db_snapshot(db_instance_identifier, snapshot)
        ask(instance, Request("delete", snapshot), "deleting")
        return instance

    models.RDSBackend.finish_delete = lambda backend, identifier: backend.databases.pop(identifier, None)

    @replace(models.RDSBackend, "create_db_instance_read_replica")
    def replica(_original: Any, _backend: Any, _given: Any) -> None:
        """Gap: moto's replica is a copy of the record, which would be a second server on the same data."""
        raise exceptions.InvalidParameterCombination("Read replicas are not emulated.")

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
            changes["engine_version"] = latest(changes["engine_version"], instance.engine)
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
        port = changes.pop("db_port_number", None) or instance.port  # moto keeps it under another name
        renew, instance.port = port != instance.port, port
        original(identifier, changes)
        if "enable_performance_insights" in changes:
            instance.performance_insights_enabled = bool(changes["enable_performance_insights"])
        if "multi_az" in wanted:
            instance.secondary_availability_zone = _other_zone(instance) if instance.multi_az else None
        restart = bool(RESTARTING & set(wanted)) and instance.status == "available"
        action = ("failover" if instance.multi_az else "reboot") if restart else "modify"
        action = "renew" if renew and instance.status == "available" else action
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
