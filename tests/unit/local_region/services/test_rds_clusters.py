"""Members of a cluster that are to go, while the cluster is being worked on."""

from types import SimpleNamespace
from typing import Any

import pytest

from local_region.patches._rds import Request
from local_region.services._rds_clusters import Clusters


class Servers:
    """Records what is done to which server."""

    def __init__(self) -> None:
        self.region = SimpleNamespace(engine=None)
        self.done: list[tuple[str, str]] = []

    def state(self, _member: Any) -> str:
        return "running"

    def __getattr__(self, action: str) -> Any:
        return lambda *given: self.done.append((action, given[-1].db_instance_identifier))


class Backend:
    """Forgets members."""

    def __init__(self, cluster: SimpleNamespace) -> None:
        self.cluster = cluster

    def finish_delete(self, identifier: str) -> None:
        self.cluster._members = [each for each in self.cluster._members if each.db_instance_identifier != identifier]


def member(name: str, **given: Any) -> SimpleNamespace:
    return SimpleNamespace(
        db_instance_identifier=name, dbi_resource_id=name, **{"status": "available", "asked": None, **given}
    )


@pytest.fixture
def servers() -> Servers:
    return Servers()


def remove(servers: Servers, *members: SimpleNamespace, every: bool = False) -> SimpleNamespace:
    cluster = SimpleNamespace(_members=list(members), serving=members[0].dbi_resource_id)
    Clusters(servers)._remove_members("us-east-1", Backend(cluster), cluster, every=every)
    return cluster


def test_a_member_that_goes_is_no_longer_served(servers: Servers) -> None:
    cluster = remove(servers, member("a", status="deleting"), member("b"))
    assert [each.db_instance_identifier for each in cluster._members] == ["b"]
    assert cluster.serving is None
    assert {name for _, name in servers.done} == {"a"}


def test_a_member_goes_though_its_status_was_overwritten(servers: Servers) -> None:
    cluster = remove(servers, member("a", status="modifying", asked=Request("delete")))
    assert cluster._members == []


def test_with_the_cluster_every_member_goes(servers: Servers) -> None:
    assert remove(servers, member("a"), member("b"), every=True)._members == []


def test_a_request_to_go_survives_the_round_that_it_came_in(servers: Servers) -> None:
    going = member("a", status="deleting", asked=Request("delete"))
    Clusters(servers)._member_request(SimpleNamespace(), going)
    assert going.asked == Request("delete")
    assert servers.done == []
