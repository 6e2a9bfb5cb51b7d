"""Security groups: what may reach which address, and what an address may reach, as the API's rules say."""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

EVERYWHERE = "0.0.0.0/0"
EVERY_PROTOCOL = "-1"


@dataclass(frozen=True, order=True)
class Permission:
    """What one rule lets through, from or to one network.

    protocol: tcp, udp, icmp, an IP protocol's number, or -1 for every one. first and last: the ports, or ICMP's type
    and code; -1 stands for any.
    """

    network: str = EVERYWHERE
    protocol: str = EVERY_PROTOCOL
    first: int = -1
    last: int = -1


@dataclass(frozen=True, order=True)
class Address:
    """An address in a VPC, with what its security groups let through together."""

    ip: str
    vpc_id: str
    ingress: tuple[Permission, ...] = ()
    egress: tuple[Permission, ...] = ()


def read(ec2: Any) -> list[Address]:
    """Return every address in the VPCs of moto's EC2 backend; what is terminated has none.

    Members of one `cluster` (an attribute that Region.place gives to a network interface) reach each other whatever
    their groups say: a managed service replicates in a network that its customer does not see.
    """
    interfaces = [each for each in list(ec2.enis.values()) if not each.instance or each.instance.state != "terminated"]
    members: dict[str, set[str]] = defaultdict(set)
    clusters: dict[str, set[str]] = defaultdict(set)
    for each in interfaces:
        clusters[getattr(each, "cluster", "")].add(each.private_ip_address)
        for group in each.group_set:
            members[group.id].add(each.private_ip_address)
    prefixes = {name: _entries(found) for name, found in list(ec2.managed_prefix_lists.items())}
    addresses = []
    for each in interfaces:
        cluster = getattr(each, "cluster", "")
        peers = {Permission(f"{ip}/32") for ip in clusters[cluster] - {each.private_ip_address}} if cluster else set()
        ingress, egress = set(peers), set(peers)
        for group in each.group_set:
            ingress |= set(permissions(group.ingress_rules, members, prefixes))
            egress |= set(permissions(group.egress_rules, members, prefixes))
        addresses.append(Address(each.private_ip_address, each.vpc_id, tuple(sorted(ingress)), tuple(sorted(egress))))
    return sorted(addresses)


def permissions(
    rules: Iterable[Any], members: dict[str, set[str]], prefixes: dict[str, list[str]]
) -> Iterator[Permission]:
    """Yield what moto's rules let through.

    members: security group -> addresses in it. prefixes: prefix list -> its networks. IPv6 is left out: the region's
    bridges have none.
    """
    for rule in list(rules):
        protocol = str(rule.ip_protocol)
        if protocol not in ("tcp", "udp", "icmp", EVERY_PROTOCOL) and not protocol.isdigit():
            continue
        networks = [rule.cidr_ipv4] if rule.cidr_ipv4 else []
        networks += [f"{ip}/32" for ip in members.get(rule.source_group.get("GroupId", ""), ())]
        networks += prefixes.get(rule.prefix_list_id or "", [])
        for network in networks:
            first, last = (rule.from_port, rule.to_port) if protocol in ("tcp", "udp", "icmp") else (-1, -1)
            yield Permission(str(ipaddress.IPv4Network(network, strict=False)), protocol, first, last)


def _entries(prefix_list: Any) -> list[str]:
    """Return the networks of a managed prefix list's newest version."""
    if prefix_list.address_family != "IPv4" or not prefix_list.entries:
        return []
    newest = list(prefix_list.entries.values())[-1]
    return [entry["Cidr"] for entry in newest]
