from __future__ import annotations

from ipaddress import IPv4Network
from itertools import combinations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.graviflow.airflow.plugins.filter.subnets import subnets

ZONES = ["us-east-1a", "us-east-1b", "us-east-1c"]


def test_two_zones_of_a_common_network():
    assert subnets("10.20.0.0/16", ZONES[:2]) == [
        {"zone": "us-east-1a", "public": "10.20.0.0/24", "private": "10.20.16.0/20"},
        {"zone": "us-east-1b", "public": "10.20.1.0/24", "private": "10.20.32.0/20"},
    ]


def test_an_appended_zone_moves_no_other():
    assert subnets("10.20.0.0/16", ZONES)[:2] == subnets("10.20.0.0/16", ZONES[:2])


@pytest.mark.parametrize("cidr", ["10.0.0.0/16", "172.16.0.0/17", "192.168.0.0/19"])
@pytest.mark.parametrize("count", [1, 2, 15])
def test_subnets_lie_apart_within_the_network(cidr, count):
    made = subnets(cidr, [f"zone-{number}" for number in range(count)])
    networks = [IPv4Network(entry[kind]) for entry in made for kind in ("public", "private")]
    assert len(networks) == 2 * count
    assert all(network.subnet_of(IPv4Network(cidr)) and network.prefixlen <= 27 for network in networks)
    assert not any(one.overlaps(other) for one, other in combinations(networks, 2))


@pytest.mark.parametrize(
    ("cidr", "zones", "rule"),
    [
        ("10.20.0.0/20", ZONES, "must be between /16 and /19"),
        ("10.0.0.0/8", ZONES, "must be between /16 and /19"),
        ("10.20.0.1/16", ZONES, "no IPv4 CIDR"),
        ("somewhere", ZONES, "no IPv4 CIDR"),
        ("10.20.0.0/16", [f"zone-{number}" for number in range(16)], "at most 15 fit"),
    ],
)
def test_what_does_not_fit_is_refused(cidr, zones, rule):
    with pytest.raises(AnsibleFilterError, match=rule):
        subnets(cidr, zones)
