"""Declare, read, diff, apply: what every module of this collection does, once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


class Refusal(Exception):
    """A declaration that cannot be made true: carries the value, the rule it breaks and the way out."""

    def __init__(self, option: str, value: Any, rule: str, fix: str) -> None:
        super().__init__(f"{option}: {value!r} is refused. {rule} {fix}")


@dataclass(frozen=True)
class Call:
    """One call to AWS. `operation` is the boto3 method, `ready` the waiter that must be satisfied before it."""

    operation: str
    arguments: Mapping[str, Any]
    ready: str = ""


@dataclass(frozen=True)
class Plan:
    """The calls that lead from what is to what was declared, and what will be then."""

    calls: tuple[Call, ...] = ()
    after: Mapping[str, Any] | None = None


class Api(Protocol):
    """The AWS half of a resource: everything that has an effect or a latency."""

    def read(self) -> dict[str, Any] | None:
        """Return the resource in the module's own terms, None when there is none."""

    def apply(self, call: Call) -> None:
        """Make one call."""

    def settle(self, current: dict[str, Any] | None) -> dict[str, Any] | None:
        """Return the resource once it has reached its final state, at once if `current` shows that it has."""


@dataclass(frozen=True)
class Outcome:
    """What a module reports."""

    changed: bool
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    operations: list[str] = field(default_factory=list)

    def result(self, name: str) -> dict[str, Any]:
        """Return the module's result with the resource under `name`."""
        return {
            "changed": self.changed,
            "diff": {"before": dict(self.before or {}), "after": dict(self.after or {})},
            "operations": self.operations,
            name: dict(self.after or {}),
        }


def reconcile(
    api: Api,
    plan: Callable[[dict[str, Any] | None], Plan],
    *,
    check_mode: bool,
    wait: bool,
    rounds: int = 1,
) -> Outcome:
    """Bring the resource to its declared state and report what that took.

    `rounds` is 2 for resources whose parts can only be declared once the resource has an id.
    Raises Refusal, and botocore's errors as they are.
    """
    before = current = api.read()
    first: Plan | None = None
    operations: list[str] = []
    for _ in range(rounds):
        step = plan(current)
        first = first or step
        operations += [call.operation for call in step.calls]
        if check_mode or not step.calls:
            break
        for call in step.calls:
            api.apply(call)
        current = api.read()
    if wait and not check_mode:
        current = api.settle(current)
    after = first.after if check_mode and first and operations else current
    return Outcome(bool(operations), before, after, operations)


def differing(wanted: Mapping[str, Any], current: Mapping[str, Any], keys: Iterable[str]) -> dict[str, Any]:
    """Return the wanted values among `keys` that differ. What is not declared, or not told by AWS, does not."""
    return {
        key: wanted[key]
        for key in keys
        if wanted.get(key) is not None and current.get(key) is not None and wanted[key] != current[key]
    }


def declared(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return only what was declared."""
    return {key: value for key, value in wanted.items() if value is not None}


def tag_changes(wanted: Mapping[str, str] | None, current: Mapping[str, str] | None, purge: bool) -> tuple[dict, list]:
    """Return the tags to set and the tag keys to remove. AWS's own (`aws:`) are never removed."""
    if wanted is None or current is None:
        return {}, []
    changed = {key: value for key, value in wanted.items() if current.get(key) != value}
    surplus = [key for key in sorted(current) if key not in wanted and not key.startswith("aws:")] if purge else []
    return changed, surplus


def tag_list(tags: Mapping[str, str] | None) -> list[dict[str, str]]:
    """Return tags as AWS wants them, in a lasting order."""
    return [{"Key": key, "Value": value} for key, value in sorted((tags or {}).items())]


def tag_calls(
    wanted: Mapping[str, str] | None,
    current: Mapping[str, str] | None,
    *,
    purge: bool,
    resource: Mapping[str, str],
    operations: tuple[str, str] = ("add_tags_to_resource", "remove_tags_from_resource"),
    ready: str = "",
) -> list[Call]:
    """Return the calls that bring the tags of `resource` to what is wanted. Services differ in their `operations`."""
    changed, surplus = tag_changes(wanted, current, purge)
    add, remove = operations
    calls = [Call(remove, {**resource, "TagKeys": surplus}, ready)] if surplus else []
    return calls + ([Call(add, {**resource, "Tags": tag_list(changed)}, ready)] if changed else [])
