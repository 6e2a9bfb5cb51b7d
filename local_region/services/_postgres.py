"""What a PostgreSQL server is told, so that it behaves as RDS's do. Text only."""

from __future__ import annotations

from local_region.patches._rds import forces_tls

PRELOADABLE = {"auto_explain", "pg_prewarm", "pg_stat_statements"}  # RDS has more libraries than Debian's package
REPLICATION_USER = "rdsrepladmin"


def quote_literal(value: str) -> str:
    """Return an SQL string literal."""
    return "'" + value.replace("'", "''") + "'"


def quote_identifier(value: str) -> str:
    """Return an SQL identifier."""
    return '"' + value.replace('"', '""') + '"'


def set_password(user: str, password: str) -> str:
    """Return the SQL that gives the master user its password, and keeps it out of the server's log."""
    return (
        "SET log_statement = 'none';\nSET log_min_error_statement = 'panic';\n"
        f"ALTER ROLE {quote_identifier(user)} PASSWORD {quote_literal(password)};\n"
    )


def bootstrap(user: str, password: str, database: str | None, replication: str = "") -> str:
    """Return the SQL of a new or restored server: RDS's roles, the master user (no superuser), its database.

    replication: the password by which readers follow this server, if it may have some.
    """
    roles = {"rds_superuser": "NOLOGIN", "rds_iam": "NOLOGIN", user: "LOGIN CREATEROLE CREATEDB"}
    if replication:
        roles[REPLICATION_USER] = "LOGIN REPLICATION"
    lines = []
    for role, options in roles.items():
        create = f"CREATE ROLE {quote_identifier(role)} {options}"
        lines.append(
            f"SELECT {quote_literal(create)} WHERE NOT EXISTS "
            f"(SELECT FROM pg_roles WHERE rolname = {quote_literal(role)}) \\gexec"
        )
    lines += [
        "GRANT pg_monitor, pg_signal_backend, pg_checkpoint TO rds_superuser WITH ADMIN OPTION;",
        f"GRANT rds_superuser TO {quote_identifier(user)};",
        f"ALTER DATABASE postgres OWNER TO {quote_identifier(user)};",
    ]
    if database:
        create = f"CREATE DATABASE {quote_identifier(database)} OWNER {quote_identifier(user)}"
        lines.append(
            f"SELECT {quote_literal(create)} WHERE NOT EXISTS "
            f"(SELECT FROM pg_database WHERE datname = {quote_literal(database)}) \\gexec"
        )
    passwords = set_password(user, password) + (set_password(REPLICATION_USER, replication) if replication else "")
    return "\n".join(lines) + "\n" + passwords


def access(force_ssl: bool, replicated: bool = False) -> str:
    """Return pg_hba.conf: rdsadmin by the socket only, all others by TLS if that is forced."""
    lines = ["local all rdsadmin trust", "local replication rdsadmin trust", "host all rdsadmin all reject"]
    if replicated:
        lines += [
            f"hostssl replication {REPLICATION_USER} all scram-sha-256",
            f"host all {REPLICATION_USER} all reject",
        ]
    return "\n".join([*lines, f"{'hostssl' if force_ssl else 'host'} all all all scram-sha-256", ""])


def configuration(given: dict[str, str]) -> str:
    """Return postgresql.conf lines of a parameter group's values; RDS's formulas ({...}) are left to the defaults."""
    lines = []
    for name, value in sorted(given.items()):
        if "{" in value or name.startswith("rds."):
            continue
        if name == "shared_preload_libraries":
            value = ",".join(part for part in value.split(",") if part.strip() in PRELOADABLE)
        lines.append(f"{name} = {quote_literal(value)}")
    return "\n".join([*lines, ""])


def force_ssl(family: str, given: dict[str, str]) -> bool:
    """Return whether connections without TLS are refused: rds.force_ssl, on by default in newer families."""
    return {**forces_tls(family), **given}["rds.force_ssl"] == "1"


def follow(host: str, port: int) -> str:
    """Return what a reader's server connects to its writer by; the password is in a file of its own."""
    return f"host={host} port={port} user={REPLICATION_USER} sslmode=require passfile=/var/lib/rds/pgpass"
