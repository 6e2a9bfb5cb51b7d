"""One PostgreSQL server for each DB instance: its container, its address and its names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from local_region.services._postgres import access, bootstrap, configuration, follow, force_ssl, set_password
from local_region.services._tcp import answers

if TYPE_CHECKING:
    from local_region.engine import Files
    from local_region.region import Placement, Region

KIND = "rds"
SNAPSHOTS_VOLUME = "rds-snapshots"
COMMAND = "postgres-instance"
DATA_FOLDER, SNAPSHOTS_FOLDER = "/var/lib/rds", "/var/lib/rds-snapshots"


@dataclass(frozen=True)
class Settings:
    """What a server is made of.

    names: in its certificate, its own first. volume: its data; none for a reader, which copies its writer's.
    replication: the password by which readers follow. writer: the address that a reader follows. snapshot: the first
    data's folder.
    """

    user: str
    password: str
    database: str | None
    family: str
    parameters: dict[str, str]
    names: tuple[str, ...]
    volume: str | None = None
    replication: str = ""
    writer: str | None = None
    snapshot: str | None = None


class Servers:
    """Starts, configures and places servers; DB instances and clusters decide when."""

    def __init__(self, region: Region) -> None:
        self.region, self.engine = region, region.engine
        self.placements: dict[str, dict[str, Placement]] = {}  # resource id -> zone -> address
        self.names: dict[str, str] = {}  # resource id -> DNS name
        self.taken: set[str] = set()  # folders in the snapshots' volume

    @staticmethod
    def id(instance: Any) -> str:
        """Return the id of an instance's container."""
        return f"{instance.region}.{instance.db_instance_identifier}"

    def state(self, instance: Any) -> str | None:
        """Return what an instance's container is doing."""
        return self.engine.state(KIND, self.id(instance))

    def start(self, aws_region: str, instance: Any, settings: Settings) -> None:
        """Start an instance's server at its address, and let its name lead there."""
        placement = self.placement(aws_region, instance)
        volumes = {settings.volume: DATA_FOLDER, SNAPSHOTS_VOLUME: SNAPSHOTS_FOLDER} if settings.volume else {}
        bootstrapped = bootstrap(settings.user, settings.password, settings.database, settings.replication)
        self.engine.create(
            KIND,
            self.id(instance),
            self.engine.data_image,
            placement.network,
            placement.ip,
            files={**self.files(instance, settings), "/rds/bootstrap.sql": (bootstrapped.encode(), 0o600)},
            command=[COMMAND],
            environment={"PGPORT": str(instance.port)},
            stop_signal="SIGINT",  # fast shutdown: sessions are ended, as RDS does
            shm_size="256m",
            volumes={self.engine.volume(name): {"bind": path, "mode": "rw"} for name, path in volumes.items()},
        )
        self.region.names.pop(self.names.get(instance.dbi_resource_id, ""), None)  # it may have been renamed
        self.names[instance.dbi_resource_id] = instance.address
        self.region.names[instance.address] = placement.ip

    def stop(self, instance: Any) -> None:
        """Stop an instance's server in good order; its container stays."""
        if self.state(instance) == "running":
            self.engine.get(KIND, self.id(instance)).stop(timeout=20)

    def restart(self, instance: Any, settings: Settings) -> None:
        """Restart an instance's server with what it is told now."""
        self.engine.put(KIND, self.id(instance), self.files(instance, settings))
        self.engine.get(KIND, self.id(instance)).restart(timeout=20)

    def remove(self, instance: Any) -> None:
        """Take an instance's container away; the data is in a volume, or the writer's."""
        self.engine.remove(KIND, self.id(instance))

    def forget(self, aws_region: str, instance: Any) -> None:
        """Give an instance's names and addresses back."""
        self.region.names.pop(self.names.pop(instance.dbi_resource_id, ""), None)
        for placement in self.placements.pop(instance.dbi_resource_id, {}).values():
            self.region.release(aws_region, placement)

    def configure(self, instance: Any, settings: Settings) -> None:
        """Hand over what changed; PostgreSQL itself knows which parameters take a restart."""
        if self.state(instance) != "running":
            return
        self.engine.put(KIND, self.id(instance), self.files(instance, settings))
        self.run(instance, "reload")
        if settings.writer:
            return  # a reader has the password from its writer
        sql = set_password(settings.user, settings.password).encode()
        self.engine.put(KIND, self.id(instance), {"/rds/password.sql": (sql, 0o600)})
        self.run(instance, "sql", "/rds/password.sql")

    def is_ready(self, aws_region: str, instance: Any) -> bool:
        """Ask over the network, and ask the server itself: it listens before it has recovered."""
        if self.state(instance) != "running" or not answers(self.placement(aws_region, instance).ip, instance.port):
            return False
        return bool(self.engine.get(KIND, self.id(instance)).exec_run(["pg_isready", "-q"]).exit_code == 0)

    def run(self, instance: Any, *arguments: str) -> None:
        """Run the server's command in its container; RuntimeError when it fails."""
        done = self.engine.get(KIND, self.id(instance)).exec_run([COMMAND, *arguments])
        if done.exit_code:
            raise RuntimeError(f"{self.id(instance)}: {COMMAND} {arguments[0]}: {done.output.decode(errors='replace')}")

    # -- addresses

    def placement(self, aws_region: str, instance: Any) -> Placement:
        """Return the address in the instance's zone; each zone's is taken once and kept."""
        placements = self.placements.setdefault(instance.dbi_resource_id, {})
        zone = instance.availability_zone
        if zone not in placements:
            placements[zone] = self.region.place(
                aws_region,
                [self._subnet(aws_region, instance)],
                "RDSNetworkInterface",
                cluster=instance.cluster.arn if instance.db_cluster_identifier else "",
            )
        return placements[zone]

    def regroup(self, aws_region: str, instance: Any) -> None:
        """Put an instance's addresses into its security groups."""
        for placement in self.placements.get(instance.dbi_resource_id, {}).values():
            self.region.regroup(aws_region, placement, instance.vpc_security_group_ids)

    def _subnet(self, aws_region: str, instance: Any) -> str:
        group = instance.db_subnet_group
        if group is None:
            return self.region.backend("ec2", aws_region).get_default_subnets()[instance.availability_zone].id
        zones = {subnet["SubnetAvailabilityZone"]["Name"]: subnet["SubnetIdentifier"] for subnet in group.subnets}
        return zones[instance.availability_zone]

    # -- files

    def files(self, instance: Any, settings: Settings) -> Files:
        """Return what a server is told, by path."""
        certificate, key = self.region.authority.issue(*settings.names)
        tls = force_ssl(settings.family, settings.parameters)
        files = {
            "/rds/cert.pem": (certificate, 0o644),
            "/rds/key.pem": (key, 0o600),
            "/rds/pg_hba.conf": (access(tls, bool(settings.replication)).encode(), 0o644),
            "/rds/parameters.conf": (configuration(settings.parameters).encode(), 0o644),
        }
        if settings.snapshot:
            files["/rds/restore-from"] = (settings.snapshot.encode(), 0o644)
        if settings.writer:
            files["/rds/writer"] = (follow(settings.writer, instance.port).encode(), 0o644)
            files["/rds/pgpass"] = (f"*:*:*:*:{settings.replication}\n".encode(), 0o600)
        return files

    # -- snapshots

    def take_snapshot(self, instance: Any, folder: str) -> None:
        """Copy a running server's data."""
        self.run(instance, "snapshot", folder)
        self.taken.add(folder)

    def copy_volume(self, volume: str, folder: str) -> None:
        """Copy the data of a server that is stopped."""
        volumes = {volume: DATA_FOLDER, SNAPSHOTS_VOLUME: SNAPSHOTS_FOLDER}
        self.engine.docker.containers.run(
            self.engine.data_image,
            [COMMAND, "copy", folder],
            network_mode="none",
            remove=True,
            volumes={self.engine.volume(name): {"bind": path, "mode": "rw"} for name, path in volumes.items()},
        )
        self.taken.add(folder)

    def forget_snapshots(self, instance: Any) -> None:
        """Remove the copies of snapshots that are deleted, by a server that is running."""
        kept = {
            folder
            for _, backend in self.region.backends("rds")
            for folder in (
                *(snapshot_folder(backend, each) for each in list(backend.database_snapshots)),
                *(cluster_snapshot_folder(backend, each) for each in list(backend.cluster_snapshots)),
            )
        }
        for folder in self.taken - kept:
            self.run(instance, "forget", folder)
            self.taken.discard(folder)


def snapshot_folder(backend: Any, identifier: str) -> str:
    """Return where an instance's snapshot is kept."""
    return f"{backend.region_name}.{identifier}".replace(":", "_")


def cluster_snapshot_folder(backend: Any, identifier: str) -> str:
    """Return where a cluster's snapshot is kept."""
    return f"{backend.region_name}.cluster.{identifier}".replace(":", "_")


def values(*groups: Any) -> dict[str, str]:
    """Return what parameter groups set, the last one's word counting."""
    return {name: str(entry["ParameterValue"]) for group in groups for name, entry in group.parameters.items()}
