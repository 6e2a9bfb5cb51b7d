"""What bakes that were broken off have left at AWS. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

BAKER, UNTIL, IMAGE = "graviflow:baker", "graviflow:bake-until", "graviflow:image"
PACKERS = "packer_"  # what Packer names its temporary key pairs and security groups with
# What Packer says of what it makes, before tags are on it; in China, and before 1.7, they are never on some of it.
SAID = {
    "key_pairs": re.compile(r"Creating temporary keypair: (\S+)"),
    "security_groups": re.compile(r"Creating temporary security group for this instance: (\S+)"),
    "instances": re.compile(r"Instance ID: (i-[0-9a-f]+)"),
    "images": re.compile(r" AMI: (ami-[0-9a-f]+)"),
}


def said(log: str) -> dict[str, list[str]]:
    """Return what a log of Packer says that it made: names of key pairs and groups, ids of instances and images."""
    return {kind: pattern.findall(log) for kind, pattern in SAID.items()}


def leftovers(found: Mapping[str, Any], log: str, *, baker: str, now: str) -> dict[str, list[Any]]:
    """Return what is left, by kind, and what is not because a bake elsewhere may still run.

    `found` is what amazon.aws's info modules tell of instances, key pairs, security groups and images. `baker` is this
    controller, where no bake runs; `now` is a time in UTC, as in the tags.
    """
    made = said(log)

    def is_left(kind: str, name: str, tags: Mapping[str, str]) -> bool:
        over = tags.get(BAKER) == baker or tags.get(UNTIL, now) < now
        return name in made[kind] or (BAKER in tags and over)

    instances = [each for each in found["instances"] if is_left("instances", each["instance_id"], each["tags"])]
    keys = {each["key_name"] for each in instances if each.get("key_name", "").startswith(PACKERS)}
    groups = {group["group_id"] for each in instances for group in _of_packer(each["security_groups"])}
    return {
        "instances": [each["instance_id"] for each in instances],
        "key_pairs": [
            each["key_name"]
            for each in found["key_pairs"]
            if each["key_name"] in keys or is_left("key_pairs", each["key_name"], each.get("tags") or {})
        ],
        "security_groups": [
            each["group_id"]
            for each in _of_packer(found["security_groups"])
            if each["group_id"] in groups or is_left("security_groups", each["group_name"], each.get("tags") or {})
        ],
        # Whole ones have the tag. Those of the same name are as bad as those of the log: the name would be taken.
        "images": [each["image_id"] for each in found["images"] if IMAGE not in each["tags"]],
        "running": [
            {"instance": each["instance_id"], "image": each["tags"].get(IMAGE), "until": each["tags"].get(UNTIL)}
            for each in found["instances"]
            if BAKER in each["tags"] and each not in instances
        ],
    }


def _of_packer(groups: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [group for group in groups if group["group_name"].startswith(PACKERS)]
