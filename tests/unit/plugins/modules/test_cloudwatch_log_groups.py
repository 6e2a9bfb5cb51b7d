from ansible_collections.graviflow.airflow.plugins.module_utils.log_groups import plan
from ansible_collections.graviflow.airflow.plugins.module_utils.reconcile import reconcile
from ansible_collections.graviflow.airflow.plugins.modules.cloudwatch_log_groups import ARGUMENT_SPEC, LogGroupsApi

PREFIX = "/graviflow/demo/"
DESCRIBE = {"logGroupNamePrefix": PREFIX}
NAME = f"{PREFIX}tasks"
TASKS = {"name": NAME, "retention_days": 30}


def group(name, days=30):
    return {
        "logGroupName": f"{PREFIX}{name}",
        "arn": f"arn:aws:logs:{name}:*",
        "logGroupArn": f"arn:aws:logs:{name}",
        "retentionInDays": days,
    }


def read(stub, *groups, tagged=()):
    # Groups come in pages, even with nothing on the first one.
    stub.add_response("describe_log_groups", {"logGroups": [], "nextToken": "n"}, DESCRIBE)
    stub.add_response("describe_log_groups", {"logGroups": list(groups)}, {**DESCRIBE, "nextToken": "n"})
    for name in tagged:
        stub.add_response("list_tags_for_resource", {"tags": {"t": "1"}}, {"resourceArn": f"arn:aws:logs:{name}"})


def run(client, check_mode=False, **options):
    defaults = {name: spec.get("default") for name, spec in ARGUMENT_SPEC.items()}
    declared = {**defaults, "prefixes": [PREFIX], **options}
    api = LogGroupsApi(client, declared)
    return reconcile(api, lambda current: plan(declared, current), check_mode=check_mode, wait=False)


def test_creates_and_limits(stubbed):
    client, stub = stubbed("logs")
    read(stub)
    identity = {"logGroupName": NAME}
    stub.add_response("create_log_group", {}, {**identity, "tags": {"t": "1"}})
    stub.add_response("put_retention_policy", {}, {**identity, "retentionInDays": 30})
    read(stub, group("tasks"), tagged=["tasks"])
    result = run(client, log_groups=[TASKS], tags={"t": "1"})
    assert result.operations == ["create_log_group", "put_retention_policy"]
    assert result.after["log_groups"] == {NAME: {"retention_days": 30}}


def test_check_mode_changes_no_retention(stubbed):
    client, stub = stubbed("logs")
    read(stub, group("tasks", 7))
    result = run(client, check_mode=True, log_groups=[TASKS])
    assert result.before["log_groups"] == {NAME: {"retention_days": 7}}
    assert result.after["log_groups"] == {NAME: {"retention_days": 30}}


def test_present_and_others_are_left_alone(stubbed):
    client, stub = stubbed("logs")
    read(stub, group("other"), group("tasks"), tagged=["tasks"])
    assert not run(client, log_groups=[TASKS], tags={"t": "1"}).changed


def test_absent_removes_all(stubbed):
    client, stub = stubbed("logs")
    read(stub, group("tasks"))
    stub.add_response("delete_log_group", {}, {"logGroupName": NAME})
    read(stub)
    assert run(client, state="absent").after is None


def test_every_path_is_read(stubbed):
    client, stub = stubbed("logs")
    for prefix in ("/a/", "/b/"):
        stub.add_response("describe_log_groups", {"logGroups": []}, {"logGroupNamePrefix": prefix})
    assert not run(client, prefixes=["/a/", "/b/"], state="absent").changed
