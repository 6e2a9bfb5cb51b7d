import pytest
from ansible_collections.graviflow.airflow.plugins.module_utils.ecs_cluster import current_state, plan
from ansible_collections.graviflow.airflow.plugins.module_utils.reconcile import Call, Refusal

SPOT = [{"capacity_provider": "FARGATE_SPOT", "weight": 1, "base": 0}]


def cluster(**changes):
    return {
        "clusterName": "demo",
        "clusterArn": "arn:aws:ecs:cluster/demo",
        "status": "ACTIVE",
        "settings": [{"name": "containerInsights", "value": "disabled"}],
        "capacityProviders": ["FARGATE_SPOT", "FARGATE"],
        "defaultCapacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT", "weight": 1}],
        "tags": [{"key": "t", "value": "1"}],
        **changes,
    }


def wanted(**options):
    return {
        "state": "present",
        "name": "demo",
        "container_insights": "disabled",
        "capacity_providers": ["FARGATE", "FARGATE_SPOT"],
        "default_capacity_provider_strategy": SPOT,
        "tags": {"t": "1"},
        "purge_tags": True,
        **options,
    }


def test_a_deleted_cluster_is_none():
    assert current_state(cluster(status="INACTIVE"), []) is None
    assert current_state(None, []) is None


def test_creation():
    result = plan(wanted(), None)
    [call] = result.calls
    assert call.operation == "create_cluster"
    assert call.arguments == {
        "clusterName": "demo",
        "settings": [{"name": "containerInsights", "value": "disabled"}],
        "capacityProviders": ["FARGATE", "FARGATE_SPOT"],
        "defaultCapacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT", "weight": 1, "base": 0}],
        "tags": [{"key": "t", "value": "1"}],
    }
    assert result.after["container_insights"] == "disabled"


def test_as_declared_needs_no_call():
    current = current_state(cluster(), [])
    assert plan(wanted(), current) == plan(wanted(), current).__class__((), current)


def test_what_is_not_declared_is_not_managed():
    none = dict.fromkeys(("container_insights", "capacity_providers", "default_capacity_provider_strategy", "tags"))
    assert plan(wanted(**none), current_state(cluster(), [])).calls == ()


@pytest.mark.parametrize(
    ("options", "operation"),
    [
        ({"container_insights": "enhanced"}, "update_cluster_settings"),
        ({"default_capacity_provider_strategy": [{"capacity_provider": "FARGATE"}]}, "put_cluster_capacity_providers"),
        ({"tags": {"t": "1", "u": "2"}}, "tag_resource"),
        ({"tags": {}}, "untag_resource"),
    ],
)
def test_one_change_is_one_call(options, operation):
    assert [call.operation for call in plan(wanted(**options), current_state(cluster(), [])).calls] == [operation]


def test_a_strategy_of_other_providers_is_refused():
    with pytest.raises(Refusal, match="FARGATE_SPOT"):
        plan(wanted(capacity_providers=["FARGATE"]), None)


def test_tasks_are_stopped_before_the_cluster_goes():
    current = current_state(cluster(), ["arn:task/demo/1"])
    calls = plan(wanted(state="absent"), current).calls
    assert [call.operation for call in calls] == ["stop_task", "delete_cluster"]
    assert calls[1] == Call("delete_cluster", {"cluster": "demo"})
    assert plan(wanted(state="absent"), None).calls == ()
