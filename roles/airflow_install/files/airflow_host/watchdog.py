"""A worker that is connected but takes nothing, while its queue has work and it has a free slot.

Celery can lose its consumer in a failover of the broker without noticing: it answers pings, and its processes live.
What tells it is the message that comes next in a queue: a worker with a free slot takes it at once.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_host import systemd, units

if TYPE_CHECKING:
    from redis import Redis

UNIT = units.service_unit("worker")
BROKER_SECONDS = 5.0
# In the title of a process of Celery's pool: Celery's own, and Airflow 3's, which stays after the first task.
SLOTS = ("ForkPoolWorker", "airflow supervisor")


@dataclass(frozen=True)
class Seen:
    """The messages that came next, by queue, with the time since when; of the worker that has this process ID."""

    worker: int
    next: Mapping[str, tuple[str, float]]

    def text(self) -> str:
        """Return what `read` reads."""
        return json.dumps({"worker": self.worker, "next": self.next})


def read(path: Path) -> Seen:
    """Return what was seen last; nothing if there is no such file."""
    if not path.exists():
        return Seen(0, {})
    kept = json.loads(path.read_text())
    return Seen(kept["worker"], {queue: (digest, since) for queue, (digest, since) in kept["next"].items()})


def look(before: Seen, worker: int, messages: Mapping[str, str], now: float) -> Seen:
    """Return what is seen now: a message that was next before, to the same worker, keeps its time."""
    known = before.next if before.worker == worker else {}

    def since(queue: str, message: str) -> float:
        digest, time = known.get(queue, ("", now))
        return time if digest == message else now

    return Seen(worker, {queue: (message, since(queue, message)) for queue, message in messages.items()})


def overlooked(seen: Seen, now: float, patience: float) -> list[str]:
    """Return the queues whose next message has waited for longer than `patience` seconds."""
    return [queue for queue, (_, since) in seen.next.items() if now - since > patience]


def next_messages(broker: Redis, queues: Iterable[str]) -> dict[str, str]:
    """Return a digest of the message that comes next, of each queue that has one; raises RedisError."""
    # Producers push to the left, workers pop from the right.
    found = {queue: broker.lindex(queue, -1) for queue in queues}
    return {queue: hashlib.sha256(message).hexdigest() for queue, message in found.items() if message}


def processes() -> Iterable[Mapping[str, Any]]:
    """Yield `pid`, `ppid` and `cmdline` of each process of this host."""
    import psutil

    for process in psutil.process_iter(["pid", "ppid", "cmdline"]):
        yield process.info


def slots(worker: int, rows: Iterable[Mapping[str, Any]]) -> tuple[int, int]:
    """Return how many processes the worker's pool has, and how many run a task, which is a process of its own."""
    rows = list(rows)
    children = {row["pid"]: " ".join(row["cmdline"] or ()) for row in rows if row["ppid"] == worker}
    pool = {pid for pid, title in children.items() if any(slot in title for slot in SLOTS)}
    return len(pool), len(pool & {row["ppid"] for row in rows})


def restart(busy: int, queues: Iterable[str], run: systemd.Run = systemd.run) -> None:
    """Restart the worker; what it runs may end before."""
    print(
        f"queues {', '.join(queues)} have work, the worker has a free slot and takes nothing: restarted",
        file=sys.stderr,
    )
    if busy:
        run(["systemctl", "restart", "--no-block", UNIT])
    else:
        # There is nothing to wait for, and a worker that hangs would not hear a milder word. systemd starts it again.
        run(["systemctl", "kill", "--signal=SIGKILL", UNIT])


def check(broker: Redis, queues: Iterable[str], kept: Path, now: float, patience: float) -> bool:
    """Look once, keep what is seen in a file, and return whether the worker had to be restarted; raises RedisError."""
    unit = systemd.properties([UNIT], ("SubState", "MainPID"))[UNIT]
    if unit["SubState"] != "running":
        kept.unlink(missing_ok=True)
        return False
    worker = int(unit["MainPID"])
    seen = look(read(kept), worker, next_messages(broker, queues), now)
    kept.write_text(seen.text())
    pool, busy = slots(worker, processes())
    waiting = overlooked(seen, now, patience) if busy < pool else []
    if waiting:
        restart(busy, waiting)
    return bool(waiting)
