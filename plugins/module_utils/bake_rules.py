"""What a bake must satisfy before Packer makes anything. Pure: no calls, no files."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.graviflow.airflow.plugins.module_utils.stack_rules.hosts import GRAVITON, without_lock
from ansible_collections.graviflow.airflow.plugins.module_utils.stack_rules.problem import Problem

SHARING = ("ami_users", "ami_org_arns", "ami_ou_arns")
OF_AWS = "alias/aws/"


@dataclass(frozen=True)
class Bake:
    """What would be baked, and what was found on the controller and at AWS. None stands for what was not asked."""

    airflow_version: str
    airflow_python: str
    region: str
    partition: str | None
    # Variables of the template: those that are given, those that it has, and all values together.
    given: Mapping[str, Any] = field(default_factory=dict)
    known: list[str] = field(default_factory=list)
    values: Mapping[str, Any] = field(default_factory=dict)
    # Locks that the image is installed from; SHA-256 of all locks, as they are and as they were made.
    lock_names: list[str] = field(default_factory=list)
    locks: Mapping[str, str] = field(default_factory=dict)
    made_locks: Mapping[str, str] = field(default_factory=dict)
    # Images of the family that the source image belongs to, as amazon.aws's info module tells them.
    sources: list[Mapping[str, Any]] | None = None


def problems(bake: Bake) -> Iterator[Problem]:
    """Yield everything that is wrong with a bake."""
    for rule in (_unknown, _lock, _instance_type, _keys, _sharing, _regions, _source, _disk):
        yield from rule(bake)


def _unknown(bake: Bake) -> Iterator[Problem]:
    """Packer only warns of a variable that it does not know."""
    for name in sorted(set(bake.given) - set(bake.known)):
        close = difflib.get_close_matches(name, bake.known, n=1)
        fix = f"Did you mean {close[0]}?" if close else "Take it out."
        yield Problem(_of(name), bake.given[name], "The template has no such variable.", fix)


def _lock(bake: Bake) -> Iterator[Problem]:
    yield from without_lock(bake.airflow_version, bake.airflow_python, bake.locks)
    for name in bake.lock_names:
        found, made = bake.locks.get(name), bake.made_locks.get(name)
        if found and found != made:
            yield Problem(
                f"lock {name}",
                f"SHA-256 {found}",
                f"It was edited or is not whole: SHA256SUMS beside it says {made or 'nothing of it'}.",
                "Get it back with git checkout, or resolve the locks anew with packer/lock.",
            )


def _instance_type(bake: Bake) -> Iterator[Problem]:
    given = bake.values.get("instance_type")
    if not GRAVITON.fullmatch(str(given)):
        rule = "The image is arm64, and this is no instance type of Graviton."
        yield Problem(_of("instance_type"), given, rule, "Use one like m7g.large, or leave it out.")


def _keys(bake: Bake) -> Iterator[Problem]:
    keys = {_of("kms_key_id"): bake.values.get("kms_key_id", "")}
    keys |= {_of(f"region_kms_key_ids.{region}"): key for region, key in _copies(bake).items()}
    for name, key in keys.items():
        if str(key).startswith("arn:"):
            alias = re.fullmatch(r".+:(alias/.+)", key)
            short = alias[1] if alias else key.rpartition("/")[2]
            rule = "Packer takes a key by its alias or id, and refuses ARNs of China."
            yield Problem(name, key, rule, f"Give {short}.")


def _sharing(bake: Bake) -> Iterator[Problem]:
    """An image that a key of AWS's own encrypts can be launched by its owner only."""
    shared = [name for name in SHARING if bake.values.get(name)]
    keys = {"kms_key_id": str(bake.values.get("kms_key_id", ""))}
    keys |= {
        f"region_kms_key_ids.{region}": str(_copies(bake).get(region, ""))
        for region in bake.values.get("ami_regions", [])
        if region != bake.region
    }
    for name, key in keys.items() if shared else ():
        if not key or key.startswith(OF_AWS):
            yield Problem(
                _of(name),
                key,
                f"An image that is shared ({', '.join(shared)}) needs a key of your own: AWS's key for EBS serves no "
                "other account.",
                "Give alias/<name> or the id of a customer managed key whose policy lets those accounts use it.",
            )


def _regions(bake: Bake) -> Iterator[Problem]:
    regions = bake.values.get("ami_regions", [])
    for region in regions:
        if bake.partition and region.startswith("cn-") != (bake.partition == "aws-cn"):
            rule = f"An image cannot be copied out of its partition, which is {bake.partition}."
            yield Problem(_of("ami_regions"), region, rule, "Bake there, with the credentials of that partition.")
    if _copies(bake) and set(_copies(bake)) != set(regions):
        rule = f"Each region of ami_regions ({', '.join(regions) or 'none'}) has a key, and no other, or none has."
        yield Problem(_of("region_kms_key_ids"), sorted(_copies(bake)), rule, "Make the two name the same regions.")


def _source(bake: Bake) -> Iterator[Problem]:
    name = bake.values.get("source_image_name")
    if bake.sources is None or any(image["name"] == name for image in bake.sources):
        return
    owner = _owner(bake)
    newest = max(bake.sources, key=lambda image: image["creation_date"], default=None)
    yield Problem(
        "source_image_name",
        name,
        f"In {bake.region} account {owner} offers no arm64 image of this name, or has deprecated it.",
        f"Set source_image_name in image_packer_variables, to {newest['name']} for example."
        if newest
        else "Set source_image_name and source_image_owners in image_packer_variables to one that is there.",
    )


def _disk(bake: Bake) -> Iterator[Problem]:
    """A volume cannot be smaller than the snapshot that it is made of."""
    size, name = bake.values.get("root_volume_size", 0), bake.values.get("source_image_name")
    for image in bake.sources or ():
        for device in image["block_device_mappings"] if image["name"] == name else ():
            least = device.get("ebs", {}).get("volume_size", 0)
            if device["device_name"] == image["root_device_name"] and int(size) < least:
                rule = f"The root volume of {name} has {least} GiB, and that of the image cannot be smaller."
                yield Problem(_of("root_volume_size"), size, rule, f"Give {least} or more.")
        if image["name"] == name and image["root_device_name"] != bake.values.get("root_device_name"):
            rule = f"The root device of {name} is {image['root_device_name']}; the image would get a second disk."
            value = bake.values.get("root_device_name")
            yield Problem(_of("root_device_name"), value, rule, f"Give {image['root_device_name']}.")


def _copies(bake: Bake) -> Mapping[str, Any]:
    return bake.values.get("region_kms_key_ids") or {}


def _owner(bake: Bake) -> str:
    return bake.values.get("source_image_owners", {}).get(bake.partition, "")


def _of(name: str) -> str:
    return f"image_packer_variables.{name}"
