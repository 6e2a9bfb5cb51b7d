"""What an EFS access point is, and what it takes to make or remove one. No AWS calls here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.graviflow.airflow.plugins.module_utils.reconcile import (
    Call,
    Plan,
    Refusal,
    declared,
    differing,
    tag_calls,
    tag_list,
)

IMMUTABLE = ("file_system_id", "path", "posix_user", "creation_info")
USER = {"uid": "Uid", "gid": "Gid", "secondary_gids": "SecondaryGids"}
CREATION = {"owner_uid": "OwnerUid", "owner_gid": "OwnerGid", "permissions": "Permissions"}


def current_state(name: str, points: Iterable[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Return the access point with this creation token as options, None when there is none or it is going."""
    for point in points:
        if point.get("ClientToken") == name and point["LifeCycleState"] not in ("deleting", "deleted"):
            root = point.get("RootDirectory") or {}
            return {
                "name": name,
                "id": point["AccessPointId"],
                "arn": point["AccessPointArn"],
                "status": point["LifeCycleState"],
                "file_system_id": point["FileSystemId"],
                "path": root.get("Path", "/"),
                "posix_user": _options(USER, point.get("PosixUser")),
                "creation_info": _options(CREATION, root.get("CreationInfo")),
                "tags": {tag["Key"]: tag["Value"] for tag in point.get("Tags") or []},
            }
    return None


def _options(names: Mapping[str, str], told: Mapping[str, Any] | None) -> dict[str, Any]:
    return {option: told[key] for option, key in names.items() if told and told.get(key) not in (None, [])}


def _arguments(names: Mapping[str, str], options: Mapping[str, Any]) -> dict[str, Any]:
    return {names[option]: value for option, value in options.items()}


def plan(wanted: Mapping[str, Any], current: Mapping[str, Any] | None) -> Plan:
    """Return what leads from `current` to `wanted` (module parameters). Raises Refusal for what EFS cannot change."""
    if wanted["state"] == "absent":
        return Plan((Call("delete_access_point", {"AccessPointId": current["id"]}),) if current else ())
    target = {key: declared(value) if isinstance(value, Mapping) else value for key, value in wanted.items()}
    tags = {"Name": wanted["name"], **(wanted.get("tags") or {})}
    if wanted.get("tags") is None or not wanted["purge_tags"]:
        tags = {**((current or {}).get("tags") or {}), **tags}
    options = {key: target[key] for key in IMMUTABLE if target.get(key)}
    if current is None:
        return Plan(
            (Call("create_access_point", _creation(target, tags)),), {**options, "name": wanted["name"], "tags": tags}
        )
    for option, value in differing(options, current, IMMUTABLE).items():
        raise Refusal(
            option,
            value,
            f"It is {current[option]!r} since the access point was created, and EFS cannot change it.",
            "Keep it, or remove the access point with state=absent first; the files stay.",
        )
    calls = tag_calls(
        tags,
        current["tags"],
        purge=True,
        resource={"ResourceId": current["id"]},
        operations=("tag_resource", "untag_resource"),
    )
    return Plan(tuple(calls), {**current, **options, "tags": tags})


def _creation(target: Mapping[str, Any], tags: Mapping[str, str]) -> dict[str, Any]:
    root: dict[str, Any] = {"Path": target["path"]}
    if target.get("creation_info"):
        root["CreationInfo"] = _arguments(CREATION, target["creation_info"])
    arguments = {
        "ClientToken": target["name"],
        "FileSystemId": target["file_system_id"],
        "RootDirectory": root,
        "Tags": tag_list(tags),
    }
    user = target.get("posix_user")
    return {**arguments, **({"PosixUser": _arguments(USER, user)} if user else {})}
