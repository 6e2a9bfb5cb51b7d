"""RDS clusters: a writer on the cluster's data, readers that follow it, and names that lead to both.

As Aurora does, and unlike PostgreSQL's own failover, the data stays and the writer changes: the volume is the
cluster's, and whichever member writes runs on it. A reader copies the data anew whenever its container is made.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from local_region.patches._edges import put_back, settle, take
from local_region.patches.rds_clusters import is_multi_az
from local_region.services._rds_servers import KIND, Settings, cluster_snapshot_folder, values

if TYPE_CHECKING:
    from local_region.patches._rds import Request
    from local_region.services._rds_servers import Servers

log = logging.getLogger(__name__)

CLUSTER = "rds-cluster"
GONE = (None, "killed", "paused")


class Clusters:
    """Makes DBClusters with PostgreSQL real, one job for a cluster with its members."""

    def __init__(self, servers: Servers) -> None:
        self.servers, self.region, self.engine = servers, servers.region, servers.engine

    def reconcile(self, aws_region: str, backend: Any) -> None:
        """Start a job for every cluster."""
        for cluster in list(backend.clusters.values()):
            if hasattr(cluster, "ready_at"):
                self.region.job((CLUSTER, cluster.arn), self._converge, aws_region, backend, cluster)

    def _converge(self, aws_region: str, backend: Any, cluster: Any) -> None:
        request = take(cluster)
        try:
            deleting = request is not None and request.action == "delete"
            self._remove_members(aws_region, backend, cluster, every=deleting)
            if request and deleting:
                return self._delete(backend, cluster, request.final_snapshot)
            if request:
                self._act(cluster, request)
        except Exception:
            put_back(cluster, request)
            raise
        if cluster.status in ("stopping", "stopped"):
            return None
        self._keep(aws_region, cluster)
        self._settle(cluster)
        self._take_snapshots(backend, cluster)
        return None

    # -- edges

    def _remove_members(self, aws_region: str, backend: Any, cluster: Any, *, every: bool) -> None:
        for member in [each for each in cluster._members if every or _goes(each)]:
            take(member)
            self.servers.stop(member)
            self.servers.remove(member)
            self.servers.forget(aws_region, member)
            backend.finish_delete(member.db_instance_identifier)
            if cluster.serving == member.dbi_resource_id:
                cluster.serving = None

    def _delete(self, backend: Any, cluster: Any, final_snapshot: str | None) -> None:
        if final_snapshot:
            self._take_snapshots(backend, cluster)
        self.engine.remove_volume(self._volume(cluster))
        for name in (cluster.endpoint, cluster.reader_endpoint):
            self.region.names.pop(name, None)
        backend.finish_delete_cluster(cluster.db_cluster_identifier)

    def _act(self, cluster: Any, request: Request) -> None:
        for member in cluster.members:
            match request.action:
                case "modify":
                    self.servers.configure(member, self._settings(cluster, member))
                case "stop":
                    self.servers.stop(member)
                    settle(member, "stopped")
                case "renew":
                    member.status = "modifying"
                    self.servers.stop(member)
                    self.servers.remove(member)
        if request.action == "stop":
            settle(cluster, "stopped")

    # -- levels

    def _keep(self, aws_region: str, cluster: Any) -> None:
        """Keep every member's server running, the writer's first, and let the names lead to them."""
        members = cluster.members
        for member in members:
            self._member_request(cluster, member)
            self.servers.regroup(aws_region, member)
        if not members:
            return
        self._replace_lost_writer(cluster)
        self._change_writer(cluster)
        writer = cluster.writer
        readers = [member for member in members if member is not writer]
        self._serve(aws_region, cluster, writer)
        if writer.status == "available":
            for reader in readers:
                self._serve(aws_region, cluster, reader)
        self._publish(aws_region, cluster, writer, readers)

    def _member_request(self, cluster: Any, member: Any) -> None:
        """Do what was asked of one member: its class changed, or it shall be rebooted."""
        request = take(member)
        if not request:
            return
        if request.action == "delete":
            put_back(member, request)  # asked for in the meantime: the next round's
        elif request.action == "modify":
            self.servers.configure(member, self._settings(cluster, member))
        elif self.servers.state(member) == "running":
            self.servers.restart(member, self._settings(cluster, member))

    def _replace_lost_writer(self, cluster: Any) -> None:
        """Have a reader write when the writer is lost, if there is one that runs."""
        writer = cluster.writer
        if writer.status != "available" or self.servers.state(writer) not in GONE:
            return
        running = (
            member
            for member in sorted(cluster.members, key=lambda each: each.promotion_tier)
            if member is not writer and member.status == "available" and self.servers.state(member) == "running"
        )
        writer.status = "rebooting"
        if heir := next(running, None):
            log.info("%s is lost, %s writes", writer.db_instance_identifier, heir.db_instance_identifier)
            cluster.failover(heir)

    def _change_writer(self, cluster: Any) -> None:
        """Free the data from the member that wrote, and the member that will from its copy: `_serve` starts both."""
        writer = cluster.writer
        if cluster.serving == writer.dbi_resource_id:
            return
        before = [member for member in cluster.members if member.dbi_resource_id == cluster.serving]
        for member in (*before, writer):
            self.servers.stop(member)
            self.servers.remove(member)
            if member.status == "available":
                member.status = "rebooting"
        cluster.serving = writer.dbi_resource_id

    def _serve(self, aws_region: str, cluster: Any, member: Any) -> None:
        """Keep a member's server running, and say available once it answers."""
        state, reader = self.servers.state(member), member is not cluster.writer
        if state not in (None, "running") and reader:
            self.servers.remove(member)  # what it missed may be gone from the writer's log
            state = None
        if state != "running" and member.status == "available":
            member.status = "rebooting"
        if state is None:
            self.servers.start(aws_region, member, self._settings(cluster, member))
        elif state == "paused":
            self.engine.get(KIND, self.servers.id(member)).unpause()
        elif state != "running":
            self.servers.restart(member, self._settings(cluster, member))
        due = member.status != "available" and time.monotonic() >= member.ready_at
        if due and self.servers.is_ready(aws_region, member) and settle(member, "available"):
            self.region.wake.set()

    def _publish(self, aws_region: str, cluster: Any, writer: Any, readers: list[Any]) -> None:
        """Let the cluster's names lead to its members; its readers' to the writer while there are none."""
        ready = [member for member in readers if member.status == "available"]
        address = self.servers.placement(aws_region, writer).ip
        moved = self.region.names.get(cluster.endpoint) not in (None, address)
        self.region.names[cluster.endpoint] = address
        self.region.names[cluster.reader_endpoint] = self.servers.placement(aws_region, (*ready, writer)[0]).ip
        if moved:
            for reader in ready:
                self.servers.configure(reader, self._settings(cluster, reader))

    def _settle(self, cluster: Any) -> None:
        members = cluster.members
        created = cluster.status == "creating" and not is_multi_az(cluster)  # Aurora's members come later
        if cluster.status != "available" and (created or all(each.status == "available" for each in members)):
            settle(cluster, "available")
            self.region.wake.set()

    # -- snapshots

    def _take_snapshots(self, backend: Any, cluster: Any) -> None:
        writer = cluster.writer
        running = (
            writer if writer and writer.status == "available" and self.servers.state(writer) == "running" else None
        )
        for snapshot in list(backend.cluster_snapshots.values()):
            mine = snapshot.cluster.db_cluster_resource_id == cluster.db_cluster_resource_id
            if not mine or snapshot.status != "creating":
                continue
            folder = cluster_snapshot_folder(backend, snapshot.db_cluster_snapshot_identifier)
            if running:
                self.servers.take_snapshot(running, folder)
            elif not cluster._members or cluster.status == "stopped":
                self.servers.copy_volume(self._volume(cluster), folder)
            else:
                continue
            snapshot.status, snapshot.percent_progress = "available", 100
        if running:
            self.servers.forget_snapshots(running)

    # -- what a member needs

    @staticmethod
    def _volume(cluster: Any) -> str:
        return f"rds-{cluster.db_cluster_resource_id.lower()}"

    def _settings(self, cluster: Any, member: Any) -> Settings:
        writer = cluster.writer
        restored = cluster.restore_from
        group = cluster.backend.describe_db_cluster_parameter_groups(cluster.parameter_group)[0]
        return Settings(
            user=cluster.master_username,
            password=cluster._master_user_password,
            database=cluster.database_name,
            family=group.db_parameter_group_family,
            parameters=values(group, member.db_parameter_groups()[0]),
            names=(member.address, cluster.endpoint, cluster.reader_endpoint),
            volume=self._volume(cluster) if member is writer else None,
            replication=cluster.replication,
            writer=None if member is writer else self.servers.placement(cluster.region, writer).ip,
            snapshot=cluster_snapshot_folder(cluster.backend, restored) if restored and member is writer else None,
        )


def _goes(member: Any) -> bool:
    return member.status == "deleting" or (member.asked is not None and member.asked.action == "delete")
