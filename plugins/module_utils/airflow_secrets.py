"""Which options of Airflow bear secrets, and so never stand in airflow.cfg."""

from __future__ import annotations

import re

SECRET_OPTIONS = frozenset(
    {
        ("api", "secret_key"),
        ("api_auth", "jwt_secret"),
        ("celery", "broker_url"),
        ("celery", "flower_basic_auth"),
        ("celery", "result_backend"),
        ("celery_broker_transport_options", "sentinel_kwargs"),
        ("celery_result_backend_transport_options", "sentinel_kwargs"),
        ("core", "fernet_key"),
        ("core", "sql_alchemy_conn"),
        ("database", "sql_alchemy_conn"),
        ("database", "sql_alchemy_conn_async"),
        ("sentry", "sentry_dsn"),
        ("webserver", "secret_key"),
    }
)
# Airflow also takes such an option from a command's output or a secrets backend.
INDIRECT = re.compile(r"_(cmd|secret)$")
URL_WITH_PASSWORD = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s:@]*:[^/\s@]+@", re.IGNORECASE)

RULE = "Secrets do not stand in airflow.cfg; each service gets its own from Secrets Manager."


def why_secret(section: str, option: str, text: str) -> str | None:
    """Return the rule that an option breaks by bearing a secret, None if it bears none. `text` is never in the rule."""
    names = {option, INDIRECT.sub("", option)}
    if any((section, name) in SECRET_OPTIONS for name in names):
        return RULE
    if URL_WITH_PASSWORD.search(text):
        return f"The value has a URL with a password. {RULE}"
    return None
