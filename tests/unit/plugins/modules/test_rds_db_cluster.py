import pytest
from ansible_collections.graviflow.airflow.plugins.module_utils.db_cluster import plan
from ansible_collections.graviflow.airflow.plugins.module_utils.reconcile import reconcile
from ansible_collections.graviflow.airflow.plugins.modules.rds_db_cluster import ARGUMENT_SPEC, DbClusterApi
from botocore.exceptions import WaiterError

IDENTITY = {"DBClusterIdentifier": "demo"}
CLUSTER = {
    **IDENTITY,
    "DBClusterArn": "arn:demo",
    "Status": "available",
    "Engine": "aurora-postgresql",
    "EngineVersion": "17.5",
    "BackupRetentionPeriod": 7,
    "DeletionProtection": True,
}
NEW = {"engine": "aurora-postgresql", "master_username": "airflow", "master_user_password": "hunter2hunter2"}


def describe(stub, **changes):
    stub.add_response("describe_db_clusters", {"DBClusters": [{**CLUSTER, **changes}]}, IDENTITY)


def missing(stub):
    stub.add_client_error("describe_db_clusters", "DBClusterNotFoundFault")


def run(client, check_mode=False, **options):
    defaults = {name: spec.get("default") for name, spec in ARGUMENT_SPEC.items()}
    declared = {**defaults, "name": "demo", "wait_timeout": 1, **options}
    api = DbClusterApi(client, declared)
    return reconcile(api, lambda current: plan(declared, current), check_mode=check_mode, wait=declared["wait"])


def test_creates_and_waits(stubbed):
    client, stub = stubbed("rds")
    missing(stub)
    arguments = {"Engine": "aurora-postgresql", "MasterUsername": "airflow", "MasterUserPassword": "hunter2hunter2"}
    stub.add_response("create_db_cluster", {"DBCluster": CLUSTER}, {**IDENTITY, **arguments})
    describe(stub, Status="creating")
    describe(stub)
    describe(stub)
    outcome = run(client, **NEW)
    assert (outcome.changed, outcome.after["status"]) == (True, "available")


def test_present_costs_one_read(stubbed):
    client, stub = stubbed("rds")
    describe(stub)
    assert not run(client, engine_version="17", backup_retention_period=7).changed


def test_check_mode_only_reads(stubbed):
    client, stub = stubbed("rds")
    describe(stub)
    outcome = run(client, check_mode=True, backup_retention_period=14)
    assert (outcome.changed, outcome.after["backup_retention_period"]) == (True, 14)


def test_changes_when_available(stubbed):
    client, stub = stubbed("rds")
    describe(stub)
    describe(stub)
    arguments = {**IDENTITY, "ApplyImmediately": True, "BackupRetentionPeriod": 14}
    stub.add_response("modify_db_cluster", {"DBCluster": CLUSTER}, arguments)
    describe(stub, BackupRetentionPeriod=14)
    assert run(client, backup_retention_period=14).operations == ["modify_db_cluster"]


def test_lifts_protection_deletes_and_waits_until_gone(stubbed):
    client, stub = stubbed("rds")
    describe(stub)
    describe(stub)
    stub.add_response("modify_db_cluster", {"DBCluster": CLUSTER})
    ending = {"SkipFinalSnapshot": False, "FinalDBSnapshotIdentifier": "last"}
    stub.add_response("delete_db_cluster", {"DBCluster": CLUSTER}, {**IDENTITY, **ending})
    describe(stub, Status="deleting")
    missing(stub)
    missing(stub)
    outcome = run(client, state="absent", deletion_protection=False, final_snapshot_identifier="last")
    assert (outcome.changed, outcome.after) == (True, None)


def test_absent_is_left_alone(stubbed):
    client, stub = stubbed("rds")
    missing(stub)
    assert not run(client, state="absent").changed


def test_a_creation_that_fails_is_told(stubbed):
    client, stub = stubbed("rds")
    describe(stub, Status="creating")
    describe(stub, Status="failed")
    with pytest.raises(WaiterError):
        run(client)
