"""Rules about names that AWS must accept."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.graviflow.airflow.plugins.module_utils.stack_rules.problem import Facts, Problem

STACK_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
# What is named after the stack: kind, longest suffix, longest name that AWS takes.
PHYSICAL_NAMES = (
    ("load balancer and target group", "-web", 32),
    ("replication group", "-broker", 40),
    ("database instance", "-database", 63),
    ("IAM role, which bears the region, too", "-host-ap-southeast-1", 64),
    ("file system's creation token", "-shared-storage", 64),
)
TAG_LIMIT = 40  # AWS takes 50, and the roles add their own
# The strictest service, ElastiCache, takes these.
TAG_TEXT = re.compile(r"[\w\s.:/=+\-@]*", re.UNICODE)
DNS_NAME = re.compile(r"(?=.{1,200}\Z)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])")


def stack_name(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """Every physical name that derives from the stack's is a legal one."""
    name = str(stack["stack_name"])
    if not STACK_NAME.fullmatch(name):
        yield Problem(
            "stack_name",
            name,
            "RDS and ElastiCache take lower case letters, digits and single hyphens, beginning with a letter and not "
            "ending in a hyphen.",
            "Use a name like airflow-demo.",
        )
    if name.startswith("internal-") or name == "internal":
        yield Problem(
            "stack_name", name, "A load balancer's name must not begin with internal-.", "Use another beginning."
        )
    kind, suffix, limit = min(PHYSICAL_NAMES, key=lambda each: each[2] - len(each[1]))
    if len(name) > limit - len(suffix):
        yield Problem(
            "stack_name",
            name,
            f"It has {len(name)} characters. The {kind} is <stack>{suffix}, of {limit} at most.",
            f"Use {limit - len(suffix)} characters or fewer.",
        )


def tags(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """Tags are within the strictest service's limits."""
    given = stack["stack_tags"]
    if len(given) > TAG_LIMIT:
        yield Problem(
            "stack_tags", f"{len(given)} tags", f"A resource has {TAG_LIMIT} of yours at most.", "Leave some out."
        )
    for key, value in given.items():
        if str(key).lower().startswith("aws:"):
            yield Problem("stack_tags", key, "Keys that begin with aws: are reserved.", "Use another key.")
        if key == "graviflow:stack" and value != stack["stack_name"]:
            yield Problem(
                "stack_tags.graviflow:stack",
                value,
                "It is the stack's name, by which hosts are found.",
                "Leave it out.",
            )
        if not 1 <= len(str(key)) <= 128 or len(str(value)) > 256:
            yield Problem("stack_tags", key, "A key has 1 to 128 characters, a value 256 at most.", "Shorten it.")
        if not TAG_TEXT.fullmatch(f"{key}{value}"):
            yield Problem(
                "stack_tags",
                f"{key}={value}",
                "ElastiCache takes letters, digits, spaces and . : / = + - @ _ in tags.",
                "Leave other characters out.",
            )


def zone_name(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """The private DNS zone can exist."""
    name = stack.get("dns_zone_name")
    if name and not DNS_NAME.fullmatch(str(name).rstrip(".")):
        yield Problem(
            "dns_zone_name",
            name,
            "A zone's name is two or more labels of lower case letters, digits and hyphens.",
            "Use a name like airflow-demo.internal.",
        )
    elif name and re.search(r"(^|\.)amazonaws\.com(\.cn)?\.?$", str(name)):
        yield Problem("dns_zone_name", name, "A zone below AWS's own domain would hide AWS.", "Use a name of your own.")
