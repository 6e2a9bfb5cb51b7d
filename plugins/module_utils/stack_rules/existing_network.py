"""Rules about a VPC that the stack is put into: what is in it is known before anything is created."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.graviflow.airflow.plugins.module_utils.stack_rules.problem import Facts, Problem

# Two hosts and their successors during a roll, database, broker, mount target, load balancer, and room to grow.
FREE_ADDRESSES = 16
# An ALB wants this many in each of its subnets (Elastic Load Balancing, subnets of an ALB).
FREE_PUBLIC_ADDRESSES = 8


def existing_network(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """A VPC that is given can hold the stack."""
    given = stack.get("network_existing") or {}
    if not given:
        return
    missing = [option for option in ("vpc_id", "private_subnet_ids") if not given.get(option)]
    if missing:
        yield Problem(
            "network_existing",
            dict(given),
            f"It lacks {' and '.join(missing)}.",
            "Name the VPC and its private subnets, or leave network_existing out to have a VPC made.",
        )
        return
    if facts.network is None:
        return
    if not facts.network["vpcs"]:
        yield Problem(
            "network_existing.vpc_id",
            given["vpc_id"],
            f"Region {stack['stack_region']} has no such VPC for this account.",
            "Correct it, or leave network_existing out to have one made.",
        )
        return
    vpc = facts.network["vpcs"][0]
    for option in ("enable_dns_support", "enable_dns_hostnames"):
        if vpc.get(option) is False:
            yield Problem(
                "network_existing.vpc_id",
                given["vpc_id"],
                f"Its {option} is off, and hosts find the database, the broker and EFS by private names.",
                "Switch it on for the VPC.",
            )
    yield from _subnets(stack, facts.network, "private_subnet_ids", FREE_ADDRESSES)
    if stack.get("load_balancer_scheme") == "internet-facing":
        yield from _subnets(stack, facts.network, "public_subnet_ids", FREE_PUBLIC_ADDRESSES)


def _subnets(stack: Mapping[str, Any], network: Mapping[str, Any], option: str, free: int) -> Iterator[Problem]:
    variable = f"network_existing.{option}"
    given = list(stack["network_existing"].get(option) or [])
    known = {each["subnet_id"]: each for each in network["subnets"]}
    for subnet_id in given:
        if subnet_id not in known:
            yield Problem(
                variable,
                subnet_id,
                f"VPC {stack['network_existing']['vpc_id']} has no such subnet.",
                f"Choose among {', '.join(sorted(known)) or 'none: it has no subnets'}.",
            )
    found = [known[each] for each in given if each in known]
    zones = sorted({each["availability_zone"] for each in found})
    if len(found) == len(given) and len(zones) < 2:
        yield Problem(
            variable,
            given,
            f"They are in {', '.join(zones) or 'no zone'}; RDS and the load balancer want two zones.",
            "Name a subnet of another zone, too.",
        )
    for subnet in found:
        available = int(subnet["available_ip_address_count"])
        if available < free:
            yield Problem(
                variable,
                subnet["subnet_id"],
                f"It has {available} free addresses, and {free} are needed.",
                "Use a larger subnet, or free some.",
            )
        yield from _way_out(stack, network, variable, subnet["subnet_id"])


def _way_out(stack: Mapping[str, Any], network: Mapping[str, Any], variable: str, subnet_id: str) -> Iterator[Problem]:
    """Public subnets lead to an internet gateway; private ones lead out, but not by one."""
    target = _default_route(network["route_tables"], subnet_id)
    if variable.endswith("public_subnet_ids"):
        if not target.startswith("igw-"):
            yield Problem(
                variable,
                subnet_id,
                "Its default route leads to no internet gateway, so nobody outside could reach the load balancer.",
                "Name public subnets.",
            )
    elif target.startswith("igw-"):
        yield Problem(
            variable,
            subnet_id,
            "Its default route leads to an internet gateway, and hosts have no public address to use it with.",
            "Name private subnets, whose default route leads to a NAT gateway or the like.",
        )
    elif not target and stack.get("network_nat") != "none":
        yield Problem(
            variable,
            subnet_id,
            "It has no default route, so hosts could reach neither AWS nor what DAGs call.",
            "Add one. If VPC endpoints serve all that hosts need, say network_nat: none.",
        )


def _default_route(tables: list[Mapping[str, Any]], subnet_id: str) -> str:
    """Return where 0.0.0.0/0 of a subnet leads: its own route table counts, else the VPC's main one."""
    own = [t for t in tables if any(a.get("subnet_id") == subnet_id for a in t["associations"])]
    main = [t for t in tables if any(a.get("main") for a in t["associations"])]
    for table in (own or main)[:1]:
        for route in table["routes"]:
            if route.get("destination_cidr_block") == "0.0.0.0/0" and route.get("state") != "blackhole":
                return next((str(route[key]) for key in TARGETS if route.get(key)), "")
    return ""


TARGETS = (
    "nat_gateway_id",
    "transit_gateway_id",
    "gateway_id",
    "instance_id",
    "network_interface_id",
    "vpc_peering_connection_id",
    "local_gateway_id",
)
