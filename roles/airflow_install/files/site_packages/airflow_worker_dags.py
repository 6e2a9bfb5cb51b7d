"""What Celery's remote control can ask every worker: to have its host sync the DAGs, and what came of it.

The DAG graviflow_sync_dags asks. A host syncs, by airflow-sync-dags.socket, as `airflow-host refresh-dags` does it.
"""

from __future__ import annotations

import json
import socket
from typing import Any

from celery.worker.control import control_command, inspect_command

SOCKET = "/run/airflow-sync-dags.socket"


class Sync:
    """A sync that was asked for, and what was read of its answer; nothing here makes the worker wait."""

    def __init__(self) -> None:
        self.connection = socket.socket(socket.AF_UNIX)
        self.connection.connect(SOCKET)
        self.connection.setblocking(False)
        self.answer = b""

    def result(self) -> dict[str, Any] | None:
        """Return the host's revision and what is wrong with it; nothing while the sync goes on."""
        try:
            while part := self.connection.recv(65536):
                self.answer += part
        except BlockingIOError:
            return None
        if not self.answer:
            return {"error": "another sync is under way"}
        try:
            told = json.loads(self.answer)
        except ValueError:
            return {"error": self.answer.decode().strip()}
        return {"revision": told["revision"], "error": told["problem"]}


_asked: Sync | None = None


@control_command()
def sync_dags(state: Any) -> dict[str, str]:
    """Have this host sync its DAGs; `synced_dags` says when it has."""
    global _asked
    _asked = Sync()
    return {"ok": "asked"}


@inspect_command()
def synced_dags(state: Any) -> dict[str, Any] | None:
    """Return what came of the sync that was asked for last, nothing while it goes on."""
    return _asked.result() if _asked else {"error": "the worker was restarted meanwhile"}
