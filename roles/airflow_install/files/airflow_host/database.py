"""The metadata database: migrated once for the stack, by whichever host comes first."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from airflow_host.errors import HostError

if TYPE_CHECKING:
    from psycopg2.extensions import connection

# Any number will do; it must only differ from Airflow's own advisory locks.
LOCK = 0x67726176
VERSION_TABLES = {"airflow": "alembic_version", "fab": "alembic_version_fab"}
POLL_SECONDS = 2.0
REACHABLE_SECONDS = 300.0
LOCK_SECONDS = 1800.0


class Part(Protocol):
    """Something that the database must have beside its schema."""

    def is_right(self, database: connection) -> bool:
        """Tell whether it is there as it must be, in a few milliseconds and without Airflow."""

    def make_right(self, database: connection) -> None:
        """Create or repair it."""


def _wait(attempt: Callable[[], bool], seconds: float, what: str) -> None:
    """Try until it works, saying now and then what is waited for; raise HostError after `seconds`."""
    deadline = time.monotonic() + seconds
    said = 0.0
    while not attempt():
        now = time.monotonic()
        if now > deadline:
            raise HostError(f"gave up waiting for {what} after {seconds:.0f} s")
        if now - said > 10:
            print(f"waiting for {what}", file=sys.stderr, flush=True)
            said = now
        time.sleep(POLL_SECONDS)


def connect(url: str, seconds: float = REACHABLE_SECONDS) -> connection:
    """Return an autocommitting connection; waits while the database cannot be reached."""
    import psycopg2

    opened: list[connection] = []

    def attempt() -> bool:
        try:
            opened.append(psycopg2.connect(url.replace("+psycopg2", "", 1), connect_timeout=10))
            return True
        except psycopg2.OperationalError as error:
            print(f"database: {str(error).strip()}", file=sys.stderr, flush=True)
            return False

    _wait(attempt, seconds, "the metadata database")
    opened[0].autocommit = True
    return opened[0]


def revisions(database: connection, parts: Iterable[str]) -> dict[str, str | None]:
    """Return the migration that each part of the schema is at, None where it has none."""
    result: dict[str, str | None] = {}
    with database.cursor() as cursor:
        for part in parts:
            table = VERSION_TABLES[part]
            cursor.execute("SELECT to_regclass(%s)", (table,))
            if cursor.fetchone() == (None,):
                result[part] = None
                continue
            cursor.execute(f"SELECT version_num FROM {table}")
            row = cursor.fetchone()
            result[part] = row[0] if row else None
    return result


def is_ready(database: connection, needed: dict[str, str], parts: Sequence[Part]) -> bool:
    """Tell whether the schema and all parts are right; a few milliseconds, without Airflow."""
    return revisions(database, needed) == needed and all(part.is_right(database) for part in parts)


def _try_lock(database: connection) -> bool:
    with database.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", (LOCK,))
        return cursor.fetchone() == (True,)


def prepare(url: str, needed: dict[str, str], parts: Sequence[Part], airflow: Path) -> bool:
    """Migrate the schema to what is needed, make the parts right; return whether there was anything to do."""
    with closing(connect(url)) as database:
        if is_ready(database, needed, parts):
            return False
        # `airflow db migrate` has a lock of its own, but its second runner fails at once instead of waiting.
        _wait(lambda: _try_lock(database), LOCK_SECONDS, "another host that prepares the database")
        if is_ready(database, needed, parts):
            return False
        if revisions(database, needed) != needed:
            subprocess.run([airflow, "db", "migrate"], check=True, env=os.environ)
        for part in parts:
            if not part.is_right(database):
                part.make_right(database)
        if not is_ready(database, needed, parts):
            raise HostError(f"database: after the migration it is at {revisions(database, needed)}, needed is {needed}")
    return True
