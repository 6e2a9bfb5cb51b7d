"""Rules about the network and who reaches the load balancer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network, ip_network
from typing import Any

from ansible_collections.graviflow.airflow.plugins.module_utils.stack_rules.problem import Facts, Problem

# A VPC is /16 at most; the filter `subnets` needs /19 to cut subnets that a load balancer accepts.
SHORTEST_PREFIX, LONGEST_PREFIX = 16, 19
PRIVATE = [IPv4Network(each) for each in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")]
CERTIFICATE = re.compile(r"arn:(?P<partition>aws[a-z-]*):acm:(?P<region>[a-z0-9-]+):\d{12}:certificate/[0-9a-f-]+")


def zones(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """There are two zones, and the region has them."""
    named = list(stack["network_zones"])
    if len(set(named)) < 2:
        rule = "RDS and the load balancer want subnets in two zones"
        if stack.get("high_availability"):
            rule += ", and high_availability is true"
        yield Problem("network_zones", named, f"{rule}.", "Name two different zones of the region.")
    elif len(set(named)) != len(named):
        yield Problem("network_zones", named, "A zone is named twice.", "Name each zone once.")
    for zone in named:
        if facts.zones is not None and zone not in facts.zones:
            yield Problem(
                "network_zones",
                zone,
                f"Region {stack['stack_region']} has no such zone for this account.",
                f"Choose among {', '.join(facts.zones)}.",
            )


def cidr(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """The network is private and holds a public and a private subnet for each zone."""
    given = stack["network_cidr"]
    try:
        network = IPv4Network(given)
    except ValueError as error:
        yield Problem("network_cidr", given, f"It is no IPv4 network: {error}.", "Use one like 10.20.0.0/16.")
        return
    if not SHORTEST_PREFIX <= network.prefixlen <= LONGEST_PREFIX:
        yield Problem(
            "network_cidr",
            given,
            f"Its prefix must be /{SHORTEST_PREFIX} (AWS takes no larger network) to /{LONGEST_PREFIX} (the subnets of "
            "every zone must fit).",
            "Use one like 10.20.0.0/16.",
        )
    if not any(network.subnet_of(each) for each in PRIVATE):
        yield Problem(
            "network_cidr",
            given,
            "It overlaps with public or reserved addresses, which hosts could not reach then.",
            f"Use a part of {', '.join(map(str, PRIVATE))}.",
        )


def allowed_cidrs(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """Somebody can reach the load balancer, and the whole world only when that is wanted."""
    scheme, given = stack.get("load_balancer_scheme"), stack.get("load_balancer_allowed_cidrs")
    if scheme is not None and scheme not in ("internal", "internet-facing"):
        yield Problem("load_balancer_scheme", scheme, "It is internal or internet-facing.", "Use one of these.")
    if given is None:
        return
    if not given:
        yield Problem("load_balancer_allowed_cidrs", given, "Nobody could reach Airflow.", "Name your networks.")
    for each in given:
        try:
            network = ip_network(each)
        except ValueError as error:
            yield Problem("load_balancer_allowed_cidrs", each, f"It is no network: {error}.", "Write it as 10.0.0.0/8.")
            continue
        if scheme == "internet-facing" and network.prefixlen == 0 and not facts.allow_open_internet:
            yield Problem(
                "load_balancer_allowed_cidrs",
                each,
                "With an internet-facing load balancer everybody could try to log in.",
                "Name your networks, or say preflight_allow_open_internet: true.",
            )


def certificate(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """A certificate that is given can be used by the load balancer, and is the only one."""
    arn = stack.get("load_balancer_certificate_arn")
    if not arn:
        return
    match = CERTIFICATE.fullmatch(str(arn))
    if not match:
        rule = "It is not the ARN of a certificate of ACM."
        yield Problem(
            "load_balancer_certificate_arn", arn, rule, "Copy it from ACM, or leave it empty to have one issued."
        )
    elif match["region"] != stack["stack_region"] or match["partition"] != (facts.partition or match["partition"]):
        yield Problem(
            "load_balancer_certificate_arn",
            arn,
            f"A load balancer takes certificates of its own region, {stack['stack_region']}.",
            "Request or import it there.",
        )
    if "web_certificate" in (stack.get("secrets_given") or {}):
        yield Problem(
            "load_balancer_certificate_arn",
            arn,
            "secrets_given.web_certificate gives another certificate.",
            "Give one of the two.",
        )
