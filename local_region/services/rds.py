"""RDS instances as PostgreSQL servers: one container each, the data in a volume that outlives it."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from local_region.patches._edges import put_back, settle, take
from local_region.patches._rds import Request
from local_region.services._tcp import answers

if TYPE_CHECKING:
    from local_region.engine import Files
    from local_region.region import Placement, Region

log = logging.getLogger(__name__)

KIND = "rds"
SNAPSHOTS_VOLUME = "rds-snapshots"
COMMAND = "postgres-instance"
PRELOADABLE = {"auto_explain", "pg_prewarm", "pg_stat_statements"}  # RDS has more libraries than Debian's package


def quote_literal(value: str) -> str:
    """Return an SQL string literal."""
    return "'" + value.replace("'", "''") + "'"


def quote_identifier(value: str) -> str:
    """Return an SQL identifier."""
    return '"' + value.replace('"', '""') + '"'


def set_password(user: str, password: str) -> str:
    """Return the SQL that gives the master user its password, and keeps it out of the server's log."""
    return (
        "SET log_statement = 'none';\nSET log_min_error_statement = 'panic';\n"
        f"ALTER ROLE {quote_identifier(user)} PASSWORD {quote_literal(password)};\n"
    )


def bootstrap(user: str, password: str, database: str | None) -> str:
    """Return the SQL of a new or restored instance: RDS's roles, the master user (no superuser), its database."""
    roles = {"rds_superuser": "NOLOGIN", "rds_iam": "NOLOGIN", user: "LOGIN CREATEROLE CREATEDB"}
    lines = []
    for role, options in roles.items():
        create = f"CREATE ROLE {quote_identifier(role)} {options}"
        lines.append(
            f"SELECT {quote_literal(create)} WHERE NOT EXISTS "
            f"(SELECT FROM pg_roles WHERE rolname = {quote_literal(role)}) \\gexec"
        )
    lines += [
        "GRANT pg_monitor, pg_signal_backend, pg_checkpoint TO rds_superuser WITH ADMIN OPTION;",
        f"GRANT rds_superuser TO {quote_identifier(user)};",
        f"ALTER DATABASE postgres OWNER TO {quote_identifier(user)};",
    ]
    if database:
        create = f"CREATE DATABASE {quote_identifier(database)} OWNER {quote_identifier(user)}"
        lines.append(
            f"SELECT {quote_literal(create)} WHERE NOT EXISTS "
            f"(SELECT FROM pg_database WHERE datname = {quote_literal(database)}) \\gexec"
        )
    return "\n".join(lines) + "\n" + set_password(user, password)


def access(force_ssl: bool) -> str:
    """Return pg_hba.conf: rdsadmin by the socket only, all others by TLS if that is forced."""
    lines = ["local all rdsadmin trust", "local replication rdsadmin trust", "host all rdsadmin all reject"]
    return "\n".join([*lines, f"{'hostssl' if force_ssl else 'host'} all all all scram-sha-256", ""])


def configuration(given: dict[str, str]) -> str:
    """Return postgresql.conf lines of a parameter group's values; RDS's formulas ({...}) are left to the defaults."""
    lines = []
    for name, value in sorted(given.items()):
        if "{" in value or name.startswith("rds."):
            continue
        if name == "shared_preload_libraries":
            value = ",".join(part for part in value.split(",") if part.strip() in PRELOADABLE)
        lines.append(f"{name} = {quote_literal(value)}")
    return "\n".join([*lines, ""])


def force_ssl(family: str, given: dict[str, str]) -> bool:
    """Return whether connections without TLS are refused: rds.force_ssl, on by default since PostgreSQL 15."""
    default = "1" if int(family.removeprefix("postgres")) >= 15 else "0"
    return given.get("rds.force_ssl", default) == "1"


class Databases:
    """Makes DBInstances of engine postgres real."""

    name = "rds"

    def __init__(self, region: Region) -> None:
        self.region, self.engine = region, region.engine
        self.placements: dict[str, dict[str, Placement]] = {}  # resource id -> zone -> address
        self.names: dict[str, str] = {}  # resource id -> DNS name
        self.taken: set[str] = set()  # folders in the snapshots' volume

    def reconcile(self) -> None:
        """Start a job for every instance and every snapshot under way."""
        for aws_region, backend in self.region.backends("rds"):
            for instance in list(backend.databases.values()):
                if hasattr(instance, "ready_at"):
                    self.region.job((KIND, self._id(instance)), self._converge, aws_region, backend, instance)

    def known(self) -> set[tuple[str, str]]:
        """Return the instances of every region."""
        return {
            (KIND, self._id(instance))
            for _, backend in self.region.backends("rds")
            for instance in list(backend.databases.values())
            if hasattr(instance, "ready_at")
        }

    @staticmethod
    def _id(instance: Any) -> str:
        return f"{instance.region}.{instance.db_instance_identifier}"

    def _converge(self, aws_region: str, backend: Any, instance: Any) -> None:
        request = take(instance)
        try:
            if request:
                self._act(aws_region, backend, instance, request)
        except Exception:
            put_back(instance, request)
            raise
        if instance.status in ("deleting", "stopping", "stopped") or instance not in backend.databases.values():
            return
        self._keep(aws_region, instance)
        if instance.status == "available":
            self._take_snapshots(backend, instance)

    # -- edges

    def _act(self, aws_region: str, backend: Any, instance: Any, request: Request) -> None:
        match request.action:
            case "delete":
                self._delete(aws_region, backend, instance, request.final_snapshot)
            case "stop":
                if self.engine.state(KIND, self._id(instance)) == "running":
                    self.engine.get(KIND, self._id(instance)).stop(timeout=20)
                settle(instance, "stopped")
            case "modify":
                self._configure(instance)
            case "reboot":
                self.engine.put(KIND, self._id(instance), self._files(instance))
                self.engine.get(KIND, self._id(instance)).restart(timeout=20)
            case "failover":
                self._fail_over(instance)

    def _delete(self, aws_region: str, backend: Any, instance: Any, final_snapshot: str | None) -> None:
        if final_snapshot and self.engine.state(KIND, self._id(instance)) == "running":
            self._take_snapshots(backend, instance)
        elif final_snapshot:
            backend.database_snapshots[final_snapshot].status = "failed"  # nothing runs that could be copied
        self.engine.remove(KIND, self._id(instance))
        self.engine.remove_volume(self._volume(instance))
        self.region.names.pop(self.names.pop(instance.dbi_resource_id, ""), None)
        for placement in self.placements.pop(instance.dbi_resource_id, {}).values():
            self.region.release(aws_region, placement)
        backend.finish_delete(instance.db_instance_identifier)

    def _configure(self, instance: Any) -> None:
        """Hand over what changed; PostgreSQL itself knows which parameters take a restart."""
        if self.engine.state(KIND, self._id(instance)) != "running":
            return
        self.engine.put(KIND, self._id(instance), self._files(instance))
        self._run(instance, "reload")
        self.engine.put(KIND, self._id(instance), {"/rds/password.sql": (self._password_sql(instance), 0o600)})
        self._run(instance, "sql", "/rds/password.sql")

    def _fail_over(self, instance: Any) -> None:
        """Make way for the standby: the same data (its volume), the other zone's address; _keep starts it there."""
        container_id = self._id(instance)
        if self.engine.state(KIND, container_id) == "running":
            self.engine.get(KIND, container_id).stop(timeout=10)
        self.engine.remove(KIND, container_id)
        primary, standby = instance.availability_zone, instance.secondary_availability_zone
        if standby:
            instance.availability_zone, instance.secondary_availability_zone = standby, primary
        log.info("%s fails over to %s", container_id, instance.availability_zone)

    # -- levels

    def _keep(self, aws_region: str, instance: Any) -> None:
        """Keep the server running, and say available once it answers."""
        container_id = self._id(instance)
        state = self.engine.state(KIND, container_id)
        lost = state in (None, "killed", "paused") and instance.status == "available"
        if lost and instance.multi_az:
            instance.status = "rebooting"
            self._fail_over(instance)
            self._start(aws_region, instance)
        elif state is None:
            self._start(aws_region, instance)
        elif state not in ("running", "paused"):
            if instance.status == "available":
                instance.status = "rebooting"
            self.engine.put(KIND, container_id, self._files(instance))
            self.engine.get(KIND, container_id).start()
        due = instance.status != "available" and time.monotonic() >= instance.ready_at
        if due and self._is_ready(aws_region, instance) and settle(instance, "available"):
            self.region.wake.set()

    def _is_ready(self, aws_region: str, instance: Any) -> bool:
        """Ask over the network, and ask the server itself: it listens before it has recovered."""
        container_id, ip = self._id(instance), self._placement(aws_region, instance).ip
        if self.engine.state(KIND, container_id) != "running" or not answers(ip, instance.port):
            return False
        return bool(self.engine.get(KIND, container_id).exec_run(["pg_isready", "-q"]).exit_code == 0)

    def _start(self, aws_region: str, instance: Any) -> None:
        placement = self._placement(aws_region, instance)
        volumes = {self._volume(instance): "/var/lib/rds", SNAPSHOTS_VOLUME: "/var/lib/rds-snapshots"}
        self.engine.create(
            KIND,
            self._id(instance),
            self.engine.data_image,
            placement.network,
            placement.ip,
            files={**self._files(instance), "/rds/bootstrap.sql": (self._bootstrap_sql(instance), 0o600)},
            command=[COMMAND],
            environment={"PGPORT": str(instance.port)},
            stop_signal="SIGINT",  # fast shutdown: sessions are ended, as RDS does
            shm_size="256m",
            volumes={self.engine.volume(name): {"bind": path, "mode": "rw"} for name, path in volumes.items()},
        )
        self.region.names.pop(self.names.get(instance.dbi_resource_id, ""), None)  # it may have been renamed
        self.names[instance.dbi_resource_id] = instance.address
        self.region.names[instance.address] = placement.ip

    def _take_snapshots(self, backend: Any, instance: Any) -> None:
        for snapshot in list(backend.database_snapshots.values()):
            if snapshot.status == "creating" and snapshot.dbi_resource_id == instance.dbi_resource_id:
                self._run(instance, "snapshot", self._snapshot(backend, snapshot.db_snapshot_identifier))
                snapshot.status, snapshot.percent_progress = "available", 100
                self.taken.add(self._snapshot(backend, snapshot.db_snapshot_identifier))
        kept = {
            self._snapshot(other, identifier)
            for _, other in self.region.backends("rds")
            for identifier in list(other.database_snapshots)
        }
        for folder in self.taken - kept:
            self._run(instance, "forget", folder)
            self.taken.discard(folder)

    # -- what an instance needs

    def _run(self, instance: Any, *arguments: str) -> None:
        done = self.engine.get(KIND, self._id(instance)).exec_run([COMMAND, *arguments])
        if done.exit_code:
            raise RuntimeError(
                f"{self._id(instance)}: {COMMAND} {arguments[0]}: {done.output.decode(errors='replace')}"
            )

    def _placement(self, aws_region: str, instance: Any) -> Placement:
        """Return the address in the instance's zone; each zone's is taken once and kept."""
        placements = self.placements.setdefault(instance.dbi_resource_id, {})
        zone = instance.availability_zone
        if zone not in placements:
            placements[zone] = self.region.place(
                aws_region, [self._subnet(aws_region, instance)], "RDSNetworkInterface"
            )
        return placements[zone]

    def _subnet(self, aws_region: str, instance: Any) -> str:
        group = instance.db_subnet_group
        if group is None:
            return self.region.backend("ec2", aws_region).get_default_subnets()[instance.availability_zone].id
        zones = {subnet["SubnetAvailabilityZone"]["Name"]: subnet["SubnetIdentifier"] for subnet in group.subnets}
        return zones[instance.availability_zone]

    def _files(self, instance: Any) -> Files:
        group = instance.db_parameter_groups()[0]
        given = {name: str(entry["ParameterValue"]) for name, entry in group.parameters.items()}
        certificate, key = self.region.authority.issue(instance.address)
        files = {
            "/rds/cert.pem": (certificate, 0o644),
            "/rds/key.pem": (key, 0o600),
            "/rds/pg_hba.conf": (access(force_ssl(group.family, given)).encode(), 0o644),
            "/rds/parameters.conf": (configuration(given).encode(), 0o644),
        }
        if instance.restore_from:
            snapshot = self._snapshot(instance.backend, instance.restore_from)
            files["/rds/restore-from"] = (snapshot.encode(), 0o644)
        return files

    @staticmethod
    def _bootstrap_sql(instance: Any) -> bytes:
        return bootstrap(instance.master_username, instance._master_user_password, instance.db_name).encode()

    @staticmethod
    def _password_sql(instance: Any) -> bytes:
        return set_password(instance.master_username, instance._master_user_password).encode()

    @staticmethod
    def _volume(instance: Any) -> str:
        return f"rds-{instance.dbi_resource_id.lower()}"

    @staticmethod
    def _snapshot(backend: Any, identifier: str) -> str:
        return f"{backend.region_name}.{identifier}".replace(":", "_")
