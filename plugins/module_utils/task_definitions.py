"""What a set of ECS task definitions is, and what it takes to change it. No AWS calls here."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.graviflow.airflow.plugins.module_utils.ecs_tags import tag_calls, tag_list
from ansible_collections.graviflow.airflow.plugins.module_utils.named_set import tags_after
from ansible_collections.graviflow.airflow.plugins.module_utils.reconcile import Call, Plan, Refusal

DELETED_PER_CALL = 10  # DeleteTaskDefinitions takes no more
# What ECS says about a definition beside what was declared.
TOLD = {
    *("taskDefinitionArn", "family", "revision", "status", "requiresAttributes", "compatibilities"),
    *("registeredAt", "registeredBy", "deregisteredAt", "deleteRequestedAt"),
}
# What ECS fills in where nothing is declared, beside zeroes, false and nothing at all.
FILLED_IN = {"essential": True, "protocol": "tcp", "rootDirectory": "/"}


def normal(value: Any) -> Any:
    """Return (a part of) a definition such that what means the same to ECS is equal.

    What ECS fills in is left out, and objects in a list have a lasting order; words of a command keep theirs.
    """
    if isinstance(value, Mapping):
        parts = {key: normal(each) for key, each in sorted(value.items())}
        return {key: each for key, each in parts.items() if (each != FILLED_IN[key] if key in FILLED_IN else each)}
    if isinstance(value, list | tuple):
        items = [normal(each) for each in value]
        return sorted(items, key=json.dumps) if all(isinstance(each, dict) for each in items) else items
    return value


def declaration(definition: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is declared, in ECS's types: sizes of a task are texts."""
    sizes = {key: str(definition[key]) for key in ("cpu", "memory") if definition.get(key) is not None}
    return {**definition, **sizes}


def current_state(
    prefix: str,
    families: Mapping[str, Mapping[str, Any]],
    tags: Mapping[str, Mapping[str, str]],
    revisions: Mapping[str, Iterable[str]],
) -> dict[str, Any] | None:
    """Return the definitions of the families that begin with the prefix, by the rest of their names, None for none.

    `families` has each family's newest active revision, `revisions` all ARNs by status, needed to remove them.
    """
    if not families and not any(revisions.values()):
        return None
    return {
        "prefix": prefix,
        "task_definitions": {
            name: normal({key: value for key, value in definition.items() if key not in TOLD})
            for name, definition in sorted(families.items())
        },
        "arns": {name: definition["taskDefinitionArn"] for name, definition in sorted(families.items())},
        "tags": dict(tags),
        "revisions": {status: sorted(arns) for status, arns in revisions.items()},
    }


def plan(wanted: Mapping[str, Any], current: Mapping[str, Any] | None) -> Plan:
    """Return what leads from `current` to `wanted` (module parameters). Raises Refusal for an open prefix."""
    prefix = wanted["prefix"]
    if len(prefix) < 2 or not prefix.endswith("_"):
        raise Refusal(
            "prefix",
            prefix,
            "It must end with an underscore: airflow is the beginning of airflow-demo's families, too, and what is "
            "found by it may be removed.",
            "Use one like airflow-demo_.",
        )
    if wanted["state"] == "absent":
        return _deletion((current or {}).get("revisions", {}))
    found, tags = (current or {}).get("task_definitions", {}), (current or {}).get("tags", {})
    definitions = {name: declaration(each) for name, each in wanted["task_definitions"].items()}
    calls = [call for name, each in sorted(definitions.items()) for call in _family(wanted, current, name, each)]
    calls += [_deregistration(current["arns"][name]) for name in found if name not in definitions]
    after = {
        "prefix": prefix,
        "task_definitions": {name: normal(each) for name, each in sorted(definitions.items())},
        "tags": {name: tags_after(wanted["tags"], tags.get(name), purge=wanted["purge_tags"]) for name in definitions},
    }
    return Plan(tuple(calls), after)


def _family(
    wanted: Mapping[str, Any], current: Mapping[str, Any] | None, name: str, definition: Mapping[str, Any]
) -> list[Call]:
    found = (current or {}).get("task_definitions", {}).get(name)
    if found == normal(definition):
        return tag_calls(current["arns"][name], wanted["tags"], current["tags"].get(name), purge=wanted["purge_tags"])
    tags = {"tags": tag_list(wanted["tags"])} if wanted["tags"] else {}
    calls = [Call("register_task_definition", {"family": f"{wanted['prefix']}{name}", **definition, **tags})]
    # Tasks that run keep the revision that they have; a family stands for its newest one.
    return calls + ([_deregistration(current["arns"][name])] if found is not None else [])


def _deregistration(arn: str) -> Call:
    return Call("deregister_task_definition", {"taskDefinition": arn})


def _deletion(revisions: Mapping[str, list[str]]) -> Plan:
    everything = [arn for status in sorted(revisions) for arn in revisions[status]]
    batches = [everything[at : at + DELETED_PER_CALL] for at in range(0, len(everything), DELETED_PER_CALL)]
    return Plan(
        (
            *map(_deregistration, revisions.get("ACTIVE", [])),
            *(Call("delete_task_definitions", {"taskDefinitions": batch}) for batch in batches),
        )
    )


def differences(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Return diffs, in Ansible's terms: one for each family that comes, changes or goes."""
    old, new = _shown(before), _shown(after)
    return [
        {"before": old.get(name, {}), "after": new.get(name, {}), "before_header": name, "after_header": name}
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    ]


def _shown(state: Mapping[str, Any] | None) -> dict[str, Any]:
    definitions, tags = ((state or {}).get(key) or {} for key in ("task_definitions", "tags"))
    return {name: {**_flat(each), "tags": tags.get(name)} for name, each in definitions.items()}


def _flat(definition: Mapping[str, Any]) -> dict[str, Any]:
    """Return a definition with its only container beside what the task is, so that a diff names what differs."""
    containers = definition.get("containerDefinitions") or []
    if len(containers) != 1:
        return dict(definition)
    return {**containers[0], **{key: each for key, each in definition.items() if key != "containerDefinitions"}}
