import json

import pytest
from ansible_collections.graviflow.airflow.plugins.module_utils.reconcile import Refusal
from ansible_collections.graviflow.airflow.plugins.module_utils.topic import current_state, plan, policy, told

ARN = "arn:aws-cn:sns:cn-north-1:123456789012:demo"
SERVICES = ["events.rds.amazonaws.com", "cloudwatch.amazonaws.com"]
MAIL = {"protocol": "email", "endpoint": "operators@example.org"}
HOOK = {"protocol": "https", "endpoint": "https://events.example.org/key/hunter2/enqueue"}
DEFAULTS = {
    "state": "present",
    "name": "demo",
    "arn": ARN,
    "display_name": None,
    "publishers": SERVICES,
    "kms_key_id": None,
    "subscriptions": [MAIL, HOOK],
    "tags": None,
    "purge_tags": True,
}
LISTED = [
    {"Protocol": "email", "Endpoint": MAIL["endpoint"], "SubscriptionArn": "PendingConfirmation"},
    {"Protocol": "https", "Endpoint": HOOK["endpoint"], "SubscriptionArn": f"{ARN}:1"},
    {"Protocol": "email", "Endpoint": "gone@example.org", "SubscriptionArn": "Deleted"},
]
ATTRIBUTES = {"TopicArn": ARN, "DisplayName": "demo", "Policy": json.dumps(policy(ARN, SERVICES))}
CURRENT = current_state(ATTRIBUTES, LISTED, {"t": "1"})


def calls(current=CURRENT, **options):
    return [(call.operation, dict(call.arguments)) for call in plan({**DEFAULTS, **options}, current).calls]


def attribute(name, value):
    return ("set_topic_attributes", {"TopicArn": ARN, "AttributeName": name, "AttributeValue": value})


def test_policy_lets_services_publish_for_the_account_and_nobody_without_tls():
    allow, deny = policy(ARN, SERVICES)["Statement"]
    assert allow["Principal"] == {"Service": sorted(SERVICES)}
    assert allow["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}
    assert (deny["Effect"], deny["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    assert {allow["Resource"], deny["Resource"]} == {ARN}


def test_declaring_what_is_does_nothing():
    assert calls(tags={"t": "1"}) == []
    assert calls(display_name="demo", kms_key_id="", publishers=SERVICES[::-1]) == []


def test_a_new_one_is_created_then_subscribed_to():
    created, *subscribed = calls(None, kms_key_id="arn:key", tags={"t": "1"}, subscriptions=[MAIL, MAIL])
    assert created[1]["Name"] == "demo"
    assert created[1]["Attributes"] == {
        "KmsMasterKeyId": "arn:key",
        "Policy": json.dumps(policy(ARN, SERVICES), sort_keys=True),
    }
    assert created[1]["Tags"] == [{"Key": "t", "Value": "1"}]
    assert subscribed == [("subscribe", {"TopicArn": ARN, "Protocol": "email", "Endpoint": MAIL["endpoint"]})]


def test_attributes_change():
    assert calls(display_name="other", kms_key_id="arn:key") == [
        attribute("DisplayName", "other"),
        attribute("KmsMasterKeyId", "arn:key"),
    ]
    fewer = policy(ARN, SERVICES[:1])
    assert calls(publishers=SERVICES[:1]) == [attribute("Policy", json.dumps(fewer, sort_keys=True))]
    encrypted = {**CURRENT, "kms_key_id": "arn:key"}
    assert calls(encrypted) == []
    assert calls(encrypted, kms_key_id="") == [attribute("KmsMasterKeyId", "")]


def test_subscriptions_come_and_go_but_pending_ones_cannot_go():
    new = {"protocol": "email", "endpoint": "new@example.org"}
    assert calls(subscriptions=[new]) == [
        ("subscribe", {"TopicArn": ARN, "Protocol": "email", "Endpoint": "new@example.org"}),
        ("unsubscribe", {"SubscriptionArn": f"{ARN}:1"}),
    ]


def test_one_that_is_gone_is_subscribed_again():
    again = {"protocol": "email", "endpoint": "gone@example.org"}
    assert [operation for operation, _ in calls(subscriptions=[MAIL, HOOK, again])] == ["subscribe"]


def test_tags_change():
    assert calls(tags={}) == [("untag_resource", {"ResourceArn": ARN, "TagKeys": ["t"]})]


def test_absent():
    assert calls(state="absent") == [("delete_topic", {"TopicArn": ARN})]
    assert calls(None, state="absent") == []


@pytest.mark.parametrize("key", ["alias/aws/sns", "arn:aws-cn:kms:cn-north-1:123456789012:alias/aws/sns"])
def test_the_key_that_alarms_cannot_use_is_refused(key):
    with pytest.raises(Refusal, match="could not publish"):
        calls(None, kms_key_id=key)


def test_keys_in_urls_are_not_told():
    shown = told(CURRENT)["subscriptions"]
    assert shown == ["email operators@example.org", "https https://events.example.org/..."]
    assert told(None) is None
