import threading
from types import SimpleNamespace

import pytest

from local_region.network import Network
from local_region.security_groups import Address, Permission

OPEN = (Permission(),)


class Networks:
    """Docker's networks, as far as a region uses them."""

    def __init__(self):
        self.there, self.active = [], []

    def create(self, name, **_):
        self.there.append(name)

    def get(self, name):
        def remove():
            if name in self.active:
                raise OSError(f"{name} has active endpoints")
            self.there.remove(name)

        return SimpleNamespace(remove=remove)


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


def test_an_empty_vpc_loses_its_bridge_and_gets_it_back(network):
    network.vpc(vpc("vpc-1"))
    network.remove_empty("vpc-1", set)
    assert network.engine.docker.networks.there == []
    assert network.vpc(vpc("vpc-1")) == "demo-vpc-1"
    assert network.engine.docker.networks.there == ["demo-vpc-1"]


def test_what_came_into_a_vpc_in_the_meantime_keeps_its_bridge(network):
    network.vpc(vpc("vpc-1"))
    asked = []

    def occupied():
        """Something is registered and asks for the bridge, while another thread is about to remove it."""
        thread = threading.Thread(target=lambda: asked.append(network.vpc(vpc("vpc-1"))))
        thread.start()
        thread.join(0.2)
        assert not asked, "the name of a bridge that may go was given away"
        return {"vpc-1"}

    network.remove_empty("vpc-1", occupied)
    assert network.vpc(vpc("vpc-1")) == "demo-vpc-1"
    assert network.engine.docker.networks.there == ["demo-vpc-1"]


def test_a_bridge_that_docker_keeps_is_still_known(network):
    network.vpc(vpc("vpc-1"))
    network.engine.docker.networks.active = ["demo-vpc-1"]
    with pytest.raises(OSError, match="active"):
        network.remove_empty("vpc-1", set)
    assert network.names == {"vpc-1": "demo-vpc-1"}
