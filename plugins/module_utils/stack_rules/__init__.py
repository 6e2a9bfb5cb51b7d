"""What a stack's variables must satisfy before anything is created. Pure: no calls, no files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.graviflow.airflow.plugins.module_utils.stack_rules import (
    access,
    airflow_options,
    bastion,
    connections,
    dags,
    database,
    declared,
    encryption,
    entry,
    existing_network,
    hosts,
    monitoring,
    names,
    network,
    offers,
    offload,
    secrets,
    services,
    sign_in,
    state,
    telemetry,
    worker_groups,
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
    existing_network.existing_network,
    network.allowed_cidrs,
    network.certificate,
    hosts.instance_type,
    hosts.capacity,
    hosts.public_key,
    hosts.version,
    hosts.existing_image,
    services.classes,
    *worker_groups.RULES,
    *airflow_options.RULES,
    *dags.RULES,
    state.given,
    encryption.key,
    encryption.pending_days,
    *database.RULES,
    *connections.RULES,
    *entry.RULES,
    *monitoring.RULES,
    *telemetry.RULES,
    *offload.RULES,
    *bastion.RULES,
    *offers.RULES,
    *sign_in.RULES,
    secrets.given,
    secrets.recovery,
)


def problems(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """Yield every problem of a stack. Variables that are missing from `stack` have their role's default.

    The rules may rely on the types that the roles declare: a value of another type is told, and kept from them.
    """
    yield from declared.unknown(stack, facts)
    yield from sign_in.clear_text(stack, facts)
    mistyped = list(declared.mistyped(stack, facts))
    yield from mistyped
    rest = {name: value for name, value in stack.items() if name not in {problem.variable for problem in mistyped}}
    for rule in RULES:
        yield from rule(rest, facts)
