"""Which images of this project are old, and which of those nobody can miss. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

TAG, KEPT, PREFIX = "graviflow:image", "graviflow:keep", "graviflow-airflow-"
IMAGE_ID = re.compile(r"\bami-[0-9a-f]+\b")
# What may name an image: kind -> how it is called, and the key of its own name.
USERS = {
    "launch_templates": ("launch template", "launch_template_name"),
    "launch_configurations": ("launch configuration", "launch_configuration_name"),
    "groups": ("Auto Scaling group", "auto_scaling_group_name"),
    "instances": ("instance", "instance_id"),
    "parameters": ("parameter", "name"),
}


def fates(
    found: Mapping[str, Any],
    *,
    keep: int,
    days: int,
    now: str,
    permissions: Mapping[str, Iterable[Any]] | None = None,
    shared: bool = False,
) -> list[dict[str, Any]]:
    """Return this project's images, newest first: `image_id`, `name`, `created`, `remove`, and `why` it is kept.

    `found` is what amazon.aws's info modules tell of the account's images and of what may name them, in any version.
    `permissions` are those to launch each image, as far as they are known.
    """
    if keep < 1 or days < 1:
        raise ValueError(
            f"keep is {keep} and days is {days}; both must be 1 or more, or what is newest would be removed"
        )
    used, permissions = _used(found), permissions or {}
    ours = [image for image in found["images"] if TAG in image["tags"] and image["name"].startswith(PREFIX)]
    told, seen = [], {}
    for image in sorted(ours, key=lambda image: _time(image["creation_date"]), reverse=True):
        line = tuple(image["tags"].get(f"graviflow:{what}", "") for what in ("airflow", "python"))
        seen[line] = seen.get(line, 0) + (image["state"] == "available")
        why = (
            _protected(image)
            or used.get(image["image_id"])
            or (f"one of the newest {keep} of Airflow {line[0]} on Python {line[1]}" if seen[line] <= keep else "")
            or ("" if _older(image["creation_date"], days, now) else f"not older than {days} days")
            or ("" if shared else _shared(permissions.get(image["image_id"], ())))
        )
        names = {"image_id": image["image_id"], "name": image["name"], "created": image["creation_date"]}
        told.append({**names, "remove": not why, "why": why})
    return told


def orphans(found: Mapping[str, Any], *, days: int, now: str) -> list[str]:
    """Return the ids of old snapshots that no image is made of: a removal that was broken off left them."""
    devices = [device for image in found["images"] for device in image["block_device_mappings"]]
    needed = {device.get("ebs", {}).get("snapshot_id") for device in devices}
    return sorted(
        each["snapshot_id"]
        for each in found["snapshots"]
        if TAG in each["tags"]
        and KEPT not in each["tags"]
        and each["snapshot_id"] not in needed
        and _older(each["start_time"], days, now)
    )


def _used(found: Mapping[str, Any]) -> dict[str, str]:
    """Return who names an image, wherever in what is told of them its id stands: that way no place is forgotten."""
    used: dict[str, str] = {}
    for kind, (called, key) in USERS.items():
        for each in found.get(kind, ()):
            for image in IMAGE_ID.findall(json.dumps(each, default=str)):
                used.setdefault(image, f"named by {called} {each[key]}")
    return used


def _protected(image: Mapping[str, Any]) -> str:
    if image["state"] == "pending":
        return "being made"
    if KEPT in image["tags"]:
        return f"tagged {KEPT}"
    if image.get("deregistration_protection", "disabled") != "disabled":
        return "protected from deregistration"
    return ""


def _shared(permissions: Iterable[Any]) -> str:
    return "shared: whether others use it cannot be seen" if list(permissions) else ""


def _older(created: str, days: int, now: str) -> bool:
    return _time(created) < _time(now) - timedelta(days=days)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
