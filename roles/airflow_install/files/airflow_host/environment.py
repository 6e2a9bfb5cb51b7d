"""Which service gets which secrets, and how systemd's EnvironmentFile= wants them written."""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from airflow_host import credentials, state, urls
from airflow_host.errors import HostError
from airflow_host.model import WEB_SERVICES, Database, Stack

DATABASE = ("sql_alchemy_conn", "sql_alchemy_conn_async", "database_authorities")

COMMON: Mapping[str, tuple[str, ...]] = {
    "database": ("sql_alchemy_conn", "result_backend", "fernet_key", "state"),
    "dag-processor": (*DATABASE, "fernet_key"),
    "flower": ("broker_url", "flower_basic_auth"),
}

SETTINGS: Mapping[int, Mapping[str, tuple[str, ...]]] = {
    # Tasks are processes of Airflow itself here, each with a session in the metadata database.
    2: {
        **COMMON,
        "webserver": (*DATABASE, "fernet_key", "webserver_secret_key"),
        "scheduler": (*DATABASE, "fernet_key", "broker_url", "result_backend"),
        "triggerer": (*DATABASE, "fernet_key", "webserver_secret_key"),
        "worker": (*DATABASE, "fernet_key", "webserver_secret_key", "broker_url", "result_backend"),
    },
    # A worker talks to the execution API only: it gets neither the metadata database nor the key that signs tokens.
    # Its result backend's role has Celery's tables only.
    3: {
        **COMMON,
        "api-server": (*DATABASE, "fernet_key", "api_secret_key", "jwt_secret"),
        "scheduler": (*DATABASE, "fernet_key", "jwt_secret", "broker_url", "result_backend"),
        "triggerer": (*DATABASE, "fernet_key", "api_secret_key"),
        "worker": ("fernet_key", "api_secret_key", "broker_url", "result_backend"),
    },
}
"""Major version of Airflow -> service -> its settings that come from secrets."""

VARIABLES: Mapping[str, str] = {
    "sql_alchemy_conn": "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",
    "sql_alchemy_conn_async": "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC",
    "database_authorities": "PGSSLROOTCERT",
    "fernet_key": "AIRFLOW__CORE__FERNET_KEY",
    "api_secret_key": "AIRFLOW__API__SECRET_KEY",
    "webserver_secret_key": "AIRFLOW__WEBSERVER__SECRET_KEY",
    "jwt_secret": "AIRFLOW__API_AUTH__JWT_SECRET",
    "broker_url": "AIRFLOW__CELERY__BROKER_URL",
    "result_backend": "AIRFLOW__CELERY__RESULT_BACKEND",
    "flower_basic_auth": "AIRFLOW__CELERY__FLOWER_BASIC_AUTH",
    "state": "AIRFLOW_HOST_STATE",
}

ESCAPES = str.maketrans({character: f"\\{character}" for character in '"\\`$'})


def settings(stack: Stack, database: Database, authorities: Path) -> dict[str, str]:
    """Return every setting that comes from a secret, for sessions at this database.

    Raises HostError when a secret lacks a key.
    """
    document, secrets = stack.document, stack.secrets
    try:
        values = {
            "sql_alchemy_conn": urls.database_url(database, secrets["database"], authorities),
            "sql_alchemy_conn_async": urls.async_database_url(database, secrets["database"]),
            "database_authorities": str(authorities),
            "fernet_key": secrets["airflow"]["fernet_key"],
            "api_secret_key": secrets["airflow"]["api_secret_key"],
            "webserver_secret_key": secrets["airflow"]["api_secret_key"],
            "jwt_secret": secrets["airflow"]["jwt_secret"],
            "broker_url": urls.broker_url(document.broker, secrets["broker"]),
            "result_backend": urls.result_backend_url(database, secrets["results"], authorities),
            # On one line, whatever is in it.
            "state": json.dumps(state.resolve(document.state, secrets)[0], sort_keys=True),
        }
        if "flower" in document.services:
            values["flower_basic_auth"] = "{username}:{password}".format(**secrets["flower"])
        return values
    except KeyError as error:
        raise HostError(f"secrets: {error.args[0]!r} is missing") from error


def sign_in(stack: Stack, service: str) -> dict[str, str]:
    """Return what webserver_config.py reads from the environment; raise HostError when a secret lacks a key."""
    if service not in WEB_SERVICES:
        return {}
    try:
        # Every worker has [api] secret_key, to serve its logs, so it must not be what web sessions are signed with.
        # Whoever can sign tokens can be anybody already: this key is derived from that one.
        session = hmac.digest(stack.secrets["airflow"]["jwt_secret"].encode(), b"web sessions", "sha256").hex()
        secret = {key: stack.secrets["sign_in"][key] for key in stack.document.sign_in_secrets}
    except KeyError as error:
        raise HostError(f"secrets: {error.args[0]!r} is missing, which sign-in needs") from error
    return {f"AIRFLOW_SIGN_IN_{key.upper()}": value for key, value in {"session_key": session, **secret}.items()}


def task_role(stack: Stack, service: str) -> dict[str, str]:
    """Return how a service of Airflow gets its role in AWS; raise HostError when a secret lacks a key."""
    if not stack.document.task_role or service in ("database", "flower"):
        return {}
    return {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": credentials.URL,
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": task_token(stack),
    }


def task_token(stack: Stack) -> str:
    """Return what opens the task role to a service; raise HostError when a secret lacks a key."""
    try:
        return credentials.token(stack.secrets["airflow"]["jwt_secret"])
    except KeyError as error:
        raise HostError(f"secrets: {error.args[0]!r} is missing") from error


def quote(value: str) -> str:
    """Return the value as systemd reads it back, character for character.

    Raises HostError for control characters, which systemd would drop or split at.
    """
    if not value.isprintable():
        raise HostError("secrets: a value has a control character, which no environment file can carry")
    return f'"{value.translate(ESCAPES)}"'


def environment_file(names: Iterable[str], values: Mapping[str, str], more: Mapping[str, str]) -> str:
    """Return the text of one service's environment file: variables as they are, then the settings of these names."""
    own = {VARIABLES[name]: values[name] for name in names}
    return "".join(f"{name}={quote(value)}\n" for name, value in [*sorted(more.items()), *own.items()])
