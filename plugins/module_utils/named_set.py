"""What modules share that manage resources whose names begin alike. No AWS calls here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.graviflow.airflow.plugins.module_utils.reconcile import Outcome, Refusal, tag_changes


def refuse_open_prefix(prefix: str) -> None:
    """Raise Refusal for a prefix that may be the beginning of other sets' names, too."""
    if len(prefix) < 2 or not prefix.endswith("/"):
        raise Refusal(
            "prefix",
            prefix,
            "It must end with a slash: airflow is the beginning of airflow-demo's names, too, and what is found by it "
            "may be removed.",
            "Use one like airflow-demo/.",
        )


def tags_after(
    wanted: Mapping[str, str] | None, current: Mapping[str, str] | None, *, purge: bool
) -> dict[str, str] | None:
    """Return the tags that there will be, None when nobody declares or knows them."""
    if wanted is None or current is None:
        return None if wanted is None else dict(wanted)
    _, surplus = tag_changes(wanted, current, purge)
    return {key: value for key, value in {**current, **wanted}.items() if key not in surplus}


def told(outcome: Outcome, resource: str, key: str, line: Callable[[Mapping[str, Any]], str]) -> dict[str, Any]:
    """Return a module's result with the set under `resource`, whose members are under `key`, and a diff of it."""
    result = outcome.result(resource)
    result[resource].pop("arns", None)
    return {**result, "diff": difference(outcome.before, outcome.after, key, line)}


def difference(
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    key: str,
    line: Callable[[Mapping[str, Any]], str],
) -> dict[str, dict[str, Any]]:
    """Return a diff, in Ansible's terms: how many there are, a line for what comes or goes, what changes of others."""
    then, now = _members(before, key), _members(after, key)

    def side(state: Mapping[str, Any] | None, here: Mapping[str, Any], there: Mapping[str, Any]) -> dict[str, Any]:
        if state is None:
            return {}
        names = sorted(name for name in {*here, *there} if here.get(name) != there.get(name))
        return {key: len(here), **{name: _shown(here.get(name), there.get(name), line) for name in names}}

    return {"before": side(before, then, now), "after": side(after, now, then)}


def _members(state: Mapping[str, Any] | None, key: str) -> dict[str, Any]:
    tags = (state or {}).get("tags") or {}
    return {
        name: {**settings, **({"tags": tags[name]} if tags.get(name) is not None else {})}
        for name, settings in ((state or {}).get(key) or {}).items()
    }


def _shown(
    here: Mapping[str, Any] | None, there: Mapping[str, Any] | None, line: Callable[[Mapping[str, Any]], str]
) -> Any:
    if here is None or there is None:
        return here and line(here)
    return {name: value for name, value in here.items() if there.get(name) != value}
