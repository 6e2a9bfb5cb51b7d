import pytest
from ansible_collections.graviflow.airflow.plugins.module_utils.reconcile import Call, Refusal
from ansible_collections.graviflow.airflow.plugins.module_utils.task_definitions import (
    current_state,
    differences,
    normal,
    plan,
)

PREFIX = "demo_"
CRUNCH = {
    "requiresCompatibilities": ["FARGATE"],
    "cpu": "256",
    "memory": 512,
    "volumes": [{"name": "s", "efsVolumeConfiguration": {"fileSystemId": "fs-1", "transitEncryption": "ENABLED"}}],
    "containerDefinitions": [
        {
            "name": "crunch",
            "image": "python:3",
            "command": ["python", "-V"],
            "environment": [{"name": "A", "value": "1"}, {"name": "B", "value": ""}],
        }
    ],
}


def told(revision=1, **changes):
    """What ECS says about CRUNCH, with all that it fills in."""
    container = {
        **CRUNCH["containerDefinitions"][0],
        "environment": [{"name": "B", "value": ""}, {"name": "A", "value": "1"}],
        "cpu": 0,
        "essential": True,
        "portMappings": [],
        "mountPoints": [],
        "systemControls": [],
    }
    volume = {
        "name": "s",
        "efsVolumeConfiguration": {**CRUNCH["volumes"][0]["efsVolumeConfiguration"], "rootDirectory": "/"},
    }
    return {
        "taskDefinitionArn": f"arn:aws:ecs:task-definition/demo_crunch:{revision}",
        "family": "demo_crunch",
        "revision": revision,
        "status": "ACTIVE",
        "compatibilities": ["EC2", "FARGATE"],
        "requiresAttributes": [{"name": "x"}],
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "256",
        "memory": "512",
        "volumes": [volume],
        "placementConstraints": [],
        "containerDefinitions": [container],
        **changes,
    }


def wanted(*, state="present", tags=None, purge_tags=True, **definitions):
    return {"prefix": PREFIX, "state": state, "task_definitions": definitions, "tags": tags, "purge_tags": purge_tags}


def current(definition=None, tags=None, **revisions):
    return current_state(PREFIX, {"crunch": definition or told()}, {"crunch": tags or {}}, revisions)


def test_what_ecs_fills_in_is_no_difference():
    assert plan(wanted(crunch=CRUNCH), current()).calls == ()


def test_words_of_a_command_keep_their_order():
    assert normal({"command": ["b", "a"]}) != normal({"command": ["a", "b"]})
    assert normal({"essential": False}) != normal({"essential": True})


@pytest.mark.parametrize(
    "changes",
    [
        {"cpu": "512"},
        {"executionRoleArn": "arn:role"},
        {"containerDefinitions": [{**CRUNCH["containerDefinitions"][0], "image": "python:4"}]},
        {"containerDefinitions": [{"name": "crunch", "image": "python:3"}]},  # something less
    ],
)
def test_a_change_is_a_new_revision_and_takes_the_old_one_out_of_use(changes):
    declared = {**CRUNCH, **changes}
    register, deregister = plan(wanted(crunch=declared, tags={"t": "1"}), current(told(3))).calls
    assert register.operation == "register_task_definition"
    assert register.arguments["family"] == "demo_crunch"
    assert register.arguments["memory"] == "512"
    assert register.arguments["tags"] == [{"key": "t", "value": "1"}]
    assert deregister == Call(
        "deregister_task_definition", {"taskDefinition": "arn:aws:ecs:task-definition/demo_crunch:3"}
    )


def test_new_families_are_registered_and_undeclared_ones_go_out_of_use():
    calls = plan(wanted(report=CRUNCH), current()).calls
    assert [call.operation for call in calls] == ["register_task_definition", "deregister_task_definition"]
    assert calls[0].arguments["family"] == "demo_report"
    assert "tags" not in calls[0].arguments


def test_tags_alone_need_no_revision():
    calls = plan(wanted(crunch=CRUNCH, tags={"a": "2"}), current(tags={"a": "1", "b": "1"})).calls
    assert [call.operation for call in calls] == ["untag_resource", "tag_resource"]


def test_everything_goes_ten_at_a_time():
    active, inactive = ["arn:1"], [f"arn:{number}" for number in range(2, 13)]
    state = current_state(PREFIX, {}, {}, {"ACTIVE": active, "INACTIVE": inactive})
    calls = plan(wanted(state="absent"), state).calls
    assert [call.operation for call in calls] == [
        "deregister_task_definition",
        "delete_task_definitions",
        "delete_task_definitions",
    ]
    assert [len(call.arguments["taskDefinitions"]) for call in calls[1:]] == [10, 2]


def test_nothing_is_none():
    assert current_state(PREFIX, {}, {}, {"ACTIVE": [], "INACTIVE": []}) is None
    assert plan(wanted(state="absent"), None).calls == ()


@pytest.mark.parametrize("prefix", ["demo", "demo-", "_", ""])
def test_a_prefix_of_other_stacks_is_refused(prefix):
    with pytest.raises(Refusal, match="underscore"):
        plan({**wanted(), "prefix": prefix}, None)


def test_a_diff_names_what_differs():
    before = current()
    after = plan(wanted(crunch={**CRUNCH, "cpu": 512}, report=CRUNCH), before).after
    crunch, report = differences(before, after)
    assert {key for key in crunch["after"] if crunch["before"].get(key) != crunch["after"][key]} == {"cpu", "tags"}
    assert (report["before"], report["after_header"], report["after"]["image"]) == ({}, "report", "python:3")
    assert differences(before, before) == []
