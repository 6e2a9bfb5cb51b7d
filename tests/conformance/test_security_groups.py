"""Security groups: what no rule lets through cannot be reached, and what one lets through can."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

WEB, OTHER, ECHO = 8080, 8081, 9000
NAME = "conformance-groups"
ECHO_SERVER = f"""
import socketserver
class Echo(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(line)
socketserver.ThreadingTCPServer(("", {ECHO}), Echo).serve_forever()
"""
ECHO_CLIENT = f"""
import socket, sys
connection = socket.create_connection((sys.argv[1], {ECHO}), 5).makefile("rw")
for line in sys.stdin:
    print(line, end="", file=connection, flush=True)
    print(connection.readline(), end="", flush=True)
"""


def tcp(port: int, **source: Any) -> dict[str, Any]:
    """Return a permission for one port."""
    return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, **source}


def from_group(group: str) -> dict[str, Any]:
    return {"UserIdGroupPairs": [{"GroupId": group}]}


def from_network(cidr: str) -> dict[str, Any]:
    return {"IpRanges": [{"CidrIp": cidr}]}


EVERYTHING = {"IpProtocol": "-1", **from_network("0.0.0.0/0")}


@pytest.fixture(scope="module")
def ec2(cloud: Any) -> Any:
    return cloud.client("ec2")


@pytest.fixture(scope="module")
def group(ec2: Any, vpc: Any) -> Callable[[str], str]:
    """Create a group, which begins with no ingress and every egress."""
    return lambda name: ec2.create_security_group(GroupName=f"{NAME}-{name}", Description=name, VpcId=vpc.id)["GroupId"]


@pytest.fixture(scope="module")
def groups(group: Any) -> dict[str, str]:
    return {name: group(name) for name in ("client", "stranger", "server")}


@pytest.fixture(scope="module")
def opens(cloud: Any) -> Callable[..., bool]:
    """Whether a host gets a TCP connection within a second."""

    def run(host: Any, address: str, port: int = WEB) -> bool:
        command = ["docker", "exec", cloud.container(host.id), "timeout", "1", "bash", "-c"]
        return (
            subprocess.run([*command, f": </dev/tcp/{address}/{port}"], capture_output=True, check=False).returncode
            == 0
        )

    return run


@pytest.fixture(scope="module")
def pings(cloud: Any) -> Callable[..., bool]:
    def run(host: Any, address: str) -> bool:
        command = ["docker", "exec", cloud.container(host.id), "ping", "-c", "1", "-W", "1", address]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    return run


@pytest.fixture(scope="module")
def hosts(cloud: Any, vpc: Any, launch: Any, groups: dict[str, str], until: Any) -> dict[str, Any]:
    """A host in each group; the server listens on its ports, and has a public address."""
    hosts = {name: launch(SecurityGroupIds=[groups[name]]) for name in ("client", "stranger")}
    public = {"DeviceIndex": 0, "SubnetId": vpc.public[0], "AssociatePublicIpAddress": True}
    hosts["server"] = launch(NetworkInterfaces=[{**public, "Groups": [groups["server"]]}])
    until(lambda: {host.state for host in hosts.values()} == {"running"}, what="running")
    server = cloud.container(hosts["server"].id)
    for port in (WEB, OTHER):
        cloud.docker("exec", "-d", "-w", "/srv", server, "python3", "-m", "http.server", str(port))
    cloud.docker("exec", "-d", server, "python3", "-c", ECHO_SERVER)
    for port in (WEB, OTHER, ECHO):
        until(lambda port=port: from_here(hosts["server"].ip, port), what=f"port {port}")
    return hosts


def from_here(address: str, port: int) -> bool:
    """Return whether this machine gets a connection; it stands for Session Manager and is not asked for rules."""
    try:
        socket.create_connection((address, port), 1).close()
    except OSError:
        return False
    return True


@pytest.fixture
def allow(ec2: Any, groups: dict[str, str], until: Any) -> Iterator[Callable[..., None]]:
    """Authorize ingress to the server's group; gone after the test."""
    given: list[tuple[str, dict[str, Any]]] = []

    def run(permission: dict[str, Any], group: str = "server") -> None:
        ec2.authorize_security_group_ingress(GroupId=groups[group], IpPermissions=[permission])
        given.append((groups[group], permission))

    yield run
    for group_id, permission in given:
        try:
            ec2.revoke_security_group_ingress(GroupId=group_id, IpPermissions=[permission])
        except ClientError as error:  # the test did that
            assert error.response["Error"]["Code"] == "InvalidPermission.NotFound"


def test_they_are_enforced(cloud: Any) -> None:
    assert cloud.control("GET", "state")["security_groups"] == "enforced"


def test_without_a_rule_nothing_gets_in(hosts: Any, opens: Any, pings: Any) -> None:
    server = hosts["server"].ip
    assert not opens(hosts["client"], server)
    assert not pings(hosts["client"], server)
    assert from_here(server, WEB)


def test_a_network_is_let_in_to_a_port(hosts: Any, ec2: Any, groups: Any, allow: Any, opens: Any, until: Any) -> None:
    client, server = hosts["client"], hosts["server"].ip
    began = time.monotonic()
    allow(tcp(WEB, **from_network(f"{client.ip}/32")))
    until(lambda: opens(client, server), what="open")
    assert time.monotonic() - began < 3
    assert not opens(client, server, OTHER)
    assert not opens(hosts["stranger"], server)
    ec2.revoke_security_group_ingress(
        GroupId=groups["server"], IpPermissions=[tcp(WEB, **from_network(f"{client.ip}/32"))]
    )
    until(lambda: not opens(client, server), what="shut again")


def test_a_group_is_let_in_whoever_is_in_it(
    hosts: Any, ec2: Any, groups: Any, allow: Any, opens: Any, until: Any
) -> None:
    stranger, server = hosts["stranger"], hosts["server"].ip
    allow(tcp(WEB, **from_group(groups["client"])))
    until(lambda: opens(hosts["client"], server), what="open")
    assert not opens(stranger, server)
    ec2.modify_instance_attribute(InstanceId=stranger.id, Groups=[groups["client"]])
    until(lambda: opens(stranger, server), what="open for a new member")
    found = stranger.describe()
    assert [each["GroupId"] for each in found["SecurityGroups"]] == [groups["client"]]
    interface = found["NetworkInterfaces"][0]
    assert [each["GroupId"] for each in interface["Groups"]] == [groups["client"]]
    ec2.modify_network_interface_attribute(
        NetworkInterfaceId=interface["NetworkInterfaceId"], Groups=[groups["stranger"]]
    )
    until(lambda: not opens(stranger, server), what="shut for a former member")
    assert [each["GroupId"] for each in stranger.describe()["SecurityGroups"]] == [groups["stranger"]]


def test_ranges_protocols_and_prefix_lists(
    hosts: Any, ec2: Any, groups: Any, allow: Any, opens: Any, pings: Any, until: Any
) -> None:
    client, server = hosts["client"], hosts["server"].ip
    allow({"IpProtocol": "tcp", "FromPort": 8000, "ToPort": 8080, **from_group(groups["client"])})
    until(lambda: opens(client, server), what="within the range")
    assert not opens(client, server, OTHER) and not pings(client, server)
    allow({"IpProtocol": "icmp", "FromPort": 8, "ToPort": -1, **from_group(groups["client"])})
    until(lambda: pings(client, server), what="echo")
    listed = ec2.create_managed_prefix_list(
        PrefixListName=NAME, MaxEntries=1, AddressFamily="IPv4", Entries=[{"Cidr": f"{client.ip}/32"}]
    )["PrefixList"]["PrefixListId"]
    allow(tcp(OTHER, PrefixListIds=[{"PrefixListId": listed}]))
    until(lambda: opens(client, server, OTHER), what="prefix list")
    assert not opens(hosts["stranger"], server, OTHER)


def test_what_is_established_survives_the_rule(
    cloud: Any, hosts: Any, ec2: Any, groups: Any, allow: Any, opens: Any, until: Any
) -> None:
    client, server, rule = hosts["client"], hosts["server"].ip, tcp(ECHO, **from_group(groups["client"]))
    allow(rule)
    until(lambda: opens(client, server, ECHO), what="open")
    command = ["docker", "exec", "-i", cloud.container(client.id), "python3", "-c", ECHO_CLIENT, server]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as session:
        assert session.stdin and session.stdout

        def echo(word: str) -> str:
            print(word, file=session.stdin, flush=True)
            return session.stdout.readline().strip()

        assert echo("before") == "before"
        ec2.revoke_security_group_ingress(GroupId=groups["server"], IpPermissions=[rule])
        until(lambda: not opens(client, server, ECHO), what="shut for new connections")
        assert echo("after") == "after"
        session.stdin.close()


def test_egress_is_asked_too(
    cloud: Any, vpc: Any, hosts: Any, ec2: Any, groups: Any, allow: Any, opens: Any, until: Any
) -> None:
    """Where nothing may be left for, metadata and names still answer; so does the host to who reaches it."""
    client, server = hosts["client"], hosts["server"].ip
    machine = socket.create_server((vpc.cidr.replace(".0.0/16", ".0.1"), 0))  # the outside world is behind it
    threading.Thread(target=lambda: [machine.accept() for _ in iter(int, 1)], daemon=True).start()
    allow(tcp(WEB, **from_group(groups["client"])))
    allow(tcp(OTHER, **from_group(groups["client"])))
    until(lambda: opens(client, server) and opens(client, server, OTHER), what="open")
    assert opens(client, *machine.getsockname())
    ec2.revoke_security_group_egress(GroupId=groups["client"], IpPermissions=[EVERYTHING])
    try:
        until(lambda: not opens(client, server), what="shut")
        assert not opens(client, *machine.getsockname())
        assert opens(client, "169.254.169.254", 80)
        name = hosts["server"].describe()["PrivateDnsName"]
        assert server in cloud.docker("exec", cloud.container(client.id), "getent", "ahostsv4", name)
        assert from_here(client.ip, 22)
        to_server = tcp(WEB, **from_group(groups["server"]))
        ec2.authorize_security_group_egress(GroupId=groups["client"], IpPermissions=[to_server])
        until(lambda: opens(client, server), what="open for one port")
        assert not opens(client, server, OTHER)
        ec2.revoke_security_group_egress(GroupId=groups["client"], IpPermissions=[to_server])
    finally:
        ec2.authorize_security_group_egress(GroupId=groups["client"], IpPermissions=[EVERYTHING])
        machine.close()


def test_a_public_address_obeys_ingress(hosts: Any, allow: Any, opens: Any, until: Any) -> None:
    client, public = hosts["client"], hosts["server"].describe()["PublicIpAddress"]
    assert not opens(client, public)
    allow(tcp(WEB, **from_network(f"{client.ip}/32")))
    until(lambda: opens(client, public), what="open")
    assert not opens(hosts["stranger"], public)


def test_the_default_group_lets_its_members_in_and_nobody_else(
    ec2: Any, vpc: Any, hosts: Any, launch: Any, pings: Any, until: Any
) -> None:
    filters = [{"Name": "vpc-id", "Values": [vpc.id]}, {"Name": "group-name", "Values": ["default"]}]
    default = ec2.describe_security_groups(Filters=filters)["SecurityGroups"][0]
    (rule,) = default["IpPermissions"]
    assert rule["IpProtocol"] == "-1" and rule["UserIdGroupPairs"][0]["GroupId"] == default["GroupId"]
    one, two = launch(), launch()
    assert [each["GroupId"] for each in one.describe()["SecurityGroups"]] == [default["GroupId"]]
    until(lambda: {one.state, two.state} == {"running"}, what="running")
    until(lambda: pings(one, two.ip), what="members")
    assert not pings(hosts["client"], two.ip)


def test_groups_that_do_not_exist_are_refused(ec2: Any, hosts: Any) -> None:
    with pytest.raises(ClientError, match=r"InvalidGroup\.NotFound"):
        ec2.modify_instance_attribute(InstanceId=hosts["client"].id, Groups=["sg-00000000000000000"])


# -- managed services


def test_a_database_is_reached_by_whose_group_it_names(
    cloud: Any, ec2: Any, vpc: Any, hosts: Any, groups: Any, group: Any, opens: Any, until: Any
) -> None:
    rds, database, other = cloud.client("rds"), group("database"), group("other-database")
    ec2.authorize_security_group_ingress(GroupId=database, IpPermissions=[tcp(5432, **from_group(groups["client"]))])
    rds.create_db_subnet_group(DBSubnetGroupName=NAME, DBSubnetGroupDescription=NAME, SubnetIds=vpc.private)
    rds.create_db_instance(
        DBInstanceIdentifier=NAME, Engine="postgres", DBInstanceClass="db.m7g.large", AllocatedStorage=20,
        MasterUsername="airflow_master", MasterUserPassword="not-used-here", DBSubnetGroupName=NAME,
        VpcSecurityGroupIds=[database],
    )  # fmt: skip
    describe = lambda: rds.describe_db_instances(DBInstanceIdentifier=NAME)["DBInstances"][0]  # noqa: E731
    try:
        until(lambda: describe()["DBInstanceStatus"] == "available", what="database available")
        address = cloud.control("GET", "state")["names"][describe()["Endpoint"]["Address"]]
        until(lambda: opens(hosts["client"], address, 5432), what="open")
        assert not opens(hosts["stranger"], address, 5432)
        rds.modify_db_instance(DBInstanceIdentifier=NAME, VpcSecurityGroupIds=[other])
        until(lambda: not opens(hosts["client"], address, 5432), what="shut by another group")
        until(lambda: describe()["DBInstanceStatus"] == "available", what="database available again")
    finally:
        rds.delete_db_instance(DBInstanceIdentifier=NAME, SkipFinalSnapshot=True)
        until(lambda: not rds.describe_db_instances()["DBInstances"], what="database gone")
        rds.delete_db_subnet_group(DBSubnetGroupName=NAME)


def test_a_broker_replicates_whatever_its_group_says(
    cloud: Any, ec2: Any, vpc: Any, hosts: Any, groups: Any, group: Any, opens: Any, until: Any
) -> None:
    cache, broker = cloud.client("elasticache"), group("broker")
    ec2.revoke_security_group_egress(GroupId=broker, IpPermissions=[EVERYTHING])
    cache.create_cache_subnet_group(CacheSubnetGroupName=NAME, CacheSubnetGroupDescription=NAME, SubnetIds=vpc.private)
    cache.create_replication_group(
        ReplicationGroupId=NAME, ReplicationGroupDescription=NAME, Engine="redis", CacheNodeType="cache.t4g.small",
        NumCacheClusters=2, AutomaticFailoverEnabled=True, CacheSubnetGroupName=NAME, SecurityGroupIds=[broker],
    )  # fmt: skip
    describe = lambda: cache.describe_replication_groups(ReplicationGroupId=NAME)["ReplicationGroups"][0]  # noqa: E731
    gone = lambda: NAME not in str(cache.describe_replication_groups())  # noqa: E731
    try:
        until(lambda: describe()["Status"] == "available", what="broker available: its replica has the data")
        endpoint = describe()["NodeGroups"][0]["PrimaryEndpoint"]["Address"]
        address = cloud.control("GET", "state")["names"][endpoint]
        assert not opens(hosts["client"], address, 6379)
        ec2.authorize_security_group_ingress(GroupId=broker, IpPermissions=[tcp(6379, **from_group(groups["client"]))])
        until(lambda: opens(hosts["client"], address, 6379), what="open")
        assert not opens(hosts["stranger"], address, 6379)
    finally:
        cache.delete_replication_group(ReplicationGroupId=NAME)
        until(gone, what="broker gone")
        cache.delete_cache_subnet_group(CacheSubnetGroupName=NAME)


def test_shared_storage_is_mounted_by_whom_the_target_lets_in(
    cloud: Any, ec2: Any, vpc: Any, hosts: Any, groups: Any, group: Any, until: Any
) -> None:
    efs, storage = cloud.client("efs"), group("storage")
    file_system = efs.create_file_system(CreationToken=NAME)["FileSystemId"]
    state = lambda: efs.describe_file_systems(FileSystemId=file_system)["FileSystems"][0]["LifeCycleState"]  # noqa: E731
    until(lambda: state() == "available", what="file system available")
    target = efs.create_mount_target(FileSystemId=file_system, SubnetId=vpc.private[0], SecurityGroups=[storage])
    targets = lambda: efs.describe_mount_targets(FileSystemId=file_system)["MountTargets"]  # noqa: E731
    until(lambda: targets()[0]["LifeCycleState"] == "available", what="mount target available")

    def mounts(host: Any) -> bool:
        source = f"{file_system}.efs.{cloud.aws_region}.amazonaws.com.cn:/"
        command = ["docker", "exec", cloud.container(host.id), "mount", "-t", "nfs4", "-o", "timeo=10", source, "/mnt"]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    try:
        assert not mounts(hosts["client"])
        rule = tcp(2049, **from_group(groups["client"]))
        ec2.authorize_security_group_ingress(GroupId=storage, IpPermissions=[rule])
        until(lambda: mounts(hosts["client"]), what="mounted")
        assert not mounts(hosts["stranger"])
        efs.modify_mount_target_security_groups(
            MountTargetId=target["MountTargetId"], SecurityGroups=[groups["server"]]
        )
        cloud.docker("exec", cloud.container(hosts["client"].id), "umount", "/mnt")
        until(lambda: not mounts(hosts["client"]), what="shut by another group")
    finally:
        efs.delete_mount_target(MountTargetId=target["MountTargetId"])
        efs.delete_file_system(FileSystemId=file_system)


def test_a_load_balancer_reaches_targets_that_let_it_in(
    cloud: Any, ec2: Any, vpc: Any, hosts: Any, groups: Any, group: Any, allow: Any, opens: Any, until: Any
) -> None:
    elb, balancer = cloud.client("elbv2"), group("balancer")
    server = hosts["server"]
    created = elb.create_load_balancer(Name=NAME, Subnets=vpc.public, SecurityGroups=[balancer])["LoadBalancers"][0]
    arn = created["LoadBalancerArn"]
    targets = elb.create_target_group(
        Name=NAME, Protocol="HTTP", Port=WEB, VpcId=vpc.id, HealthCheckIntervalSeconds=5, HealthCheckTimeoutSeconds=2,
        HealthyThresholdCount=2, UnhealthyThresholdCount=2,
    )["TargetGroups"][0]["TargetGroupArn"]  # fmt: skip
    elb.register_targets(TargetGroupArn=targets, Targets=[{"Id": server.id}])
    elb.create_listener(
        LoadBalancerArn=arn, Protocol="HTTP", Port=80, DefaultActions=[{"Type": "forward", "TargetGroupArn": targets}]
    )

    def health() -> tuple[str, str | None]:
        found = elb.describe_target_health(TargetGroupArn=targets)["TargetHealthDescriptions"][0]["TargetHealth"]
        return found["State"], found.get("Reason")

    try:
        until(lambda: health() == ("unhealthy", "Target.Timeout"), what="the target does not let it in")
        allow(tcp(WEB, **from_group(balancer)))
        until(lambda: health() == ("healthy", None), what="the target lets it in")
        state = cloud.control("GET", "state")
        address = state["names"][created["DNSName"].lower()]
        assert not opens(hosts["client"], address, 80)
        assert from_here("127.0.0.1", int(state["endpoints"][NAME]["url"].rpartition(":")[2]))
        ec2.authorize_security_group_ingress(GroupId=balancer, IpPermissions=[tcp(80, **from_group(groups["client"]))])
        until(lambda: opens(hosts["client"], address, 80), what="open")
        assert not opens(hosts["stranger"], address, 80)
        elb.set_security_groups(LoadBalancerArn=arn, SecurityGroups=[groups["stranger"]])
        until(lambda: not opens(hosts["client"], address, 80), what="shut by another group")
    finally:
        elb.delete_load_balancer(LoadBalancerArn=arn)
        until(lambda: NAME not in cloud.control("GET", "state")["endpoints"], what="unpublished")
        elb.delete_target_group(TargetGroupArn=targets)
