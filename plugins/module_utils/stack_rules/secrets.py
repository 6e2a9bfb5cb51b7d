"""Rules about secrets: where they are, and what is given. Given values never leave this file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.graviflow.airflow.plugins.module_utils.stack_rules.problem import HIDDEN, Facts, Problem

# Secret -> key -> pattern of the whole value, the rule in words.
FERNET = r"[A-Za-z0-9_-]{43}="
WORD = "[A-Za-z0-9._@-]{1,64}"
PATTERNS = {
    "database": {
        "username": (
            r"(?!(admin|rdsadmin|rds_\w*|pg_\w*|public|user)\Z)[A-Za-z][A-Za-z0-9_]{0,62}",
            "RDS takes a letter, then up to 62 letters, digits and underscores, and not names like admin or rdsadmin.",
        ),
        "password": (
            r"[!#-.0-?A-~]{8,128}",
            'RDS takes 8 to 128 printable ASCII characters, but neither / nor @ nor " nor a space.',
        ),
    },
    "results": {
        "password": (
            r"[ -~]{8,128}",
            "It has 8 to 128 printable ASCII characters.",
        ),
    },
    "broker": {
        "auth_token": (
            r"[A-Za-z0-9!&#$^<>-]{16,128}",
            "ElastiCache takes 16 to 128 letters, digits and ! & # $ ^ < > -.",
        ),
    },
    "airflow": {
        "fernet_key": (f"{FERNET}(,{FERNET})*", "A Fernet key is 32 bytes in URL-safe base64; several by commas."),
        "api_secret_key": (r"[!-~]{16,}", "It has 16 or more printable ASCII characters, without spaces."),
        "jwt_secret": (r"[!-~]{16,}", "It has 16 or more printable ASCII characters, without spaces."),
    },
    "admin": {
        "username": (WORD, "It has up to 64 letters, digits and . _ @ -."),
        "password": (r"[^\x00-\x1f\x7f]{8,}", "It has 8 or more characters, none of them a control character."),
        "email": (r"[^@\s]+@[^@\s]+", "It is an address, like admin@example.org."),
    },
    "flower": {
        "username": (WORD, "It has up to 64 letters, digits and . _ @ -."),
        "password": (
            r"[!-+\--9;-~]{16,}",
            "It has 16 or more printable ASCII characters, but no comma, colon or space.",
        ),
    },
    "dags": {
        "deploy_key": (
            r"\s*-----BEGIN OPENSSH PRIVATE KEY-----[\s\S]+-----END OPENSSH PRIVATE KEY-----\s*",
            "It is a private key of OpenSSH, as ssh-keygen -t ed25519 -N '' makes it.",
        ),
    },
    "web_certificate": {
        "certificate": (r"\s*-----BEGIN CERTIFICATE-----[\s\S]+", "It is a certificate in PEM."),
        "private_key": (r"\s*-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]+", "It is a private key in PEM."),
        "certificate_authority": (r"\s*-----BEGIN CERTIFICATE-----[\s\S]+", "It is a certificate in PEM."),
    },
}


def given(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """Values that are given instead of generated ones are such as the services take."""
    for secret, values in (stack.get("secrets_given") or {}).items():
        if secret == "sign_in":  # sign_in.kept_secrets
            continue
        known = PATTERNS.get(secret)
        if known is None:
            rule = f"There is no such secret; there are {', '.join(PATTERNS)} and sign_in."
            yield Problem(f"secrets_given.{secret}", HIDDEN, rule, "Correct the name.")
            continue
        for key, value in values.items():
            variable = f"secrets_given.{secret}.{key}"
            if key not in known:
                rule = f"The secret has no such key; it has {', '.join(known)}."
                yield Problem(variable, HIDDEN, rule, "Correct the key.")
            elif not re.fullmatch(known[key][0], str(value)):
                yield Problem(variable, HIDDEN, known[key][1], "Give another, or none to have it generated.")


def recovery(stack: Mapping[str, Any], _: Facts) -> Iterator[Problem]:
    """Nobody counts on a secret that is gone: without its Fernet key, a final snapshot's passwords are lost."""
    days = stack.get("secrets_recovery_days", 30)
    if stack.get("secrets_backend") == "parameter_store" and str(days) != "0":
        rule = f"Parameter Store deletes at once what is removed from it; secrets_recovery_days is {days}."
        fix = "Set secrets_recovery_days to 0, or use secrets_manager."
        yield Problem("secrets_backend", "parameter_store", rule, fix)
