from ansible_collections.graviflow.airflow.plugins.module_utils.ecs_cluster import plan
from ansible_collections.graviflow.airflow.plugins.module_utils.reconcile import reconcile
from ansible_collections.graviflow.airflow.plugins.modules.ecs_cluster import ARGUMENT_SPEC, ClusterApi

ACTIVE = {"clusterName": "demo", "clusterArn": "arn:aws:ecs:cluster/demo", "status": "ACTIVE"}


def read(stub, *clusters):
    stub.add_response(
        "describe_clusters", {"clusters": list(clusters)}, {"clusters": ["demo"], "include": ["SETTINGS", "TAGS"]}
    )


def run(client, check_mode=False, **options):
    declared = {**{name: spec.get("default") for name, spec in ARGUMENT_SPEC.items()}, "name": "demo", **options}
    api = ClusterApi(client, declared)
    return reconcile(api, lambda current: plan(declared, current), check_mode=check_mode, wait=False).result("cluster")


def test_creates(stubbed):
    client, stub = stubbed("ecs")
    read(stub)
    stub.add_response("create_cluster", {}, {"clusterName": "demo", "capacityProviders": ["FARGATE"]})
    read(stub, {**ACTIVE, "capacityProviders": ["FARGATE"]})
    assert run(client, capacity_providers=["FARGATE"])["cluster"]["arn"] == "arn:aws:ecs:cluster/demo"


def test_check_mode_only_reads(stubbed):
    client, stub = stubbed("ecs")
    read(stub, ACTIVE)
    result = run(client, check_mode=True, container_insights="enabled")
    assert result["operations"] == ["update_cluster_settings"]
    assert result["diff"]["after"]["container_insights"] == "enabled"


def test_goes_with_its_tasks(stubbed):
    client, stub = stubbed("ecs")
    read(stub, ACTIVE)
    stub.add_response("list_tasks", {"taskArns": ["arn:task/1"]}, {"cluster": "demo"})
    reason = "The cluster is being deleted."
    stub.add_response("stop_task", {}, {"cluster": "demo", "task": "arn:task/1", "reason": reason})
    stub.add_response("delete_cluster", {}, {"cluster": "demo"})
    read(stub, {**ACTIVE, "status": "INACTIVE"})
    assert run(client, state="absent")["cluster"] == {}
