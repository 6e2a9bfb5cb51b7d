"""What hosts of a size run at once, and how many connections of the database that takes. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

TYPE = re.compile(r"(?:db\.)?(?P<letters>[a-z]+)\d+[a-z]*\.(?P<size>medium|large|(?P<times>\d*)xlarge)")
# GiB for each vCPU, as EC2 and RDS have it for Graviton; a burstable type has its memory by size.
GIB_PER_VCPU = {"c": 2, "m": 4, "r": 8, "x": 16}
BURSTABLE = re.compile(r"(?:db\.)?t\d+g\.(?P<size>\w+)")
BURSTABLE_GIB = {"micro": 1, "small": 2, "medium": 4, "large": 8, "xlarge": 16, "2xlarge": 32}

# GiB: the system and, at rest, all services of Airflow with one worker process of the web service; a running task.
SERVICES_GIB = 1.75
TASK_GIB = 0.35
TASKS_PER_VCPU = 8

# Airflow's own defaults of [database] sql_alchemy_pool_size and sql_alchemy_max_overflow.
POOL_SIZE, MAX_OVERFLOW = 5, 10
# Connections of a process of Airflow 3's API server: one for each of anyio's 40 threads, and for requests that are done
# and wait for its event loop to give theirs back. For the loop itself waits for one, when it looks a token up.
WEB_CONNECTIONS = 50
# What Airflow itself has as slots of a worker.
WORKER_CONCURRENCY = 16
# Of a host's processes that each have a transaction open, half may need another before they can end theirs. Those of
# Airflow 3's API server need one for each connection of their pool.
SESSIONS_PER_PROCESS, LEAST_SESSIONS_PER_PROCESS = 4, 2
# Tasks of which one has something to say to the database at a time.
SLOTS_PER_SESSION = 4
# RDS's default parameter groups: LEAST({DBInstanceClassMemory/9531392}, 5000); a tenth of the memory is the system's.
BYTES_PER_CONNECTION = 9531392
MOST_CONNECTIONS = 5000
USABLE_MEMORY = 0.9
# Of superusers, of RDS itself, and of whoever looks into the database.
KEPT_CONNECTIONS = 15

Options = Mapping[str, Mapping[str, Any] | None]


@dataclass(frozen=True)
class Size:
    """Virtual processors and GiB of memory."""

    vcpus: int
    memory: float


@dataclass(frozen=True)
class WorkerGroup:
    """Hosts that run a worker only, for queues of their own: its slots on each, and how many there may be at most."""

    name: str
    queues: list[str]
    slots: int
    hosts: int


def worker_groups(given: Iterable[Mapping[str, Any]]) -> list[WorkerGroup]:
    """Return the groups that a stack's variable names."""
    return [
        WorkerGroup(
            group["name"],
            list(group["queues"]),
            int(group.get("concurrency") or (task_slots(size) if size else WORKER_CONCURRENCY)),
            max(int(group.get("hosts", 1)), int(group.get("max_hosts", 0))),
        )
        for group in given
        for size in [size_of(str(group.get("instance_type")))]
    ]


def size_of(instance_type: str) -> Size | None:
    """Return the size of an instance type of EC2 or a class of RDS, None for a family that is not in the tables."""
    if match := BURSTABLE.fullmatch(instance_type):
        memory = BURSTABLE_GIB.get(match["size"])
        vcpus = {"xlarge": 4, "2xlarge": 8}.get(match["size"], 2)
        return Size(vcpus, memory) if memory else None
    match = TYPE.fullmatch(instance_type)
    if not match or match["letters"] not in GIB_PER_VCPU:
        return None
    vcpus = {"medium": 1, "large": 2}.get(match["size"]) or 4 * int(match["times"] or 1)
    return Size(vcpus, vcpus * GIB_PER_VCPU[match["letters"]])


def _number(options: Options, section: str, option: str, default: int) -> int:
    given = str((options.get(section) or {}).get(option))
    return int(given) if given.isdecimal() else default


def task_slots(host: Size) -> int:
    """Return how many tasks a host runs at once: as its memory holds, but not more than its processors can bear."""
    return max(1, min(int((host.memory - SERVICES_GIB) / TASK_GIB), TASKS_PER_VCPU * host.vcpus))


def airflow_options(
    host: Size, hosts: int, major: int, given: Options, groups: Iterable[WorkerGroup] = ()
) -> dict[str, dict[str, int]]:
    """Return options that follow from the size of the hosts; `given`: the user's options, which they are to fit."""
    slots = _number(given, "celery", "worker_concurrency", task_slots(host))
    # One scheduler can fill all workers while the other is away, and one DAG may have all of them.
    all_slots = slots * hosts + sum(group.slots * group.hosts for group in groups)
    web = ("webserver", max(2, min(host.vcpus, 8))) if major == 2 else ("api", max(1, min(host.vcpus // 2, 8)))
    parsing = "scheduler" if major == 2 else "dag_processor"
    sized = {
        "celery": {"worker_concurrency": slots},
        "core": {
            "default_pool_task_slot_count": max(128, all_slots),
            "max_active_tasks_per_dag": max(16, all_slots),
            "parallelism": max(32, all_slots),
        },
        parsing: {"parsing_processes": max(2, min(host.vcpus // 2, 8))},
        web[0]: {"workers": web[1]},
    }
    if major > 2:
        kept = _number(given, "database", "sql_alchemy_pool_size", POOL_SIZE)
        sized["database"] = {"sql_alchemy_max_overflow": max(MAX_OVERFLOW, WEB_CONNECTIONS - kept)}
    return sized


def _web_processes(major: int, options: Options) -> int:
    return _number(options, "webserver", "workers", 4) if major == 2 else _number(options, "api", "workers", 1)


def _process_connections(options: Options) -> int:
    pool = _number(options, "database", "sql_alchemy_pool_size", POOL_SIZE)
    return pool + _number(options, "database", "sql_alchemy_max_overflow", MAX_OVERFLOW)


def worker_connections(slots: int, major: int) -> int:
    """Return how many connections a worker may hold at once."""
    # A running task of Airflow 2 has two processes, each with a session of its own, and its result; of 3, its result.
    return slots * (3 if major == 2 else 1)


def connections(hosts: int, major: int, options: Options) -> int:
    """Return how many connections `hosts` hosts may hold at once, all pools of all services filled."""
    slots = _number(options, "celery", "worker_concurrency", WORKER_CONCURRENCY)
    pool, web = _process_connections(options), _web_processes(major, options)
    # Scheduler, DAG processor and triggerer have few threads, and few requests need the API server's asynchronous pool.
    others = 3 + (0 if major == 2 else web)
    own = web * pool + others * min(pool, POOL_SIZE + MAX_OVERFLOW)
    return hosts * (own + worker_connections(slots, major))


def pool_size(major: int, options: Options) -> int:
    """Return how many sessions in the database PgBouncer of a host has that runs all services."""
    slots = _number(options, "celery", "worker_concurrency", WORKER_CONCURRENCY)
    web = _web_processes(major, options) * (SESSIONS_PER_PROCESS if major == 2 else _process_connections(options))
    return web + SESSIONS_PER_PROCESS * 3 + worker_pool_size(slots)


def least_pool_size(major: int, options: Options) -> int:
    """Return the number of sessions below which the services of a host can wait for one another without end."""
    return LEAST_SESSIONS_PER_PROCESS * (_web_processes(major, options) + 3)


def worker_pool_size(slots: int) -> int:
    """Return how many sessions in the database PgBouncer has for a worker."""
    return max(1, slots // SLOTS_PER_SESSION)


def memory_for(connections: int) -> float:
    """Return the GiB of memory of the smallest size that takes so many connections; sizes are powers of two."""
    memory = 1.0
    while max_connections(Size(0, memory)) < min(connections, MOST_CONNECTIONS):
        memory *= 2
    return memory


def max_connections(database: Size) -> int:
    """Return how many connections PostgreSQL on RDS takes on instances of a size, unless a parameter says otherwise."""
    return min(int(database.memory * USABLE_MEMORY * 2**30 / BYTES_PER_CONNECTION), MOST_CONNECTIONS)
