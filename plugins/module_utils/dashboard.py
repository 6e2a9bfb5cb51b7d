"""What a CloudWatch dashboard is, and what it takes to change it. No AWS calls here."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.graviflow.airflow.plugins.module_utils.named_set import tags_after
from ansible_collections.graviflow.airflow.plugins.module_utils.reconcile import (
    Call,
    Plan,
    Refusal,
    declared,
    tag_calls,
    tag_list,
)

NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")
# What PutDashboard takes.
MAXIMUM_WIDGETS = 500


def current_state(answer: Mapping[str, Any], tags: Mapping[str, str] | None) -> dict[str, Any]:
    """Return the dashboard as options."""
    return {
        "name": answer["DashboardName"],
        "arn": answer["DashboardArn"],
        "body": json.loads(answer["DashboardBody"]),
        "tags": tags,
    }


def plan(wanted: Mapping[str, Any], current: Mapping[str, Any] | None) -> Plan:
    """Return what leads from `current` to `wanted` (module parameters). Raises Refusal for what CloudWatch refuses."""
    name = wanted["name"]
    if wanted["state"] == "absent":
        return Plan((Call("delete_dashboards", {"DashboardNames": [name]}),) if current else ())
    _refuse(name, wanted["body"])
    tags_then = tags_after(wanted.get("tags"), (current or {}).get("tags"), purge=wanted["purge_tags"])
    after = {**(current or {"name": name}), "body": wanted["body"], "tags": tags_then}
    arguments = {"DashboardName": name, "DashboardBody": json.dumps(wanted["body"], sort_keys=True)}
    if current is None:
        tags = tag_list(wanted.get("tags"))
        return Plan((Call("put_dashboard", {**arguments, "Tags": tags} if tags else arguments),), after)
    puts = [] if current["body"] == wanted["body"] else [Call("put_dashboard", arguments)]
    tags = tag_calls(
        wanted.get("tags"),
        current.get("tags"),
        purge=wanted["purge_tags"],
        resource={"ResourceARN": current["arn"]},
        operations=("tag_resource", "untag_resource"),
    )
    return Plan((*puts, *tags), after)


def _refuse(name: str, body: Mapping[str, Any]) -> None:
    if not NAME.fullmatch(name):
        raise Refusal(
            "name",
            name,
            "A name has up to 255 letters, digits, hyphens and underscores.",
            "Leave other characters out.",
        )
    widgets = len(body.get("widgets") or [])
    if widgets > MAXIMUM_WIDGETS:
        raise Refusal(
            "body.widgets",
            f"{widgets} widgets",
            f"A dashboard has {MAXIMUM_WIDGETS} at most.",
            "Leave some out, or make two dashboards.",
        )


def difference(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a diff, in Ansible's terms, with widgets that stay left out: written out they are some hundred lines.

    Of a dashboard that comes or goes it has a line for each widget.
    """
    if not before or not after:
        return {"before": _told(before, _lines(before)), "after": _told(after, _lines(after))}
    then, now = (state["body"].get("widgets", []) for state in (before, after))
    return {
        "before": _told(before, [each for each in then if each not in now]),
        "after": _told(after, [each for each in now if each not in then]),
    }


def _lines(state: Mapping[str, Any] | None) -> list[str]:
    widgets = (state or {}).get("body", {}).get("widgets", [])
    shown = [(each.get("type"), each.get("properties", {})) for each in widgets]
    return [f"{kind}: {properties.get('title') or properties.get('markdown', '')}" for kind, properties in shown]


def _told(state: Mapping[str, Any] | None, widgets: list[Any]) -> dict[str, Any]:
    return declared({**state, "body": {**state["body"], "widgets": widgets}}) if state else {}
