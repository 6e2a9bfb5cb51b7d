"""Rules about the bastion."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.graviflow.airflow.plugins.module_utils.stack_rules.hosts import GRAVITON
from ansible_collections.graviflow.airflow.plugins.module_utils.stack_rules.problem import Facts, Problem

SMALLEST_VOLUME, LARGEST_VOLUME = 10, 16384  # GiB: of the image, of gp3
KEY = re.compile(r"arn:aws[a-z-]*:kms:(?P<region>[a-z0-9-]+):\d{12}:key/.+")


def instance(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """The bastion is arm64, as the image is."""
    given = stack.get("bastion_instance_type")
    if given is not None and not GRAVITON.fullmatch(str(given)):
        rule = "The image is for arm64, and this is no instance type of Graviton."
        fix = "Use one whose family bears a g after the generation, like t4g.nano."
        yield Problem("bastion_instance_type", given, rule, fix)


def volume(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """The image fits on its disk, and the key can be used there."""
    size, key = stack.get("bastion_volume_size"), stack.get("bastion_key_arn")
    whole = not isinstance(size, bool) and re.fullmatch(r"\d{1,6}", str(size))
    if size is not None and not (whole and SMALLEST_VOLUME <= int(size) <= LARGEST_VOLUME):
        rule = f"A disk has {SMALLEST_VOLUME} to {LARGEST_VOLUME} GiB, and the size of the image at least."
        yield Problem("bastion_volume_size", size, rule, "Use 30.")
    if key:
        match = KEY.fullmatch(str(key))
        if not match or match["region"] != stack["stack_region"]:
            rule = f"It is not the ARN of a KMS key in {stack['stack_region']}."
            yield Problem(
                "bastion_key_arn", key, rule, "Copy the key's ARN, not that of an alias, from the stack's region."
            )


RULES = (instance, volume)
