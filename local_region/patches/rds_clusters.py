"""RDS clusters with PostgreSQL behind them, Aurora's and Multi-AZ ones: what moto is done with at once, and drops.

What the reconciler reads on a DBCluster: `status`, `asked` (a Request or None), `ready_at`, `replication` (the
password by which readers follow the writer), `serving` (the member that runs on the cluster's data) and
`restore_from`, the snapshot whose copy is the first data.
"""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any

from moto.rds import exceptions, models

from local_region.patches._edges import ask
from local_region.patches._rds import POSTGRES, Request, check_password, endpoint_hash, family, latest
from local_region.patches._tools import replace
from local_region.patches.rds import key_arn

if TYPE_CHECKING:
    from local_region.region import Region

MEMBERS = 3  # of a Multi-AZ DB cluster
# Argument of ModifyDBCluster -> attribute of moto's DBCluster; others have one of their own name.
ATTRIBUTES = {
    "db_cluster_parameter_group_name": "parameter_group",
    "enable_iam_database_authentication": "iam_auth",
    "enable_performance_insights": "performance_insights_enabled",
}
NO_ATTRIBUTES = {"db_cluster_identifier", "apply_immediately", "cloudwatch_logs_export_configuration"}


def apply(region: Region) -> None:
    """Patch moto's DB clusters and their snapshots."""
    _clusters(region)
    _names(region)
    _members()
    _lifecycle()
    _modifications()
    _snapshots()


def is_multi_az(cluster: Any) -> bool:
    """Return whether a cluster is a Multi-AZ one, whose members come and go with it."""
    return cluster.engine == "postgres"


def _clusters(region: Region) -> None:
    @replace(models.DBCluster, "__init__")
    def create(original: Any, cluster: Any, backend: Any, **kwargs: Any) -> None:
        """Gap: nothing is checked, versions are not resolved, the groups are Aurora MySQL's."""
        engine = kwargs.get("engine")
        if engine not in POSTGRES:
            original(backend, **kwargs)
            return
        if kwargs.get("manage_master_user_password"):
            raise exceptions.InvalidParameterCombination("ManageMasterUserPassword is not emulated.")
        check_password(kwargs.get("master_user_password"))
        kwargs["engine_version"] = latest(kwargs.get("engine_version"), engine)
        zones = _zones(backend, kwargs, engine)
        group = kwargs.setdefault(
            "db_cluster_parameter_group_name", f"default.{family(kwargs['engine_version'], engine)}"
        )
        if not group.startswith("default.") and group not in backend.db_cluster_parameter_groups:
            raise exceptions.DBClusterParameterGroupNotFoundError(group)
        iam = kwargs.pop("enable_iam_database_authentication", None)  # moto refuses it for postgres
        original(backend, **kwargs)
        cluster.iam_auth = bool(iam)
        cluster.url_identifier = endpoint_hash(cluster.account_id, cluster.region)
        cluster.availability_zones = zones
        cluster.kms_key_id = key_arn(backend, kwargs.get("kms_key_id")) if cluster.storage_encrypted else None
        cluster.performance_insights_enabled = bool(kwargs.get("enable_performance_insights"))
        cluster.monitoring_interval = kwargs.get("monitoring_interval") or 0
        cluster.monitoring_role_arn = kwargs.get("monitoring_role_arn")
        if engine != "postgres":
            # moto has Aurora's storage be gp2, of which RDS says nothing.
            cluster.storage_type = kwargs.get("storage_type") if kwargs.get("storage_type") != "aurora" else None
        cluster.pending_modified_values = {}
        cluster.asked, cluster.serving, cluster.restore_from = None, None, None
        cluster.replication = secrets.token_hex(24)
        cluster.ready_at = time.monotonic()
        cluster.status = "creating"

    @replace(models.RDSBackend, "create_db_cluster")
    def create_members(original: Any, backend: Any, given: Any) -> Any:
        """Gap: an existing cluster is overwritten, and a Multi-AZ DB cluster has no instances."""
        identifier = given["db_cluster_identifier"].lower()
        if identifier in backend.clusters:
            raise exceptions.RDSClientError("DBClusterAlreadyExistsFault", f"DB Cluster {identifier} already exists")
        members = [f"{identifier}-instance-{number}" for number in range(1, MEMBERS + 1)]
        if given["engine"] != "postgres":
            return original(given)
        if not given.get("db_cluster_instance_class") or not given.get("allocated_storage"):
            raise exceptions.InvalidParameterCombination(
                "A Multi-AZ DB cluster needs DBClusterInstanceClass and AllocatedStorage."
            )
        cluster = original(given)
        for member in members:
            backend.create_db_instance(
                {
                    "db_instance_identifier": member,
                    "db_instance_class": cluster.db_cluster_instance_class,
                    "engine": cluster.engine,
                    "db_cluster_identifier": identifier,
                    "publicly_accessible": False,
                    "enable_performance_insights": cluster.performance_insights_enabled,
                    "monitoring_interval": cluster.monitoring_interval,
                    "monitoring_role_arn": cluster.monitoring_role_arn,
                    "auto_minor_version_upgrade": cluster.auto_minor_version_upgrade,
                    "tags": list(cluster.tags),
                }
            )
        return cluster


def _zones(backend: Any, given: Any, engine: str) -> list[str]:
    group = backend.describe_db_subnet_groups(given.get("db_subnet_group_name") or "default")[0]
    zones = sorted({subnet["SubnetAvailabilityZone"]["Name"] for subnet in group.subnets})
    wanted = MEMBERS if engine == "postgres" else 2
    if len(zones) < wanted:
        raise exceptions.RDSClientError(
            "DBSubnetGroupDoesNotCoverEnoughAZs",
            f"The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement. Add subnets to cover at "
            f"least {wanted} AZs.",
        )
    return zones


def _names(region: Region) -> None:
    status = models.DBCluster.status

    def get_status(cluster: Any) -> str:
        """Gap: available from the second time on that somebody asks."""
        return cluster._status if hasattr(cluster, "ready_at") else status.fget(cluster)

    def name(cluster: Any, kind: str) -> str:
        """Gap: amazonaws.com in China too."""
        place = f"{cluster.url_identifier}.{cluster.region}.rds.{region.dns_suffix(cluster.region)}"
        return f"{cluster.db_cluster_identifier}.{kind}-{place}"

    models.DBCluster.status = property(get_status, status.fset)
    models.DBCluster.endpoint = property(lambda cluster: name(cluster, "cluster"))
    models.DBCluster.reader_endpoint = property(lambda cluster: name(cluster, "cluster-ro"))


def _members() -> None:
    @replace(models.RDSBackend, "stop_db_instance")
    def stop(original: Any, backend: Any, identifier: str, *args: Any) -> Any:
        """Gap: a member can be stopped without its cluster."""
        _refuse_member(backend, identifier, "stopped")
        return original(identifier, *args)

    @replace(models.RDSBackend, "delete_db_instance")
    def delete(original: Any, backend: Any, db_instance_identifier: str, **kwargs: Any) -> Any:
        """Gap: a member of a Multi-AZ DB cluster can be deleted without its cluster."""
        instance = backend.databases.get(db_instance_identifier)
        if instance is not None and instance.engine == "postgres":
            _refuse_member(backend, db_instance_identifier, "deleted")
        return original(db_instance_identifier, **kwargs)


def _refuse_member(backend: Any, identifier: str, what: str) -> None:
    instance = backend.databases.get(identifier)
    if instance is not None and instance.db_cluster_identifier:
        raise exceptions.RDSClientError(
            "InvalidDBInstanceState",
            f"Instance {identifier} belongs to cluster {instance.db_cluster_identifier}, and is {what} with it.",
        )


def _available(backend: Any, identifier: str) -> Any:
    cluster = backend.describe_db_clusters(identifier)[0]
    if cluster.status != "available":
        raise exceptions.InvalidDBClusterStateFault(
            f"DbCluster {identifier} is in {cluster.status} state but expected it to be one of available."
        )
    return cluster


def _lifecycle() -> None:
    @replace(models.RDSBackend, "failover_db_cluster")
    def failover(original: Any, backend: Any, db_cluster_identifier: str, **kwargs: Any) -> Any:
        """Gap: the endpoint does not move."""
        _available(backend, db_cluster_identifier)
        cluster = original(db_cluster_identifier=db_cluster_identifier, **kwargs)
        if hasattr(cluster, "ready_at"):
            ask(cluster, Request("failover"), "failing-over")
        return cluster

    @replace(models.RDSBackend, "stop_db_cluster")
    def stop(original: Any, backend: Any, cluster_identifier: str) -> Any:
        """Gap: stopped at once, and a Multi-AZ DB cluster, too."""
        cluster = backend.describe_db_clusters(cluster_identifier)[0]
        if not hasattr(cluster, "ready_at"):
            return original(cluster_identifier)
        if is_multi_az(cluster):
            raise exceptions.InvalidDBClusterStateFault("A Multi-AZ DB cluster can't be stopped.")
        ask(_available(backend, cluster_identifier), Request("stop"), "stopping")
        return cluster

    @replace(models.RDSBackend, "start_db_cluster")
    def start(original: Any, backend: Any, cluster_identifier: str) -> Any:
        """Gap: started at once."""
        cluster = backend.describe_db_clusters(cluster_identifier)[0]
        if not hasattr(cluster, "ready_at") or cluster.status != "stopped":
            return original(cluster_identifier)
        for member in cluster.members:
            member.status = "starting"
        ask(cluster, Request("start"), "starting")
        return cluster

    @replace(models.RDSBackend, "delete_db_cluster")
    def delete(original: Any, backend: Any, cluster_identifier: str, snapshot_name: str | None = None) -> Any:
        """Gap: deleted at once, and not while members are being deleted. Here the reconciler finishes it."""
        cluster = backend.clusters.get(cluster_identifier)
        if not hasattr(cluster, "ready_at") or cluster.deletion_protection:
            return original(cluster_identifier, snapshot_name)
        if not is_multi_az(cluster) and any(member.status != "deleting" for member in cluster.members):
            raise exceptions.DBClusterToBeDeletedHasActiveMembers
        if snapshot_name:
            backend.create_db_cluster_snapshot(cluster_identifier, snapshot_name)
        for member in cluster.members:
            ask(member, Request("delete"), "deleting")
        ask(cluster, Request("delete", snapshot_name), "deleting")
        return cluster

    models.RDSBackend.finish_delete_cluster = lambda backend, identifier: backend.clusters.pop(identifier, None)


def _modifications() -> None:
    @replace(models.RDSBackend, "modify_db_cluster")
    def modify(original: Any, backend: Any, given: Any) -> Any:
        """Gap: several attributes are kept under names that nobody reads, and nothing reaches the members."""
        cluster = backend.describe_db_clusters(given["db_cluster_identifier"])[0]
        if not hasattr(cluster, "ready_at"):
            return original(given)
        if given.get("new_db_cluster_identifier"):
            raise exceptions.InvalidParameterCombination("NewDBClusterIdentifier is not emulated.")
        _available(backend, cluster.db_cluster_identifier)
        check_password(given.get("master_user_password"))
        if given.get("engine_version"):
            given["engine_version"] = latest(given["engine_version"], cluster.engine)
        group = given.get("db_cluster_parameter_group_name")
        if group and group not in backend.db_cluster_parameter_groups:
            raise exceptions.DBClusterParameterGroupNotFoundError(group)
        restarts = _differ(cluster, given, ("engine_version", "db_cluster_instance_class", "port"))
        for key, value in given.items():
            if value is not None and key not in NO_ATTRIBUTES:
                setattr(cluster, ATTRIBUTES.get(key, key), value)
        exports = given.get("cloudwatch_logs_export_configuration") or {}
        kept = set(cluster.enabled_cloudwatch_logs_exports) - set(exports.get("DisableLogTypes") or [])
        cluster.enabled_cloudwatch_logs_exports = sorted(kept | set(exports.get("EnableLogTypes") or []))
        for member in cluster.members:
            member.port = cluster.port
            if is_multi_az(cluster):
                member.db_instance_class = cluster.db_cluster_instance_class
                member.performance_insights_enabled = cluster.performance_insights_enabled
        ask(cluster, Request("renew" if restarts else "modify"), "modifying")
        return cluster


def _differ(cluster: Any, given: Any, keys: tuple[str, ...]) -> bool:
    return any(given.get(key) is not None and given[key] != getattr(cluster, key) for key in keys)


def _snapshots() -> None:
    @replace(models.DBCluster, "save_automated_backup")
    def no_backup(_original: Any, _cluster: Any) -> None:
        """Gap: moto records a backup at creation that holds nothing and could not be restored."""

    @replace(models.RDSBackend, "create_db_cluster_snapshot")
    def snapshot(original: Any, _backend: Any, *args: Any, **kwargs: Any) -> Any:
        """Gap: a snapshot is complete at once."""
        taken = original(*args, **kwargs)
        if hasattr(taken.cluster, "ready_at"):
            taken.status, taken.percent_progress = "creating", 0
        return taken

    @replace(models.RDSBackend, "restore_db_cluster_from_snapshot")
    def restore(original: Any, backend: Any, from_snapshot_id: str, overrides: Any) -> Any:
        """Gap: moto does not know where the data is, and finds snapshots by their names only."""
        identifier = from_snapshot_id.rsplit(":", 1)[-1] if from_snapshot_id.startswith("arn:") else from_snapshot_id
        taken = backend.get_db_cluster_snapshot(identifier)
        if taken.status != "available":
            raise exceptions.RDSClientError(
                "InvalidDBClusterSnapshotStateFault", f"Snapshot {identifier} is {taken.status}, not available."
            )
        cluster = original(identifier, overrides)
        cluster.restore_from = identifier
        return cluster

    @replace(models.RDSBackend, "restore_db_cluster_to_point_in_time")
    def restore_to_point_in_time(_original: Any, _backend: Any, *_: Any, **__: Any) -> None:
        """Gap: moto answers with an empty cluster; there is no write-ahead log archive here."""
        raise exceptions.InvalidParameterCombination("Restoring to a point in time is not emulated: use a snapshot.")
