"""One line of a plan: what would become of a resource, and which of its attributes matter. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

CREATED, CHANGED, KEPT = "create", "change", "keep"
SIGNS = {CREATED: "+", CHANGED: "~", KEPT: "="}


@dataclass(frozen=True)
class Entry:
    """What would become of one resource."""

    fate: str
    kind: str
    name: str
    details: str


def entry(
    kind: str, name: str, result: Mapping[str, Any], *, exists: bool | None, attributes: Mapping[str, Any]
) -> Entry:
    """Return the entry of a resource from what its module said in check mode.

    Modules that tell what is before and after need no `exists`. Of a change they show the attributes that differ; of
    everything else the `attributes` are shown.
    """
    diff = result.get("diff") if isinstance(result.get("diff"), Mapping) else {}
    before, after = (diff.get(side) if isinstance(diff.get(side), Mapping) else {} for side in ("before", "after"))
    existed = bool(before) if exists is None else exists
    if not result.get("changed"):
        return Entry(KEPT, kind, name, "")
    if not existed:
        return Entry(CREATED, kind, name, ", ".join(f"{key} {_shown(value)}" for key, value in attributes.items()))
    differing = {key: (before.get(key), after[key]) for key in after if before.get(key) != after[key]}
    changes = [f"{key} {_shown(old)} -> {_shown(new)}" for key, (old, new) in sorted(differing.items())]
    told = changes or [f"{key} {_shown(value)}" for key, value in attributes.items()]
    return Entry(CHANGED, kind, name, ", ".join(told))


def _shown(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    if isinstance(value, list | tuple):
        return " ".join(map(_shown, value)) or "none"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_shown(each)}" for key, each in value.items()) + "}"
    return str(value)


def table(entries: Iterable[Entry]) -> list[str]:
    """Return the plan's lines: what is created and changed first, what is kept in short, and the counts."""
    entries = list(entries)
    kind_width = max((len(each.kind) for each in entries), default=0)
    name_width = max((len(each.name) for each in entries), default=0)
    lines = [
        f"  {SIGNS[fate]} {each.kind:{kind_width}}  {each.name:{name_width}}  {each.details}".rstrip()
        for fate in (CREATED, CHANGED, KEPT)
        for each in entries
        if each.fate == fate
    ]
    counts = {fate: sum(each.fate == fate for each in entries) for fate in SIGNS}
    return [*lines, f"  {counts[CREATED]} to create, {counts[CHANGED]} to change, {counts[KEPT]} to keep"]
