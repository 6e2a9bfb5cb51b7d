"""VPCs as bridges, the metadata address as packet filter rules."""

from __future__ import annotations

import ipaddress
import re
import subprocess
import threading
from collections.abc import Iterable, Mapping
from typing import Any

from docker.types import IPAMConfig, IPAMPool

from local_region.engine import LABEL, METADATA_ADDRESS, Engine

BRIDGE_OPTION = "com.docker.network.bridge.name"


def chain(name: str, purpose: str = "") -> str:
    """Return a region's chain name; the kernel allows 28 characters."""
    return f"LR_{re.sub('[^A-Za-z0-9]', '_', name)[:18]}{purpose}"


def render_rules(name: str, port: int, bridges: Iterable[str], public: Mapping[str, str]) -> str:
    """Return the region's whole packet filter as iptables-restore reads it.

    Guests reach the API, metadata, DNS and the trust store at the metadata address. A public address is one-to-one
    NAT, as on EC2. The door is open to loopback and to the region's own bridges only.
    """
    bridges = sorted(bridges)
    nat, door, eip = chain(name), chain(name), chain(name, "_EIP")
    ways = [("tcp", 80, port), ("tcp", 443, port + 1), ("udp", 53, port)]
    lines = ["*nat", f":{nat} - [0:0]", f":{eip} - [0:0]"]
    lines += [
        f"-A {nat} -i {bridge} -p {protocol} --dport {asked} -j REDIRECT --to-ports {real}"
        for bridge in bridges
        for protocol, asked, real in ways
    ]
    lines += [
        f"-A {eip} -d {address}/32 -j DNAT --to-destination {private}" for address, private in sorted(public.items())
    ]
    lines += ["COMMIT", "*filter", f":{door} - [0:0]", f"-A {door} -i lo -j RETURN"]
    lines += [f"-A {door} -i {bridge} -j RETURN" for bridge in bridges]
    return "\n".join([*lines, f"-A {door} -j DROP", "COMMIT", ""])


def jumps(name: str, port: int) -> list[list[str]]:
    """Return the rules that lead from the kernel's chains into the region's."""
    return [
        ["-t", "nat", "PREROUTING", "-d", METADATA_ADDRESS, "-j", chain(name)],
        ["-t", "nat", "PREROUTING", "-j", chain(name, "_EIP")],
        ["-t", "nat", "OUTPUT", "-j", chain(name, "_EIP")],
        ["-t", "filter", "INPUT", "-p", "tcp", "--dport", f"{port}:{port + 1}", "-j", chain(name)],
        ["-t", "filter", "INPUT", "-p", "udp", "--dport", str(port), "-j", chain(name)],
    ]


def iptables(operation: str, rule: list[str]) -> int:
    """Apply one rule; returns iptables' exit status."""
    table, name, rest = rule[1], rule[2], rule[3:]
    command = ["iptables", "-w", "-t", table, operation, name, *rest]
    return subprocess.run(command, capture_output=True, check=False).returncode


class Network:
    """The region's bridges and packet filter."""

    def __init__(self, engine: Engine, port: int) -> None:
        self.engine, self.port = engine, port
        self.lock = threading.Lock()
        self.bridges: dict[str, ipaddress.IPv4Network] = {}
        self.names: dict[str, str] = {}  # VPC id -> Docker network
        self.public: dict[str, str] = {}

    def up(self) -> None:
        """Make the packet filter true, with no bridge yet."""
        self._apply()

    def vpc(self, vpc: Any) -> str:
        """Return the Docker network of a moto VPC; made when the first thing is put in it.

        Raises docker.errors.APIError when the machine has that range already.
        """
        with self.lock:
            if vpc.id not in self.names:
                self._create(vpc.id, ipaddress.IPv4Network(vpc.cidr_block))
            return self.names[vpc.id]

    def _create(self, vpc_id: str, cidr: ipaddress.IPv4Network) -> None:
        name, bridge = f"{self.engine.name}-{vpc_id}", "lr" + vpc_id[-12:]
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
        self.names[vpc_id], self.bridges[bridge] = name, cidr
        self._apply()

    def remove_vpc(self, vpc_id: str) -> None:
        """Remove the bridge of a VPC that the API no longer knows."""
        with self.lock:
            self.engine.docker.networks.get(self.names[vpc_id]).remove()
            del self.names[vpc_id]
            self.bridges.pop("lr" + vpc_id[-12:], None)
            self._apply()

    def publish(self, public: Mapping[str, str]) -> None:
        """Make public addresses lead to private ones."""
        with self.lock:
            if public != self.public:
                self.public = dict(public)
                self._apply()

    def allows(self, address: str) -> bool:
        """Return whether the door answers this source address."""
        source = ipaddress.ip_address(address)
        return source.is_loopback or any(source in cidr for cidr in self.bridges.values())

    def _apply(self) -> None:
        rules = render_rules(self.engine.name, self.port, self.bridges, self.public)
        subprocess.run(["iptables-restore", "-w", "--noflush"], input=rules.encode(), check=True, capture_output=True)
        for jump in jumps(self.engine.name, self.port):
            if iptables("-C", jump) != 0:
                iptables("-I", jump)

    def down(self) -> None:
        """Remove the packet filter's rules."""
        remove_rules(self.engine.name)


def jumps_to(chains: set[str], listing: str) -> list[list[str]]:
    """Return the rules of a listing (iptables -S) that jump into one of the chains, without their -A."""
    rules = (line.split()[1:] for line in listing.splitlines() if line.startswith("-A "))
    return [rule for rule in rules if rule[-2] == "-j" and rule[-1] in chains]


def remove_rules(name: str) -> None:
    """Remove a region's rules and chains, whatever its port was; nothing happens when there are none."""
    chains = {chain(name), chain(name, "_EIP")}
    for table in ("nat", "filter"):
        command = ["iptables", "-w", "-t", table, "-S"]
        listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        for rule in jumps_to(chains, listing):
            iptables("-D", ["-t", table, *rule])
    for table, purpose in (("nat", ""), ("nat", "_EIP"), ("filter", "")):
        for operation in ("-F", "-X"):
            iptables(operation, ["-t", table, chain(name, purpose)])
