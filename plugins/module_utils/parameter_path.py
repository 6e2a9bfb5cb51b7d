"""What the parameters below a path of Parameter Store are, and what it takes to change them. No AWS calls here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from ansible_collections.graviflow.airflow.plugins.module_utils.reconcile import (
    Call,
    Plan,
    Refusal,
    tag_calls,
    tag_list,
)

# Advanced parameters, which Intelligent-Tiering chooses when it must, hold no more.
MAXIMUM_BYTES = 8192
# DeleteParameters takes no more at once.
NAMES_PER_CALL = 10


def current_state(
    path: str, parameters: Iterable[Mapping[str, Any]], tags: Mapping[str, Mapping[str, str]]
) -> dict[str, Any] | None:
    """Return what is below the path, by names relative to it, None when nothing is."""
    values = {each["Name"].removeprefix(f"{path}/"): each["Value"] for each in parameters}
    return {"path": path, "parameters": dict(sorted(values.items())), "tags": dict(tags)} if values else None


def plan(wanted: Mapping[str, Any], current: Mapping[str, Any] | None) -> Plan:
    """Return what leads from `current` to `wanted` (module parameters). Raises Refusal for values that do not fit."""
    path, found = wanted["path"], (current or {}).get("parameters", {})
    if wanted["state"] == "absent":
        return Plan(tuple(_delete(path, found)))
    values = {name: str(value) for name, value in wanted["parameters"].items()}
    for name, value in values.items():
        _refuse_size(f"{path}/{name}", value)
    surplus = [name for name in found if name not in values] if wanted["purge"] else []
    puts = [
        _put(wanted, name, value, new=name not in found) for name, value in values.items() if found.get(name) != value
    ]
    tags = [
        call
        for name in values
        if name in found
        for call in tag_calls(
            wanted.get("tags"),
            (current or {})["tags"].get(name),
            purge=wanted["purge_tags"],
            resource={"ResourceType": "Parameter", "ResourceId": f"{path}/{name}"},
        )
    ]
    after = {name: value for name, value in {**found, **values}.items() if name not in surplus}
    return Plan((*puts, *tags, *_delete(path, surplus)), {"path": path, "parameters": dict(sorted(after.items()))})


def _refuse_size(name: str, value: str) -> None:
    size = len(value.encode())
    if size > MAXIMUM_BYTES:
        raise Refusal(
            name,
            f"{size} bytes",
            f"A parameter holds {MAXIMUM_BYTES} bytes at most.",
            "Shorten it, for example by leaving out options that have their default.",
        )


def _put(wanted: Mapping[str, Any], name: str, value: str, *, new: bool) -> Call:
    arguments = {"Name": f"{wanted['path']}/{name}", "Value": value, "Type": "String", "Tier": wanted["tier"]}
    if not new:
        return Call("put_parameter", {**arguments, "Overwrite": True})
    # Tags are refused together with Overwrite.
    tags = tag_list(wanted.get("tags"))
    return Call("put_parameter", {**arguments, "Tags": tags} if tags else arguments)


def _delete(path: str, names: Iterable[str]) -> list[Call]:
    rest, calls = iter(sorted(names)), []
    while chunk := list(islice(rest, NAMES_PER_CALL)):
        calls.append(Call("delete_parameters", {"Names": [f"{path}/{name}" for name in chunk]}))
    return calls
