"""What a set of CloudWatch log groups is, and what it takes to change it. No AWS calls here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.graviflow.airflow.plugins.module_utils.named_set import refuse_open_prefix, tags_after
from ansible_collections.graviflow.airflow.plugins.module_utils.reconcile import (
    Call,
    Plan,
    Refusal,
    declared,
    tag_changes,
)

# What PutRetentionPolicy takes.
RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)


def arn(group: Mapping[str, Any]) -> str:
    """Return the ARN that the tag calls take, which is without the stars of the other one."""
    return group.get("logGroupArn") or group["arn"].removesuffix(":*")


def current_state(groups: Iterable[Mapping[str, Any]], tags: Mapping[str, Mapping[str, str]]) -> dict[str, Any] | None:
    """Return the groups by name, None when there are none."""
    found = {group["logGroupName"]: group for group in groups}
    if not found:
        return None
    return {
        "log_groups": {
            name: declared({"retention_days": group.get("retentionInDays"), "kms_key_id": group.get("kmsKeyId")})
            for name, group in sorted(found.items())
        },
        "arns": {name: arn(group) for name, group in sorted(found.items())},
        "tags": dict(tags),
    }


def plan(wanted: Mapping[str, Any], current: Mapping[str, Any] | None) -> Plan:
    """Return what leads from `current` to `wanted` (module parameters). Raises Refusal for what the service refuses."""
    found, known_tags = (current or {}).get("log_groups", {}), (current or {}).get("tags", {})
    for prefix in wanted["prefixes"]:
        refuse_open_prefix(prefix)
    if wanted["state"] == "absent":
        return Plan(tuple(Call("delete_log_group", {"logGroupName": name}) for name in sorted(found)))
    groups = {each["name"]: each["retention_days"] for each in wanted["log_groups"]}
    calls = [call for name, days in groups.items() for call in _group(wanted, current, name, days)]
    made = {
        name: {**found.get(name, {}), **declared({"retention_days": days, "kms_key_id": wanted.get("kms_key_id")})}
        for name, days in groups.items()
    }
    tags = {name: tags_after(wanted.get("tags"), known_tags.get(name), purge=wanted["purge_tags"]) for name in groups}
    return Plan(tuple(calls), {"log_groups": dict(sorted({**found, **made}.items())), "tags": tags})


def _group(wanted: Mapping[str, Any], current: Mapping[str, Any] | None, name: str, days: int) -> list[Call]:
    if not name.startswith(tuple(wanted["prefixes"])):
        raise Refusal("log_groups", name, "It is below none of the prefixes.", "Correct the name, or add its prefix.")
    if days not in RETENTION_DAYS:
        raise Refusal(
            f"log_groups.{name}.retention_days",
            days,
            f"CloudWatch Logs takes {', '.join(map(str, RETENTION_DAYS))} days.",
            "Use one of them.",
        )
    identity = {"logGroupName": name}
    found, key, calls = (current or {}).get("log_groups", {}).get(name), wanted.get("kms_key_id"), []
    if found is None:
        more = {"kmsKeyId": key, "tags": dict(wanted["tags"]) if wanted.get("tags") else None}
        calls.append(Call("create_log_group", {**identity, **{k: v for k, v in more.items() if v}}))
    elif key and found.get("kms_key_id") != key:
        calls.append(Call("associate_kms_key", {**identity, "kmsKeyId": key}))
    if (found or {}).get("retention_days") != days:
        calls.append(Call("put_retention_policy", {**identity, "retentionInDays": days}))
    return calls + (_tags(wanted, current, name) if found is not None else [])


def _tags(wanted: Mapping[str, Any], current: Mapping[str, Any], name: str) -> list[Call]:
    changed, surplus = tag_changes(wanted.get("tags"), current["tags"].get(name), wanted["purge_tags"])
    resource = {"resourceArn": current["arns"][name]}
    calls = [Call("untag_resource", {**resource, "tagKeys": surplus})] if surplus else []
    return calls + ([Call("tag_resource", {**resource, "tags": changed})] if changed else [])


def line(settings: Mapping[str, Any]) -> str:
    """Return what a log group is in one line."""
    days = settings.get("retention_days")
    return f"kept {days} days" if days else "kept for ever"
