from types import SimpleNamespace

import pytest

from local_region.network import Network
from local_region.security_groups import Address, Permission

OPEN = (Permission(),)


class Networks:
    """Docker's networks, as far as a region uses them."""

    def create(self, name, **_):
        self.last = name


@pytest.fixture
def network():
    network = Network(SimpleNamespace(name="demo", docker=SimpleNamespace(networks=Networks())), 5590)
    network.rules = []
    network.filter = SimpleNamespace(apply=network.rules.append)
    return network


def vpc(identifier, cidr="10.0.0.0/16"):
    return SimpleNamespace(id=identifier, cidr_block=cidr)


def test_rules_are_applied_when_they_differ(network):
    network.vpc(vpc("vpc-1"))
    network.publish({}, [Address("10.0.0.4", "vpc-1", OPEN)])
    network.publish({}, [Address("10.0.0.4", "vpc-1", OPEN)])
    assert len(network.rules) == 2
    network.publish({}, [Address("10.0.0.4", "vpc-1")])
    assert len(network.rules) == 3


def test_rules_that_were_refused_are_applied_again(network):
    def refuse(_):
        raise OSError

    accepting, network.filter.apply = network.filter.apply, refuse
    with pytest.raises(OSError):
        network.vpc(vpc("vpc-1"))
    assert network.names == {}, "nothing may be put behind a bridge without rules"
    network.filter.apply = accepting
    assert network.vpc(vpc("vpc-1")) == "demo-vpc-1"


def test_a_vpc_without_a_bridge_opens_nothing_in_another_one_with_its_range(network):
    network.vpc(vpc("vpc-1"))
    network.publish({}, [Address("10.0.0.4", "vpc-1"), Address("10.0.0.4", "vpc-2", OPEN)])
    assert "10.0.0.4" not in network.rules[-1]
