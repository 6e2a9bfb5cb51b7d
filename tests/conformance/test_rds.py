"""RDS for PostgreSQL: what the API says is what a client finds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from botocore.exceptions import ClientError

PASSWORD = "p:%#?'$\\&=+;a b".replace(" ", "!")
NAME = "conformance-db"


@pytest.fixture(scope="module")
def rds(cloud: Any) -> Any:
    return cloud.client("rds")


@pytest.fixture(scope="module")
def authority(cloud: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    path.write_text(cloud.control("GET", "state")["ca"])
    return path


@pytest.fixture(scope="module")
def describe(rds: Any) -> Callable[..., dict[str, Any]]:
    return lambda name=NAME: rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]


@pytest.fixture(scope="module")
def connect(cloud: Any, describe: Callable[..., dict[str, Any]], authority: Path) -> Callable[..., Any]:
    """Connect as an application does: by the endpoint's name, verifying its certificate."""

    def run(name: str = NAME, **given: Any) -> Any:
        endpoint = describe(name)["Endpoint"]
        address = cloud.control("GET", "state")["names"][endpoint["Address"]]
        wanted = {
            "host": endpoint["Address"],
            "hostaddr": address,
            "port": endpoint["Port"],
            "user": "airflow_master",
            "password": PASSWORD,
            "dbname": "airflow",
            "sslmode": "verify-full",
            "sslrootcert": str(authority),
            "connect_timeout": 3,
        }
        connection = psycopg2.connect(**(wanted | given))
        connection.autocommit = True
        return connection

    return run


@pytest.fixture(scope="module")
def query(connect: Callable[..., Any]) -> Callable[..., Any]:
    def run(sql: str, name: str = NAME, **given: Any) -> Any:
        connection = connect(name, **given)
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql)
                return cursor.fetchone()[0] if cursor.description else None
        finally:
            connection.close()

    return run


@pytest.fixture(scope="module")
def available(describe: Callable[..., dict[str, Any]], until: Callable[..., Any]) -> Callable[..., None]:
    return lambda name=NAME: until(lambda: describe(name)["DBInstanceStatus"] == "available", what=f"{name} available")


@pytest.fixture(scope="module", autouse=True)
def database(cloud: Any, vpc: Any, rds: Any, available: Callable[..., None], until: Any) -> Iterator[None]:
    rds.create_db_subnet_group(DBSubnetGroupName=NAME, DBSubnetGroupDescription="test", SubnetIds=vpc.private)
    rds.create_db_parameter_group(DBParameterGroupName=NAME, DBParameterGroupFamily="postgres17", Description="test")
    rds.modify_db_parameter_group(
        DBParameterGroupName=NAME,
        Parameters=[
            {"ParameterName": name, "ParameterValue": value, "ApplyMethod": "pending-reboot"}
            for name, value in {"max_connections": "77", "shared_preload_libraries": "pg_stat_statements"}.items()
        ],
    )
    cloud.control("PUT", "timings", {"rds": 3})
    began = time.monotonic()
    created = rds.create_db_instance(
        DBInstanceIdentifier=NAME,
        Engine="postgres",
        EngineVersion="17",
        DBInstanceClass="db.m7g.large",
        AllocatedStorage=20,
        StorageType="gp3",
        StorageEncrypted=True,
        MasterUsername="airflow_master",
        MasterUserPassword=PASSWORD,
        DBName="airflow",
        DBSubnetGroupName=NAME,
        DBParameterGroupName=NAME,
        MultiAZ=True,
    )["DBInstance"]
    assert created["DBInstanceStatus"] == "creating" and "Endpoint" not in created
    available()
    assert time.monotonic() - began >= 3
    cloud.control("PUT", "timings", {})
    yield
    for instance in rds.describe_db_instances()["DBInstances"]:
        rds.delete_db_instance(DBInstanceIdentifier=instance["DBInstanceIdentifier"], SkipFinalSnapshot=True)
    until(lambda: not rds.describe_db_instances()["DBInstances"], what="instances gone")
    rds.delete_db_subnet_group(DBSubnetGroupName=NAME)
    rds.delete_db_parameter_group(DBParameterGroupName=NAME)


def test_describes_itself_as_rds_does(describe: Callable[..., dict[str, Any]]) -> None:
    found = describe()
    assert found["Endpoint"]["Address"].startswith(NAME + ".")
    assert found["Endpoint"]["Address"].endswith(".cn-north-1.rds.amazonaws.com.cn")
    assert found["EngineVersion"].startswith("17.") and found["Iops"] == 3000 and found["StorageThroughput"] == 125
    assert found["KmsKeyId"].startswith("arn:aws-cn:kms:cn-north-1:")
    zones = {found["AvailabilityZone"], found["SecondaryAvailabilityZone"]}
    assert zones == {"cn-north-1a", "cn-north-1b"}


def test_serves_a_master_user_that_is_no_superuser(query: Callable[..., Any]) -> None:
    assert query("select rolsuper from pg_roles where rolname = current_user") is False
    assert query("select pg_has_role(current_user, 'rds_superuser', 'member')") is True
    query("create role app login password 'x'")
    query("create database app")
    assert query("select count(*) from pg_database where datname = 'app'") == 1


def test_parameter_group_is_in_force(query: Callable[..., Any], rds: Any, until: Any) -> None:
    assert query("show max_connections") == "77"
    assert query("show shared_preload_libraries") == "pg_stat_statements"
    change = {"ParameterName": "work_mem", "ParameterValue": "8192", "ApplyMethod": "immediate"}
    rds.modify_db_parameter_group(DBParameterGroupName=NAME, Parameters=[change])
    until(lambda: query("show work_mem") == "8MB", what="work_mem")


def test_refuses_connections_without_tls_until_told_otherwise(query: Callable[..., Any], rds: Any, until: Any) -> None:
    with pytest.raises(psycopg2.OperationalError, match="no encryption"):
        query("select 1", sslmode="disable")
    change = {"ParameterName": "rds.force_ssl", "ParameterValue": "0", "ApplyMethod": "immediate"}
    rds.modify_db_parameter_group(DBParameterGroupName=NAME, Parameters=[change])

    def plain() -> bool:
        try:
            return query("select 1", sslmode="disable") == 1
        except psycopg2.OperationalError:
            return False

    until(plain, what="plain connection")


def test_refuses_passwords_that_rds_refuses(rds: Any) -> None:
    with pytest.raises(ClientError, match="MasterUserPassword"):
        rds.modify_db_instance(DBInstanceIdentifier=NAME, MasterUserPassword="with@sign/slash")


def test_new_master_password_takes_effect(rds: Any, query: Callable[..., Any], available: Callable[..., None]) -> None:
    rds.modify_db_instance(DBInstanceIdentifier=NAME, MasterUserPassword="another one".replace(" ", "'"))
    available()
    assert query("select 1", password="another'one") == 1
    with pytest.raises(psycopg2.OperationalError, match="authentication failed"):
        query("select 1")
    rds.modify_db_instance(DBInstanceIdentifier=NAME, MasterUserPassword=PASSWORD)
    available()


def test_class_waits_for_the_window_unless_applied_immediately(
    rds: Any, describe: Callable[..., dict[str, Any]], available: Callable[..., None]
) -> None:
    rds.modify_db_instance(DBInstanceIdentifier=NAME, DBInstanceClass="db.m7g.xlarge")
    available()
    found = describe()
    assert found["DBInstanceClass"] == "db.m7g.large"
    assert found["PendingModifiedValues"] == {"DBInstanceClass": "db.m7g.xlarge"}
    rds.modify_db_instance(DBInstanceIdentifier=NAME, ApplyImmediately=True, BackupRetentionPeriod=7)
    available()
    found = describe()
    assert (found["DBInstanceClass"], found["PendingModifiedValues"]) == ("db.m7g.xlarge", {})


def test_failover_swaps_zones_and_moves_the_name(
    cloud: Any,
    rds: Any,
    describe: Callable[..., dict[str, Any]],
    connect: Callable[..., Any],
    query: Any,
    available: Any,
) -> None:
    query("create table if not exists kept (x int); delete from kept; insert into kept values (42)")
    session, before = connect(), describe()
    address = before["Endpoint"]["Address"]
    ip = cloud.control("GET", "state")["names"][address]
    rds.reboot_db_instance(DBInstanceIdentifier=NAME, ForceFailover=True)
    assert describe()["DBInstanceStatus"] == "rebooting"
    available()
    after = describe()
    assert after["AvailabilityZone"] == before["SecondaryAvailabilityZone"]
    assert cloud.control("GET", "state")["names"][address] != ip
    with pytest.raises(psycopg2.Error), session.cursor() as cursor:
        cursor.execute("select 1")
    assert query("select x from kept") == 42


def test_a_lost_server_comes_back_with_its_data(
    cloud: Any, describe: Callable[..., dict[str, Any]], query: Any, until: Any
) -> None:
    query("create table if not exists kept (x int); delete from kept; insert into kept values (43)")
    container = next(
        name for name in cloud.docker("ps", "--format", "{{.Names}}").split() if NAME in name and cloud.name in name
    )
    before = describe()["AvailabilityZone"]
    cloud.docker("rm", "-f", container)
    until(lambda: describe()["AvailabilityZone"] != before, what="failover to the standby")
    until(lambda: describe()["DBInstanceStatus"] == "available", what="available")
    assert query("select x from kept") == 43


def test_reboot_stop_and_start(rds: Any, describe: Any, query: Callable[..., Any], until: Any, available: Any) -> None:
    began = query("select pg_postmaster_start_time()")
    rds.reboot_db_instance(DBInstanceIdentifier=NAME)
    available()
    assert query("select pg_postmaster_start_time()") > began
    rds.stop_db_instance(DBInstanceIdentifier=NAME)
    until(lambda: describe()["DBInstanceStatus"] == "stopped", what="stopped")
    with pytest.raises(psycopg2.OperationalError):
        query("select 1")
    rds.start_db_instance(DBInstanceIdentifier=NAME)
    available()
    assert query("select 1") == 1


def test_snapshot_restores_its_data(rds: Any, query: Callable[..., Any], until: Any, available: Any) -> None:
    query("create table if not exists kept (x int); delete from kept; insert into kept values (44)")
    rds.create_db_snapshot(DBInstanceIdentifier=NAME, DBSnapshotIdentifier="conformance-snapshot")
    status = lambda: rds.describe_db_snapshots(DBSnapshotIdentifier="conformance-snapshot")["DBSnapshots"][0]["Status"]  # noqa: E731
    until(lambda: status() == "available", what="snapshot")
    query("update kept set x = 45")
    rds.restore_db_instance_from_db_snapshot(
        DBInstanceIdentifier="conformance-restored", DBSnapshotIdentifier="conformance-snapshot", MultiAZ=False
    )
    available("conformance-restored")
    assert query("select x from kept", name="conformance-restored") == 44
    rds.delete_db_instance(DBInstanceIdentifier="conformance-restored", FinalDBSnapshotIdentifier="conformance-final")
    until(lambda: len(rds.describe_db_instances()["DBInstances"]) == 1, what="restored one gone")
    final = rds.describe_db_snapshots(DBSnapshotIdentifier="conformance-final")["DBSnapshots"][0]
    assert final["Status"] == "available"
    for name in ("conformance-snapshot", "conformance-final"):
        rds.delete_db_snapshot(DBSnapshotIdentifier=name)
    assert rds.describe_db_snapshots()["DBSnapshots"] == []


def test_deletion_protection_is_honoured(rds: Any, available: Callable[..., None]) -> None:
    rds.modify_db_instance(DBInstanceIdentifier=NAME, DeletionProtection=True)
    available()
    with pytest.raises(ClientError, match="protect"):
        rds.delete_db_instance(DBInstanceIdentifier=NAME, SkipFinalSnapshot=True)
    rds.modify_db_instance(DBInstanceIdentifier=NAME, DeletionProtection=False)
    available()


def test_groups_in_use_cannot_be_deleted(rds: Any) -> None:
    with pytest.raises(ClientError, match="InvalidDBSubnetGroupState"):
        rds.delete_db_subnet_group(DBSubnetGroupName=NAME)
    with pytest.raises(ClientError, match="InvalidDBParameterGroupState"):
        rds.delete_db_parameter_group(DBParameterGroupName=NAME)


def test_catalogues_know_postgres_on_graviton(rds: Any) -> None:
    versions = rds.describe_db_engine_versions(Engine="postgres", EngineVersion="17")["DBEngineVersions"]
    assert versions and all(version["DBParameterGroupFamily"] == "postgres17" for version in versions)
    options = rds.describe_orderable_db_instance_options(Engine="postgres", DBInstanceClass="db.t4g.medium")
    assert options["OrderableDBInstanceOptions"]
    with pytest.raises(ClientError, match="DBParameterGroupNotFound"):
        rds.describe_db_parameter_groups(DBParameterGroupName="absent")
