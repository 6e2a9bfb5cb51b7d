"""Whether this host's services run and answer at their cheap endpoints."""

from __future__ import annotations

import json
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from airflow_host import systemd, units
from airflow_host.model import PGBOUNCER_PORT

TIMEOUT = 5.0
ENDPOINTS: Mapping[str, str] = {
    "api-server": "http://127.0.0.1:8080/api/v2/monitor/health",
    "webserver": "http://127.0.0.1:8080/health",
    "scheduler": "http://127.0.0.1:8974/health",
    "triggerer": "http://127.0.0.1:8794/",
    "worker": "http://127.0.0.1:8793/",
    "flower": "http://127.0.0.1:5555/flower/healthcheck",
}
WEB = {"api-server", "webserver"}
# The log servers refuse a request without a token, and thereby show that they live.
ALIVE = {200, 403, 404}


@dataclass(frozen=True)
class Health:
    """One service's state; `reason` is empty when it is healthy."""

    service: str
    state: str
    restarts: int
    reason: str

    def as_dict(self) -> dict[str, object]:
        """Return the fields and a plain `healthy`, ready for JSON."""
        return {**asdict(self), "healthy": not self.reason}


def fetch(url: str, timeout: float = TIMEOUT) -> tuple[int, str]:
    """Return status and body; raises OSError when nothing answers in `timeout` seconds."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=timeout) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ""


def endpoint_reason(service: str, fetch: Callable[[str], tuple[int, str]] = fetch) -> str:
    """Return why the service's endpoint is not fine, "" when it is or there is none."""
    if service == "pgbouncer":
        return port_reason(PGBOUNCER_PORT)
    url = ENDPOINTS.get(service)
    if url is None:
        return ""
    try:
        status, body = fetch(url)
    except OSError as error:
        return f"{url}: {error}"
    if status not in ALIVE:
        return f"{url}: HTTP {status}"
    return database_reason(service, body) if service in WEB else ""


def port_reason(port: int) -> str:
    """Return why nobody takes a connection at a port of this host, "" when somebody does."""
    try:
        socket.create_connection(("127.0.0.1", port), TIMEOUT).close()
    except OSError as error:
        return f"127.0.0.1:{port}: {error}"
    return ""


def database_reason(service: str, body: str) -> str:
    """Return what the web service says about the database: it answers 200 even when that is away."""
    try:
        state = json.loads(body)["metadatabase"]["status"]
    except (ValueError, KeyError) as error:
        return f"{service}: unexpected answer ({error})"
    return "" if state == "healthy" else f"{service}: metadatabase is {state}"


def check(services: Iterable[str], run: systemd.Run = systemd.run) -> list[Health]:
    """Return the health of each service."""
    names = list(services)
    states = systemd.properties(map(units.service_unit, names), ("ActiveState", "SubState", "NRestarts"), run)

    def health(service: str) -> Health:
        unit = states[units.service_unit(service)]
        state = f"{unit['ActiveState']} ({unit['SubState']})"
        running = state == "active (running)"
        reason = endpoint_reason(service) if running else f"systemd says {state}"
        return Health(service, state, int(unit["NRestarts"]), reason)

    return [health(service) for service in names]


def await_healthy(services: Iterable[str], seconds: float) -> list[Health]:
    """Check until all are healthy, at most for `seconds`; return the last result."""
    names, deadline = list(services), time.monotonic() + seconds
    while True:
        result = check(names)
        if time.monotonic() >= deadline or not any(health.reason for health in result):
            return result
        time.sleep(1)


def answers(service: str, seconds: float = TIMEOUT, fetch: Callable[[str, float], tuple[int, str]] = fetch) -> bool:
    """Tell whether the endpoint of a service answers within `seconds`, whatever it says."""
    try:
        fetch(ENDPOINTS[service], seconds)
    except OSError:
        return False
    return True


def await_answer(
    service: str,
    process: int,
    seconds: float,
    fetch: Callable[[str, float], tuple[int, str]] = fetch,
    pause: float = 0.2,
) -> bool:
    """Wait until the endpoint of a service that starts answers, whatever it says; return whether it did.

    Gives up after `seconds`, and at once when the service's main process has ended.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and Path(f"/proc/{process}").exists():
        if answers(service, fetch=fetch):
            return True
        time.sleep(pause)
    return False
