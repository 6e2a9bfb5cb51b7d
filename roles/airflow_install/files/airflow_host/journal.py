"""This host's journal in CloudWatch Logs: nothing is lost while that is away, because the journal itself waits."""

from __future__ import annotations

import json
import os
import re
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_host.errors import HostError

if TYPE_CHECKING:
    from botocore.client import BaseClient

# Limits of PutLogEvents: bytes of a call and of an event, what it counts for each besides its text, and the time span.
CALL_BYTES, EVENT_BYTES, OVERHEAD = 1_048_576, 262_144, 26
CALL_EVENTS = 10_000
SPAN_MILLISECONDS = 86_400_000 - 1
# When what was read is sent: after this time, or when there is so much of it.
BATCH_SECONDS, BATCH_BYTES = 10.0, CALL_BYTES // 2
LONGEST_PAUSE = 60.0
FIELDS = ("MESSAGE", "PRIORITY", "SYSLOG_IDENTIFIER", "UNIT", "_SYSTEMD_UNIT")
OURS = "airflow-"


@dataclass(frozen=True)
class Event:
    """A line of a log group, with its time in milliseconds since 1970."""

    group: str
    timestamp: int
    message: str

    @property
    def size(self) -> int:
        """What CloudWatch Logs counts for it, in bytes."""
        return len(self.message.encode()) + OVERHEAD


@dataclass
class Batch:
    """What was read and not yet sent, and the cursor of the last entry among it."""

    events: list[Event] = field(default_factory=list)
    cursor: str = ""
    size: int = 0

    def add(self, event: Event | None, cursor: str) -> None:
        """Take what an entry says, which may be nothing."""
        self.cursor = cursor
        if event:
            self.events.append(event)
            self.size += event.size


def event(entry: Mapping[str, Any], airflow: str, system: str) -> Event | None:
    """Return what a log group is told of a journal's entry: `airflow` of our units, `system` of all else."""
    # What systemd says of a unit is its own message, and names the unit elsewhere.
    unit = str(entry.get("UNIT") or entry.get("_SYSTEMD_UNIT") or "")
    name = re.sub(r"(@.*)?\.\w+$", "", unit) if unit.startswith(OURS) else str(entry.get("SYSLOG_IDENTIFIER") or unit)
    message = entry.get("MESSAGE")
    if isinstance(message, list):  # journalctl's way with what is no text
        message = bytes(message).decode(errors="replace")
    if not message or not str(message).strip():
        return None
    text = f"{name}: {message}".encode()[: EVENT_BYTES - OVERHEAD].decode(errors="ignore")
    return Event(airflow if unit.startswith(OURS) else system, int(entry["__REALTIME_TIMESTAMP"]) // 1000, text)


def calls(events: Iterable[Event]) -> Iterator[list[Event]]:
    """Yield the events in the portions that PutLogEvents takes: of one group, in order, of less than a day."""
    portion: list[Event] = []
    size = 0
    for each in sorted(events, key=lambda one: (one.group, one.timestamp)):
        fits = (
            portion
            and portion[0].group == each.group
            and each.timestamp - portion[0].timestamp < SPAN_MILLISECONDS
            and size + each.size <= CALL_BYTES
            and len(portion) < CALL_EVENTS
        )
        if not fits:
            if portion:
                yield portion
            portion, size = [], 0
        portion.append(each)
        size += each.size
    if portion:
        yield portion


def _put(client: BaseClient, stream: str, portion: list[Event]) -> None:
    rows = [{"timestamp": each.timestamp, "message": each.message} for each in portion]
    answer = client.put_log_events(logGroupName=portion[0].group, logStreamName=stream, logEvents=rows)
    if refused := answer.get("rejectedLogEventsInfo"):
        print(f"CloudWatch Logs refused entries by their time: {refused}", file=sys.stderr, flush=True)


def _put_in_stream(client: BaseClient, stream: str, portion: list[Event]) -> None:
    """Send a portion, and make the stream where it is missing."""
    try:
        _put(client, stream, portion)
    except client.exceptions.ResourceNotFoundException:
        with suppress(client.exceptions.ResourceAlreadyExistsException):
            client.create_log_stream(logGroupName=portion[0].group, logStreamName=stream)
        _put(client, stream, portion)


def send(client: BaseClient, stream: str, portion: list[Event], sleep: Callable[[float], None] = time.sleep) -> None:
    """Send a portion, and try for ever while CloudWatch Logs cannot be reached."""
    from botocore.exceptions import BotoCoreError, ClientError

    pause = 1.0
    while True:
        try:
            return _put_in_stream(client, stream, portion)
        except client.exceptions.InvalidParameterException as error:
            # It would be refused for ever, and everything behind it would wait.
            print(f"{len(portion)} entries are lost: {error}", file=sys.stderr, flush=True)
            return None
        except (BotoCoreError, ClientError) as error:
            print(f"{portion[0].group}: {error}; next try in {pause:.0f} s", file=sys.stderr, flush=True)
        sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


def _lines(descriptor: int, wait: float) -> Iterator[bytes | None]:
    """Yield the lines of a pipe as they come, and None when none has come for `wait` seconds; end with the pipe."""
    rest = b""
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while True:
            if not selector.select(wait):
                yield None
                continue
            read = os.read(descriptor, 65536)
            if not read:
                return
            *complete, rest = (rest + read).split(b"\n")
            yield from complete


def ship(
    lines: Iterable[bytes | None],
    groups: tuple[str, str],
    deliver: Callable[[list[Event]], None],
    keep: Callable[[str], None],
    now: Callable[[], float] = time.monotonic,
) -> None:
    """Send what the lines say, entries of the journal as JSON, and keep the cursor of what was sent."""
    batch, since = Batch(), now()
    for line in lines:
        if line:
            entry = json.loads(line)
            batch.add(event(entry, *groups), entry["__CURSOR"])
        if batch.cursor and (now() - since >= BATCH_SECONDS or batch.size >= BATCH_BYTES):
            for portion in calls(batch.events):
                deliver(portion)
            keep(batch.cursor)
            batch = Batch()
        if not batch.cursor:
            since = now()


def follow(groups: tuple[str, str], directory: Path) -> None:
    """Send this host's journal for ever; the cursor stays in `directory`. Groups: of our units, of all else."""
    import boto3
    from botocore.config import Config

    kept, stream = directory / "cursor", socket.getfqdn()

    def keep(cursor: str) -> None:
        temporary = kept.with_suffix(".new")
        temporary.write_text(cursor)
        temporary.replace(kept)

    start = f"--after-cursor={kept.read_text()}" if kept.exists() else "--boot"
    config = Config(connect_timeout=5, read_timeout=20, retries={"mode": "standard", "max_attempts": 3})
    client = boto3.client("logs", config=config)
    # --all: without it, long messages are left out.
    command = ["journalctl", "--output=json", "--follow", "--no-tail", "--all", f"--output-fields={','.join(FIELDS)}"]
    with subprocess.Popen([*command, start], stdout=subprocess.PIPE) as reader:
        assert reader.stdout is not None
        ship(_lines(reader.stdout.fileno(), 1.0), groups, lambda portion: send(client, stream, portion), keep)
    raise HostError(f"journalctl ended with {reader.returncode}")
