"""The region's rules in the kernel's packet filter, always replaced as a whole.

The filter is reached through a container that shares this machine's network: whoever may use Docker may run a region.
"""

from __future__ import annotations

import base64
import gzip
import logging
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from docker.errors import APIError

from local_region.engine import LABEL, METADATA_ADDRESS, RESOLVER_ADDRESS, Engine
from local_region.security_groups import EVERY_PROTOCOL, EVERYWHERE, Address, Permission

log = logging.getLogger(__name__)

# Whether iptables sees packets that stay on one bridge.
BRIDGE_FILTERING = Path("/proc/sys/net/bridge/bridge-nf-call-iptables")
UNENFORCED = (
    "security groups are not enforced: this machine's kernel does not show iptables what stays on a bridge. "
    "As root: modprobe br_netfilter && sysctl net.bridge.bridge-nf-call-iptables=1, then start the region again"
)
LINK_LOCAL = (METADATA_ADDRESS, RESOLVER_ADDRESS)
ANY_PORT = ((-1, -1), (0, 65535))


def chain(name: str, purpose: str = "") -> str:
    """Return a region's chain name; the kernel allows 28 characters."""
    return f"LR_{re.sub('[^A-Za-z0-9]', '_', name)[:18]}{purpose}"


def chains(name: str) -> set[str]:
    """Return all chains of a region.

    Without a suffix: the door and the link-local addresses. _EIP: public addresses. _GRP: security groups, of which
    _OUT holds what may be left by and _IN what may be reached.
    """
    return {chain(name, purpose) for purpose in ("", "_EIP", "_GRP", "_OUT", "_IN")}


def render_rules(
    name: str, port: int, bridges: Iterable[str], public: Mapping[str, str], addresses: Iterable[Address]
) -> str:
    """Return the content of the region's chains as iptables-restore reads it.

    Guests reach metadata at one link-local address; the API, DNS and the trust store at the other. A public address is
    one-to-one NAT, as on EC2. The door is open to loopback and to the region's own bridges only.
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
    lines += [f"-A {door} -j DROP", *render_groups(name, bridges, addresses)]
    return "\n".join([*lines, "COMMIT", ""])


def render_groups(name: str, bridges: Iterable[str], addresses: Iterable[Address]) -> list[str]:
    """Return the chains that enforce security groups: what no rule lets through is dropped, as on AWS.

    What comes from a bridge must be allowed to leave its source, what goes to one must be allowed to reach its
    destination. Answers always pass, and so do the link-local addresses, of which security groups know nothing.
    What this machine itself sends is not forwarded and never comes here.
    """
    groups, out, into = chain(name, "_GRP"), chain(name, "_OUT"), chain(name, "_IN")
    bridges = sorted(bridges)
    lines = [f":{each} - [0:0]" for each in (groups, out, into)]
    lines += [
        f"-A {groups} -m conntrack --ctstate ESTABLISHED,RELATED -j RETURN",
        *(f"-A {groups} -m conntrack --ctorigdst {address} -j RETURN" for address in LINK_LOCAL),
    ]
    lines += [f"-A {groups} -i {bridge} -j {out}" for bridge in bridges]
    lines += [f"-A {groups} -o {bridge} -j {into}" for bridge in bridges]
    for address in sorted(addresses):
        lines += [f"-A {out} -s {address.ip}/32{_match('-d', each)} -j RETURN" for each in address.egress]
        lines += [f"-A {into} -d {address.ip}/32{_match('-s', each)} -j RETURN" for each in address.ingress]
    return [*lines, f"-A {out} -j DROP", f"-A {into} -j DROP"]


def _match(side: str, permission: Permission) -> str:
    """Return the words that select a permission's packets; side: the option for its network, -s or -d."""
    words = "" if permission.network == EVERYWHERE else f" {side} {permission.network}"
    if permission.protocol == EVERY_PROTOCOL:
        return words
    words += f" -p {permission.protocol}"
    first, last = permission.first, permission.last
    if permission.protocol == "icmp":
        return words + (f" --icmp-type {first}" if first >= 0 else "") + (f"/{last}" if min(first, last) >= 0 else "")
    if permission.protocol not in ("tcp", "udp") or (first, last) in ANY_PORT:
        return words
    return words + f" --dport {first if first == last else f'{first}:{last}'}"


def render_jumps(name: str, port: int, forward: str) -> str:
    """Return what leads from the kernel's chains into the region's, as iptables-restore reads it.

    forward: the chain that every forwarded packet passes before another one accepts it.
    """
    addresses = "\n".join(f"-I PREROUTING -d {address} -j {chain(name)}" for address in LINK_LOCAL)
    return f"""*nat
{addresses}
-I PREROUTING -j {chain(name, "_EIP")}
-I OUTPUT -j {chain(name, "_EIP")}
COMMIT
*filter
-I INPUT -p tcp --dport {port}:{port + 1} -j {chain(name)}
-I INPUT -p udp --dport {port} -j {chain(name)}
-I INPUT -j {chain(name, "_GRP")}
-I {forward} -j {chain(name, "_GRP")}
COMMIT
"""


def forward_chain(listing: str) -> str:
    """Return where a rule for forwarded packets goes: Docker keeps its own user chain first of all, if it has one."""
    return "DOCKER-USER" if re.search(r"^:DOCKER-USER ", listing, re.MULTILINE) else "FORWARD"


def render_removal(name: str, listing: str) -> str:
    """Return what removes a region's chains and jumps from a listing (iptables-save); empty when it has none."""
    ours = chains(name)
    lines: list[str] = []
    for table, content in re.findall(r"^\*(\w+)\n(.*?)^COMMIT$", listing, re.DOTALL | re.MULTILINE):
        own = [each for each in re.findall(r"^:(\S+)", content, re.MULTILINE) if each in ours]
        rules = [rule.split() for rule in content.splitlines() if rule.startswith("-A")]
        jumps = [" ".join(["-D", *rule[1:]]) for rule in rules if rule[-1] in ours and rule[1] not in ours]
        removal = [*(f"-F {each}" for each in own), *jumps, *(f"-X {each}" for each in own)]
        lines += [f"*{table}", *removal, "COMMIT"] if removal else []
    return "\n".join([*lines, ""]) if lines else ""


class PacketFilter:
    """A region's part of the packet filter of this machine."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def up(self, port: int) -> bool:
        """Start with no bridge and no public address; return whether security groups are enforced.

        docker.errors.ContainerError says what the kernel refused.
        """
        name, forward = self.engine.name, forward_chain(self._clear())
        self.apply(render_rules(name, port, [], {}, []) + render_jumps(name, port, forward))
        enforced = self._filters_bridges()
        if not enforced:
            log.warning("region %s: %s", name, UNENFORCED)
        return enforced

    def apply(self, rules: str) -> None:
        """Hand rules to iptables-restore, which takes all of them or none; the chains that they name begin empty."""
        # A variable holds no more than 128 KiB.
        packed = base64.b64encode(gzip.compress(rules.encode())).decode()
        self._run('printf %s "$RULES" | base64 -d | gunzip | iptables-restore -w --noflush', {"RULES": packed})

    def down(self) -> None:
        """Remove the region's rules, whatever its port was; nothing happens when there are none."""
        self._clear()

    def _clear(self) -> str:
        """Remove the region's rules and return what was there before, as iptables-save lists it."""
        listing = self._run("iptables-save")
        if removal := render_removal(self.engine.name, listing):
            self.apply(removal)
        return listing

    def _filters_bridges(self) -> bool:
        """Return whether iptables sees what stays on a bridge; if not, Docker is made to switch that on.

        Docker does it, with the kernel module that it takes, for a network whose containers may not reach each other.
        """
        if not _switched_on():
            options = {"com.docker.network.bridge.enable_icc": "false"}
            try:
                self.engine.docker.networks.create(
                    f"{self.engine.name}-filter", driver="bridge", options=options, labels={LABEL: self.engine.name}
                ).remove()
            except APIError as error:
                log.warning("bridge filtering: %s", error.explanation)
        return _switched_on()

    def _run(self, script: str, environment: Mapping[str, str] | None = None) -> str:
        output: bytes = self.engine.docker.containers.run(
            self.engine.data_image,
            ["sh", "-euc", script],
            entrypoint=[],
            environment=dict(environment or {}),
            network_mode="host",
            cap_add=["NET_ADMIN"],
            remove=True,
        )
        return output.decode()


def _switched_on() -> bool:
    try:
        return BRIDGE_FILTERING.read_text().strip() == "1"
    except OSError:  # the module is not loaded
        return False
