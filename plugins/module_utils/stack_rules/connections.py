"""Rules about the connections of the hosts to the metadata database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.graviflow.airflow.plugins.module_utils import sizing
from ansible_collections.graviflow.airflow.plugins.module_utils.stack_rules.problem import Facts, Problem

GIB_PER_ACU = 2
SWITCH = "stack_document_pgbouncer"
POOL_SIZE = "stack_document_pgbouncer_pool_size"
# Python of images whose PgBouncer is older than 1.21, from which on it carries prepared statements.
OLD_PGBOUNCER = {"3.11": "Debian 12"}


@dataclass(frozen=True)
class _Hosts:
    """What the number of connections follows from."""

    number: int
    major: int
    options: Mapping[str, Mapping[str, Any]]
    groups: list[sizing.WorkerGroup]


def budget(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """The database takes as many connections as the hosts may hold, also while one of them is replaced."""
    variable, limit = _limit(stack)
    hosts = _hosts(stack)
    if limit is None or hosts is None:
        return
    if stack.get(SWITCH):
        held, way_out = _pooled(stack, hosts), f"lower {POOL_SIZE}"
    else:
        held = _unpooled(hosts)
        way_out = (
            "lower sql_alchemy_pool_size and sql_alchemy_max_overflow of airflow_config.database, or "
            f"airflow_config.celery.worker_concurrency, or set {SWITCH} to true"
        )
    needed = held + sizing.KEPT_CONNECTIONS
    if needed > limit:
        number = hosts.number + sum(group.hosts for group in hosts.groups)
        yield Problem(
            variable,
            stack.get(variable),
            f"{number} hosts, one more while it replaces another, and the database itself may hold {needed} connections"
            f", and it takes {limit}.",
            f"Use a database with {sizing.memory_for(needed):.0f} GiB of memory, or {way_out}.",
        )


def pool(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """PgBouncer is of use: for this database and version, and with sessions enough."""
    if not stack.get(SWITCH):
        return
    if str(stack.get("database_engine", "postgres")) == "mysql":
        yield Problem(SWITCH, True, "PgBouncer is for PostgreSQL, and database_engine is mysql.", "Set it to false.")
    major, python = str(stack["airflow_version"]).partition(".")[0], str(stack["airflow_python"])
    if major != "2" and python in OLD_PGBOUNCER:
        rule = f"Images with Python {python} are {OLD_PGBOUNCER[python]}'s, whose PgBouncer has no prepared statements."
        yield Problem(SWITCH, True, rule, "Set airflow_python to 3.13, or this to false.")
    hosts, given = _hosts(stack), stack.get(POOL_SIZE)
    if hosts is None or given is None:
        return
    least = sizing.least_pool_size(hosts.major, hosts.options)
    if int(given) < least:
        rule = f"With fewer than {least} sessions, the services of a host can wait for one another without end."
        yield Problem(POOL_SIZE, given, rule, f"Use {least} or more, or leave it out.")


def _hosts(stack: Mapping[str, Any]) -> _Hosts | None:
    """Return what is known of the hosts; None if their size is not, or an option is not what it must be."""
    size = sizing.size_of(str(stack.get("compute_instance_type")))
    given = stack.get("airflow_config") or {}
    if size is None or not all(isinstance(section, Mapping | None) for section in given.values()):
        return None
    number = int(stack.get("compute_desired_capacity") or 2)
    major = int(str(stack["airflow_version"]).partition(".")[0])
    groups = sizing.worker_groups(stack.get("compute_worker_groups") or [])
    sized = sizing.airflow_options(size, number, major, given, groups)
    options = {name: {**sized.get(name, {}), **(given.get(name) or {})} for name in {*sized, *given}}
    return _Hosts(number, major, options, groups)


def _pooled(stack: Mapping[str, Any], hosts: _Hosts) -> int:
    own = int(stack.get(POOL_SIZE) or sizing.pool_size(hosts.major, hosts.options))
    of_groups = sum(group.hosts * sizing.worker_pool_size(group.slots) for group in hosts.groups)
    return (hosts.number + 1) * own + of_groups


def _unpooled(hosts: _Hosts) -> int:
    own = sizing.connections(hosts.number + 1, hosts.major, hosts.options)
    return own + sum(group.hosts * sizing.worker_connections(group.slots, hosts.major) for group in hosts.groups)


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


RULES = (budget, pool)
