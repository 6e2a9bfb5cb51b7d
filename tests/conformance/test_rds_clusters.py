"""RDS clusters, Aurora's and Multi-AZ ones: what the API says of writer and readers is what clients find."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from botocore.exceptions import ClientError

PASSWORD = "p:%#?'$\\&=+;a!b"
AWS_REGION = "us-east-1"  # a Multi-AZ DB cluster wants three zones
AURORA, MULTI_AZ, RESTORED = "conformance-aurora", "conformance-multi", "conformance-restored"
Query = Callable[..., Any]


@pytest.fixture(scope="module")
def rds(cloud: Any) -> Any:
    return cloud.client("rds", AWS_REGION)


@pytest.fixture(scope="module")
def cluster(rds: Any) -> Callable[..., dict[str, Any]]:
    return lambda name=AURORA: rds.describe_db_clusters(DBClusterIdentifier=name)["DBClusters"][0]


@pytest.fixture(scope="module")
def members(rds: Any) -> Callable[..., list[dict[str, Any]]]:
    def run(name: str = AURORA) -> list[dict[str, Any]]:
        filters = [{"Name": "db-cluster-id", "Values": [name]}]
        return rds.describe_db_instances(Filters=filters)["DBInstances"]

    return run


@pytest.fixture(scope="module")
def available(cluster: Any, members: Any, until: Any) -> Callable[..., None]:
    def run(name: str = AURORA) -> None:
        settled = lambda: (  # noqa: E731
            cluster(name)["Status"] == "available"
            and members(name)
            and all(each["DBInstanceStatus"] == "available" for each in members(name))
        )
        until(settled, what=f"{name} available", seconds=90)

    return run


@pytest.fixture(scope="module")
def query(cloud: Any, cluster: Any, tmp_path_factory: pytest.TempPathFactory) -> Query:
    """Ask as an application does: by the cluster's name, verifying its certificate."""
    authority: Path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.write_text(cloud.control("GET", "state")["ca"])

    def run(sql: str, name: str = AURORA, endpoint: str = "Endpoint", **given: Any) -> Any:
        address = cluster(name)[endpoint]
        wanted = {
            "host": address,
            "hostaddr": cloud.control("GET", "state")["names"][address],
            "user": "airflow_master",
            "password": PASSWORD,
            "dbname": "airflow",
            "sslmode": "verify-full",
            "sslrootcert": str(authority),
            "connect_timeout": 3,
        }
        with closing(psycopg2.connect(**(wanted | given))) as connection, connection.cursor() as cursor:
            connection.autocommit = True
            cursor.execute(sql)
            return cursor.fetchone()[0] if cursor.description else None

    return run


def create(rds: Any, name: str, engine: str, **given: Any) -> None:
    rds.create_db_cluster(
        DBClusterIdentifier=name,
        Engine=engine,
        EngineVersion="17",
        MasterUsername="airflow_master",
        MasterUserPassword=PASSWORD,
        DatabaseName="airflow",
        DBSubnetGroupName=AURORA,
        StorageEncrypted=True,
        **given,
    )


def add(rds: Any, cluster: str, number: int) -> None:
    rds.create_db_instance(
        DBInstanceIdentifier=f"{cluster}-{number}",
        DBClusterIdentifier=cluster,
        Engine="aurora-postgresql",
        DBInstanceClass="db.r7g.large",
    )


def remove(rds: Any, until: Any, name: str, **ending: Any) -> None:
    for each in rds.describe_db_instances(Filters=[{"Name": "db-cluster-id", "Values": [name]}])["DBInstances"]:
        if each["Engine"].startswith("aurora") and each["DBInstanceStatus"] != "deleting":
            rds.delete_db_instance(DBInstanceIdentifier=each["DBInstanceIdentifier"], SkipFinalSnapshot=True)
    rds.delete_db_cluster(DBClusterIdentifier=name, **(ending or {"SkipFinalSnapshot": True}))
    until(
        lambda: name not in [each["DBClusterIdentifier"] for each in rds.describe_db_clusters()["DBClusters"]],
        what=f"{name} gone",
    )


@pytest.fixture(scope="module", autouse=True)
def aurora(cloud: Any, rds: Any, available: Callable[..., None], until: Any) -> Iterator[None]:
    ec2, block = cloud.client("ec2", AWS_REGION), f"10.{200 + cloud.port % 50}"
    vpc = ec2.create_vpc(CidrBlock=f"{block}.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"{block}.{number}.0/24", AvailabilityZone=AWS_REGION + zone)["Subnet"]
        for number, zone in enumerate("abc")
    ]
    ids = [subnet["SubnetId"] for subnet in subnets]
    rds.create_db_subnet_group(DBSubnetGroupName=AURORA, DBSubnetGroupDescription="test", SubnetIds=ids)
    rds.create_db_cluster_parameter_group(
        DBClusterParameterGroupName=AURORA, DBParameterGroupFamily="aurora-postgresql17", Description="test"
    )
    change = {"ParameterName": "rds.force_ssl", "ParameterValue": "1", "ApplyMethod": "pending-reboot"}
    rds.modify_db_cluster_parameter_group(DBClusterParameterGroupName=AURORA, Parameters=[change])
    create(rds, AURORA, "aurora-postgresql", DBClusterParameterGroupName=AURORA)
    add(rds, AURORA, 1)
    add(rds, AURORA, 2)
    available()
    yield
    for each in rds.describe_db_clusters()["DBClusters"]:
        remove(rds, until, each["DBClusterIdentifier"])
    rds.delete_db_subnet_group(DBSubnetGroupName=AURORA)
    rds.delete_db_cluster_parameter_group(DBClusterParameterGroupName=AURORA)


def writer(cluster: dict[str, Any]) -> str:
    [found] = [each["DBInstanceIdentifier"] for each in cluster["DBClusterMembers"] if each["IsClusterWriter"]]
    return found


def test_describes_itself_as_rds_does(cluster: Any, members: Any) -> None:
    found = cluster()
    assert found["Endpoint"].startswith(f"{AURORA}.cluster-") and found["ReaderEndpoint"].startswith(
        f"{AURORA}.cluster-ro-"
    )
    assert found["EngineVersion"].startswith("17.") and found["KmsKeyId"].startswith(f"arn:aws:kms:{AWS_REGION}:")
    assert len({each["AvailabilityZone"] for each in members()}) == 2
    assert writer(found) == f"{AURORA}-1"


def test_readers_follow_the_writer_and_take_no_writes(query: Query, until: Any) -> None:
    query("create table if not exists kept (x int); delete from kept; insert into kept values (42)")
    until(lambda: query("select to_regclass('kept')", endpoint="ReaderEndpoint"), what="the table")
    until(lambda: query("select x from kept", endpoint="ReaderEndpoint") == 42, what="what was written")
    with pytest.raises(psycopg2.errors.ReadOnlySqlTransaction):
        query("insert into kept values (43)", endpoint="ReaderEndpoint")


def test_refuses_connections_without_tls(query: Query) -> None:
    for endpoint in ("Endpoint", "ReaderEndpoint"):
        with pytest.raises(psycopg2.OperationalError, match="no encryption"):
            query("select 1", endpoint=endpoint, sslmode="disable")


def test_failover_makes_a_reader_the_writer(rds: Any, cluster: Any, query: Query, available: Any) -> None:
    query("create table if not exists kept (x int); delete from kept; insert into kept values (44)")
    before = writer(cluster())
    rds.failover_db_cluster(DBClusterIdentifier=AURORA)
    available()
    assert writer(cluster()) != before
    query("update kept set x = x + 1")
    assert query("select x from kept") == 45


def test_a_lost_writer_is_replaced(cloud: Any, cluster: Any, query: Query, until: Any, available: Any) -> None:
    query("create table if not exists kept (x int); delete from kept; insert into kept values (46)")
    before = writer(cluster())
    cloud.docker("rm", "-f", f"{cloud.name}-rds-{AWS_REGION}.{before}")
    until(lambda: writer(cluster()) != before, what="another writer")
    available()
    assert query("select x from kept") == 46


def test_has_instances_or_goes(rds: Any, until: Any) -> None:
    with pytest.raises(ClientError, match="InvalidDBClusterState"):
        rds.delete_db_cluster(DBClusterIdentifier=AURORA, SkipFinalSnapshot=True)


def test_groups_in_use_cannot_be_deleted(rds: Any) -> None:
    with pytest.raises(ClientError, match="InvalidDBSubnetGroupState"):
        rds.delete_db_subnet_group(DBSubnetGroupName=AURORA)
    with pytest.raises(ClientError, match="InvalidDBParameterGroupState"):
        rds.delete_db_cluster_parameter_group(DBClusterParameterGroupName=AURORA)


def test_final_snapshot_restores_its_data(rds: Any, query: Query, until: Any, available: Any) -> None:
    query("create table if not exists kept (x int); delete from kept; insert into kept values (47)")
    rds.create_db_cluster_snapshot(DBClusterIdentifier=AURORA, DBClusterSnapshotIdentifier=RESTORED)
    snapshot = lambda: rds.describe_db_cluster_snapshots(DBClusterSnapshotIdentifier=RESTORED)  # noqa: E731
    until(lambda: snapshot()["DBClusterSnapshots"][0]["Status"] == "available", what="snapshot")
    rds.restore_db_cluster_from_snapshot(
        DBClusterIdentifier=RESTORED, SnapshotIdentifier=RESTORED, Engine="aurora-postgresql", DBSubnetGroupName=AURORA
    )
    add(rds, RESTORED, 1)
    available(RESTORED)
    assert query("select x from kept", name=RESTORED) == 47
    remove(rds, until, RESTORED, FinalDBSnapshotIdentifier=f"{RESTORED}-final")
    taken = rds.describe_db_cluster_snapshots()["DBClusterSnapshots"]
    assert {each["DBClusterSnapshotIdentifier"]: each["Status"] for each in taken}[f"{RESTORED}-final"] == "available"
    for name in (RESTORED, f"{RESTORED}-final"):
        rds.delete_db_cluster_snapshot(DBClusterSnapshotIdentifier=name)


def test_a_multi_az_cluster_is_three_instances_in_three_zones(
    rds: Any, cluster: Any, members: Any, query: Query, until: Any, available: Any
) -> None:
    storage = {"AllocatedStorage": 100, "StorageType": "gp3", "Iops": 3000, "DBClusterInstanceClass": "db.m6gd.large"}
    create(rds, MULTI_AZ, "postgres", **storage)
    available(MULTI_AZ)
    assert len({each["AvailabilityZone"] for each in members(MULTI_AZ)}) == 3
    assert query("select count(*) from pg_stat_replication", name=MULTI_AZ) == 2
    with pytest.raises(ClientError, match="belongs to cluster"):
        rds.delete_db_instance(DBInstanceIdentifier=writer(cluster(MULTI_AZ)), SkipFinalSnapshot=True)
    rds.modify_db_cluster(DBClusterIdentifier=MULTI_AZ, DBClusterInstanceClass="db.m6gd.xlarge", ApplyImmediately=True)
    available(MULTI_AZ)
    assert {each["DBInstanceClass"] for each in members(MULTI_AZ)} == {"db.m6gd.xlarge"}
    remove(rds, until, MULTI_AZ)
