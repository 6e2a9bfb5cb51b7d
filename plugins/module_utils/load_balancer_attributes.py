"""What attributes of a load balancer or a listener of it are, and what it takes to change them. No AWS calls here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.graviflow.airflow.plugins.module_utils.reconcile import Call, Plan

# Who has the attributes: name in calls, name of its ARN.
BALANCER = ("load_balancer", "LoadBalancerArn")
LISTENER = ("listener", "ListenerArn")


def owner(wanted: Mapping[str, Any]) -> tuple[str, str]:
    """Return whose attributes are meant (module parameters)."""
    return LISTENER if wanted.get("listener_port") else BALANCER


def spelled(attributes: Mapping[str, Any]) -> dict[str, str]:
    """Return attributes as AWS spells them: every value is a text, truth is in lower case."""
    return {key: str(value).lower() if isinstance(value, bool) else str(value) for key, value in attributes.items()}


def current_state(name: str, arn: str, attributes: list[Mapping[str, str]]) -> dict[str, Any]:
    """Return a load balancer, or a listener of it, in the module's terms."""
    return {"name": name, "arn": arn, "attributes": {each["Key"]: each["Value"] for each in attributes}}


def plan(wanted: Mapping[str, Any], current: Mapping[str, Any] | None) -> Plan:
    """Return what leads from `current` to `wanted` (module parameters). What is missing has nothing."""
    declared, found = spelled(wanted["attributes"]), (current or {}).get("attributes", {})
    changed = {key: value for key, value in declared.items() if found.get(key) != value}
    calls = []
    if changed:
        # All at once: AWS tries to write to a log's bucket when the log is switched on.
        pairs = [{"Key": key, "Value": value} for key, value in sorted(changed.items())]
        kind, identifier = owner(wanted)
        arn = (current or {}).get("arn")
        calls.append(Call(f"modify_{kind}_attributes", {identifier: arn, "Attributes": pairs}))
    return Plan(tuple(calls), {**(current or {"name": wanted["name"]}), "attributes": {**found, **declared}})


def of_interest(state: Mapping[str, Any] | None, declared: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return a state with the attributes that were declared: the others are nobody's business here."""
    if state is None:
        return None
    return {**state, "attributes": {key: value for key, value in state["attributes"].items() if key in declared}}
