"""SQLAlchemy and Celery URLs, in which any printable password survives."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, urlencode

from airflow_host.model import Database, Endpoint

# libpq waits for a lost connection as long as TCP does, a quarter of an hour, and tries again ever more seldom: after
# an instance that hung for two minutes it would be silent for another two. asyncpg has no such options.
LIBPQ = {
    "connect_timeout": "10",  # seconds, as the next two
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",  # milliseconds
}


def _database_url(driver: str, database: Database, credentials: Mapping[str, str], query: Mapping[str, str]) -> str:
    login = ":".join(quote(credentials[key], safe="") for key in ("username", "password"))
    url = f"postgresql{driver}://{login}@{database.host}:{database.port}/{quote(database.name, safe='')}"
    return f"{url}?{urlencode(query, quote_via=quote, safe='/')}" if query else url


def database_url(database: Database, credentials: Mapping[str, str], authorities: Path) -> str:
    """Return the URL for SQLAlchemy with psycopg2."""
    tls = {"sslmode": "verify-full", "sslrootcert": str(authorities)} if database.tls else {}
    return _database_url("+psycopg2", database, credentials, {**tls, **LIBPQ})


def async_database_url(database: Database, credentials: Mapping[str, str]) -> str:
    """Return the URL for SQLAlchemy with asyncpg, which finds its authorities in PGSSLROOTCERT."""
    # Airflow would derive this URL from the other one, but asyncpg refuses libpq's `sslmode`.
    return _database_url("+asyncpg", database, credentials, {"ssl": "verify-full"} if database.tls else {})


def result_backend_url(database: Database, credentials: Mapping[str, str], authorities: Path) -> str:
    """Return the URL for Celery's database result backend."""
    return "db+" + database_url(database, credentials, authorities)


def broker_url(broker: Endpoint, credentials: Mapping[str, str]) -> str:
    """Return the URL for Celery's Redis transport."""
    login = f":{quote(credentials['auth_token'], safe='')}@"
    if broker.tls:
        return f"rediss://{login}{broker.host}:{broker.port}/0?ssl_cert_reqs=required"
    return f"redis://{login}{broker.host}:{broker.port}/0"
