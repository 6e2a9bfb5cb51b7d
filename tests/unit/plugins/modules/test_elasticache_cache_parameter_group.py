from ansible_collections.graviflow.airflow.plugins.module_utils.cache_parameter_group import plan
from ansible_collections.graviflow.airflow.plugins.module_utils.reconcile import reconcile
from ansible_collections.graviflow.airflow.plugins.modules.elasticache_cache_parameter_group import (
    ARGUMENT_SPEC,
    CacheParameterGroupApi,
    told,
)

IDENTITY = {"CacheParameterGroupName": "demo"}
GROUP = {**IDENTITY, "ARN": "arn:demo", "CacheParameterGroupFamily": "redis7", "Description": "demo"}


def read(stub, value, source):
    stub.add_response("describe_cache_parameter_groups", {"CacheParameterGroups": [GROUP]}, IDENTITY)
    # Parameters come in pages.
    first = {"ParameterName": "timeout", "ParameterValue": "0", "Source": "system"}
    second = {"ParameterName": "maxmemory-policy", "ParameterValue": value, "Source": source}
    stub.add_response("describe_cache_parameters", {"Parameters": [first], "Marker": "m"}, IDENTITY)
    stub.add_response("describe_cache_parameters", {"Parameters": [second]}, {**IDENTITY, "Marker": "m"})
    stub.add_response("list_tags_for_resource", {"TagList": []}, {"ResourceName": "arn:demo"})


def run(client, **options):
    defaults = {name: spec.get("default") for name, spec in ARGUMENT_SPEC.items()}
    declared = {**defaults, "name": "demo", **options}
    api = CacheParameterGroupApi(client, "demo")
    return reconcile(api, lambda current: plan(declared, current), check_mode=False, wait=False, rounds=2)


def test_creates_then_sets_values(stubbed):
    client, stub = stubbed("elasticache")
    stub.add_client_error("describe_cache_parameter_groups", "CacheParameterGroupNotFound")
    creation = {**IDENTITY, "CacheParameterGroupFamily": "redis7", "Description": "demo"}
    stub.add_response("create_cache_parameter_group", {"CacheParameterGroup": GROUP}, creation)
    read(stub, "volatile-lru", "system")
    values = [{"ParameterName": "maxmemory-policy", "ParameterValue": "noeviction"}]
    stub.add_response("modify_cache_parameter_group", IDENTITY, {**IDENTITY, "ParameterNameValues": values})
    read(stub, "noeviction", "user")
    outcome = told(run(client, family="redis7", values={"maxmemory-policy": "noeviction"}))
    assert outcome.operations == ["create_cache_parameter_group", "modify_cache_parameter_group"]
    assert outcome.after["values"] == {"maxmemory-policy": "noeviction"}
    assert "known" not in outcome.after


def test_absent_is_left_alone(stubbed):
    client, stub = stubbed("elasticache")
    stub.add_client_error("describe_cache_parameter_groups", "CacheParameterGroupNotFound")
    outcome = told(run(client, state="absent"))
    assert (outcome.changed, outcome.after) == (False, None)
