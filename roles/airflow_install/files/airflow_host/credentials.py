"""Credentials of the task role, for Airflow's services and their tasks, which ask as containers of ECS do.

The role of the host reads the stack's secrets, and instance metadata hands it to anybody, so their units cannot reach
that. SDKs look here before they would look there: AWS_CONTAINER_CREDENTIALS_FULL_URI.
"""

from __future__ import annotations

import hmac
import json
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_sts import STSClient

ADDRESS = ("127.0.0.1", 51679)
URL = f"http://{ADDRESS[0]}:{ADDRESS[1]}/"
TOKEN_VARIABLE = "TASK_CREDENTIALS_TOKEN"
# A role that another one assumes has an hour at most. SDKs renew what ends within a quarter of one.
DURATION = timedelta(hours=1)
RENEWED_BEFORE = timedelta(minutes=20)


def token(jwt_secret: str) -> str:
    """Return what a service shows: no other process of the host can ask, nor whoever makes a service fetch a URL."""
    return hmac.digest(jwt_secret.encode(), b"task credentials", "sha256").hex()


class Role:
    """A role that this host may assume, by a client that is made for each time."""

    def __init__(self, client: Callable[[], STSClient], arn: str, session: str) -> None:
        self._client, self._arn, self._session = client, arn, session
        self._lock = threading.Lock()
        self._known: Mapping[str, Any] = {}

    def credentials(self, now: datetime) -> dict[str, str]:
        """Return credentials that last for a while, as SDKs read them; raises what boto3 raises."""
        with self._lock:
            if not self._known or self._known["Expiration"] - now < RENEWED_BEFORE:
                asked = {"RoleArn": self._arn, "RoleSessionName": self._session}
                seconds = int(DURATION.total_seconds())
                self._known = self._client().assume_role(**asked, DurationSeconds=seconds)["Credentials"]
            known = self._known
        return {
            "AccessKeyId": known["AccessKeyId"],
            "SecretAccessKey": known["SecretAccessKey"],
            "Token": known["SessionToken"],
            "Expiration": known["Expiration"].astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "RoleArn": self._arn,
        }


def server(role: Role, shown: str, address: tuple[str, int] = ADDRESS) -> ThreadingHTTPServer:
    """Return a server of the role's credentials for those who show the token."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if not hmac.compare_digest(self.headers.get("Authorization", "").encode(), shown.encode()):
                return self._answer(403, {"code": "AccessDenied", "message": "The token is missing or wrong."})
            from botocore.exceptions import BotoCoreError, ClientError

            try:
                return self._answer(200, role.credentials(datetime.now(UTC)))
            except (BotoCoreError, ClientError) as error:
                print(f"task role: {error}", file=sys.stderr, flush=True)
                return self._answer(503, {"code": "Unavailable", "message": str(error)})

        def _answer(self, status: int, body: Mapping[str, str]) -> None:
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            """Say nothing of requests: there is one for each task."""

    return ThreadingHTTPServer(address, Handler)


def _client() -> STSClient:
    # Here, and not while the host boots: it takes as much processor time as all the rest of this program.
    import boto3
    from botocore.config import Config

    config = Config(connect_timeout=5, read_timeout=10, retries={"mode": "standard", "max_attempts": 3})
    return boto3.client("sts", config=config)


def serve(arn: str, shown: str) -> None:
    """Serve for ever."""
    # Whose session it was is told by CloudTrail.
    server(Role(_client, arn, socket.gethostname()[:64]), shown).serve_forever()
