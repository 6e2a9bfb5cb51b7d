"""What a subscription to RDS events is, and what it takes to change one. No AWS calls here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.graviflow.airflow.plugins.module_utils.reconcile import (
    Call,
    Plan,
    Refusal,
    declared,
    differing,
    tag_calls,
    tag_list,
)

# Option -> its name in CreateEventSubscription and ModifyEventSubscription.
ARGUMENTS = {
    "topic_arn": "SnsTopicArn",
    "source_type": "SourceType",
    "categories": "EventCategories",
    "source_ids": "SourceIds",
    "enabled": "Enabled",
}


def current_state(subscription: Mapping[str, Any], tags: Mapping[str, str]) -> dict[str, Any]:
    """Return a subscription as options, from DescribeEventSubscriptions and its tags."""
    return {
        "name": subscription["CustSubscriptionId"],
        "arn": subscription["EventSubscriptionArn"],
        "status": subscription.get("Status"),
        "topic_arn": subscription.get("SnsTopicArn"),
        "source_type": subscription.get("SourceType"),
        "categories": sorted(subscription.get("EventCategoriesList") or []),
        "source_ids": sorted(subscription.get("SourceIdsList") or []),
        "enabled": subscription.get("Enabled"),
        "tags": dict(tags),
    }


def plan(wanted: Mapping[str, Any], current: Mapping[str, Any] | None) -> Plan:
    """Return what leads from `current` to `wanted` (module parameters). Raises Refusal for what AWS cannot change."""
    identity = {"SubscriptionName": wanted["name"]}
    if wanted["state"] == "absent":
        return Plan((Call("delete_event_subscription", identity),) if current else ())
    target = {
        **wanted,
        **{key: sorted(wanted[key]) for key in ("categories", "source_ids") if wanted.get(key) is not None},
    }
    options = {key: value for key, value in declared(target).items() if key in ARGUMENTS}
    if current is None:
        return _creation(target, options, identity)
    _refuse(target, current)
    changed = differing(target, current, ("topic_arn", "categories", "enabled"))
    calls = []
    if changed:
        # Categories are taken with the type that they are of.
        changed |= {"source_type": current["source_type"]} if current["source_type"] else {}
        arguments = {ARGUMENTS[key]: value for key, value in changed.items()}
        calls.append(Call("modify_event_subscription", {**identity, **arguments}))
    calls += _sources(target, current, identity)
    calls += tag_calls(
        target.get("tags"), current["tags"], purge=target["purge_tags"], resource={"ResourceName": current["arn"]}
    )
    after = {**current, **options}
    if target.get("tags") is not None:
        after["tags"] = target["tags"] if target["purge_tags"] else {**current["tags"], **target["tags"]}
    return Plan(tuple(calls), after)


def _creation(target: Mapping[str, Any], options: Mapping[str, Any], identity: Mapping[str, str]) -> Plan:
    if not target.get("topic_arn"):
        raise Refusal("topic_arn", None, "A new subscription needs a topic.", "Give the ARN of one.")
    arguments = {**identity, **{ARGUMENTS[key]: value for key, value in options.items() if value != []}}
    if target.get("tags"):
        arguments["Tags"] = tag_list(target["tags"])
    after = {"name": target["name"], **options, "tags": target.get("tags")}
    return Plan((Call("create_event_subscription", arguments),), after)


def _refuse(target: Mapping[str, Any], current: Mapping[str, Any]) -> None:
    for option, value in differing(target, current, ["source_type"]).items():
        raise Refusal(
            option,
            value,
            f"The subscription is to {current[option]} events, and its sources are of that type.",
            "Keep it, or declare a subscription under another name.",
        )


def _sources(target: Mapping[str, Any], current: Mapping[str, Any], identity: Mapping[str, str]) -> list[Call]:
    """A new source comes before an old one goes: a subscription without any is to every source of the account."""
    if target.get("source_ids") is None:
        return []
    wanted, present = set(target["source_ids"]), set(current["source_ids"])
    return [
        Call(operation, {**identity, "SourceIdentifier": source})
        for operation, sources in (
            ("add_source_identifier_to_subscription", wanted - present),
            ("remove_source_identifier_from_subscription", present - wanted),
        )
        for source in sorted(sources)
    ]
