"""The region, as its services see it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import moto.backends
from docker.errors import APIError
from moto.utilities.utils import get_partition

from local_region import authority
from local_region.control import Control
from local_region.engine import Engine
from local_region.images.build import Builder
from local_region.images.catalogue import Record
from local_region.network import Network

log = logging.getLogger(__name__)

ACCOUNT = "123456789012"
RETRY_SECONDS = 5
WORKERS = 8


@dataclass(frozen=True)
class Placement:
    """Where a managed service lives: a Docker network, an address in it, and its network interface."""

    network: str
    ip: str
    interface_id: str = ""
    zone: str = ""


class Region:
    """One region on this machine: its names, its engine, its authority, and moto's backends."""

    def __init__(self, name: str, port: int, home: Path) -> None:
        self.name, self.port, self.account, self.home = name, port, ACCOUNT, home
        self.state_dir = home / name
        self.engine = Engine(name)
        self.network = Network(self.engine, port)
        self.authority = authority.ensure(home)
        self.builder = Builder(self.engine.docker, self.authority.pem)
        self.control = Control()
        self.names: dict[str, str] = {}  # DNS name -> IPv4 address
        self.target_health: dict[tuple[str, str], tuple[str, str | None, str | None]] = {}
        self.baked: dict[str, list[Record]] = {}  # AWS region -> images of earlier daemons
        self.published: dict[str, dict[str, str]] = {}  # load balancer -> where this machine finds it
        self.ready = False
        self.wake = threading.Event()
        self._began = time.time()
        self._pool = ThreadPoolExecutor(WORKERS, "job")
        self._jobs: dict[tuple[str, ...], Future[None]] = {}
        self._retry_at: dict[tuple[str, ...], float] = {}

    # -- moto

    def backends(self, service: str) -> Iterator[tuple[str, Any]]:
        """Yield (AWS region, moto backend) for every region in which the service was called.

        Backends come into being at their first call: what none of them knows need not be gone.
        """
        yield from list(moto.backends.get_backend(service)[self.account].items())

    def backend(self, service: str, aws_region: str) -> Any:
        """Return moto's backend of a service; aws_region is the partition for global services such as iam."""
        return moto.backends.get_backend(service)[self.account][aws_region]

    def partition(self, aws_region: str) -> str:
        """Return aws or aws-cn."""
        return get_partition(aws_region)

    def dns_suffix(self, aws_region: str) -> str:
        """Return the domain of a region's endpoints."""
        return "amazonaws.com.cn" if aws_region.startswith("cn-") else "amazonaws.com"

    # -- what services ask for

    def place(self, aws_region: str, subnet_ids: list[str], description: str, cluster: str = "") -> Placement:
        """Give a managed service its address: a network interface in the first of the subnets, as AWS does.

        Which subnet is first is the caller's choice; ask once for a resource, each call takes an address. It is in the
        VPC's default security group until `regroup` says otherwise. Addresses of the same cluster reach each other
        whatever their groups say.
        """
        ec2 = self.backend("ec2", aws_region)
        subnet = ec2.get_subnet(subnet_ids[0])
        ip = subnet.get_available_subnet_ip(description)
        interface = ec2.create_network_interface(subnet, ip, description=description)
        interface.cluster = cluster
        try:
            network = self.network.vpc(ec2.vpcs[subnet.vpc_id])
        except APIError:
            interface.subnet.del_subnet_ip(ip)
            del ec2.enis[interface.id]
            raise
        return Placement(network, ip, interface.id, subnet.availability_zone)

    def regroup(self, aws_region: str, placement: Placement, group_ids: Iterable[str]) -> None:
        """Put a managed service's address into these security groups; without any, into its VPC's default one."""
        ec2 = self.backend("ec2", aws_region)
        interface = ec2.enis.get(placement.interface_id)
        if interface is None:
            return
        known = ec2.groups[interface.vpc_id]  # moto may name the default VPC's group
        groups = [known[each] for each in group_ids if each in known]
        groups = groups or [each for each in known.values() if each.is_default]
        if groups != interface.group_set:
            interface._group_set = groups
            self.wake.set()

    def release(self, aws_region: str, placement: Placement) -> None:
        """Give an address and its network interface back."""
        ec2 = self.backend("ec2", aws_region)
        interface = ec2.enis.get(placement.interface_id)
        if interface is not None:
            interface.subnet.del_subnet_ip(placement.ip)
            del ec2.enis[placement.interface_id]

    def job(self, key: tuple[str, ...], work: Callable[..., None], *args: Any) -> None:
        """Run work in the background, one at a time per key; after an exception not before RETRY_SECONDS."""
        running = self._jobs.get(key)
        if (running and not running.done()) or time.monotonic() < self._retry_at.get(key, 0):
            return

        def guarded() -> None:
            try:
                work(*args)
            except Exception:
                log.exception("%s: tried again in %d s", "/".join(key), RETRY_SECONDS)
                self._retry_at[key] = time.monotonic() + RETRY_SECONDS

        self._jobs[key] = self._pool.submit(guarded)

    def principal(self, access_key: str, aws_region: str) -> str:
        """Return who holds an access key: assumed-role/<role>/<session>, or the key itself."""
        if access_key.startswith("ASIA"):
            sts = self.backend("sts", self.partition(aws_region))
            if role := sts.get_assumed_role_from_access_key(access_key):
                return role.arn.split(":", 5)[5]
        return access_key

    def describe(self) -> dict[str, Any]:
        """Return the state that the control API answers with; uptime in seconds."""
        return {
            "name": self.name,
            "ready": self.ready,
            "uptime": round(time.time() - self._began),
            "ca": self.authority.pem.decode(),
            "names": dict(self.names),
            "endpoints": dict(self.published),
            "security_groups": "enforced" if self.network.enforced else "not enforced",
        }
