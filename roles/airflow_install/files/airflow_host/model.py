"""The stack document, as docs/architecture.md defines it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from airflow_host.errors import HostError
from airflow_host.state import KINDS, State

SCHEMA = 1
PGBOUNCER_PORT = 6432
SERVICES: Mapping[int, tuple[str, ...]] = {
    2: ("webserver", "scheduler", "dag-processor", "triggerer", "worker", "flower"),
    3: ("api-server", "scheduler", "dag-processor", "triggerer", "worker", "flower"),
}
"""Major version of Airflow -> its services."""
WEB_SERVICES = frozenset(("webserver", "api-server"))
"""Those that users sign in to."""

Part = TypeVar(
    "Part",
    "Database",
    "Endpoint",
    "SharedStorage",
    "Worker",
    "Dags",
    "DagSource",
    "PgBouncer",
    "Journal",
    "Metrics",
    "Disk",
)
Secrets = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Endpoint:
    """Where a server listens, and whether its certificate is verified."""

    host: str
    port: int
    tls: bool = True


@dataclass(frozen=True)
class Database(Endpoint):
    """A PostgreSQL endpoint and the name of the database on it."""

    name: str = "airflow"


@dataclass(frozen=True)
class SharedStorage:
    """An NFS export and where it is mounted."""

    server: str
    path: str
    mount_point: str
    options: str


@dataclass(frozen=True)
class Worker:
    """How long a worker may drain, the queues that it takes from, and how long work may wait beside a free slot.

    Without `concurrency`, it has as many slots as airflow.cfg says.
    """

    drain_seconds: int
    queues: tuple[str, ...]
    patience_seconds: int = 30
    concurrency: int | None = None


@dataclass(frozen=True)
class Efs:
    """A directory on the shared storage that holds releases/ and current; hosts copy what is current."""

    path: str


@dataclass(frozen=True)
class Shared:
    """The same, without a copy: Airflow reads the shared storage."""

    path: str


@dataclass(frozen=True)
class Git:
    """A repository; `host_keys` are lines of a known_hosts file, `ref` is a branch, a tag or a whole commit."""

    url: str
    ref: str = "HEAD"
    subdirectory: str = ""
    submodules: bool = False
    host_keys: tuple[str, ...] = ()

    @property
    def by_ssh(self) -> bool:
        """Tell whether the stack's deploy key opens it."""
        return not self.url.startswith("https://")


@dataclass(frozen=True)
class S3:
    """The objects below a prefix of a bucket."""

    bucket: str
    prefix: str = ""


DagSource = Efs | Shared | Git | S3
DAG_SOURCES: Mapping[str, type[DagSource]] = {"efs": Efs, "shared": Shared, "git": Git, "s3": S3}
DAG_CHECKS = ("nothing", "syntax", "imports")


@dataclass(frozen=True)
class Dags:
    """Where releases of DAGs come from, what they must pass (one of DAG_CHECKS), and which are kept.

    `poll_seconds` is how often to look, `check_seconds` how long Airflow may import all files, `keep_seconds` how long
    a release stays after it was current. With `own_dags`, every release gets the image's own DAGs that it lacks.
    """

    source: DagSource
    poll_seconds: int
    keep_releases: int
    keep_seconds: int = 3600
    check: str = "syntax"
    check_seconds: int = 120
    own_dags: bool = False


@dataclass(frozen=True)
class PgBouncer:
    """How many sessions in the database a host has at most."""

    pool_size: int


@dataclass(frozen=True)
class Journal:
    """The log groups that the journal goes to: what our units say, and all else."""

    airflow: str
    system: str


@dataclass(frozen=True)
class Metrics:
    """Where Prometheus may ask; what is published in CloudWatch, as StatsD writes it, and in which namespace."""

    address: str = "127.0.0.1"
    namespace: str = ""
    published: tuple[str, ...] = ()


@dataclass(frozen=True)
class Disk:
    """Days that task logs stay; per cent of free space below which older ones go, and the worker takes no new tasks."""

    log_days: int = 14
    clean_below: int = 15
    hold_below: int = 5


@dataclass(frozen=True)
class Document:
    """What this stack's hosts run, without secrets.

    `airflow` is the major version that it is written for, `fingerprints` are of the keys that all hosts must share.
    `task_role` is the ARN of the role that Airflow's services and tasks have in AWS; without one they have the host's.
    """

    stack: str
    region: str
    airflow: int
    services: tuple[str, ...]
    database: Database
    pgbouncer: PgBouncer | None
    broker: Endpoint
    shared_storage: SharedStorage | None
    worker: Worker
    dags: Dags
    certificate_authorities: tuple[str, ...]
    environment: Mapping[str, str]
    fingerprints: Mapping[str, str]
    state: State
    sign_in_secrets: tuple[str, ...]
    task_role: str = ""
    journal: Journal | None = None
    metrics: Metrics | None = None
    disk: Disk = Disk()

    @property
    def sessions(self) -> Database:
        """Where services open their sessions: at this host's PgBouncer, if there is one."""
        # By a name of PgBouncer's own, which can be written into its configuration whatever the database's is.
        return Database("127.0.0.1", PGBOUNCER_PORT, tls=False, name="airflow") if self.pgbouncer else self.database

    @property
    def components(self) -> tuple[str, ...]:
        """What runs on the host: Airflow's services, and PgBouncer if there is one."""
        return (*(["pgbouncer"] if self.pgbouncer else []), *self.services)


@dataclass(frozen=True)
class Stack:
    """All that a host needs: the document, its text, airflow.cfg, webserver_config.py and the secrets."""

    document: Document
    document_text: str
    airflow_cfg: str
    webserver_config: str
    secrets: Secrets


def _pick(kind: type[Part], raw: Mapping[str, Any]) -> Part:
    """Build a part from the keys that it knows: a newer document may say more than an older image reads."""
    return kind(**{field.name: raw[field.name] for field in fields(kind) if field.name in raw})


def sign_in_secrets(raw: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the keys of the secret `sign_in` that the web service of a document needs."""
    return tuple(raw.get("sign_in", {}).get("secrets", ()))


def dag_source(raw: Mapping[str, Any]) -> DagSource:
    """Return the source of the DAGs that a document names; raise HostError when this image knows none such."""
    try:
        source = raw["dags"]["source"]
        kind = source["type"]
        if kind not in DAG_SOURCES:
            raise HostError(f"stack document: DAGs come from {kind!r}, this image understands {list(DAG_SOURCES)}")
        lists = {key: tuple(value) for key, value in source.items() if isinstance(value, list)}
        return _pick(DAG_SOURCES[kind], {**source, **lists})
    except KeyError as error:
        raise HostError(f"stack document: {error.args[0]!r} is missing") from error
    except (AttributeError, TypeError) as error:
        raise HostError(f"stack document: dags.source: {error}") from error


def _dags(raw: Mapping[str, Any]) -> Dags:
    dags = _pick(Dags, {**raw["dags"], "source": dag_source(raw)})
    if dags.check not in DAG_CHECKS:
        raise HostError(f"stack document: DAGs pass {dags.check!r}, this image understands {list(DAG_CHECKS)}")
    return dags


def of_class(raw: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return the document of a class of hosts, where it says something else; raise HostError if there is no such class.

    Without a name it is that of the stack's own hosts.
    """
    if not name:
        return raw
    classes = raw.get("host_classes", {})
    if name not in classes:
        raise HostError(f"stack document: has no class {name!r} of hosts, only {sorted(classes)}")
    own = {
        key: {**raw.get(key, {}), **value} if isinstance(value, Mapping) else value
        for key, value in classes[name].items()
    }
    return {**raw, **own}


def parse_document(raw: Mapping[str, Any]) -> Document:
    """Return the document; raise HostError when it is of another schema or incomplete."""
    if raw.get("schema") != SCHEMA:
        raise HostError(f"stack document: schema is {raw.get('schema')!r}, this image understands {SCHEMA}")
    try:
        airflow = int(raw["airflow"].partition(".")[0])
        if airflow not in SERVICES:
            raise HostError(f"stack document: is for Airflow {raw['airflow']}, this image understands {list(SERVICES)}")
        unknown = sorted(set(raw["services"]) - set(SERVICES[airflow]))
        if unknown:
            raise HostError(
                f"stack document: unknown services {unknown}, Airflow {airflow} has {list(SERVICES[airflow])}"
            )
        storage, worker, pgbouncer = raw.get("shared_storage"), raw["worker"], raw.get("pgbouncer")
        state = raw.get("state", {})
        journal, metrics = raw.get("journal"), raw.get("metrics")
        return Document(
            stack=raw["stack"],
            region=raw["region"],
            airflow=airflow,
            services=tuple(raw["services"]),
            database=_pick(Database, raw["database"]),
            pgbouncer=_pick(PgBouncer, pgbouncer) if pgbouncer else None,
            broker=_pick(Endpoint, raw["broker"]),
            shared_storage=_pick(SharedStorage, storage) if storage else None,
            worker=_pick(Worker, {**worker, "queues": tuple(worker["queues"])}),
            dags=_dags(raw),
            certificate_authorities=tuple(raw.get("certificate_authorities", ())),
            environment=dict(raw.get("environment", {})),
            fingerprints=dict(raw.get("secrets", {}).get("fingerprints", {})),
            state={
                **{kind: dict(state.get(kind, {})) for kind in KINDS},
                "remove_undeclared": list(state.get("remove_undeclared", [])),
            },
            sign_in_secrets=sign_in_secrets(raw),
            task_role=raw.get("task_role", ""),
            journal=_pick(Journal, journal) if journal else None,
            metrics=_pick(Metrics, {**metrics, "published": tuple(metrics["published"])}) if metrics else None,
            disk=_pick(Disk, raw.get("disk", {})),
        )
    except KeyError as error:
        raise HostError(f"stack document: {error.args[0]!r} is missing") from error
    except (AttributeError, TypeError, ValueError) as error:
        raise HostError(f"stack document: {error}") from error
