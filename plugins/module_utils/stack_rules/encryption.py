"""Rules about the key that everything is encrypted with."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.graviflow.airflow.plugins.module_utils.stack_rules.problem import Facts, Problem

KEY = re.compile(r"arn:(?P<partition>aws[a-z-]*):kms:(?P<region>[a-z0-9-]+):\d{12}:key/[A-Za-z0-9-]+")


def key(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """A key that is given is one of the stack's region, and the stack makes none besides."""
    given = str(stack.get("stack_key_arn") or "")
    if not given:
        return
    match = KEY.fullmatch(given)
    if match is None or (match["partition"], match["region"]) != (facts.partition, stack.get("stack_region")):
        rule = f"It is no ARN of a KMS key in {stack.get('stack_region')}; aliases do not do, as policies name the key."
        yield Problem("stack_key_arn", given, rule, "Give the key's ARN, or leave it out.")
    if stack.get("encryption_key_create"):
        rule = "encryption_key_create is true, and everything is encrypted with one key."
        yield Problem("stack_key_arn", given, rule, "Leave one of the two out.")


def pending_days(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """KMS waits 7 to 30 days before it deletes a key (ScheduleKeyDeletion)."""
    days = stack.get("encryption_key_pending_days")
    if days is not None and not 7 <= int(days) <= 30:
        rule = "KMS waits 7 to 30 days before it deletes a key."
        yield Problem("encryption_key_pending_days", days, rule, "Give a number of days in between.")
