"""Filter that divides a network into the subnets of its zones."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Any

from ansible.errors import AnsibleFilterError

DOCUMENTATION = r"""
name: subnets
short_description: Divide a network into one public and one private subnet for each zone
version_added: 0.1.0
author: The graviflow team
description:
  - Cuts the network into 16 blocks. The first one holds the public subnets, 1/16 of a block each; every other block is
    the private subnet of one zone.
  - A zone that is appended to the list moves no other subnet.
positional: _input, zones
options:
  _input:
    description: The network, in CIDR notation, between /16 and /19.
    type: str
    required: true
  zones:
    description: Names of up to 15 availability zones.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Subnets of two zones are shown
  ansible.builtin.debug:
    msg: "{{ '10.20.0.0/16' | graviflow.airflow.subnets(['us-east-1a', 'us-east-1b']) }}"
"""

RETURN = r"""
_value:
  description: One entry for each zone, with the CIDRs of its subnets.
  type: list
  elements: dict
  sample: [{"zone": "us-east-1a", "public": "10.20.0.0/24", "private": "10.20.16.0/20"}]
"""

# A VPC is /16 at most. An ALB wants subnets of /27 at least, and the public ones are 8 bits longer than the network.
SHORTEST_PREFIX, LONGEST_PREFIX = 16, 19
MAX_ZONES = 15


def subnets(cidr: str, zones: list[str]) -> list[dict[str, str]]:
    """Return `{zone, public, private}` for each zone; raise AnsibleFilterError if they do not fit."""
    try:
        network = IPv4Network(cidr)
    except ValueError as error:
        raise AnsibleFilterError(f"network '{cidr}' is no IPv4 CIDR: {error}. Use one like 10.20.0.0/16.") from error
    if not SHORTEST_PREFIX <= network.prefixlen <= LONGEST_PREFIX:
        raise AnsibleFilterError(
            f"network '{cidr}' has a prefix of /{network.prefixlen}, it must be between /{SHORTEST_PREFIX} and "
            f"/{LONGEST_PREFIX}. Use one like 10.20.0.0/16."
        )
    if len(zones) > MAX_ZONES:
        raise AnsibleFilterError(f"{len(zones)} zones were given, at most {MAX_ZONES} fit. Name fewer zones.")
    first, *private = network.subnets(prefixlen_diff=4)
    public = first.subnets(prefixlen_diff=4)
    return [
        {"zone": zone, "public": str(out), "private": str(inner)}
        for zone, out, inner in zip(zones, public, private, strict=False)
    ]


class FilterModule:
    """Filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Return the filters by name."""
        return {"subnets": subnets}
