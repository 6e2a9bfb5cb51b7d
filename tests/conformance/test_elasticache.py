"""ElastiCache replication groups: real servers, TLS and AUTH as asked, failover that clients notice."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

NAME = "conformance-broker"
TOKEN = "first-token!&#$^<>-0123"
SECOND = "second-token-0123456789"


class Client:
    """The few words of RESP that the tests speak."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection, self.file = connection, connection.makefile("rb")

    def __call__(self, *words: str) -> Any:
        parts = b"".join(b"$%d\r\n%b\r\n" % (len(word.encode()), word.encode()) for word in words)
        self.connection.sendall(b"*%d\r\n%b" % (len(words), parts))
        return self.read()

    def read(self) -> Any:
        line = self.file.readline()
        if not line:
            raise ConnectionError("closed")
        kind, rest = line[:1], line[1:].strip().decode()
        if kind == b"-":
            raise ValueError(rest)
        if kind == b"$":
            return None if rest == "-1" else self.file.read(int(rest) + 2)[:-2].decode()
        if kind == b"*":
            return [self.read() for _ in range(int(rest))]
        return rest


@pytest.fixture(scope="module")
def cache(cloud: Any) -> Any:
    return cloud.client("elasticache")


@pytest.fixture(scope="module")
def describe(cache: Any) -> Callable[..., dict[str, Any]]:
    return lambda name=NAME: cache.describe_replication_groups(ReplicationGroupId=name)["ReplicationGroups"][0]


@pytest.fixture(scope="module")
def available(describe: Callable[..., Any], until: Any) -> Callable[..., None]:
    return lambda name=NAME: until(lambda: describe(name)["Status"] == "available", what=f"{name} available")


@pytest.fixture(scope="module")
def connect(cloud: Any, describe: Callable[..., dict[str, Any]]) -> Callable[..., Client]:
    """Connect by the primary's name, verifying its certificate."""

    def run(token: str | None = TOKEN, endpoint: str = "PrimaryEndpoint", tls: bool = True, name: str = NAME) -> Client:
        state, found = cloud.control("GET", "state"), describe(name)["NodeGroups"][0][endpoint]
        raw = socket.create_connection((state["names"][found["Address"]], found["Port"]), 3)
        if tls:
            context = ssl.create_default_context(cadata=state["ca"])
            raw = context.wrap_socket(raw, server_hostname=found["Address"])
        client = Client(raw)
        if token:
            client("AUTH", token)
        return client

    return run


@pytest.fixture(scope="module", autouse=True)
def group(cloud: Any, vpc: Any, cache: Any, available: Callable[..., None], until: Any) -> Iterator[None]:
    cache.create_cache_subnet_group(
        CacheSubnetGroupName=NAME, CacheSubnetGroupDescription="test", SubnetIds=vpc.private
    )
    cache.create_cache_parameter_group(
        CacheParameterGroupName=NAME, CacheParameterGroupFamily="redis7", Description="test"
    )
    cache.modify_cache_parameter_group(
        CacheParameterGroupName=NAME,
        ParameterNameValues=[{"ParameterName": "maxmemory-policy", "ParameterValue": "noeviction"}],
    )
    cloud.control("PUT", "timings", {"elasticache": 3})
    began = time.monotonic()
    created = cache.create_replication_group(
        ReplicationGroupId=NAME,
        ReplicationGroupDescription="test",
        Engine="redis",
        EngineVersion="7.1",
        CacheNodeType="cache.t4g.small",
        NumCacheClusters=2,
        AutomaticFailoverEnabled=True,
        MultiAZEnabled=True,
        TransitEncryptionEnabled=True,
        AtRestEncryptionEnabled=True,
        AuthToken=TOKEN,
        CacheSubnetGroupName=NAME,
        CacheParameterGroupName=NAME,
        SnapshotRetentionLimit=1,
        Tags=[{"Key": "graviflow:stack", "Value": "test"}],
    )["ReplicationGroup"]
    assert created["Status"] == "creating"
    available()
    assert time.monotonic() - began >= 3
    cloud.control("PUT", "timings", {})
    yield
    cache.delete_replication_group(ReplicationGroupId=NAME)
    until(lambda: not cache.describe_replication_groups()["ReplicationGroups"], what="group gone")
    cache.delete_cache_subnet_group(CacheSubnetGroupName=NAME)
    cache.delete_cache_parameter_group(CacheParameterGroupName=NAME)


def test_describes_itself_as_elasticache_does(cache: Any, describe: Callable[..., Any]) -> None:
    found = describe()
    assert found["ARN"].startswith("arn:aws-cn:elasticache:cn-north-1:")
    assert found["MemberClusters"] == [f"{NAME}-001", f"{NAME}-002"]
    primary = found["NodeGroups"][0]["PrimaryEndpoint"]["Address"]
    assert primary.startswith(f"master.{NAME}.") and primary.endswith(".cnn1.cache.amazonaws.com.cn")
    assert found["NodeGroups"][0]["ReaderEndpoint"]["Address"].startswith(f"replica.{NAME}.")
    members = [
        cache.describe_cache_clusters(CacheClusterId=member, ShowCacheNodeInfo=True)["CacheClusters"][0]
        for member in found["MemberClusters"]
    ]
    assert {member["PreferredAvailabilityZone"] for member in members} == {"cn-north-1a", "cn-north-1b"}
    assert {member["CacheParameterGroup"]["CacheParameterGroupName"] for member in members} == {NAME}
    assert {member["EngineVersion"] for member in members} == {"7.1.0"}


def test_primary_and_replica_serve_with_tls_and_auth(connect: Callable[..., Client], until: Any) -> None:
    connect()("SET", "key", "value")
    replica = connect(endpoint="ReaderEndpoint")
    until(lambda: replica("GET", "key") == "value", what="replication")
    with pytest.raises(ValueError, match="READONLY"):
        replica("SET", "key", "other")
    with pytest.raises(ValueError, match="NOAUTH"):
        connect(token=None)("GET", "key")
    with pytest.raises(ValueError, match="WRONGPASS"):
        connect(token="wrong")
    with pytest.raises(ValueError, match="NOPERM"):
        connect()("CONFIG", "GET", "*")


def test_parameter_group_is_in_force(cloud: Any, cache: Any, connect: Callable[..., Client], until: Any) -> None:
    policy = lambda: next(  # noqa: E731
        line for line in connect()("INFO", "memory").splitlines() if line.startswith("maxmemory_policy")
    )
    assert policy() == "maxmemory_policy:noeviction"
    change = {"ParameterName": "maxmemory-policy", "ParameterValue": "allkeys-lru"}
    cache.modify_cache_parameter_group(CacheParameterGroupName=NAME, ParameterNameValues=[change])
    until(lambda: policy() == "maxmemory_policy:allkeys-lru", what="allkeys-lru")
    cache.reset_cache_parameter_group(CacheParameterGroupName=NAME, ResetAllParameters=True)
    until(lambda: policy() == "maxmemory_policy:volatile-lru", what="volatile-lru")
    entries = cache.describe_cache_parameters(CacheParameterGroupName=NAME)["Parameters"]
    assert {entry["Source"] for entry in entries} == {"system"}


def test_token_rotates_without_a_gap(cache: Any, connect: Callable[..., Client], available: Any) -> None:
    cache.modify_replication_group(
        ReplicationGroupId=NAME, AuthToken=SECOND, AuthTokenUpdateStrategy="ROTATE", ApplyImmediately=True
    )
    available()
    for token in (TOKEN, SECOND):
        assert connect(token)("PING") == "PONG"
    cache.modify_replication_group(
        ReplicationGroupId=NAME, AuthToken=SECOND, AuthTokenUpdateStrategy="SET", ApplyImmediately=True
    )
    available()
    assert connect(SECOND)("PING") == "PONG"
    with pytest.raises(ValueError, match="WRONGPASS"):
        connect(TOKEN)
    cache.modify_replication_group(
        ReplicationGroupId=NAME, AuthToken=TOKEN, AuthTokenUpdateStrategy="ROTATE", ApplyImmediately=True
    )
    available()


def test_failover_promotes_the_replica_and_moves_the_name(
    cloud: Any, cache: Any, describe: Any, connect: Callable[..., Client], available: Any
) -> None:
    client = connect()
    client("SET", "kept", "42")
    client("WAIT", "1", "1000")
    endpoint = describe()["NodeGroups"][0]["PrimaryEndpoint"]["Address"]
    before = cloud.control("GET", "state")["names"][endpoint]
    cache.test_failover(ReplicationGroupId=NAME, NodeGroupId="0001")
    available()
    assert cloud.control("GET", "state")["names"][endpoint] != before
    roles = {
        member["CacheClusterId"]: member["CurrentRole"] for member in describe()["NodeGroups"][0]["NodeGroupMembers"]
    }
    assert roles == {f"{NAME}-001": "replica", f"{NAME}-002": "primary"}
    with pytest.raises((ConnectionError, OSError)):
        client("PING")
    assert connect()("GET", "kept") == "42"
    connect()("SET", "kept", "43")


def test_a_lost_primary_fails_over_by_itself(
    cloud: Any, describe: Any, connect: Callable[..., Client], available: Any, until: Any
) -> None:
    connect()("WAIT", "1", "1000")
    primary = lambda: next(  # noqa: E731
        member["CacheClusterId"]
        for member in describe()["NodeGroups"][0]["NodeGroupMembers"]
        if member["CurrentRole"] == "primary"
    )
    lost = primary()
    container = next(n for n in cloud.docker("ps", "--format", "{{.Names}}").split() if n.endswith(lost))
    cloud.docker("kill", container)
    until(lambda: primary() != lost, what="another primary")

    def writes() -> bool:
        try:
            return connect()("SET", "after", "loss") == "OK"
        except (OSError, ValueError):
            return False

    until(writes, what="writes")
    until(lambda: "connected_slaves:1" in connect()("INFO", "replication"), what="the lost one back as replica")


def test_replicas_come_and_go(cache: Any, connect: Callable[..., Client], describe: Any, available: Any) -> None:
    cache.increase_replica_count(ReplicationGroupId=NAME, NewReplicaCount=2, ApplyImmediately=True)
    available()
    assert len(describe()["MemberClusters"]) == 3
    assert "connected_slaves:2" in connect()("INFO", "replication")
    cache.decrease_replica_count(ReplicationGroupId=NAME, NewReplicaCount=1, ApplyImmediately=True)
    available()
    assert len(describe()["MemberClusters"]) == 2
    with pytest.raises(ClientError, match="replicas"):
        cache.decrease_replica_count(ReplicationGroupId=NAME, NewReplicaCount=0, ApplyImmediately=True)


def test_changes_are_kept(cache: Any, describe: Any, available: Any) -> None:
    cache.modify_replication_group(
        ReplicationGroupId=NAME,
        CacheNodeType="cache.m7g.large",
        SnapshotRetentionLimit=3,
        PreferredMaintenanceWindow="mon:01:00-mon:02:00",
        ApplyImmediately=True,
    )
    available()
    member = cache.describe_cache_clusters(CacheClusterId=describe()["MemberClusters"][0])["CacheClusters"][0]
    assert describe()["CacheNodeType"] == member["CacheNodeType"] == "cache.m7g.large"
    assert describe()["SnapshotRetentionLimit"] == 3
    assert member["PreferredMaintenanceWindow"] == "mon:01:00-mon:02:00"


def test_tags_of_a_group(cache: Any, describe: Any) -> None:
    arn = describe()["ARN"]
    cache.add_tags_to_resource(ResourceName=arn, Tags=[{"Key": "a", "Value": "b"}])
    tags = {tag["Key"]: tag["Value"] for tag in cache.list_tags_for_resource(ResourceName=arn)["TagList"]}
    assert tags == {"graviflow:stack": "test", "a": "b"}
    left = cache.remove_tags_from_resource(ResourceName=arn, TagKeys=["a"])["TagList"]
    assert [tag["Key"] for tag in left] == ["graviflow:stack"]


def test_valkey_without_tls(
    cache: Any, describe: Any, connect: Callable[..., Client], available: Any, until: Any
) -> None:
    cache.create_replication_group(
        ReplicationGroupId="conformance-valkey",
        ReplicationGroupDescription="test",
        Engine="valkey",
        NumCacheClusters=1,
        CacheNodeType="cache.t4g.micro",
        CacheSubnetGroupName=NAME,
    )
    available("conformance-valkey")
    found = describe("conformance-valkey")
    assert found["NodeGroups"][0]["PrimaryEndpoint"]["Address"].startswith("conformance-valkey.")
    client = connect(token=None, tls=False, name="conformance-valkey")
    assert "valkey_version:8" in client("INFO", "server")
    assert client("SET", "a", "b") == "OK"
    cache.delete_replication_group(ReplicationGroupId="conformance-valkey")
    until(lambda: len(cache.describe_replication_groups()["ReplicationGroups"]) == 1, what="valkey gone")


def test_what_elasticache_refuses_is_refused(cache: Any) -> None:
    wanted = {
        "ReplicationGroupId": "refused",
        "ReplicationGroupDescription": "test",
        "CacheNodeType": "cache.t4g.micro",
    }
    with pytest.raises(ClientError, match="in-transit"):
        cache.create_replication_group(**wanted, AuthToken=TOKEN)
    with pytest.raises(ClientError, match="AuthToken"):
        cache.create_replication_group(**wanted, AuthToken="with@sign/slash-0123", TransitEncryptionEnabled=True)
    with pytest.raises(ClientError, match="at least 2"):
        cache.create_replication_group(**wanted, NumCacheClusters=1, AutomaticFailoverEnabled=True)
    with pytest.raises(ClientError, match="CacheParameterGroupNotFound"):
        cache.create_replication_group(**wanted, CacheParameterGroupName="absent")
    with pytest.raises(ClientError, match="CacheSubnetGroupInUse"):
        cache.delete_cache_subnet_group(CacheSubnetGroupName=NAME)
    with pytest.raises(ClientError, match="ReplicationGroupNotFoundFault"):
        cache.describe_replication_groups(ReplicationGroupId="absent")
