"""A stack for the tests, with passwords that have every printable ASCII character."""

import json
import string
from typing import Any

from airflow_host.model import Stack, parse_document
from airflow_host.source import secrets_of

PRINTABLE = "".join(c for c in string.printable if c.isprintable())


def raw_document(**changes: Any) -> dict[str, Any]:
    return {
        "schema": 1,
        "stack": "demo",
        "region": "cn-north-1",
        "airflow": "3.3.2",
        "services": ["api-server", "scheduler", "dag-processor", "triggerer", "worker"],
        "secrets": {},
        "database": {"host": "db.example", "port": 5432, "name": "airflow"},
        "broker": {"host": "cache.example", "port": 6379},
        "shared_storage": {
            "server": "fs.example",
            "path": "/",
            "mount_point": "/mnt/airflow",
            "options": "nfsvers=4.1",
        },
        "worker": {"drain_seconds": 3600, "queues": ["default", "big"]},
        "dags": {"source": {"type": "efs", "path": "/mnt/airflow/dags"}, "poll_seconds": 15, "keep_releases": 5},
        "certificate_authorities": ["-----BEGIN CERTIFICATE-----\nA\n-----END CERTIFICATE-----"],
        **changes,
    }


def secrets() -> dict[str, dict[str, str]]:
    return {
        "database": {"username": "airflow", "password": PRINTABLE},
        "results": {"username": "airflow_results", "password": PRINTABLE},
        "broker": {"auth_token": "token" + PRINTABLE},
        "airflow": {"fernet_key": "fernet", "api_secret_key": "api-secret", "jwt_secret": "jwt-secret"},
        "admin": {"username": "admin", "password": "admin" + PRINTABLE, "email": "admin@example.com"},
        "flower": {"username": "flower", "password": "flower-password"},
        "dags": {"deploy_key": "-----BEGIN OPENSSH PRIVATE KEY-----\nkey\n-----END OPENSSH PRIVATE KEY-----"},
        "sign_in": {"client_secret": "client" + PRINTABLE, "unused": "unused"},
    }


def stack(**changes: Any) -> Stack:
    raw = raw_document(**changes)
    names = secrets_of(raw)
    kept = {key: secrets()[key] for key in names}
    return Stack(parse_document(raw), json.dumps(raw), "[core]\n", "AUTH_TYPE = 1\n", kept)
