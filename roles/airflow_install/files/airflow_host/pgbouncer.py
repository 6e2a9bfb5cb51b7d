"""PgBouncer: few sessions in the database for the many that this host's services open."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from airflow_host import systemd
from airflow_host.errors import HostError
from airflow_host.model import Document

PROGRAM = "/usr/sbin/pgbouncer"
# Airflow 3's asynchronous sessions prepare their statements, which a pool of transactions carries from this version on.
PREPARES = (1, 21)
# Of the unit airflow-pgbouncer.service, which copies the users there for its own user.
RUNTIME = PurePosixPath("/run/airflow-pgbouncer")

SETTINGS: Mapping[str, object] = {
    "listen_addr": "127.0.0.1",
    # The console, for the unit's own user: it needs no password there.
    "unix_socket_dir": RUNTIME,
    "auth_type": "scram-sha-256",
    "auth_file": RUNTIME / "users",
    # Airflow's services keep nothing in a session: their locks are of transactions. The migration, whose lock is of its
    # session, goes to the database directly.
    "pool_mode": "transaction",
    # More than the pools of all services of the largest host. A client costs a few KiB.
    "max_client_conn": 4000,
    # A failover changes the address behind the endpoint's name, whose records live for five seconds.
    "dns_max_ttl": 5,
    "dns_nxdomain_ttl": 5,
    # An address that was given up answers nothing.
    "server_connect_timeout": 5,
    "server_login_retry": 2,
    "tcp_keepidle": 30,
    "tcp_keepintvl": 10,
    "tcp_keepcnt": 3,
    "tcp_user_timeout": 20000,
    # Within minutes nobody is left on an instance that became a standby, or on a password that was rotated.
    "server_lifetime": 600,
    # A failover takes one to two minutes: who asks meanwhile waits for it, and gets an error after that.
    "query_wait_timeout": 120,
    "log_connections": 0,
    "log_disconnections": 0,
    "log_stats": 0,
}


def _quoted(value: object) -> str:
    """Return a value as a connection string has it."""
    return "'{}'".format(str(value).replace("'", "''"))


def configuration(document: Document, pool_size: int, authorities: Path) -> str:
    """Return pgbouncer.ini, without secrets; `authorities`: the file to verify the database's certificate with."""
    database = document.database
    target = {"host": database.host, "port": database.port, "dbname": database.name}
    settings = {
        **SETTINGS,
        "listen_port": document.sessions.port,
        # Each login has a pool, and all of them together have the size of one.
        "default_pool_size": pool_size,
        "max_db_connections": pool_size,
        "server_tls_sslmode": "verify-full" if database.tls else "prefer",
        **({"server_tls_ca_file": authorities} if database.tls else {}),
        **({"max_prepared_statements": 200} if document.airflow > 2 else {}),
    }
    lines = [
        "[databases]",
        f"{document.sessions.name} = {' '.join(f'{key}={_quoted(value)}' for key, value in target.items())}",
        "",
        "[pgbouncer]",
        *(f"{name} = {value}" for name, value in sorted(settings.items())),
    ]
    return "\n".join(lines) + "\n"


def users(logins: Iterable[Mapping[str, str]]) -> str:
    """Return the file of users: PgBouncer lets them in with these passwords, and logs in at the database with them."""

    def quoted(value: str) -> str:
        return '"{}"'.format(value.replace('"', '""'))

    return "".join(f"{quoted(login['username'])} {quoted(login['password'])}\n" for login in logins)


def require(airflow: int, run: systemd.Run = systemd.run) -> None:
    """Raise HostError when the image has no PgBouncer that a major version of Airflow can work with."""
    way_out = "take an image of another base, or set stack_document_pgbouncer to false"
    try:
        output = run([PROGRAM, "--version"])
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        raise HostError(f"{PROGRAM}: {error}; the image has no PgBouncer: {way_out}") from error
    found = re.search(r"PgBouncer (\d+)\.(\d+)", output)
    if found and airflow > 2 and tuple(map(int, found.groups())) < PREPARES:
        raise HostError(
            f"{PROGRAM}: is {found[1]}.{found[2]}, and Airflow {airflow} needs {PREPARES[0]}.{PREPARES[1]}: {way_out}"
        )
