"""What the stack decides about systemd's units, as text."""

from __future__ import annotations

import string
from pathlib import PurePosixPath

from airflow_host.model import Document, SharedStorage

DROP_IN = "50-stack.conf"
TARGET = "airflow.target"
DATABASE = "airflow-database.service"
DAGS_TIMER = "airflow-dags.timer"
WATCHDOG = "airflow-watchdog.service"
WATCHDOG_TIMER = "airflow-watchdog.timer"
STORAGE_SOCKET = "airflow-storage.socket"
STORAGE_PORT = 20049  # of that socket
NFS_PORT = 2049
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


def drop_ins(document: Document) -> dict[str, str]:
    """Return the drop-ins by the unit that they belong to."""
    timers = [DAGS_TIMER, *([WATCHDOG_TIMER] if "worker" in document.services else [])]
    wanted = " ".join([*map(service_unit, document.services), *timers])
    result = {
        TARGET: f"[Unit]\nWants={wanted}\n",
        DAGS_TIMER: f"[Timer]\nOnUnitInactiveSec=\nOnUnitInactiveSec={document.dags.poll_seconds}s\n",
        WATCHDOG: f"[Service]\nEnvironment=AIRFLOW_WATCHDOG_PATIENCE={document.worker.patience_seconds}\n",
        service_unit("worker"): (
            "[Service]\n"
            f"TimeoutStopSec={document.worker.drain_seconds}s\n"
            f"Environment=AIRFLOW_WORKER_QUEUES={','.join(document.worker.queues)}\n"
        ),
    }
    if document.shared_storage:
        # Wanted, not required: the timer tries again after a failed mount only if the service itself was run.
        unit = mount_unit(document.shared_storage.mount_point)
        result["airflow-dags.service"] = f"[Unit]\nWants={unit}\nAfter={unit}\n"
    return result
