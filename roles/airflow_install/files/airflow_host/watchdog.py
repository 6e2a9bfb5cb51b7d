"""A worker that is connected but takes nothing, while its queue has work and it has a free slot; or is stopped.

Celery can lose its consumer in a failover of the broker without noticing: it answers pings, and its processes live.
What tells it is the message that comes next in a queue: a worker with a free slot takes it at once.

A worker that a signal has stopped sends no heartbeats, so Airflow gives its tasks to others. If it went on, so would
they until their next heartbeat, and what is short would be done a second time. So it is killed before that.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_host import systemd, units

if TYPE_CHECKING:
    from redis import Redis

UNIT = units.service_unit("worker")
BROKER_SECONDS = 5.0
# Less than [scheduler] task_instance_heartbeat_timeout, after which Airflow gives tasks up: 300 s by its own default.
STOPPED_SECONDS = 120.0
# A worker that hears its signal ends within seconds of its last task. One that does not would have its hour to drain.
DRAINED_SECONDS = 60.0
# In the title of a process of Celery's pool: Celery's own, and Airflow 3's, which stays after the first task.
SLOTS = ("ForkPoolWorker", "airflow supervisor")


@dataclass(frozen=True)
class Seen:
    """What was seen of the worker that has this process ID.

    The messages that came next, by queue, with the time since when; since when a signal has it stopped, if one has; and
    since when it is to end and has nothing to end for, if it is.
    """

    worker: int
    next: Mapping[str, tuple[str, float]] = field(default_factory=dict)
    stopped: float | None = None
    drained: float | None = None

    def text(self) -> str:
        """Return what `read` reads."""
        return json.dumps(asdict(self))


def read(path: Path, worker: int) -> Seen:
    """Return what was seen last of a worker; nothing if there is no such file, or it tells of another."""
    kept = json.loads(path.read_text()) if path.exists() else {}
    if kept.get("worker") != worker:
        return Seen(worker)
    messages = {queue: (digest, since) for queue, (digest, since) in kept["next"].items()}
    return Seen(worker, messages, kept.get("stopped"), kept.get("drained"))


def look(before: Seen, messages: Mapping[str, str], now: float) -> Seen:
    """Return what is seen now: a message that was next before keeps its time."""

    def since(queue: str, message: str) -> float:
        digest, time = before.next.get(queue, ("", now))
        return time if digest == message else now

    return replace(before, next={queue: (message, since(queue, message)) for queue, message in messages.items()})


def is_stopped(process: int) -> bool:
    """Tell whether a signal has stopped a process; one that is gone has not been."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2].startswith("T")
    except OSError:
        return False


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


def kill(run: systemd.Run = systemd.run) -> None:
    """Kill the worker and what it runs; systemd starts it again."""
    run(["systemctl", "kill", "--signal=SIGKILL", UNIT])


def restart(busy: int, queues: Iterable[str], run: systemd.Run = systemd.run) -> None:
    """Restart the worker; what it runs may end before."""
    print(
        f"queues {', '.join(queues)} have work, the worker has a free slot and takes nothing: restarted",
        file=sys.stderr,
    )
    if busy:
        run(["systemctl", "restart", "--no-block", UNIT])
    else:
        # There is nothing to wait for, and a worker that hangs would not hear a milder word.
        kill(run)


def check(broker: Redis, queues: Iterable[str], kept: Path, now: float, patience: float) -> bool:
    """Look once, keep what is seen in a file, and return whether the worker had to be restarted; raises RedisError."""
    unit = systemd.properties([UNIT], ("SubState", "MainPID"))[UNIT]
    worker = int(unit["MainPID"])
    if unit["SubState"] == "stop-sigterm":
        return _check_drained(worker, kept, now)
    if unit["SubState"] != "running":
        kept.unlink(missing_ok=True)
        return False
    before = read(kept, worker)
    stopped = (before.stopped or now) if is_stopped(worker) else None
    # Should the broker not answer: what its queues had before says nothing any more.
    kept.write_text(Seen(worker, stopped=stopped).text())
    if stopped is not None and now - stopped >= STOPPED_SECONDS:
        print("the worker was stopped by a signal, and its tasks go to others: killed", file=sys.stderr)
        kill()
        return True
    pool, busy = slots(worker, processes())
    # While it starts, it has no slots, and work may wait.
    seen = look(replace(before, stopped=stopped), next_messages(broker, queues) if pool else {}, now)
    kept.write_text(seen.text())
    waiting = overlooked(seen, now, patience) if busy < pool else []
    if waiting:
        restart(busy, waiting)
    return bool(waiting)


def _check_drained(worker: int, kept: Path, now: float) -> bool:
    """Return whether a worker that is to end had to be killed, since it did not when its tasks had ended."""
    _, busy = slots(worker, processes())
    since = None if busy else read(kept, worker).drained or now
    kept.write_text(Seen(worker, drained=since).text())
    if since is None or now - since < DRAINED_SECONDS:
        return False
    print("the worker's tasks have ended, and it does not: killed", file=sys.stderr)
    kill()
    return True
