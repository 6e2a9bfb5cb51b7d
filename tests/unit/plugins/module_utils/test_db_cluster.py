import pytest
from ansible_collections.graviflow.airflow.plugins.module_utils.db_cluster import ARGUMENTS, current_state, plan
from ansible_collections.graviflow.airflow.plugins.module_utils.reconcile import Refusal

DESCRIBED = {
    "DBClusterIdentifier": "demo",
    "DBClusterArn": "arn:demo",
    "Status": "available",
    "Engine": "postgres",
    "EngineVersion": "17.6",
    "DatabaseName": "airflow",
    "MasterUsername": "airflow",
    "Port": 5432,
    "DBClusterInstanceClass": "db.m6gd.large",
    "AllocatedStorage": 100,
    "StorageType": "gp3",
    "Iops": 3000,
    "DBClusterParameterGroup": "demo-postgres17",
    "DBSubnetGroup": "demo",
    "VpcSecurityGroups": [{"VpcSecurityGroupId": "sg-2"}, {"VpcSecurityGroupId": "sg-1"}],
    "StorageEncrypted": True,
    "KmsKeyId": "arn:aws:kms:us-east-1:123456789012:key/0a1b",
    "BackupRetentionPeriod": 7,
    "CopyTagsToSnapshot": True,
    "DeletionProtection": True,
    "IAMDatabaseAuthenticationEnabled": True,
    "EnabledCloudwatchLogsExports": ["upgrade", "postgresql"],
    "PerformanceInsightsEnabled": True,
    "AutoMinorVersionUpgrade": True,
    "DBClusterMembers": [
        {"DBInstanceIdentifier": "demo-instance-2", "IsClusterWriter": True},
        {"DBInstanceIdentifier": "demo-instance-1", "IsClusterWriter": False},
    ],
    "TagList": [{"Key": "a", "Value": "1"}],
}
CURRENT = current_state(DESCRIBED)
SAME = {
    "engine": "postgres",
    "engine_version": "17",
    "database_name": "airflow",
    "master_username": "airflow",
    "master_user_password": "hunter2hunter2",
    "port": 5432,
    "instance_class": "db.m6gd.large",
    "allocated_storage": 100,
    "storage_type": "gp3",
    "iops": 3000,
    "parameter_group": "demo-postgres17",
    "subnet_group": "demo",
    "security_group_ids": ["sg-1", "sg-2"],
    "storage_encrypted": True,
    "kms_key_id": "0a1b",
    "backup_retention_period": 7,
    "copy_tags_to_snapshot": True,
    "deletion_protection": True,
    "iam_database_authentication": True,
    "log_exports": ["postgresql", "upgrade"],
    "performance_insights": True,
    "monitoring_interval": 0,
    "monitoring_role_arn": "arn:role",
    "auto_minor_version_upgrade": True,
    "tags": {"a": "1"},
}
AURORA = {**DESCRIBED, "Engine": "aurora-postgresql", "DBClusterInstanceClass": None, "StorageType": None}


def declare(**options):
    return {**dict.fromkeys(ARGUMENTS), "state": "present", "name": "demo", "tags": None, "purge_tags": True, **options}


def calls(current=CURRENT, **options):
    return [(call.operation, dict(call.arguments)) for call in plan(declare(**options), current).calls]


def modified(current=CURRENT, **options):
    [(operation, arguments)] = calls(current, **options)
    assert operation == "modify_db_cluster"
    assert arguments.pop("DBClusterIdentifier") == "demo" and arguments.pop("ApplyImmediately") is True
    return arguments


@pytest.mark.parametrize("options", [{}, SAME, {"engine_version": "17.4"}, {"kms_key_id": "alias/any"}])
def test_declaring_what_is_does_nothing(options):
    assert calls(**options) == []


def test_members_are_told_with_who_writes():
    assert [member["writer"] for member in CURRENT["members"]] == [False, True]


def test_what_waits_counts_as_changed():
    pending = {
        "BackupRetentionPeriod": 14,
        "PendingCloudwatchLogsExports": {"LogTypesToDisable": ["upgrade"]},
        "Iops": None,
    }
    current = current_state({**DESCRIBED, "PendingModifiedValues": pending})
    assert calls(current, backup_retention_period=14, log_exports=["postgresql"], iops=3000) == []


@pytest.mark.parametrize(
    ("options", "arguments"),
    [
        ({"backup_retention_period": 14}, {"BackupRetentionPeriod": 14}),
        ({"engine_version": "17.7"}, {"EngineVersion": "17.7"}),
        ({"iam_database_authentication": False}, {"EnableIAMDatabaseAuthentication": False}),
        ({"security_group_ids": ["sg-3"]}, {"VpcSecurityGroupIds": ["sg-3"]}),
        ({"parameter_group": "other"}, {"DBClusterParameterGroupName": "other"}),
        (
            {"log_exports": ["postgresql", "iam-db-auth-error"]},
            {
                "CloudwatchLogsExportConfiguration": {
                    "EnableLogTypes": ["iam-db-auth-error"],
                    "DisableLogTypes": ["upgrade"],
                }
            },
        ),
        (
            {"allocated_storage": 200, "storage_type": "gp3", "iops": 3000},
            {"AllocatedStorage": 200, "StorageType": "gp3", "Iops": 3000},
        ),
        (
            {"monitoring_interval": 60, "monitoring_role_arn": "arn:role"},
            {"MonitoringInterval": 60, "MonitoringRoleArn": "arn:role"},
        ),
        ({"performance_insights": False}, {"EnablePerformanceInsights": False}),
    ],
)
def test_only_what_differs_is_changed(options, arguments):
    assert modified(**options) == arguments


def test_capacities_are_set_where_there_were_none_and_changed():
    limits = {"min_capacity": 0.5, "max_capacity": 8.0}
    told = {"MinCapacity": 0.5, "MaxCapacity": 8.0}
    assert modified(current_state(AURORA), serverless=limits) == {"ServerlessV2ScalingConfiguration": told}
    scaled = current_state({**AURORA, "ServerlessV2ScalingConfiguration": {"MinCapacity": 0.5, "MaxCapacity": 8}})
    assert calls(scaled, serverless=limits) == []
    more = {**limits, "max_capacity": 16.0}
    assert modified(scaled, serverless=more)["ServerlessV2ScalingConfiguration"]["MaxCapacity"] == 16


def test_tags():
    assert [operation for operation, _ in calls(tags={"b": "2"})] == [
        "remove_tags_from_resource",
        "add_tags_to_resource",
    ]


def test_check_mode_shows_what_will_be():
    made = plan(declare(backup_retention_period=14, tags={"b": "2"}, purge_tags=False), CURRENT)
    assert (made.after["backup_retention_period"], made.after["tags"]) == (14, {"a": "1", "b": "2"})


def test_creation_shows_no_password():
    made = plan(declare(**SAME), None)
    [call] = made.calls
    assert call.operation == "create_db_cluster"
    assert call.arguments["MasterUserPassword"] == "hunter2hunter2"
    assert call.arguments["EnableCloudwatchLogsExports"] == ["postgresql", "upgrade"]
    assert call.arguments["Tags"] == [{"Key": "a", "Value": "1"}]
    assert "MonitoringRoleArn" not in call.arguments
    assert "hunter2" not in str(made.after)


def test_creation_waits_for_a_deletion():
    [call] = plan(declare(**SAME), {**CURRENT, "status": "deleting"}).calls
    assert (call.operation, call.ready) == ("create_db_cluster", "db_cluster_deleted")


@pytest.mark.parametrize(
    ("current", "options", "message"),
    [
        (CURRENT, {"engine": "aurora-postgresql"}, "cannot change"),
        (CURRENT, {"database_name": "other"}, "cannot change"),
        (CURRENT, {"subnet_group": "other"}, "cannot change"),
        (CURRENT, {"storage_encrypted": False}, "cannot change"),
        (CURRENT, {"kms_key_id": "ffff"}, "cannot change"),
        (CURRENT, {"engine_version": "18"}, "major version"),
        (CURRENT, {"engine_version": "16.9"}, "major version"),
        (CURRENT, {"port": 5433}, "keeps its port"),
        (CURRENT, {"allocated_storage": 50}, "does not shrink"),
        (None, {}, "engine"),
        (None, {**SAME, "master_user_password": None}, "master_user_password"),
        (None, {**SAME, "instance_class": None}, "instance_class"),
        (None, {**SAME, "engine": "aurora-postgresql"}, "instance_class"),
    ],
)
def test_what_cannot_be_is_refused(current, options, message):
    with pytest.raises(Refusal, match=message):
        calls(current, **options)


def test_aurora_may_change_its_port():
    assert modified(current_state(AURORA), port=5433) == {"Port": 5433}


def test_deletion():
    identity = {"DBClusterIdentifier": "demo"}
    assert calls(state="absent") == [("delete_db_cluster", {**identity, "SkipFinalSnapshot": True})]
    assert calls(None, state="absent") == calls({**CURRENT, "status": "deleting"}, state="absent") == []
    lifted, deleted = calls(state="absent", deletion_protection=False, final_snapshot_identifier="last")
    assert lifted == ("modify_db_cluster", {**identity, "DeletionProtection": False, "ApplyImmediately": True})
    assert deleted == (
        "delete_db_cluster",
        {**identity, "SkipFinalSnapshot": False, "FinalDBSnapshotIdentifier": "last"},
    )
    unprotected = {**CURRENT, "deletion_protection": False}
    assert len(calls(unprotected, state="absent", deletion_protection=False)) == 1


def test_the_key_of_performance_insights_counts_when_a_cluster_is_made():
    wanted = {"performance_insights": True, "performance_insights_kms_key_id": "0a1b"}
    login = {"master_username": "airflow_master", "master_user_password": "hush"}
    [create] = plan(declare(engine="postgres", instance_class="db.m6gd.large", **login, **wanted), None).calls
    assert create.arguments["PerformanceInsightsKMSKeyId"] == "0a1b"
    assert plan(declare(engine="postgres", **wanted), current_state(DESCRIBED)).calls == ()
