"""Replication groups as Redis or Valkey servers: one container per member, a primary whose name moves at failover."""

from __future__ import annotations

import hashlib
import logging
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from local_region.patches._edges import put_back, settle, take
from local_region.patches._elasticache import Request, parameter_group, parameters
from local_region.services._tcp import answers

if TYPE_CHECKING:
    from local_region.engine import Files
    from local_region.region import Placement, Region

log = logging.getLogger(__name__)

KIND = "cache"
INTERNAL_USER = "region-internal"  # replication and health checks do not depend on the users' tokens
# What ElastiCache keeps from its users, as it is named in an ACL.
WITHHELD = "-acl|setuser -acl|deluser -acl|load -bgrewriteaof -bgsave -config -debug -failover -migrate -module -psync"
WITHHELD += " -replicaof -save -shutdown -slaveof -sync"
NOT_DIRECTIVES = {"close-on-replica-write", "cluster-enabled", "reserved-memory-percent"}  # ElastiCache's own
GIB = 1024**3
# Memory of a node in GiB, of which reserved-memory-percent is not for data.
MEMORY = {
    "t4g.micro": 0.5, "t4g.small": 1.37, "t4g.medium": 3.09,
    "m7g.large": 6.38, "m7g.xlarge": 12.93, "m7g.2xlarge": 26.04,
    "r7g.large": 13.07, "r7g.xlarge": 26.32, "r7g.2xlarge": 52.82,
}  # fmt: skip


def digest(secret: str) -> str:
    """Return a password as an ACL rule takes it; so no token is ever written in clear."""
    return "#" + hashlib.sha256(secret.encode()).hexdigest()


def user_rule(tokens: list[str], open_: bool) -> list[str]:
    """Return the ACL rules of the user that clients are."""
    passwords = ["nopass"] if open_ else [digest(token) for token in tokens]
    return ["on", *passwords, "~*", "&*", "+@all", *WITHHELD.split()]


def maxmemory(node_type: str, reserved_percent: int) -> int:
    """Return the bytes that a node has for data; 0 (no limit) for a type that is not listed."""
    return int(MEMORY.get(node_type.removeprefix("cache."), 0) * GIB * (100 - reserved_percent) / 100)


def settings(values: dict[str, str], node_type: str) -> dict[str, str]:
    """Return the server's directives that a parameter group and a node type make."""
    every = {name: entry["ParameterValue"] for name, entry in parameters().items()} | values
    directives = {name: value for name, value in every.items() if value is not None and name not in NOT_DIRECTIVES}
    return directives | {"maxmemory": str(maxmemory(node_type, int(every["reserved-memory-percent"])))}


def configuration(
    directives: dict[str, str], users: list[str], port: int, tls: bool, internal: str, primary: str | None
) -> str:
    """Return redis.conf; primary is the address that a replica follows."""
    lines = [f'{name} "{value}"' for name, value in sorted(directives.items())]
    lines += ['save ""', "appendonly no", "dir /data", "protected-mode no", "repl-diskless-sync-delay 0"]
    if tls:
        lines += [f"tls-port {port}", "port 0", "tls-auth-clients no", "tls-replication yes"]
        lines += [f"tls-{part}-file /cache/{part}.pem" for part in ("cert", "key")] + ["tls-ca-cert-file /cache/ca.pem"]
    else:
        lines.append(f"port {port}")
    lines += [
        f"user {INTERNAL_USER} on {digest(internal)} ~* &* +@all",
        f"user default {' '.join(users)}",
        f"masteruser {INTERNAL_USER}",
        f"masterauth {internal}",
    ]
    if primary:
        lines.append(f"replicaof {primary} {port}")
    return "\n".join([*lines, ""])


@dataclass
class Running:
    """What the region gave to a group: an address for each member, certificate and key, the internal password."""

    placements: dict[str, Placement]
    certificate: tuple[bytes, bytes]
    internal: str = field(default_factory=lambda: secrets.token_hex(24))
    names: set[str] = field(default_factory=set)


class ReplicationGroups:
    """Makes replication groups real."""

    name = "elasticache"

    def __init__(self, region: Region) -> None:
        self.region, self.engine = region, region.engine
        self.running: dict[str, Running] = {}  # by ARN

    def reconcile(self) -> None:
        """Start a job for every group."""
        for aws_region, backend in self.region.backends("elasticache"):
            for group in list(backend.replication_groups.values()):
                if hasattr(group, "ready_at"):
                    self.region.job(("cache-group", group.arn), self._converge, aws_region, backend, group)

    def known(self) -> set[tuple[str, str]]:
        """Return the members of every region's groups."""
        return {
            (KIND, f"{aws_region}.{member}")
            for aws_region, backend in self.region.backends("elasticache")
            for group in list(backend.replication_groups.values())
            for member in list(group.member_clusters)
        }

    def _converge(self, aws_region: str, backend: Any, group: Any) -> None:
        request = take(group)
        try:
            if request and request.action == "delete":
                return self._delete(aws_region, backend, group)
            self._keep(Members(self, aws_region, backend, group), request)
        except Exception:
            put_back(group, request)
            raise

    def _delete(self, aws_region: str, backend: Any, group: Any) -> None:
        for member in group.member_clusters:
            self.engine.remove(KIND, f"{aws_region}.{member}")
        if running := self.running.pop(group.arn, None):
            for name in running.names:
                self.region.names.pop(name, None)
            for placement in running.placements.values():
                self.region.release(aws_region, placement)
        backend.finish_delete(group.replication_group_id)

    def _keep(self, members: Members, request: Request | None) -> None:
        group = members.group
        if request and request.removed:
            members.remove(request.removed)
        members.place()
        dead = [member for member in members.ids() if members.state(member) not in ("running", None)]
        missing = [member for member in members.ids() if members.state(member) is None]
        lost = members.primary in [*dead, *missing] and members.started
        if (request and request.action == "failover") or (lost and group.automatic_failover == "enabled"):
            members.fail_over()
            dead = [member for member in members.ids() if members.state(member) not in ("running", None)]
            missing = [member for member in members.ids() if members.state(member) is None]
        for member in missing:
            members.create(member)
        for member in dead:
            members.restart(member)
        if request and request.action == "modify":
            members.configure()
        members.publish()
        members.started = True
        if group.status in ("creating", "modifying") and time.monotonic() >= group.ready_at and members.synchronised():
            settle(group, "available")


class Members:
    """One group's servers."""

    def __init__(self, service: ReplicationGroups, aws_region: str, backend: Any, group: Any) -> None:
        self.service, self.aws_region, self.backend, self.group = service, aws_region, backend, group
        self.region, self.engine = service.region, service.engine
        endpoints = group.endpoints
        self.running = service.running.get(group.arn) or Running(
            {},
            self.region.authority.issue(
                endpoints.primary, endpoints.reader, "*." + endpoints.primary.partition(".")[2]
            ),
        )
        service.running[group.arn] = self.running

    @property
    def started(self) -> bool:
        """Whether the group ran once: only then can its primary be lost."""
        return bool(getattr(self.group, "has_started", False))

    @started.setter
    def started(self, value: bool) -> None:
        self.group.has_started = value

    @property
    def primary(self) -> str:
        """The member that takes writes."""
        return next(each["cache_cluster_id"] for each in self.group.members if each["current_role"] == "primary")

    def ids(self) -> list[str]:
        """Return the members, the first one first."""
        return [each["cache_cluster_id"] for each in self.group.members]

    def ip(self, member: str) -> str:
        """Return a member's address."""
        return self.running.placements[member].ip

    def state(self, member: str) -> str | None:
        """Return what its container is doing."""
        return self.engine.state(KIND, self._id(member))

    def place(self) -> None:
        """Give each member an address in its zone, which it keeps, and the group's security groups."""
        for each in self.group.members:
            if each["cache_cluster_id"] not in self.running.placements:
                subnet = self._subnet(each["preferred_availability_zone"])
                description = f"ElastiCache {each['cache_cluster_id']}"
                self.running.placements[each["cache_cluster_id"]] = self.region.place(
                    self.aws_region, [subnet], description, cluster=self.group.arn
                )
        for placement in self.running.placements.values():
            self.region.regroup(self.aws_region, placement, self.group.security_group_ids or [])

    def _subnet(self, zone: str) -> str:
        if self.group.cache_subnet_group_name:
            group = self.backend.cache_subnet_groups[self.group.cache_subnet_group_name]
            zones = {each["subnet_availability_zone"]["Name"]: each["subnet_identifier"] for each in group.subnets}
            return zones.get(zone) or group.subnet_ids[0]
        return self.region.backend("ec2", self.aws_region).get_default_subnets()[zone].id

    def create(self, member: str) -> None:
        """Start a member's server."""
        placement = self.running.placements[member]
        self.engine.create(
            KIND,
            self._id(member),
            self.engine.data_image,
            placement.network,
            placement.ip,
            files=self._files(member),
            command=[f"{self.group.engine}-server", "/cache/node.conf"],
            working_dir="/data",
        )

    def restart(self, member: str) -> None:
        """Start a member anew with the role that it has now."""
        if self.state(member) == "paused":
            self.engine.get(KIND, self._id(member)).unpause()
        self.engine.put(KIND, self._id(member), self._files(member))
        self.engine.get(KIND, self._id(member)).restart(timeout=1)

    def remove(self, members: tuple[str, ...]) -> None:
        """Take away replicas that the group no longer has."""
        for member in members:
            self.engine.remove(KIND, self._id(member))
            self.region.names.pop(self.group.endpoints.member.format(member), None)
            if placement := self.running.placements.pop(member, None):
                self.region.release(self.aws_region, placement)

    def fail_over(self) -> None:
        """The primary is gone (or goes, so that its clients notice); a replica is promoted and the name moves."""
        old = self.primary
        new = next((each for each in self.ids() if each != old and self.state(each) == "running"), None)
        if new is None:
            log.warning("%s: no replica to promote", self.group.replication_group_id)
            return
        if self.state(old) == "running":
            self.engine.get(KIND, self._id(old)).kill()
        self.command(new, "REPLICAOF", "NO", "ONE")
        for each in self.group.members:
            each["current_role"] = "primary" if each["cache_cluster_id"] == new else "replica"
        self.publish()
        for each in self.ids():
            if each not in (old, new) and self.state(each) == "running":
                self.command(each, "REPLICAOF", self.ip(new), str(self.group.port))
        log.info("%s: %s is primary now", self.group.replication_group_id, new)

    def configure(self) -> None:
        """Let the running servers take over tokens and parameters; those that take a restart wait for one."""
        immediate = [
            word
            for name, value in self._directives().items()
            if name == "maxmemory" or parameters()[name]["ChangeType"] == "immediate"
            for word in (name, value)
        ]
        for member in self.ids():
            self.engine.put(KIND, self._id(member), self._files(member))
            rules = user_rule(self.group.tokens, self.group.open)
            self.command(member, "ACL", "SETUSER", "default", "reset", *rules)
            self.command(member, "CONFIG", "SET", *immediate)

    def publish(self) -> None:
        """Point the group's names at its members."""
        endpoints, primary = self.group.endpoints, self.primary
        alive = [each for each in self.ids() if each != primary and self.state(each) == "running"]
        names = {endpoints.primary: self.ip(primary), endpoints.reader: self.ip(alive[0] if alive else primary)}
        names |= {endpoints.member.format(each): self.ip(each) for each in self.ids()}
        self.region.names.update(names)
        self.running.names |= set(names)

    def synchronised(self) -> bool:
        """Return whether every server answers, and every replica has its primary's data."""
        return all(answers(self.ip(member), self.group.port) for member in self.ids()) and all(
            "master_link_status:up" in self.command(member, "INFO", "replication")
            for member in self.ids()
            if member != self.primary
        )

    def command(self, member: str, *arguments: str) -> str:
        """Run a command in a server; RuntimeError when it refuses."""
        tls = ["--tls", "--cacert", "/cache/ca.pem"] if self.group.transit_encryption_enabled else []
        cli = [f"{self.group.engine}-cli", "-e", "-p", str(self.group.port), *tls, "--user", INTERNAL_USER]
        environment = {"REDISCLI_AUTH": self.running.internal, "VALKEYCLI_AUTH": self.running.internal}
        container = self.engine.get(KIND, self._id(member))
        done = container.exec_run([*cli, "--no-auth-warning", *arguments], environment=environment)
        if done.exit_code:
            raise RuntimeError(f"{member}: {' '.join(arguments[:2])}: {done.output.decode(errors='replace')}")
        return done.output.decode()

    def _directives(self) -> dict[str, str]:
        values = parameter_group(self.backend, self.group.cache_parameter_group_name).values
        return settings(values, self.group.cache_node_type)

    def _files(self, member: str) -> Files:
        certificate, key = self.running.certificate
        text = configuration(
            self._directives(),
            user_rule(self.group.tokens, self.group.open),
            self.group.port,
            self.group.transit_encryption_enabled,
            self.running.internal,
            None if member == self.primary else self.ip(self.primary),
        )
        return {
            "/cache/cert.pem": (certificate, 0o644),
            "/cache/key.pem": (key, 0o600),
            "/cache/ca.pem": (self.region.authority.pem, 0o644),
            "/cache/node.conf": (text.encode(), 0o600),
            "/data/.keep": (b"", 0o644),
        }

    def _id(self, member: str) -> str:
        return f"{self.aws_region}.{member}"
