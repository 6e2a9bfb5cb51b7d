import pytest
from ansible_collections.graviflow.airflow.plugins.module_utils.event_subscription import (
    ARGUMENTS,
    current_state,
    plan,
)
from ansible_collections.graviflow.airflow.plugins.module_utils.reconcile import Refusal

CURRENT = current_state(
    {
        "CustSubscriptionId": "demo",
        "EventSubscriptionArn": "arn:demo",
        "Status": "active",
        "SnsTopicArn": "arn:topic",
        "SourceType": "db-instance",
        "EventCategoriesList": ["maintenance", "failure"],
        "SourceIdsList": ["one"],
        "Enabled": True,
    },
    {"a": "1"},
)
SAME = {
    "topic_arn": "arn:topic",
    "source_type": "db-instance",
    "categories": ["failure", "maintenance"],
    "source_ids": ["one"],
    "enabled": True,
    "tags": {"a": "1"},
}
NAME = {"SubscriptionName": "demo"}


def calls(current=CURRENT, **options):
    wanted = {**dict.fromkeys(ARGUMENTS), "state": "present", "name": "demo", "tags": None, "purge_tags": True}
    return [(call.operation, dict(call.arguments)) for call in plan({**wanted, **options}, current).calls]


@pytest.mark.parametrize("options", [{}, SAME])
def test_declaring_what_is_does_nothing(options):
    assert calls(**options) == []


def test_creation_leaves_out_what_stands_for_everything():
    [(operation, arguments)] = calls(None, **{**SAME, "source_ids": []})
    assert operation == "create_event_subscription"
    assert arguments == {
        **NAME,
        "SnsTopicArn": "arn:topic",
        "SourceType": "db-instance",
        "EventCategories": ["failure", "maintenance"],
        "Enabled": True,
        "Tags": [{"Key": "a", "Value": "1"}],
    }


def test_categories_are_changed_with_their_type():
    assert calls(categories=["failure"]) == [
        ("modify_event_subscription", {**NAME, "EventCategories": ["failure"], "SourceType": "db-instance"})
    ]


def test_a_new_source_comes_before_an_old_one_goes():
    assert calls(source_ids=["two"]) == [
        ("add_source_identifier_to_subscription", {**NAME, "SourceIdentifier": "two"}),
        ("remove_source_identifier_from_subscription", {**NAME, "SourceIdentifier": "one"}),
    ]


def test_tags():
    assert [operation for operation, _ in calls(tags={"b": "2"})] == [
        "remove_tags_from_resource",
        "add_tags_to_resource",
    ]


@pytest.mark.parametrize(
    ("current", "options", "message"),
    [(CURRENT, {"source_type": "db-cluster"}, "another name"), (None, {}, "topic_arn")],
)
def test_what_cannot_be_is_refused(current, options, message):
    with pytest.raises(Refusal, match=message):
        calls(current, **options)


def test_deletion():
    assert calls(state="absent") == [("delete_event_subscription", NAME)]
    assert calls(None, state="absent") == []
