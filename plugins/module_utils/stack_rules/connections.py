"""Rule about the connections of the hosts to the metadata database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.graviflow.airflow.plugins.module_utils import sizing
from ansible_collections.graviflow.airflow.plugins.module_utils.stack_rules.problem import Facts, Problem

GIB_PER_ACU = 2


def budget(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """The database takes as many connections as the hosts may hold, also while one of them is replaced."""
    variable, limit = _limit(stack)
    host = sizing.size_of(str(stack.get("compute_instance_type")))
    given = stack.get("airflow_config") or {}
    if limit is None or host is None or not all(isinstance(section, Mapping | None) for section in given.values()):
        return
    hosts = int(stack.get("compute_desired_capacity") or 2)
    major = int(str(stack["airflow_version"]).partition(".")[0])
    sized = sizing.airflow_options(host, hosts, major, given)
    options = {name: {**sized.get(name, {}), **(given.get(name) or {})} for name in {*sized, *given}}
    needed = sizing.connections(hosts + 1, major, options) + sizing.KEPT_CONNECTIONS
    if needed > limit:
        yield Problem(
            variable,
            stack.get(variable),
            f"{hosts} hosts, one more while it replaces another, and the database itself may hold {needed} connections"
            f", and it takes {limit}.",
            f"Use a database with {sizing.memory_for(needed):.0f} GiB of memory, or lower sql_alchemy_pool_size and "
            "sql_alchemy_max_overflow of airflow_config.database, or airflow_config.celery.worker_concurrency.",
        )


def _limit(stack: Mapping[str, Any]) -> tuple[str, int | None]:
    """Return the variable that decides on the number of connections, and the number; None if it is not known."""
    if stack.get("database_existing") or str(stack.get("database_engine", "postgres")) == "mysql":
        return "", None
    parameter = str((stack.get("database_parameters") or {}).get("max_connections", ""))
    if parameter.isdecimal():
        return "database_parameters", int(parameter)
    if capacity := stack.get("database_serverless_capacity"):
        most = capacity.get("maximum")
        size = sizing.Size(0, most * GIB_PER_ACU) if isinstance(most, int | float) else None
        return "database_serverless_capacity", size and sizing.max_connections(size)
    size = sizing.size_of(str(stack.get("database_instance_class")))
    return "database_instance_class", size and sizing.max_connections(size)


RULES = (budget,)
