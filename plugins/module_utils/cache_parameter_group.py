"""What an ElastiCache cache parameter group is, and what it takes to change one. No AWS calls here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from ansible_collections.graviflow.airflow.plugins.module_utils.reconcile import Call, Plan, Refusal, tag_calls

# ModifyCacheParameterGroup and ResetCacheParameterGroup take no more at once.
PARAMETERS_PER_CALL = 20


def text(value: Any) -> str:
    """Return a parameter's value as ElastiCache spells it: what YAML reads as a boolean was `yes` or `no`."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def current_state(
    group: Mapping[str, Any], parameters: Iterable[Mapping[str, Any]], tags: Mapping[str, str] | None
) -> dict[str, Any]:
    """Return a group as options. `known` holds every parameter of the family, `values` those that were set."""
    known = {each["ParameterName"]: each for each in parameters}
    return {
        "name": group["CacheParameterGroupName"],
        "arn": group.get("ARN"),
        "family": group["CacheParameterGroupFamily"],
        "description": group.get("Description"),
        "values": {
            name: each["ParameterValue"]
            for name, each in sorted(known.items())
            if each.get("Source") == "user" and each.get("ParameterValue") is not None
        },
        "known": known,
        "tags": None if tags is None else dict(tags),
    }


def plan(wanted: Mapping[str, Any], current: Mapping[str, Any] | None) -> Plan:
    """Return what leads from `current` to `wanted` (module parameters). Raises Refusal for what AWS cannot change."""
    identity = {"CacheParameterGroupName": wanted["name"]}
    if wanted["state"] == "absent":
        return Plan((Call("delete_cache_parameter_group", identity),) if current else ())
    values = {name: text(value) for name, value in (wanted.get("values") or {}).items()}
    if current is None:
        return _creation(wanted, values, identity)
    _refuse(wanted, values, current)
    changed = {name: value for name, value in sorted(values.items()) if _effective(current, name) != value}
    surplus = [name for name in current["values"] if name not in values] if wanted["purge_values"] else []
    if wanted.get("values") is None:
        surplus = []
    kept = {name: value for name, value in current["values"].items() if name not in surplus}
    after = {**current, "values": {**kept, **changed}}
    if wanted.get("tags") is not None and current.get("tags") is not None:
        after["tags"] = wanted["tags"] if wanted["purge_tags"] else {**current["tags"], **wanted["tags"]}
    tags = tag_calls(
        wanted.get("tags"),
        current.get("tags"),
        purge=wanted["purge_tags"],
        resource={"ResourceName": current["arn"]},
    )
    return Plan((*_set(identity, changed), *_reset(identity, surplus), *tags), after)


def _creation(wanted: Mapping[str, Any], values: Mapping[str, str], identity: Mapping[str, str]) -> Plan:
    if not wanted.get("family"):
        raise Refusal("family", None, "A new group needs one.", "Give it, for example redis7 or valkey8.")
    description = wanted.get("description") or wanted["name"]
    arguments = {**identity, "CacheParameterGroupFamily": wanted["family"], "Description": description}
    if wanted.get("tags"):
        arguments["Tags"] = [{"Key": key, "Value": value} for key, value in sorted(wanted["tags"].items())]
    after = {
        "name": wanted["name"],
        "family": wanted["family"],
        "description": description,
        "values": dict(sorted(values.items())),
        "tags": wanted.get("tags"),
    }
    return Plan((Call("create_cache_parameter_group", arguments),), after)


def _effective(current: Mapping[str, Any], name: str) -> str | None:
    return current["known"].get(name, {}).get("ParameterValue")


def _refuse(wanted: Mapping[str, Any], values: Mapping[str, str], current: Mapping[str, Any]) -> None:
    for option in ("family", "description"):
        if wanted.get(option) and wanted[option] != current[option]:
            raise Refusal(
                option,
                wanted[option],
                f"It is {current[option]!r} since the group was created, and ElastiCache cannot change it.",
                "Keep it, or declare a group under another name.",
            )
    for name, value in values.items():
        parameter = current["known"].get(name)
        if parameter is None:
            rule = f"Family {current['family']} has no such parameter."
            raise Refusal(f"values.{name}", value, rule, "Leave it out, or correct its name.")
        if parameter.get("IsModifiable") is False and parameter.get("ParameterValue") != value:
            rule = f"ElastiCache does not let it be changed from {parameter.get('ParameterValue')!r}."
            raise Refusal(f"values.{name}", value, rule, "Leave it out.")


def _chunks(names: Iterable[str]) -> Iterable[list[str]]:
    rest = iter(names)
    while chunk := list(islice(rest, PARAMETERS_PER_CALL)):
        yield chunk


def _set(identity: Mapping[str, str], changed: Mapping[str, str]) -> list[Call]:
    return [
        Call(
            "modify_cache_parameter_group",
            {
                **identity,
                "ParameterNameValues": [{"ParameterName": name, "ParameterValue": changed[name]} for name in names],
            },
        )
        for names in _chunks(changed)
    ]


def _reset(identity: Mapping[str, str], surplus: Iterable[str]) -> list[Call]:
    return [
        Call(
            "reset_cache_parameter_group",
            {**identity, "ParameterNameValues": [{"ParameterName": name} for name in names]},
        )
        for names in _chunks(surplus)
    ]
