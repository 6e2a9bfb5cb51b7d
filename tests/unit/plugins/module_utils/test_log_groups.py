import pytest
from ansible_collections.graviflow.airflow.plugins.module_utils.log_groups import current_state, line, plan
from ansible_collections.graviflow.airflow.plugins.module_utils.reconcile import Refusal

PREFIX = "/graviflow/demo/"
NAME = f"{PREFIX}tasks"
DEFAULTS = {
    "state": "present",
    "prefixes": [PREFIX],
    "log_groups": [],
    "kms_key_id": None,
    "tags": None,
    "purge_tags": True,
}
TOLD = [
    {"logGroupName": NAME, "arn": "arn:tasks:*", "logGroupArn": "arn:tasks", "retentionInDays": 30},
    {"logGroupName": f"{PREFIX}old", "arn": "arn:old:*", "kmsKeyId": "arn:key"},
]
CURRENT = current_state(TOLD, {NAME: {"t": "1"}})
TASKS = {"name": NAME, "retention_days": 30}


def calls(current=CURRENT, **options):
    return [(call.operation, dict(call.arguments)) for call in plan({**DEFAULTS, **options}, current).calls]


def test_no_groups_are_no_state():
    assert current_state([], {}) is None
    assert CURRENT["arns"] == {f"{PREFIX}old": "arn:old", NAME: "arn:tasks"}


def test_declaring_what_is_does_nothing_and_keeps_others():
    assert calls(log_groups=[TASKS], tags={"t": "1"}) == []
    assert list(plan({**DEFAULTS, "log_groups": [TASKS]}, CURRENT).after["log_groups"]) == [f"{PREFIX}old", NAME]


def test_a_new_one_is_created_with_key_and_tags_then_limited():
    identity = {"logGroupName": NAME}
    assert calls(None, log_groups=[TASKS], kms_key_id="arn:key", tags={"t": "1"}) == [
        ("create_log_group", {**identity, "kmsKeyId": "arn:key", "tags": {"t": "1"}}),
        ("put_retention_policy", {**identity, "retentionInDays": 30}),
    ]


def test_retention_key_and_tags_change():
    identity = {"logGroupName": NAME}
    changed = {"name": NAME, "retention_days": 90}
    assert calls(log_groups=[changed], kms_key_id="arn:key", tags={"u": "2"}) == [
        ("associate_kms_key", {**identity, "kmsKeyId": "arn:key"}),
        ("put_retention_policy", {**identity, "retentionInDays": 90}),
        ("untag_resource", {"resourceArn": "arn:tasks", "tagKeys": ["t"]}),
        ("tag_resource", {"resourceArn": "arn:tasks", "tags": {"u": "2"}}),
    ]


def test_a_key_that_is_not_declared_is_kept():
    assert calls(log_groups=[{"name": f"{PREFIX}old", "retention_days": 1}]) == [
        ("put_retention_policy", {"logGroupName": f"{PREFIX}old", "retentionInDays": 1})
    ]


def test_absent_removes_all_of_the_path():
    assert calls(state="absent", log_groups=None) == [
        ("delete_log_group", {"logGroupName": f"{PREFIX}old"}),
        ("delete_log_group", {"logGroupName": NAME}),
    ]
    assert calls(None, state="absent", log_groups=None) == []


def test_what_the_service_refuses_is_refused_before_any_call():
    with pytest.raises(Refusal, match="2192"):
        calls(None, log_groups=[{"name": NAME, "retention_days": 31}])
    with pytest.raises(Refusal, match="slash"):
        calls(None, prefixes=["/graviflow/demo"])
    with pytest.raises(Refusal, match="below none"):
        calls(None, log_groups=[{"name": "/aws/rds/tasks", "retention_days": 30}])


def test_a_group_fits_on_a_line():
    assert (line({"retention_days": 30}), line({})) == ("kept 30 days", "kept for ever")
