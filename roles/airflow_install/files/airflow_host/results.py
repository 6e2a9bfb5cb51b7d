"""The database role of Celery's results: it may use the tables that Celery keeps them in, and no other.

A worker has its login. With the metadata database's, a task could read every connection and schedule what it likes.
"""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from airflow_host.errors import HostError

if TYPE_CHECKING:
    from psycopg2.extensions import connection

TABLES = ("celery_taskmeta", "celery_tasksetmeta")
SEQUENCES = ("task_id_sequence", "taskset_id_sequence")
RIGHTS = {"TABLE": ("SELECT, INSERT, UPDATE, DELETE", TABLES), "SEQUENCE": ("USAGE", SEQUENCES)}
CHECK = " AND ".join(
    f"has_{kind.lower()}_privilege('{name}', '{right}')"
    for kind, (rights, names) in RIGHTS.items()
    for name in names
    for right in rights.split(", ")
)


@dataclass(frozen=True)
class Results:
    """The role, as it logs in."""

    url: str

    def is_right(self, _: connection) -> bool:
        """Tell whether the role can log in and use Celery's tables."""
        import psycopg2

        try:
            with closing(psycopg2.connect(self.url)) as own, own.cursor() as cursor:
                cursor.execute(f"SELECT {CHECK}")
                return cursor.fetchone() == (True,)
        except (psycopg2.OperationalError, psycopg2.errors.UndefinedTable):
            return False

    def make_right(self, database: connection) -> None:
        """Create the tables as Celery itself would, and the role with its rights; raises psycopg2.Error, HostError."""
        from celery.backends.database.session import ResultModelBase
        from psycopg2 import sql
        from psycopg2.extensions import encrypt_password
        from sqlalchemy import create_engine
        from sqlalchemy.pool import StaticPool

        parts = urlsplit(self.url)
        name, password = unquote(parts.username or ""), unquote(parts.password or "")
        engine = create_engine("postgresql+psycopg2://", creator=lambda: database, poolclass=StaticPool)
        ResultModelBase.metadata.create_all(engine)
        role = sql.Identifier(name)
        # The password as the server keeps it: a statement can end in a log.
        verifier = sql.Literal(encrypt_password(password, name, database, "scram-sha-256"))
        with database.cursor() as cursor:
            cursor.execute("SELECT FROM pg_roles WHERE rolname = %s", (name,))
            verb = sql.SQL("ALTER" if cursor.rowcount else "CREATE")
            cursor.execute(sql.SQL("{} ROLE {} LOGIN PASSWORD {}").format(verb, role, verifier))
            for kind, (rights, names) in RIGHTS.items():
                objects = sql.SQL(", ").join(map(sql.Identifier, names))
                grant = sql.SQL(f"GRANT {rights} ON {kind} {{}} TO {{}}")
                cursor.execute(grant.format(objects, role))
        if not self.is_right(database):
            raise HostError(f"database: role {name} was made, and still cannot use Celery's tables")


def from_environment() -> Results:
    """Return the role that the unit's environment file describes, by Celery's URL."""
    try:
        return Results(os.environ["AIRFLOW__CELERY__RESULT_BACKEND"].replace("db+postgresql+psycopg2", "postgresql", 1))
    except KeyError as error:
        raise HostError(f"environment: {error.args[0]} is missing; run this by airflow-database.service") from error
