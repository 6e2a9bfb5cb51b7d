import json

from ansible_collections.graviflow.airflow.plugins.module_utils.reconcile import reconcile
from ansible_collections.graviflow.airflow.plugins.module_utils.topic import plan, policy
from ansible_collections.graviflow.airflow.plugins.modules.sns_topic import ARGUMENT_SPEC, TopicApi

ARN = "arn:aws:sns:us-east-1:123456789012:demo"
IDENTITY = {"TopicArn": ARN}
POLICY = policy(ARN, ["cloudwatch.amazonaws.com"])
MAIL = {"protocol": "email", "endpoint": "operators@example.org"}


def read(stub, *endpoints):
    attributes = {"TopicArn": ARN, "DisplayName": "", "Policy": json.dumps(POLICY)}
    stub.add_response("get_topic_attributes", {"Attributes": attributes}, IDENTITY)
    listed = [
        {"Protocol": "email", "Endpoint": each, "SubscriptionArn": f"{ARN}:{number}", "TopicArn": ARN}
        for number, each in enumerate(endpoints)
    ]
    # Subscriptions come in pages.
    stub.add_response("list_subscriptions_by_topic", {"Subscriptions": listed[:1], "NextToken": "n"}, IDENTITY)
    stub.add_response("list_subscriptions_by_topic", {"Subscriptions": listed[1:]}, {**IDENTITY, "NextToken": "n"})
    stub.add_response("list_tags_for_resource", {"Tags": []}, {"ResourceArn": ARN})


def missing(stub):
    stub.add_client_error("get_topic_attributes", "NotFound", expected_params=IDENTITY)


def run(client, check_mode=False, **options):
    defaults = {name: spec.get("default") for name, spec in ARGUMENT_SPEC.items()}
    declared = {**defaults, "name": "demo", "arn": ARN, **options}
    api = TopicApi(client, ARN)
    return reconcile(api, lambda current: plan(declared, current), check_mode=check_mode, wait=False)


def test_creates_and_subscribes(stubbed):
    client, stub = stubbed("sns")
    missing(stub)
    created = {"Name": "demo", "Attributes": {"Policy": json.dumps(POLICY, sort_keys=True)}}
    stub.add_response("create_topic", {"TopicArn": ARN}, created)
    stub.add_response(
        "subscribe", {"SubscriptionArn": "x"}, {**IDENTITY, "Protocol": "email", "Endpoint": MAIL["endpoint"]}
    )
    read(stub, MAIL["endpoint"])
    assert run(client, subscriptions=[MAIL]).operations == ["create_topic", "subscribe"]


def test_check_mode_knows_the_arn_of_what_is_not_there(stubbed):
    client, stub = stubbed("sns")
    missing(stub)
    assert run(client, check_mode=True).after["arn"] == ARN


def test_present_is_left_alone(stubbed):
    client, stub = stubbed("sns")
    read(stub, MAIL["endpoint"])
    assert not run(client, subscriptions=[MAIL]).changed


def test_surplus_subscriptions_are_removed(stubbed):
    client, stub = stubbed("sns")
    read(stub, "other@example.org", MAIL["endpoint"])
    stub.add_response("unsubscribe", {}, {"SubscriptionArn": f"{ARN}:0"})
    read(stub, MAIL["endpoint"])
    assert run(client, subscriptions=[MAIL]).operations == ["unsubscribe"]


def test_absent(stubbed):
    client, stub = stubbed("sns")
    read(stub)
    stub.add_response("delete_topic", {}, IDENTITY)
    missing(stub)
    assert run(client, state="absent").after is None
