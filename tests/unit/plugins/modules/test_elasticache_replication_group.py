import pytest
from ansible_collections.graviflow.airflow.plugins.module_utils.reconcile import reconcile
from ansible_collections.graviflow.airflow.plugins.module_utils.replication_group import plan
from ansible_collections.graviflow.airflow.plugins.modules.elasticache_replication_group import (
    ARGUMENT_SPEC,
    ReplicationGroupApi,
)
from botocore.exceptions import WaiterError

IDENTITY = {"ReplicationGroupId": "demo"}
GROUP = {
    "ReplicationGroupId": "demo",
    "ARN": "arn:demo",
    "Status": "available",
    "Description": "demo",
    "MemberClusters": ["demo-001", "demo-002"],
    "CacheNodeType": "cache.m7g.large",
}
MEMBER = {"CacheClusterId": "demo-002", "EngineVersion": "7.1.0"}


def params(**options):
    defaults = {name: spec.get("default") for name, spec in ARGUMENT_SPEC.items()}
    return {**defaults, "name": "demo", "wait_timeout": 3, **options}


def describe(stub, **changes):
    stub.add_response("describe_replication_groups", {"ReplicationGroups": [{**GROUP, **changes}]}, IDENTITY)


def read(stub, **changes):
    describe(stub, **changes)
    # The first node is gone, the second answers.
    stub.add_client_error(
        "describe_cache_clusters", "CacheClusterNotFound", expected_params={"CacheClusterId": "demo-001"}
    )
    stub.add_response("describe_cache_clusters", {"CacheClusters": [MEMBER]}, {"CacheClusterId": "demo-002"})
    if {**GROUP, **changes}["Status"] == "available":
        tags = {"TagList": [{"Key": "a", "Value": "1"}]}
        stub.add_response("list_tags_for_resource", tags, {"ResourceName": "arn:demo"})


def missing(stub):
    stub.add_client_error("describe_replication_groups", "ReplicationGroupNotFoundFault")


def run(client, check_mode=False, **options):
    declared = params(**options)
    api = ReplicationGroupApi(client, declared)
    return reconcile(api, lambda current: plan(declared, current), check_mode=check_mode, wait=declared["wait"])


def test_creates_and_waits(stubbed):
    client, stub = stubbed("elasticache")
    missing(stub)
    arguments = {**IDENTITY, "ReplicationGroupDescription": "demo", "CacheNodeType": "cache.m7g.large"}
    stub.add_response("create_replication_group", {"ReplicationGroup": GROUP}, arguments)
    read(stub, Status="creating")
    describe(stub)
    read(stub)
    outcome = run(client, node_type="cache.m7g.large")
    assert outcome.changed
    assert (outcome.after["status"], outcome.after["tags"]) == ("available", {"a": "1"})


def test_creates_without_waiting(stubbed):
    client, stub = stubbed("elasticache")
    missing(stub)
    stub.add_response("create_replication_group", {"ReplicationGroup": GROUP})
    read(stub, Status="creating")
    assert run(client, node_type="cache.m7g.large", wait=False).after["status"] == "creating"


def test_present_costs_three_reads(stubbed):
    client, stub = stubbed("elasticache")
    read(stub)
    assert not run(client, engine_version="7.1", node_type="cache.m7g.large", num_cache_clusters=2).changed


def test_check_mode_only_reads(stubbed):
    client, stub = stubbed("elasticache")
    read(stub)
    outcome = run(client, check_mode=True, description="other")
    assert (outcome.changed, outcome.after["description"]) == (True, "other")


def test_changes_when_available(stubbed):
    client, stub = stubbed("elasticache")
    read(stub)
    describe(stub)
    arguments = {**IDENTITY, "ApplyImmediately": True, "ReplicationGroupDescription": "other"}
    stub.add_response("modify_replication_group", {"ReplicationGroup": GROUP}, arguments)
    read(stub, Description="other")
    assert run(client, description="other").operations == ["modify_replication_group"]


def test_deletes_and_waits_until_gone(stubbed):
    client, stub = stubbed("elasticache")
    read(stub)
    describe(stub)
    stub.add_response("delete_replication_group", {}, {**IDENTITY, "FinalSnapshotIdentifier": "last"})
    read(stub, Status="deleting")
    missing(stub)
    missing(stub)
    outcome = run(client, state="absent", final_snapshot_identifier="last")
    assert (outcome.changed, outcome.after) == (True, None)


def test_absent_is_left_alone(stubbed):
    client, stub = stubbed("elasticache")
    missing(stub)
    assert not run(client, state="absent").changed


def test_a_creation_that_fails_is_told(stubbed):
    client, stub = stubbed("elasticache")
    read(stub, Status="creating")
    describe(stub, Status="create-failed")
    with pytest.raises(WaiterError):
        run(client)
