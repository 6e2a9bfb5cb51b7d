"""What a stack's variables must satisfy before anything is created. Pure: no calls, no files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.graviflow.airflow.plugins.module_utils.stack_rules import (
    access,
    hosts,
    names,
    network,
    secrets,
    services,
)
from ansible_collections.graviflow.airflow.plugins.module_utils.stack_rules.problem import Facts, Problem

RULES = (
    access.tools,
    access.region,
    access.credentials,
    names.stack_name,
    names.tags,
    names.zone_name,
    network.zones,
    network.cidr,
    network.allowed_cidrs,
    network.certificate,
    hosts.instance_type,
    hosts.capacity,
    hosts.public_key,
    hosts.version,
    services.classes,
    services.options,
    secrets.given,
)


def problems(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """Yield every problem of a stack. Variables that are missing from `stack` have their role's default."""
    for rule in RULES:
        yield from rule(stack, facts)
