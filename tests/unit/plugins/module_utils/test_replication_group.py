import pytest
from ansible_collections.graviflow.airflow.plugins.module_utils.reconcile import Refusal
from ansible_collections.graviflow.airflow.plugins.module_utils.replication_group import normalised, plan

DEFAULTS = {
    "state": "present",
    "name": "demo",
    "apply_immediately": True,
    "auth_token_update": False,
    "auth_token_update_strategy": "ROTATE",
    "purge_tags": True,
    "tags": None,
    "num_cache_clusters": None,
}
CURRENT = {
    "name": "demo",
    "arn": "arn:demo",
    "status": "available",
    "description": "demo",
    "engine": "redis",
    "engine_version": "7.1.0",
    "node_type": "cache.m7g.large",
    "num_cache_clusters": 2,
    "port": 6379,
    "parameter_group": "demo",
    "subnet_group": "demo",
    "security_group_ids": ["sg-1"],
    "transit_encryption_enabled": True,
    "transit_encryption_mode": "required",
    "at_rest_encryption_enabled": True,
    "kms_key_id": None,
    "auth_token_enabled": True,
    "automatic_failover_enabled": True,
    "multi_az_enabled": True,
    "preferred_maintenance_window": "sun:05:00-sun:06:00",
    "snapshot_window": "03:00-04:00",
    "snapshot_retention_limit": 7,
    "auto_minor_version_upgrade": True,
    "log_delivery": [],
    "tags": {"a": "1"},
}
TOKEN = "hunter2hunter2hunter2"


def wanted(**options):
    return {**DEFAULTS, **options}


def calls(options, current=None):
    state = {**CURRENT, **(current or {})}
    return [(call.operation, dict(call.arguments)) for call in plan(wanted(**options), state).calls]


def modified(**arguments):
    return ("modify_replication_group", {"ReplicationGroupId": "demo", "ApplyImmediately": True, **arguments})


def test_declaring_what_is_does_nothing():
    same = {key: CURRENT[key] for key in CURRENT if key not in ("arn", "status", "auth_token_enabled")}
    spelled = {"preferred_maintenance_window": "Sun:05:00-Sun:06:00", "engine_version": "7.1", "auth_token": TOKEN}
    assert calls({**same, **spelled}) == []


def test_declaring_nothing_does_nothing():
    assert calls({}) == []


def test_what_aws_does_not_tell_yet_is_not_compared():
    creating = {key: None for key in CURRENT if key not in ("name", "arn", "log_delivery")} | {"status": "creating"}
    declaration = {key: value for key, value in CURRENT.items() if key not in ("arn", "status", "auth_token_enabled")}
    assert calls(declaration, creating) == []


def test_creation_has_every_option_once():
    made = plan(
        wanted(
            node_type="cache.t4g.small",
            auth_token=TOKEN,
            transit_encryption_enabled=True,
            tags={"b": "2", "a": "1"},
            log_delivery=[
                {
                    "log_type": "slow-log",
                    "destination_type": "cloudwatch-logs",
                    "destination": "g",
                    "log_format": "json",
                }
            ],
        ),
        None,
    )
    [call] = made.calls
    assert (call.operation, call.ready) == ("create_replication_group", "")
    assert call.arguments == {
        "ReplicationGroupId": "demo",
        "ReplicationGroupDescription": "demo",
        "CacheNodeType": "cache.t4g.small",
        "AuthToken": TOKEN,
        "TransitEncryptionEnabled": True,
        "Tags": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}],
        "LogDeliveryConfigurations": [
            {
                "LogType": "slow-log",
                "LogFormat": "json",
                "DestinationType": "cloudwatch-logs",
                "DestinationDetails": {"CloudWatchLogsDetails": {"LogGroup": "g"}},
                "Enabled": True,
            }
        ],
    }
    assert TOKEN not in str(made.after)


def test_a_group_that_is_being_deleted_is_awaited_and_made_anew():
    [call] = plan(wanted(node_type="cache.t4g.small"), {**CURRENT, "status": "deleting"}).calls
    assert (call.operation, call.ready) == ("create_replication_group", "replication_group_deleted")


@pytest.mark.parametrize(
    ("options", "arguments"),
    [
        ({"description": "x"}, {"ReplicationGroupDescription": "x"}),
        ({"security_group_ids": ["sg-2", "sg-1"]}, {"SecurityGroupIds": ["sg-1", "sg-2"]}),
        ({"snapshot_retention_limit": 0}, {"SnapshotRetentionLimit": 0}),
        ({"node_type": "cache.r7g.large"}, {"CacheNodeType": "cache.r7g.large"}),
        ({"engine_version": "7.2"}, {"EngineVersion": "7.2"}),
        ({"engine": "valkey", "engine_version": "8.0"}, {"Engine": "valkey", "EngineVersion": "8.0"}),
        (
            {"transit_encryption_mode": "preferred", "transit_encryption_enabled": True},
            {"TransitEncryptionEnabled": True, "TransitEncryptionMode": "preferred"},
        ),
    ],
)
def test_one_change_is_one_call(options, arguments):
    assert calls(options) == [modified(**arguments)]


def test_engine_change_names_the_version_that_stays():
    assert calls({"engine": "valkey", "engine_version": "7.1"}) == [modified(Engine="valkey", EngineVersion="7.1.0")]


def test_changes_that_aws_takes_apart_are_calls_apart():
    names = calls(
        {"description": "x", "engine_version": "8.0", "parameter_group": "new", "node_type": "cache.r7g.large"}
    )
    assert names == [
        modified(ReplicationGroupDescription="x"),
        modified(EngineVersion="8.0", CacheParameterGroupName="new"),
        modified(CacheNodeType="cache.r7g.large"),
    ]


def test_every_change_of_a_living_group_waits_until_it_is_available():
    made = plan(wanted(description="x", num_cache_clusters=3, tags={"a": "2"}), CURRENT)
    assert {call.ready for call in made.calls} == {"replication_group_available"}


def test_replicas_come_before_the_failover_that_needs_them():
    single = {"num_cache_clusters": 1, "automatic_failover_enabled": False, "multi_az_enabled": False}
    more = calls({"num_cache_clusters": 2, "automatic_failover_enabled": True, "multi_az_enabled": True}, single)
    assert more == [
        ("increase_replica_count", {"ReplicationGroupId": "demo", "NewReplicaCount": 1, "ApplyImmediately": True}),
        modified(AutomaticFailoverEnabled=True, MultiAZEnabled=True),
    ]


def test_replicas_go_after_the_failover_that_needed_them():
    fewer = calls({"num_cache_clusters": 1, "automatic_failover_enabled": False, "multi_az_enabled": False})
    assert fewer == [
        modified(AutomaticFailoverEnabled=False, MultiAZEnabled=False),
        ("decrease_replica_count", {"ReplicationGroupId": "demo", "NewReplicaCount": 0, "ApplyImmediately": True}),
    ]


def test_maintenance_window_is_waited_for_but_not_by_tls():
    later = {"apply_immediately": False}
    assert calls({**later, "description": "x"})[0][1]["ApplyImmediately"] is False
    tls = {"transit_encryption_enabled": True, "transit_encryption_mode": "preferred"}
    assert calls({**later, **tls})[0][1]["ApplyImmediately"] is True


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ("ROTATE", [modified(AuthToken=TOKEN, AuthTokenUpdateStrategy="ROTATE")]),
        ("SET", [modified(AuthToken=TOKEN, AuthTokenUpdateStrategy="SET")]),
        ("DELETE", [modified(AuthTokenUpdateStrategy="DELETE")]),
    ],
)
def test_token_is_changed_when_told_to(strategy, expected):
    options = {"auth_token": TOKEN, "auth_token_update_strategy": strategy}
    assert calls({**options, "auth_token_update": True}) == expected
    assert calls(options) == []


def test_deleting_no_token_does_nothing():
    options = {"auth_token_update": True, "auth_token_update_strategy": "DELETE"}
    assert calls(options, {"auth_token_enabled": False}) == []


def test_log_delivery_that_is_not_listed_is_switched_off():
    logs = {"destination_type": "kinesis-firehose", "destination": "s", "log_format": "text"}
    current = {"log_delivery": [{"log_type": "engine-log", **logs}, {"log_type": "slow-log", **logs}]}
    [(_, arguments)] = calls({"log_delivery": [{"log_type": "slow-log", **logs}]}, current)
    assert arguments["LogDeliveryConfigurations"] == [
        {
            "LogType": "slow-log",
            "LogFormat": "text",
            "DestinationType": "kinesis-firehose",
            "DestinationDetails": {"KinesisFirehoseDetails": {"DeliveryStream": "s"}},
            "Enabled": True,
        },
        {"LogType": "engine-log", "Enabled": False},
    ]


def test_tags_are_set_and_purged():
    assert calls({"tags": {"b": "2"}}) == [
        ("remove_tags_from_resource", {"ResourceName": "arn:demo", "TagKeys": ["a"]}),
        ("add_tags_to_resource", {"ResourceName": "arn:demo", "Tags": [{"Key": "b", "Value": "2"}]}),
    ]
    kept = plan(wanted(tags={"b": "2"}, purge_tags=False), CURRENT)
    assert [call.operation for call in kept.calls] == ["add_tags_to_resource"]
    assert kept.after["tags"] == {"a": "1", "b": "2"}


DISABLED = {"transit_encryption_enabled": False, "transit_encryption_mode": None, "auth_token_enabled": False}


@pytest.mark.parametrize(
    ("options", "current", "message"),
    [
        ({"port": 6380}, {}, "6379"),
        ({"subnet_group": "other"}, {}, "another name"),
        ({"at_rest_encryption_enabled": False}, {}, "cannot change"),
        ({"kms_key_id": "arn:aws:kms:::key/b"}, {"kms_key_id": "arn:aws:kms:::key/a"}, "key/a"),
        ({"engine": "redis"}, {"engine": "valkey"}, "not back"),
        (
            {"transit_encryption_enabled": True, "transit_encryption_mode": "required"},
            DISABLED,
            "only through preferred",
        ),
        ({"transit_encryption_enabled": False}, {}, "only through preferred"),
        ({"auth_token": TOKEN}, {"auth_token_enabled": False}, "auth_token_update"),
        ({"auth_token": TOKEN, "transit_encryption_enabled": False}, DISABLED, "only over TLS"),
        ({"auth_token_update": True}, {}, "needs a token"),
        ({"automatic_failover_enabled": True, "num_cache_clusters": 1}, {}, "needs a replica"),
        ({"multi_az_enabled": True, "automatic_failover_enabled": False}, {}, "needs automatic failover"),
    ],
)
def test_what_cannot_be_is_refused(options, current, message):
    with pytest.raises(Refusal, match=message) as refused:
        calls(options, current)
    assert TOKEN not in str(refused.value)


def test_tls_is_switched_off_through_preferred():
    assert calls({"transit_encryption_enabled": False}, {"transit_encryption_mode": "preferred"}) == [
        modified(TransitEncryptionEnabled=False)
    ]
    on = {"transit_encryption_enabled": True, "transit_encryption_mode": "preferred"}
    assert calls(on, DISABLED) == [modified(TransitEncryptionEnabled=True, TransitEncryptionMode="preferred")]


def test_new_group_needs_a_node_type():
    with pytest.raises(Refusal, match="node_type"):
        plan(wanted(), None)


def test_deletion():
    absent = wanted(state="absent", final_snapshot_identifier="last")
    [call] = plan(absent, CURRENT).calls
    arguments = {"ReplicationGroupId": "demo", "FinalSnapshotIdentifier": "last"}
    assert (call.operation, call.arguments, call.ready) == (
        "delete_replication_group",
        arguments,
        "replication_group_available",
    )
    assert plan(absent, {**CURRENT, "status": "create-failed"}).calls[0].ready == ""
    assert plan(absent, {**CURRENT, "status": "deleting"}).calls == ()
    assert plan(absent, None).calls == ()


@pytest.mark.parametrize(
    ("declared", "told", "same"),
    [("7.1", "7.1.0", True), ("7", "7.1.0", True), ("6.x", "6.2.6", True), ("7.1", "7.10.0", False)],
)
def test_versions_are_compared_by_their_parts(declared, told, same):
    result = normalised({"engine_version": declared}, {"engine_version": told})
    assert (result["engine_version"] == told) is same
