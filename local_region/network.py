"""VPCs as bridges."""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from docker.types import IPAMConfig, IPAMPool

from local_region.engine import LABEL, Engine
from local_region.packet_filter import PacketFilter, render_rules
from local_region.security_groups import Address

BRIDGE_OPTION = "com.docker.network.bridge.name"


def bridge_name(vpc_id: str) -> str:
    """Return the name of a VPC's bridge; the kernel allows 15 characters."""
    return f"lr{vpc_id[-12:]}"


class Network:
    """The region's bridges and packet filter."""

    def __init__(self, engine: Engine, port: int) -> None:
        self.engine, self.port = engine, port
        self.filter = PacketFilter(engine)
        self.lock = threading.Lock()
        self.bridges: dict[str, ipaddress.IPv4Network] = {}
        self.names: dict[str, str] = {}  # VPC id -> Docker network
        self.public: dict[str, str] = {}
        self.addresses: list[Address] = []
        self.applied = ""  # the rules that are in force
        self.enforced = False  # whether security groups are

    def up(self) -> None:
        """Begin with no bridge."""
        self.enforced = self.filter.up(self.port)

    def vpc(self, vpc: Any) -> str:
        """Return the Docker network of a moto VPC; made when the first thing is put in it.

        Raises docker.errors.APIError when the machine has that range already.
        """
        if name := self.names.get(vpc.id):  # no need to wait for the packet filter
            return name
        with self.lock:
            if vpc.id not in self.names:
                self._create(vpc.id, ipaddress.IPv4Network(vpc.cidr_block))
            return self.names[vpc.id]

    def _create(self, vpc_id: str, cidr: ipaddress.IPv4Network) -> None:
        name, bridge = f"{self.engine.name}-{vpc_id}", bridge_name(vpc_id)
        if bridge not in self.bridges:
            # Containers that are not ours get addresses from the range's last part; the region's are always given.
            last = list(cidr.subnets(new_prefix=max(24, cidr.prefixlen)))[-1]
            pool = IPAMPool(subnet=str(cidr), iprange=str(last), gateway=str(cidr[1]))
            self.engine.docker.networks.create(
                name,
                driver="bridge",
                ipam=IPAMConfig(pool_configs=[pool]),
                options={BRIDGE_OPTION: bridge},
                labels={LABEL: self.engine.name},
            )
            self.bridges[bridge] = cidr
        self._apply()
        self.names[vpc_id] = name  # at last: nothing is put behind a bridge before its rules are in force

    def remove_empty(self, vpc_id: str, occupied: Callable[[], set[str]]) -> None:
        """Remove a VPC's bridge unless something is in it by now; occupied returns the VPCs that have something.

        Whoever puts something in a VPC registers it first and asks for the bridge then: by the time that `occupied` is
        asked, they wait at the lock, or are seen.
        """
        with self.lock:
            name = self.names.pop(vpc_id, None)
            if name is None:
                return
            try:
                if vpc_id not in occupied():
                    self.engine.docker.networks.get(name).remove()
                    del self.bridges[bridge_name(vpc_id)]
            finally:
                if bridge_name(vpc_id) in self.bridges:
                    self.names[vpc_id] = name
            self._apply()

    def publish(self, public: Mapping[str, str], addresses: Iterable[Address]) -> None:
        """Make public addresses lead to private ones, and let through what security groups allow."""
        with self.lock:
            self.public, self.addresses = dict(public), list(addresses)
            self._apply()

    def allows(self, address: str) -> bool:
        """Return whether the door answers this source address."""
        source = ipaddress.ip_address(address)
        return source.is_loopback or any(source in cidr for cidr in self.bridges.values())

    def _apply(self) -> None:
        # Two VPCs can have the same range; that of the one without a bridge means nothing here.
        addresses = [each for each in self.addresses if bridge_name(each.vpc_id) in self.bridges]
        rules = render_rules(self.engine.name, self.port, self.bridges, self.public, addresses)
        if rules != self.applied:
            self.filter.apply(rules)
            self.applied = rules
