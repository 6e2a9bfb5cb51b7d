"""The metadata database: migrated once for the stack, by whichever host comes first; and taken back for a rollback."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from airflow_host.errors import HostError

if TYPE_CHECKING:
    from psycopg2.extensions import connection

    from airflow_host.image import Image

# Any number will do; it must only differ from Airflow's own advisory locks.
LOCK = 0x67726176
VERSION_TABLES = {"airflow": "alembic_version", "fab": "alembic_version_fab"}
# A comment on Airflow's version table: hosts of the newer image, which Auto Scaling may start at any time, see it.
MARK = "graviflow: taken back from Airflow "
POLL_SECONDS = 2.0
REACHABLE_SECONDS = 300.0
LOCK_SECONDS = 1800.0
SESSIONS_SECONDS = 15.0


class Part(Protocol):
    """Something that the database must have beside its schema."""

    def is_right(self, database: connection) -> bool:
        """Tell whether it is there as it must be, quickly and without Airflow."""

    def make_right(self, database: connection) -> None:
        """Create or repair it; raises HostError when Airflow must not start without it."""


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
            opened.append(psycopg2.connect(url.replace("+psycopg2", "", 1)))
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


def _ask(database: connection, query: str, *parameters: object) -> list[tuple[Any, ...]]:
    with database.cursor() as cursor:
        cursor.execute(query, parameters)
        return cursor.fetchall() if cursor.description else []


def taken_back_from(database: connection) -> str | None:
    """Return the version of Airflow whose schema was taken back for an older one, None if it was not."""
    [(comment,)] = _ask(database, "SELECT obj_description(to_regclass(%s), 'pg_class')", VERSION_TABLES["airflow"])
    return comment.removeprefix(MARK) if comment and comment.startswith(MARK) else None


def _mark(database: connection, version: str | None) -> None:
    comment = MARK + version if version else None
    _ask(database, f"COMMENT ON TABLE {VERSION_TABLES['airflow']} IS %s", comment)


def _numbers(version: str) -> tuple[int, ...]:
    try:
        major, minor, patch = map(int, version.split("."))
    except ValueError as error:
        raise HostError(f"version {version}: is not one like 3.2.1") from error
    return major, minor, patch


def _try_lock(database: connection) -> bool:
    return _ask(database, "SELECT pg_try_advisory_lock(%s)", LOCK) == [(True,)]


def _migrate(database: connection, image: Image, airflow: Path) -> None:
    newer = taken_back_from(database)
    if newer and _numbers(image.airflow) >= _numbers(newer):
        raise HostError(
            f"database: was taken back from Airflow {newer} for an older version, and this image has {image.airflow}. "
            "Replace this host by one of the older image; or, to go forward again, run "
            f"playbooks/downgrade_database.yml with downgrade_database_version {image.airflow}"
        )
    if revisions(database, image.migration_heads) != image.migration_heads:
        subprocess.run([airflow, "db", "migrate"], check=True, env=os.environ)
    if (found := revisions(database, image.migration_heads)) != image.migration_heads:
        raise HostError(f"database: after the migration it is at {found}, needed is {image.migration_heads}")
    if newer:
        _mark(database, None)


def prepare(url: str, image: Image, parts: Sequence[Part], airflow: Path) -> bool:
    """Migrate the schema to what the image needs, make the parts right; return whether there was anything to do."""

    def is_ready(database: connection) -> bool:
        is_migrated = revisions(database, image.migration_heads) == image.migration_heads
        return is_migrated and not taken_back_from(database) and all(part.is_right(database) for part in parts)

    with closing(connect(url)) as database:
        if is_ready(database):
            return False
        # `airflow db migrate` has a lock of its own, but its second runner fails at once instead of waiting.
        _wait(lambda: _try_lock(database), LOCK_SECONDS, "another host that prepares the database")
        if is_ready(database):
            return False
        _migrate(database, image, airflow)
        for part in parts:
            if not part.is_right(database):
                part.make_right(database)
    return True


def _sessions(database: connection) -> list[str]:
    """Return who else is connected as the same user: address and number of sessions."""
    query = (
        "SELECT coalesce(host(client_addr), 'local'), count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid() "
        "GROUP BY 1 ORDER BY 1"
    )
    return [f"{address} ({count})" for address, count in _ask(database, query)]


def take_back(url: str, image: Image, version: str, fab: str | None, airflow: Path) -> dict[str, Any]:
    """Take the schema back to what an older version of Airflow needs; return its revisions before and after.

    version: of the older Airflow; that of the image itself lifts the mark, so that the next start migrates again.
    fab: version of the older image's FAB provider, whose schema is its own from Airflow 3 on; None leaves it.
    """
    if _numbers(version) > _numbers(image.airflow):
        raise HostError(
            f"version {version}: is newer than this image's Airflow, {image.airflow}; downgrading goes back"
        )
    if fab:
        _numbers(fab)
    with closing(connect(url)) as database:
        before = revisions(database, image.migration_heads)
        if before["airflow"] is None:
            raise HostError("database: has no schema of Airflow; there is nothing to take back")
        if version == image.airflow:
            if taken_back_from(database):
                _mark(database, None)
            return {"before": before, "after": before}
        _wait(lambda: _try_lock(database), LOCK_SECONDS, "another host that prepares the database")
        # First: from here on no service of this image starts, and none migrates the schema again if this is cut off.
        mark = taken_back_from(database)
        _mark(database, image.airflow)
        try:
            _wait(lambda: not _sessions(database), SESSIONS_SECONDS, "the services of all hosts, which must be stopped")
        except HostError as error:
            _mark(database, mark)
            sessions = ", ".join(_sessions(database))
            raise HostError(f"{error}: connected are {sessions}. Run systemctl stop airflow.target there") from error
        if fab and "fab" in image.migration_heads and _numbers(version) >= (3, 0, 0):
            subprocess.run(
                [airflow, "fab-db", "downgrade", "--to-version", fab, "--yes"], check=True, stdout=sys.stderr
            )
        # It takes FAB's schema along where the older Airflow has it among its own.
        subprocess.run([airflow, "db", "downgrade", "--to-version", version, "--yes"], check=True, stdout=sys.stderr)
        return {"before": before, "after": revisions(database, image.migration_heads)}
