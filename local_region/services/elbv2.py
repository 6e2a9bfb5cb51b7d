"""Application load balancers as HAProxy; what its checks say is what DescribeTargetHealth answers."""

from __future__ import annotations

import csv
import hashlib
import logging
import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from docker.errors import APIError
from moto.elbv2.ssl_policies import SSL_POLICIES

from local_region.services import _haproxy as haproxy

if TYPE_CHECKING:
    from local_region.engine import Files
    from local_region.region import Placement, Region

log = logging.getLogger(__name__)

KIND = "alb"
RELOAD_SECONDS = 2
FIRST_PUBLISHED_PORT = 8443
Health = tuple[str, str | None, str | None]
INITIAL: Health = ("initial", "Elb.InitialHealthChecking", "Initial health checks in progress")
HEALTHY: Health = ("healthy", None, None)


def judge(row: dict[str, str], before: Health | None, settled: bool) -> Health:
    """Return a target's health from HAProxy's statistics.

    before: what was known, which stands until a check after a reload says otherwise. settled: whether the target had
    time to fail as many checks as its threshold.
    """
    check, status = row["check_status"].strip("* "), row["status"]
    if status.startswith("UP"):
        return HEALTHY if check not in ("INI", "") else before or INITIAL
    if check in ("INI", ""):
        return before or INITIAL
    if not settled and before in (None, INITIAL):
        return INITIAL
    if check.endswith("OK"):  # on its way up: too few checks passed yet
        return before or INITIAL
    match check:
        case "L7STS":
            return (
                "unhealthy",
                "Target.ResponseCodeMismatch",
                f"Health checks failed with these codes: [{row['check_code']}]",
            )
        case "L4TOUT" | "L6TOUT" | "L7TOUT":
            return "unhealthy", "Target.Timeout", "Request timed out"
    return "unhealthy", "Target.FailedHealthChecks", "Health checks failed"


def minimum_tls(policy: str | None) -> str:
    """Return the oldest protocol of an ELB security policy, as HAProxy names it."""
    protocols = SSL_POLICIES.get(policy or "", {}).get("ssl_protocols") or ["TLSv1.2"]
    oldest = min(protocols, key=lambda protocol: float(protocol.removeprefix("TLSv")))
    return "TLSv1.0" if oldest == "TLSv1" else oldest


def control(address: str, command: str) -> str:
    """Send a command to HAProxy's admin socket; returns the answer."""
    with socket.create_connection((address, haproxy.CONTROL_PORT), 2) as connection:
        connection.sendall(command.encode() + b"\n")
        return b"".join(iter(lambda: connection.recv(65536), b"")).decode()


def source_address(address: str) -> str:
    """Return the address from which this machine reaches another one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((address, 1))
        return str(probe.getsockname()[0])


def free_port(first: int, taken: set[int]) -> int:
    """Return the first loopback port from this one on that nothing uses."""
    for port in range(first, 65536):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if port not in taken and probe.connect_ex(("127.0.0.1", port)):
                return port
    raise OSError("no free port")


@dataclass(frozen=True)
class Configuration:
    """What HAProxy is given; its statistics show the revision once it runs with it."""

    revision: str
    files: Files


class LoadBalancers:
    """Makes application load balancers real."""

    name = "elbv2"

    def __init__(self, region: Region) -> None:
        self.region, self.engine = region, region.engine
        self.placements: dict[str, tuple[str, Placement]] = {}  # ARN -> (AWS region, address)
        self.names: dict[str, tuple[str, str]] = {}  # ARN -> (load balancer's name, DNS name)
        self.ports: dict[str, int] = {}  # ARN -> port on this machine's loopback
        self.loaded: dict[str, Configuration] = {}  # ARN -> what HAProxy was given
        self.signalled: dict[str, float] = {}  # ARN -> when it was told to load that, in time.monotonic() seconds

    def reconcile(self) -> None:
        """Start a job per load balancer, forget deleted ones, end the draining of groups that no balancer uses."""
        present: set[str] = set()
        targets: set[tuple[str, str]] = set()
        for aws_region, backend in self.region.backends("elbv2"):
            for balancer in list(backend.load_balancers.values()):
                present.add(balancer.arn)
                self.region.job((KIND, balancer.arn), self._converge, aws_region, backend, balancer)
            for group in list(backend.target_groups.values()):
                if group.load_balancer_arns:
                    targets |= {(group.arn, target) for target in list(group.targets)}
                else:
                    group.draining.clear()
        for gone in set(self.region.target_health) - targets:
            self.region.target_health.pop(gone, None)
        for arn in set(self.placements) - present:
            self._forget(arn)

    def known(self) -> set[tuple[str, str]]:
        """Return the load balancers of every region."""
        return {
            (KIND, self._id(balancer))
            for _, backend in self.region.backends("elbv2")
            for balancer in list(backend.load_balancers.values())
        }

    @staticmethod
    def _id(balancer: Any) -> str:
        return "-".join(balancer.arn.split("/")[-2:])

    def _forget(self, arn: str) -> None:
        aws_region, placement = self.placements.pop(arn)
        self.region.release(aws_region, placement)
        self.ports.pop(arn, None)
        self.loaded.pop(arn, None)
        self.signalled.pop(arn, None)
        name, dns_name = self.names.pop(arn, ("", ""))
        self.region.names.pop(dns_name, None)
        self.region.published.pop(name, None)

    def _converge(self, aws_region: str, backend: Any, balancer: Any) -> None:
        placement = self._placement(aws_region, balancer)
        view = self._view(aws_region, backend, balancer, placement.ip)
        wanted = self._configuration(aws_region, backend, balancer, view)
        state = self.engine.state(KIND, self._id(balancer))
        if state is None:
            self._start(balancer, placement, self._with_states(backend, wanted.files, view))
        elif state in ("exited", "killed"):
            self.engine.put(KIND, self._id(balancer), self._with_states(backend, wanted.files, view))
            self.engine.get(KIND, self._id(balancer)).start()
        elif wanted != self.loaded.get(balancer.arn):
            self._reload(backend, balancer, wanted, view)
        self.loaded[balancer.arn] = wanted
        self._publish(balancer, placement, view)
        self._observe(backend, balancer, placement, view)

    def _start(self, balancer: Any, placement: Placement, files: Files) -> None:
        port = self.ports.setdefault(balancer.arn, free_port(FIRST_PUBLISHED_PORT, set(self.ports.values())))
        try:
            self.engine.create(
                KIND,
                self._id(balancer),
                self.engine.data_image,
                placement.network,
                placement.ip,
                files=files,
                command=["haproxy", "-W", "-db", "-f", f"{haproxy.FOLDER}/haproxy.cfg"],
                stop_signal="SIGUSR1",
                ports={f"{haproxy.PUBLISHED_PORT}/tcp": ("127.0.0.1", port)},
            )
        except APIError:
            del self.ports[balancer.arn]  # another region may have taken the port just now; the next try takes another
            raise

    def _reload(self, backend: Any, balancer: Any, wanted: Configuration, view: haproxy.Balancer) -> None:
        """Have a new worker take over the sockets. A signal during a reload is lost: _observe sees that."""
        self.engine.put(KIND, self._id(balancer), self._with_states(backend, wanted.files, view))
        self.signalled[balancer.arn] = time.monotonic()
        self.engine.get(KIND, self._id(balancer)).kill("USR2")

    def _publish(self, balancer: Any, placement: Placement, view: haproxy.Balancer) -> None:
        self.names[balancer.arn] = (balancer.name, balancer.dns_name.lower())
        self.region.names[balancer.dns_name.lower()] = placement.ip
        if listener := next((each for each in view.listeners if each.published), None):
            url = f"{listener.protocol.lower()}://localhost:{self.ports[balancer.arn]}"
            found = {"url": url, "dns_name": balancer.dns_name, "ip": placement.ip}
            self.region.published[balancer.name] = found
        else:
            self.region.published.pop(balancer.name, None)

    def _placement(self, aws_region: str, balancer: Any) -> Placement:
        """Return the balancer's address: in the first of its zones, for as long as it has that zone."""
        zones = {subnet.availability_zone: subnet.id for subnet in balancer.subnets}
        if balancer.arn in self.placements and self.placements[balancer.arn][1].zone not in zones:
            self.engine.remove(KIND, self._id(balancer))
            self.region.release(*self.placements.pop(balancer.arn))
        if balancer.arn not in self.placements:
            description = "ELB " + balancer.arn.split(":loadbalancer/")[1]
            placement = self.region.place(aws_region, [zones[min(zones)]], description)
            self.placements[balancer.arn] = (aws_region, placement)
        self.region.regroup(*self.placements[balancer.arn], balancer.security_groups or [])
        return self.placements[balancer.arn][1]

    # -- from moto to HAProxy

    def _view(self, aws_region: str, backend: Any, balancer: Any, address: str) -> haproxy.Balancer:
        listeners = list(balancer.listeners.values())
        published = next((each for each in listeners if each.protocol == "HTTPS"), listeners[0] if listeners else None)
        groups = {
            arn: backend.target_groups[arn]
            for listener in listeners
            for rule in listener.rules.values()
            for arn in backend._get_target_group_arns_from(action_data=_action(rule))
            if arn in backend.target_groups
        }
        return haproxy.Balancer(
            listeners=tuple(self._listener(each, each is published) for each in listeners),
            groups=tuple(self._group(backend, each) for each in groups.values()),
            control_source=source_address(address),
            attributes=dict(balancer.attrs),
        )

    @staticmethod
    def _listener(listener: Any, published: bool) -> haproxy.Listener:
        rules = [
            haproxy.Rule(f"rule-{number}", rule.conditions or [], _action(rule))
            for number, rule in enumerate(listener.rules.values())
        ]
        return haproxy.Listener(
            port=int(listener.port),
            protocol=listener.protocol,
            rules=tuple(rules),
            certificates=tuple(f"{arn.rsplit('/', 1)[-1]}.pem" for arn in listener.certificates),
            minimum_tls=minimum_tls(listener.ssl_policy),
            published=published,
            attributes=dict(listener.attributes),
        )

    @staticmethod
    def _group(backend: Any, group: Any) -> haproxy.Group:
        listed = [(target, False) for target in list(group.targets.values())]
        listed += [(target, True) for target, _ in list(group.draining.values())]
        targets = []
        for target, draining in listed:
            address = _address(backend, target["Id"])
            if address:
                targets.append(haproxy.Target(target["Id"], address, int(target["Port"]), draining))
        check_port = str(group.health_check_port)
        return haproxy.Group(
            name=haproxy.backend_name(group.arn),
            protocol=group.protocol,
            targets=tuple(sorted(targets, key=lambda each: each.id)),
            attributes=dict(group.attributes),
            check_protocol=group.health_check_protocol or group.protocol,
            check_path=group.health_check_path or "/",
            check_port=int(check_port) if check_port.isdigit() else None,
            check_codes=str((group.matcher or {}).get("HttpCode") or "200"),
            interval=int(group.health_check_interval_seconds),
            timeout=int(group.health_check_timeout_seconds),
            healthy=int(group.healthy_threshold_count),
            unhealthy=int(group.unhealthy_threshold_count),
        )

    def _configuration(self, aws_region: str, backend: Any, balancer: Any, view: haproxy.Balancer) -> Configuration:
        """Return configuration and certificates; a renewed certificate makes them differ, and so reloads."""
        files: dict[str, tuple[bytes, int]] = {}
        acm = self.region.backend("acm", aws_region)
        for listener in balancer.listeners.values():
            for arn in listener.certificates:
                bundle = acm.get_certificate(arn)
                pem = b"\n".join(part.strip() for part in (bundle.cert, bundle.chain, bundle.key) if part) + b"\n"
                files[f"{haproxy.FOLDER}/{arn.rsplit('/', 1)[-1]}.pem"] = (pem, 0o600)
        hashed = hashlib.sha256(haproxy.render(view, "").encode())
        for path, (content, _) in sorted(files.items()):
            hashed.update(path.encode() + content)
        revision = f"revision-{hashed.hexdigest()[:12]}"
        files[f"{haproxy.FOLDER}/haproxy.cfg"] = (haproxy.render(view, revision).encode(), 0o644)
        return Configuration(revision, files)

    def _with_states(self, backend: Any, files: Files, view: haproxy.Balancer) -> Files:
        arns = {haproxy.backend_name(arn): arn for arn in backend.target_groups}
        healthy = {}
        for group in view.groups:
            for target in group.targets:
                found = self.region.target_health.get((arns[group.name], target.id))
                if target.draining:
                    healthy[group.name, target.id] = True
                elif found and found[0] != "initial":
                    healthy[group.name, target.id] = found[0] == "healthy"
        states = haproxy.server_states(view.groups, healthy)
        return {**files, f"{haproxy.FOLDER}/servers": (states.encode(), 0o644)}

    # -- from HAProxy to moto

    def _observe(self, backend: Any, balancer: Any, placement: Placement, view: haproxy.Balancer) -> None:
        try:
            text = control(placement.ip, "show stat")
        except OSError:
            return  # it is not up yet, or no longer: its container's state says so
        if "pxname" not in text:
            return
        rows = {(row["pxname"], row["svname"]): row for row in csv.DictReader(text.lstrip("# ").splitlines())}
        wanted = self.loaded[balancer.arn]
        if ("control", wanted.revision) not in rows:
            if time.monotonic() - self.signalled.get(balancer.arn, 0) >= RELOAD_SECONDS:
                log.info("%s: the reload was lost, once more", balancer.name)
                self._reload(backend, balancer, wanted, view)
            return
        if balancer.state != "active" and time.monotonic() >= balancer.ready_at:
            balancer.state = "active"
            self.region.wake.set()
        arns = {haproxy.backend_name(arn): arn for arn in list(backend.target_groups)}
        for each in view.groups:
            group = backend.target_groups.get(arns.get(each.name, ""))
            if group is not None:
                self._note_health(group, each, rows)
                self._drain(group, each, rows, placement.ip)

    def _note_health(self, group: Any, view: haproxy.Group, rows: dict[tuple[str, str], dict[str, str]]) -> None:
        for target in view.targets:
            row, key = rows.get((view.name, target.id)), (group.arn, target.id)
            if row is None or target.draining:
                continue
            before = self.region.target_health.get(key)
            since = time.monotonic() - group.registered.get(target.id, 0)
            now = judge(row, before, since >= view.interval * (view.unhealthy - 1) + view.timeout)
            if now != before:
                log.info("%s in %s is %s (%s)", target.id, group.name, now[0], now[2] or row["check_status"])
                self.region.target_health[key] = now
                self.region.wake.set()

    def _drain(
        self, group: Any, view: haproxy.Group, rows: dict[tuple[str, str], dict[str, str]], address: str
    ) -> None:
        """Send nothing new to deregistered targets; they go when they are idle or their delay is over."""
        for target_id in set(group.draining) - {target.id for target in view.targets}:
            group.draining.pop(target_id)  # its instance is gone, and with it what was open
        for target in view.targets:
            row = rows.get((view.name, target.id))
            drained = row is not None and row["status"].startswith("DRAIN")
            if not target.draining:
                if drained:
                    control(address, f"set server {view.name}/{target.id} state ready")
                continue
            if row is not None and not drained and row["status"].startswith("UP"):
                control(address, f"set server {view.name}/{target.id} state drain")
                continue  # what it carries is read in the next round
            _, deadline = group.draining.get(target.id, (None, 0))
            if row is None or int(row["scur"] or 0) == 0 or time.monotonic() >= deadline:
                if row is not None and int(row["scur"] or 0):
                    control(address, f"shutdown sessions server {view.name}/{target.id}")
                group.draining.pop(target.id, None)
                self.region.wake.set()


def _action(rule: Any) -> dict[str, Any]:
    """Return what a rule does in the end; authentication, which may come before it, is not emulated."""
    data: dict[str, Any] = rule.actions[-1].data
    return data


def _address(backend: Any, target_id: str) -> str | None:
    """Return where a target is; None for an instance that does not run."""
    if not target_id.startswith("i-"):
        return target_id
    instance = backend.ec2_backend.get_instance_by_id(target_id)
    return instance.private_ip if instance and instance.state in ("running", "shutting-down") else None
