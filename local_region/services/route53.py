"""Private hosted zones: their records are answered by the region's resolver.

Every VPC of the region sees them, once a zone is associated with one: the resolver has a single view.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from local_region.region import Region

MAX_CHAIN = 8  # CNAME and alias steps


def is_address(value: str) -> bool:
    """Return whether a record's value is an IPv4 address."""
    try:
        ipaddress.IPv4Address(value)
    except ValueError:
        return False
    return True


def normal(name: str) -> str:
    """Return a DNS name as the resolver's table has it; an alias may say dualstack."""
    return name.lower().rstrip(".").removeprefix("dualstack.")


def resolve(targets: Mapping[str, str], names: Mapping[str, str]) -> dict[str, str]:
    """Return name -> address; targets: name -> address or other name, names: what the region answers already."""
    found = {}
    for name, target in targets.items():
        for _ in range(MAX_CHAIN):
            if is_address(target):
                found[name] = target
                break
            target = targets.get(target) or names.get(target) or ""
            if not target:
                break
    return found


def record_target(record: Any) -> str | None:
    """Return where an A, CNAME or alias record leads; None for the others."""
    if record.type not in ("A", "CNAME"):
        return None
    if record.alias_target:
        return normal(record.alias_target["DNSName"])
    return normal(record.records[0]) if record.records else None


class HostedZones:
    """Publishes the records of private zones."""

    name = "route53"

    def __init__(self, region: Region) -> None:
        self.region = region
        self.published: set[str] = set()

    def reconcile(self) -> None:
        """Make the resolver's table agree with the zones."""
        targets: dict[str, str] = {}
        for _, backend in self.region.backends("route53"):
            for zone in list(backend.zones.values()):
                if zone.private_zone and zone.vpcs:
                    found = ((normal(record.name), record_target(record)) for record in list(zone.rrsets))
                    targets |= {name: target for name, target in found if target}
        others = {name: ip for name, ip in list(self.region.names.items()) if name not in self.published}
        wanted = resolve(targets, others)
        for name in self.published - set(wanted):
            self.region.names.pop(name, None)
        self.region.names.update(wanted)
        self.published = set(wanted)

    def known(self) -> set[tuple[str, str]]:
        """Return nothing: there is no container."""
        return set()
