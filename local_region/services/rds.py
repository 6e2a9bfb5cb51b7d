"""RDS instances as PostgreSQL servers: one container each, the data in a volume that outlives it."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from local_region.patches._edges import put_back, settle, take
from local_region.patches._rds import POSTGRES, Request
from local_region.services._rds_clusters import Clusters
from local_region.services._rds_servers import KIND, Servers, Settings, snapshot_folder, values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local_region.region import Region

log = logging.getLogger(__name__)


class Databases:
    """Makes DBInstances real, and has `Clusters` do so with DBClusters. Behind engine mysql there is no server."""

    name = "rds"

    def __init__(self, region: Region) -> None:
        self.region, self.engine = region, region.engine
        self.servers = Servers(region)
        self.clusters = Clusters(self.servers)

    def reconcile(self) -> None:
        """Start a job for every instance, every cluster and every snapshot under way."""
        for aws_region, backend in self.region.backends("rds"):
            for instance in _real(backend):
                if not instance.db_cluster_identifier:
                    self.region.job((KIND, self.servers.id(instance)), self._converge, aws_region, backend, instance)
            self.clusters.reconcile(aws_region, backend)

    def known(self) -> set[tuple[str, str]]:
        """Return the instances of every region, members of clusters among them."""
        return {
            (KIND, self.servers.id(instance))
            for _, backend in self.region.backends("rds")
            for instance in _real(backend)
        }

    def _converge(self, aws_region: str, backend: Any, instance: Any) -> None:
        request = take(instance)
        try:
            if request and instance.engine in POSTGRES:
                self._act(aws_region, backend, instance, request)
            elif request and request.action == "delete":
                self._take_snapshots(backend, instance)
                backend.finish_delete(instance.db_instance_identifier)
            elif request and request.action == "stop":
                settle(instance, "stopped")
        except Exception:
            put_back(instance, request)
            raise
        if instance.status in ("deleting", "stopping", "stopped") or instance not in backend.databases.values():
            return
        if instance.engine in POSTGRES:
            self._keep(aws_region, instance)
        elif instance.status != "available" and time.monotonic() >= instance.ready_at:
            settle(instance, "available")
        if instance.status == "available":
            self._take_snapshots(backend, instance)

    # -- edges

    def _act(self, aws_region: str, backend: Any, instance: Any, request: Request) -> None:
        match request.action:
            case "delete":
                self._delete(aws_region, backend, instance, request.final_snapshot)
            case "stop":
                self.servers.stop(instance)
                settle(instance, "stopped")
            case "modify":
                self.servers.configure(instance, self._settings(instance))
            case "renew":
                self.servers.stop(instance)
                self.servers.remove(instance)
            case "reboot":
                self.servers.restart(instance, self._settings(instance))
            case "failover":
                self._fail_over(instance)

    def _delete(self, aws_region: str, backend: Any, instance: Any, final_snapshot: str | None) -> None:
        if final_snapshot and self.servers.state(instance) == "running":
            self._take_snapshots(backend, instance)
        elif final_snapshot:
            backend.database_snapshots[final_snapshot].status = "failed"  # nothing runs that could be copied
        self.servers.remove(instance)
        self.engine.remove_volume(self._volume(instance))
        self.servers.forget(aws_region, instance)
        backend.finish_delete(instance.db_instance_identifier)

    def _fail_over(self, instance: Any) -> None:
        """Make way for the standby: the same data (its volume), the other zone's address; _keep starts it there."""
        self.servers.stop(instance)
        self.servers.remove(instance)
        primary, standby = instance.availability_zone, instance.secondary_availability_zone
        if standby:
            instance.availability_zone, instance.secondary_availability_zone = standby, primary
        log.info("%s fails over to %s", self.servers.id(instance), instance.availability_zone)

    # -- levels

    def _keep(self, aws_region: str, instance: Any) -> None:
        """Keep the server running, and say available once it answers."""
        self.servers.regroup(aws_region, instance)
        state = self.servers.state(instance)
        lost = state in (None, "killed", "paused") and instance.status == "available"
        if lost and instance.multi_az:
            instance.status = "rebooting"
            self._fail_over(instance)
            self.servers.start(aws_region, instance, self._settings(instance))
        elif state is None:
            self.servers.start(aws_region, instance, self._settings(instance))
        elif state not in ("running", "paused"):
            if instance.status == "available":
                instance.status = "rebooting"
            self.engine.put(KIND, self.servers.id(instance), self.servers.files(instance, self._settings(instance)))
            self.engine.get(KIND, self.servers.id(instance)).start()
        due = instance.status != "available" and time.monotonic() >= instance.ready_at
        if due and self.servers.is_ready(aws_region, instance) and settle(instance, "available"):
            self.region.wake.set()

    def _take_snapshots(self, backend: Any, instance: Any) -> None:
        for snapshot in list(backend.database_snapshots.values()):
            if snapshot.status == "creating" and snapshot.dbi_resource_id == instance.dbi_resource_id:
                if instance.engine in POSTGRES:
                    self.servers.take_snapshot(instance, snapshot_folder(backend, snapshot.db_snapshot_identifier))
                snapshot.status, snapshot.percent_progress = "available", 100
        if instance.engine in POSTGRES:
            self.servers.forget_snapshots(instance)

    @staticmethod
    def _volume(instance: Any) -> str:
        return f"rds-{instance.dbi_resource_id.lower()}"

    def _settings(self, instance: Any) -> Settings:
        group = instance.db_parameter_groups()[0]
        restored = instance.restore_from
        return Settings(
            user=instance.master_username,
            password=instance._master_user_password,
            database=instance.db_name,
            family=group.family,
            parameters=values(group),
            names=(instance.address,),
            volume=self._volume(instance),
            snapshot=snapshot_folder(instance.backend, restored) if restored else None,
        )


def _real(backend: Any) -> Iterator[Any]:
    return (instance for instance in list(backend.databases.values()) if hasattr(instance, "ready_at"))
