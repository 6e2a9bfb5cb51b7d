"""The region's rules in the kernel's packet filter, always replaced as a whole.

The filter is reached through a container that shares this machine's network: whoever may use Docker may run a region.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from local_region.engine import METADATA_ADDRESS, Engine


def chain(name: str, purpose: str = "") -> str:
    """Return a region's chain name; the kernel allows 28 characters."""
    return f"LR_{re.sub('[^A-Za-z0-9]', '_', name)[:18]}{purpose}"


def render_rules(name: str, port: int, bridges: Iterable[str], public: Mapping[str, str]) -> str:
    """Return the content of the region's chains as iptables-restore reads it.

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


def render_jumps(name: str, port: int) -> str:
    """Return what leads from the kernel's chains into the region's, as iptables-restore reads it."""
    return f"""*nat
-I PREROUTING -d {METADATA_ADDRESS} -j {chain(name)}
-I PREROUTING -j {chain(name, "_EIP")}
-I OUTPUT -j {chain(name, "_EIP")}
COMMIT
*filter
-I INPUT -p tcp --dport {port}:{port + 1} -j {chain(name)}
-I INPUT -p udp --dport {port} -j {chain(name)}
COMMIT
"""


def render_removal(name: str, listing: str) -> str:
    """Return what removes a region's chains and jumps from a listing (iptables-save); empty when it has none."""
    chains = {chain(name), chain(name, "_EIP")}
    lines: list[str] = []
    for table, content in re.findall(r"^\*(\w+)\n(.*?)^COMMIT$", listing, re.DOTALL | re.MULTILINE):
        own = [each for each in re.findall(r"^:(\S+)", content, re.MULTILINE) if each in chains]
        jumps = [rule for rule in content.splitlines() if rule.startswith("-A") and rule.split()[-1] in chains]
        removal = [f"-F {each}" for each in own] + [f"-D{rule[2:]}" for rule in jumps] + [f"-X {each}" for each in own]
        lines += [f"*{table}", *removal, "COMMIT"] if removal else []
    return "\n".join([*lines, ""]) if lines else ""


class PacketFilter:
    """A region's part of the packet filter of this machine."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def up(self, port: int) -> None:
        """Start with no bridge and no public address. docker.errors.ContainerError says what the kernel refused."""
        self.down()
        self._restore(render_rules(self.engine.name, port, [], {}) + render_jumps(self.engine.name, port))

    def replace(self, port: int, bridges: Iterable[str], public: Mapping[str, str]) -> None:
        """Make these the region's rules, all at once."""
        self._restore(render_rules(self.engine.name, port, bridges, public))

    def down(self) -> None:
        """Remove the region's rules, whatever its port was; nothing happens when there are none."""
        if removal := render_removal(self.engine.name, self._run("iptables-save")):
            self._restore(removal)

    def _restore(self, rules: str) -> None:
        self._run('printf %s "$RULES" | iptables-restore -w --noflush', {"RULES": rules})

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
