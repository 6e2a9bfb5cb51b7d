"""Logins for repositories of AWS CodeCommit, which the host's own role signs: a credential helper of git."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime
from functools import reduce
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from botocore.credentials import ReadOnlyCredentials

SERVER = re.compile(r"git-codecommit\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?")
SETTINGS = (
    # Of git: none but this helper, which has to know which repository is asked for.
    "credential.helper=",
    "credential.helper=!/usr/local/bin/airflow-host codecommit-login",
    "credential.useHttpPath=true",
)


def serves(url: str) -> bool:
    """Tell whether a repository is CodeCommit's, by https."""
    scheme, _, rest = url.partition("://")
    return scheme == "https" and bool(SERVER.fullmatch(rest.partition("/")[0]))


def _signature(key: str, parts: tuple[str, ...], text: str) -> str:
    derived = reduce(lambda secret, part: hmac.digest(secret, part.encode(), "sha256"), parts, f"AWS4{key}".encode())
    return hmac.digest(derived, text.encode(), "sha256").hex()


def login(asked: Mapping[str, str], role: ReadOnlyCredentials, now: datetime) -> dict[str, str]:
    """Return the login for what git asks for, by protocol, host and path; nothing for what is not CodeCommit's.

    The password is a signature of version 4 of a request whose method is GIT and which has no body. `now` is in UTC.
    """
    host, path = asked.get("host", ""), asked.get("path", "")
    match = SERVER.fullmatch(host)
    if asked.get("protocol") != "https" or not match:
        return {}
    time = now.strftime("%Y%m%dT%H%M%S")
    scope = (time[:8], match["region"], "codecommit", "aws4_request")
    request = hashlib.sha256(f"GIT\n/{path}\n\nhost:{host}\n\nhost\n".encode()).hexdigest()
    text = "\n".join(("AWS4-HMAC-SHA256", time, "/".join(scope), request))
    name = f"{role.access_key}%{role.token}" if role.token else role.access_key
    return {"username": name, "password": f"{time}Z{_signature(role.secret_key, scope, text)}"}
