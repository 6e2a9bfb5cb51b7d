"""What the stack decides about systemd's units, as text."""

from __future__ import annotations

import string
from pathlib import Path, PurePosixPath

from airflow_host.dag_sources import DEPLOY_KEY
from airflow_host.model import S3, WEB_SERVICES, Document, Git, SharedStorage

DROP_IN = "50-stack.conf"
TARGET = "airflow.target"
DATABASE = "airflow-database.service"
DAGS = "airflow-dags.service"
DAGS_CHECK = "airflow-dags-check@.service"
DAGS_CHECK_SOCKET = "airflow-dags-check.socket"
PGBOUNCER = "airflow-pgbouncer.service"
DAGS_TIMER = "airflow-dags.timer"
SYNC_DAGS_SOCKET = "airflow-sync-dags.socket"
WATCHDOG = "airflow-watchdog.service"
WEB_WATCHDOG_TIMER = "airflow-web-watchdog.timer"
WATCHDOG_TIMER = "airflow-watchdog.timer"
DISK_TIMER = "airflow-disk.timer"
JOURNAL = "airflow-journal.service"
METRICS = "airflow-metrics.service"
CREDENTIALS = "airflow-credentials.service"
# Helpers that a stack may do without, and units that hear of a changed drop-in only by a restart.
OPTIONAL = (JOURNAL, METRICS, CREDENTIALS)
RESTARTED = (DAGS_TIMER, *OPTIONAL)
STORAGE_SOCKET = "airflow-storage.socket"
STORAGE_PORT = 20049  # of that socket
NFS_PORT = 2049
# Of IPv4 and of IPv6.
INSTANCE_METADATA = "169.254.169.254 fd00:ec2::254"
UNESCAPED = set(string.ascii_letters + string.digits + ":_.")


def service_unit(service: str) -> str:
    """Return the unit of one of Airflow's services."""
    return f"airflow-{service}.service"


def mount_unit(mount_point: str) -> str:
    """Return the name that systemd demands for a mount point's unit."""
    parts = PurePosixPath(mount_point).parts[1:]
    return "-".join("".join(c if c in UNESCAPED else f"\\x{ord(c):02x}" for c in part) for part in parts) + ".mount"


def mount(storage: SharedStorage) -> str:
    """Return the mount unit of the shared storage, which is reached through TLS."""
    return (
        f"[Unit]\nDescription=Shared storage of the Airflow stack, {storage.server}\n"
        f"Wants=network-online.target\nRequires={STORAGE_SOCKET}\nAfter=network-online.target {STORAGE_SOCKET}\n\n"
        f"[Mount]\nWhat=127.0.0.1:{storage.path}\nWhere={storage.mount_point}\nType=nfs4\n"
        f"Options={storage.options},port={STORAGE_PORT}\nTimeoutSec=60\n"
    )


def storage_tunnel(storage: SharedStorage, authorities: PurePosixPath) -> str:
    """Return stunnel's configuration for one connection to the shared storage; authorities: file to verify it with."""
    return (
        f"client = yes\nconnect = {storage.server}:{NFS_PORT}\n"
        f"CAfile = {authorities}\nverifyChain = yes\ncheckHost = {storage.server}\nsslVersionMin = TLSv1.2\n"
    )


def helpers(document: Document) -> dict[str, str]:
    """Return the drop-ins of those optional helpers that the stack wants."""
    common = f"[Service]\nEnvironment=AWS_DEFAULT_REGION={document.region}\n"
    result = {}
    if journal := document.journal:
        groups = f"Environment=AIRFLOW_LOG_GROUP={journal.airflow} SYSTEM_LOG_GROUP={journal.system}\n"
        result[JOURNAL] = f"{common}{groups}"
    if metrics := document.metrics:
        result[METRICS] = (
            f"{common}Environment=METRICS_ADDRESS={metrics.address} METRICS_NAMESPACE={metrics.namespace}\n"
            f'Environment="METRICS_PUBLISHED={" ".join(metrics.published)}"\n'
        )
    if document.task_role:
        # Those who have the token have it from the same secret: with another one, the unit starts anew.
        secret = f"# jwt_secret {document.fingerprints.get('jwt_secret', '')}\n"
        result[CREDENTIALS] = f"{common}Environment=TASK_ROLE={document.task_role}\n{secret}"
    return result


def _services(document: Document) -> dict[str, str]:
    """Return the drop-ins of Airflow's services."""
    concurrency = document.worker.concurrency
    worker = (
        f"TimeoutStopSec={document.worker.drain_seconds}s\n"
        f"Environment=AIRFLOW_WORKER_QUEUES={','.join(document.worker.queues)}\n"
        # It wins over airflow.cfg, which all classes of hosts have in common.
        + (f"Environment=AIRFLOW__CELERY__WORKER_CONCURRENCY={concurrency}\n" if concurrency else "")
    )
    common = f"IPAddressDeny={INSTANCE_METADATA}\n" if document.task_role else ""
    texts = {service: common + (worker if service == "worker" else "") for service in document.services}
    return {service_unit(service): f"[Service]\n{text}" for service, text in texts.items() if text}


def drop_ins(document: Document, deploy_key: Path) -> dict[str, str]:
    """Return the drop-ins by the unit that they belong to."""
    triggers = [DAGS_TIMER, DISK_TIMER]
    if "worker" in document.services:
        triggers += [WATCHDOG_TIMER, SYNC_DAGS_SOCKET]
    if WEB_SERVICES & {*document.services}:
        triggers.append(WEB_WATCHDOG_TIMER)
    wanted = " ".join([*map(service_unit, document.components), *triggers, *helpers(document)])
    return {
        **helpers(document),
        **_services(document),
        TARGET: f"[Unit]\nWants={wanted}\n",
        DAGS: _dags(document, deploy_key),
        DAGS_CHECK: f"[Service]\nRuntimeMaxSec={document.dags.check_seconds}s\n",
        DAGS_TIMER: f"[Timer]\nOnUnitInactiveSec=\nOnUnitInactiveSec={document.dags.poll_seconds}s\n",
        WATCHDOG: f"[Service]\nEnvironment=AIRFLOW_WATCHDOG_PATIENCE={document.worker.patience_seconds}\n",
    }


def _dags(document: Document, deploy_key: Path) -> str:
    """Return what the unit that syncs the DAGs needs for their source: the mount, or the network and a key."""
    source, check, storage = document.dags.source, document.dags.check, document.shared_storage
    seconds = 60
    wanted: list[str] = []
    required: list[str] = []
    service: list[str] = []
    if isinstance(source, Git | S3):
        seconds = 300
        wanted.append("network-online.target")
        service.append("RestrictAddressFamilies=AF_INET AF_INET6")
        if isinstance(source, Git) and source.by_ssh:
            service.append(f"LoadCredential={DEPLOY_KEY}:{deploy_key}")
    elif storage:
        # Wanted, not required: the timer tries again after a failed mount only if the service itself was run.
        wanted.append(mount_unit(storage.mount_point))
    if check == "imports":
        seconds += document.dags.check_seconds + 10
        required.append(DAGS_CHECK_SOCKET)
    service.append(f"TimeoutStartSec={seconds}s")
    unit = {"Wants": wanted, "Requires": required, "After": [*wanted, *required]}
    lines = [f"{key}={' '.join(units)}" for key, units in unit.items() if units]
    return "\n".join(["[Unit]", *lines, "[Service]", *service, ""])
