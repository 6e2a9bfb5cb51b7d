"""What an SNS topic for messages of AWS's own services is, and what it takes to change it. No AWS calls here."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.amazon.aws.plugins.module_utils.policy import compare_policies
from ansible_collections.graviflow.airflow.plugins.module_utils.named_set import tags_after
from ansible_collections.graviflow.airflow.plugins.module_utils.reconcile import (
    Call,
    Plan,
    Refusal,
    declared,
    tag_calls,
    tag_list,
)

# Its key policy cannot be changed, and lets no other service encrypt: alarms would fail to publish, in silence.
MANAGED_KEY = "alias/aws/sns"
# What SNS shows in place of the ARN of a subscription that nobody has confirmed, or that is gone.
PENDING, DELETED = "PendingConfirmation", "Deleted"


def policy(arn: str, publishers: Iterable[str]) -> dict[str, Any]:
    """Return the policy by which services publish for the topic's own account, over TLS."""
    account = arn.split(":")[4]
    statement = {"Resource": arn, "Action": "sns:Publish"}
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "PublishForThisAccount",
                "Effect": "Allow",
                "Principal": {"Service": sorted(publishers)},
                "Condition": {"StringEquals": {"aws:SourceAccount": account}},
                **statement,
            },
            {
                "Sid": "RefusePlainText",
                "Effect": "Deny",
                "Principal": "*",
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                **statement,
            },
        ],
    }


def current_state(
    attributes: Mapping[str, str], subscriptions: Iterable[Mapping[str, str]], tags: Mapping[str, str]
) -> dict[str, Any]:
    """Return the topic as options."""
    return {
        "arn": attributes["TopicArn"],
        "display_name": attributes.get("DisplayName", ""),
        "kms_key_id": attributes.get("KmsMasterKeyId", ""),
        "policy": json.loads(attributes["Policy"]),
        "subscriptions": [
            {"protocol": each["Protocol"], "endpoint": each["Endpoint"], "arn": each["SubscriptionArn"]}
            for each in subscriptions
            if each["SubscriptionArn"] != DELETED
        ],
        "tags": dict(tags),
    }


def plan(wanted: Mapping[str, Any], current: Mapping[str, Any] | None) -> Plan:
    """Return what leads from `current` to `wanted` (module parameters, and the topic's ARN)."""
    identity = {"TopicArn": wanted["arn"]}
    if wanted["state"] == "absent":
        return Plan((Call("delete_topic", identity),) if current else ())
    _refuse_key(wanted.get("kms_key_id"))
    found = [(each["protocol"], each["endpoint"]) for each in (current or {}).get("subscriptions", [])]
    asked = [(each["protocol"], each["endpoint"]) for each in wanted["subscriptions"]]
    subscribe = [
        Call("subscribe", {**identity, "Protocol": protocol, "Endpoint": endpoint})
        for protocol, endpoint in dict.fromkeys(asked)
        if (protocol, endpoint) not in found
    ]
    after = {
        "arn": wanted["arn"],
        **_settings(wanted, current),
        "subscriptions": [{"protocol": protocol, "endpoint": endpoint} for protocol, endpoint in dict.fromkeys(asked)],
        "tags": tags_after(wanted.get("tags"), (current or {}).get("tags"), purge=wanted["purge_tags"]),
    }
    if current is None:
        return Plan((_create(wanted), *subscribe), after)
    surplus = [
        Call("unsubscribe", {"SubscriptionArn": each["arn"]})
        for each in current["subscriptions"]
        # One that is pending has no ARN yet; SNS forgets it by itself.
        if (each["protocol"], each["endpoint"]) not in asked and each["arn"] != PENDING
    ]
    tags = tag_calls(
        wanted.get("tags"),
        current["tags"],
        purge=wanted["purge_tags"],
        resource={"ResourceArn": wanted["arn"]},
        operations=("tag_resource", "untag_resource"),
    )
    return Plan((*_changes(wanted, current), *subscribe, *surplus, *tags), after)


def _refuse_key(key: str | None) -> None:
    if key and key.endswith(MANAGED_KEY):
        raise Refusal(
            "kms_key_id",
            key,
            "The policy of the key that AWS manages lets neither CloudWatch nor RDS use it: they could not publish.",
            "Give a key of your own whose policy does, or none.",
        )


def _settings(wanted: Mapping[str, Any], current: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what the topic's attributes are meant to be. What is not declared stays as it is."""
    asked = {
        "display_name": wanted.get("display_name"),
        "kms_key_id": wanted.get("kms_key_id"),
        "policy": policy(wanted["arn"], wanted["publishers"]),
    }
    return {key: (current or {}).get(key, "") if value is None else value for key, value in asked.items()}


def _attributes(settings: Mapping[str, Any]) -> dict[str, str]:
    return {
        "DisplayName": settings["display_name"],
        "KmsMasterKeyId": settings["kms_key_id"],
        "Policy": json.dumps(settings["policy"], sort_keys=True),
    }


def _create(wanted: Mapping[str, Any]) -> Call:
    attributes = {name: value for name, value in _attributes(_settings(wanted, None)).items() if value}
    tags = tag_list(wanted.get("tags"))
    return Call("create_topic", declared({"Name": wanted["name"], "Attributes": attributes, "Tags": tags or None}))


def _changes(wanted: Mapping[str, Any], current: Mapping[str, Any]) -> list[Call]:
    then, now = _settings(wanted, current), current
    differs = {
        "DisplayName": then["display_name"] != now["display_name"],
        "KmsMasterKeyId": then["kms_key_id"] != now["kms_key_id"],
        "Policy": compare_policies(now["policy"], then["policy"]),
    }
    return [
        Call(
            "set_topic_attributes",
            {"TopicArn": wanted["arn"], "AttributeName": name, "AttributeValue": _attributes(then)[name]},
        )
        for name, differ in differs.items()
        if differ
    ]


def told(state: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return the state as it may be shown: the paths of HTTPS endpoints often hold a key."""
    if state is None:
        return None
    return {**state, "subscriptions": sorted(_told(each) for each in state["subscriptions"])}


def _told(subscription: Mapping[str, str]) -> str:
    protocol, endpoint = subscription["protocol"], subscription["endpoint"]
    if protocol.startswith("http"):
        endpoint = f"{protocol}://{urlsplit(endpoint).hostname}/..."
    return f"{protocol} {endpoint}"
