from functools import partial

from ansible_collections.graviflow.airflow.plugins.module_utils.event_subscription import plan
from ansible_collections.graviflow.airflow.plugins.module_utils.reconcile import reconcile
from ansible_collections.graviflow.airflow.plugins.modules.rds_event_subscription import (
    ARGUMENT_SPEC,
    EventSubscriptionApi,
)

NAME = {"SubscriptionName": "demo"}
SUBSCRIPTION = {
    "CustSubscriptionId": "demo",
    "EventSubscriptionArn": "arn:demo",
    "SnsTopicArn": "arn:topic",
    "SourceType": "db-instance",
    "Enabled": True,
}


def read(stub):
    stub.add_response("describe_event_subscriptions", {"EventSubscriptionsList": [SUBSCRIPTION]}, NAME)
    tags = {"TagList": [{"Key": "a", "Value": "1"}]}
    stub.add_response("list_tags_for_resource", tags, {"ResourceName": "arn:demo"})


def missing(stub):
    stub.add_client_error("describe_event_subscriptions", "SubscriptionNotFound")


def run(client, **options):
    defaults = {name: spec.get("default") for name, spec in ARGUMENT_SPEC.items()}
    api = EventSubscriptionApi(client, "demo")
    declared = {**defaults, "name": "demo", **options}
    return reconcile(api, partial(plan, declared), check_mode=False, wait=False)


def test_creates(stubbed):
    client, stub = stubbed("rds")
    missing(stub)
    stub.add_response("create_event_subscription", {}, {**NAME, "SnsTopicArn": "arn:topic"})
    read(stub)
    assert run(client, topic_arn="arn:topic").after["tags"] == {"a": "1"}


def test_present_costs_two_reads(stubbed):
    client, stub = stubbed("rds")
    read(stub)
    assert not run(client, topic_arn="arn:topic", enabled=True).changed


def test_deletes(stubbed):
    client, stub = stubbed("rds")
    read(stub)
    stub.add_response("delete_event_subscription", {}, NAME)
    missing(stub)
    assert run(client, state="absent").operations == ["delete_event_subscription"]


def test_absent_is_left_alone(stubbed):
    client, stub = stubbed("rds")
    missing(stub)
    assert not run(client, state="absent").changed
