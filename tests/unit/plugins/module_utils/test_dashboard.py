import json

import pytest
from ansible_collections.graviflow.airflow.plugins.module_utils.dashboard import current_state, difference, plan
from ansible_collections.graviflow.airflow.plugins.module_utils.reconcile import Refusal

TEXT = {"type": "text", "properties": {"markdown": "## Web"}}
CPU = {"type": "metric", "properties": {"title": "Processor"}}
BODY = {"widgets": [TEXT, CPU]}
DEFAULTS = {"state": "present", "name": "demo", "body": BODY, "tags": None, "purge_tags": True}
ANSWER = {"DashboardName": "demo", "DashboardArn": "arn:demo", "DashboardBody": json.dumps(BODY, indent=3)}
CURRENT = current_state(ANSWER, {"t": "1"})


def calls(current=CURRENT, **options):
    return [(call.operation, dict(call.arguments)) for call in plan({**DEFAULTS, **options}, current).calls]


def test_declaring_what_is_does_nothing():
    assert calls(tags={"t": "1"}) == []


def test_a_new_one_is_put_with_tags():
    [(operation, arguments)] = calls(None, tags={"t": "1"})
    assert (operation, json.loads(arguments["DashboardBody"])) == ("put_dashboard", BODY)
    assert arguments["Tags"] == [{"Key": "t", "Value": "1"}]


def test_body_and_tags_change():
    [(put, arguments), (tag, _)] = calls(body={"widgets": []}, tags={"t": "1", "u": "2"})
    assert (put, tag) == ("put_dashboard", "tag_resource")
    assert "Tags" not in arguments
    assert plan({**DEFAULTS, "tags": {"u": "2"}, "purge_tags": False}, CURRENT).after["tags"] == {"t": "1", "u": "2"}


def test_absent():
    assert calls(state="absent", body=None) == [("delete_dashboards", {"DashboardNames": ["demo"]})]
    assert calls(None, state="absent", body=None) == []


def test_what_cloudwatch_refuses_is_refused_before_any_call():
    with pytest.raises(Refusal, match=r"a\.b"):
        calls(None, name="a.b")
    with pytest.raises(Refusal, match="501 widgets"):
        calls(None, body={"widgets": [TEXT] * 501})


def test_a_new_one_is_a_line_for_each_widget():
    shown = difference(None, CURRENT)
    assert shown["before"] == {}
    assert shown["after"]["body"]["widgets"] == ["text: ## Web", "metric: Processor"]


def test_of_a_changed_one_only_widgets_that_change_are_shown():
    changed = {**CPU, "width": 8}
    shown = difference(CURRENT, {**CURRENT, "body": {"widgets": [TEXT, changed]}})
    assert shown["before"]["body"]["widgets"] == [CPU]
    assert shown["after"]["body"]["widgets"] == [changed]
