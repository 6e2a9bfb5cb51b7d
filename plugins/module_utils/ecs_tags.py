"""Tags as ECS spells them, which is with small letters. No AWS calls here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ansible_collections.graviflow.airflow.plugins.module_utils.reconcile import Call, tag_changes


def tag_list(tags: Mapping[str, str] | None) -> list[dict[str, str]]:
    """Return tags as ECS wants them, in a lasting order."""
    return [{"key": key, "value": value} for key, value in sorted((tags or {}).items())]


def tag_dict(tags: Iterable[Mapping[str, str]] | None) -> dict[str, str]:
    """Return tags as modules have them."""
    return {tag["key"]: tag["value"] for tag in tags or []}


def tag_calls(
    arn: str, wanted: Mapping[str, str] | None, current: Mapping[str, str] | None, *, purge: bool
) -> list[Call]:
    """Return the calls that bring the tags of a resource to what is wanted."""
    changed, surplus = tag_changes(wanted, current, purge)
    resource = {"resourceArn": arn}
    calls = [Call("untag_resource", {**resource, "tagKeys": surplus})] if surplus else []
    return calls + ([Call("tag_resource", {**resource, "tags": tag_list(changed)})] if changed else [])
