import json
import os
import socket
import subprocess
import time

import pytest
from airflow_host import health


def answer(status, body=""):
    return lambda url: (status, body)


def refused(url, timeout=0.0):
    raise ConnectionRefusedError("refused")


SICK = json.dumps({"metadatabase": {"status": "unhealthy"}, "scheduler": {"status": "healthy"}})
FINE = json.dumps({"metadatabase": {"status": "healthy"}, "scheduler": {"status": "healthy"}})


@pytest.mark.parametrize(
    ("service", "fetch", "healthy"),
    [
        ("api-server", answer(200, FINE), True),
        ("api-server", answer(200, SICK), False),
        ("api-server", answer(503), False),
        ("api-server", answer(200, "<html>"), False),
        ("api-server", refused, False),
        ("webserver", answer(200, FINE), True),
        ("webserver", answer(200, SICK), False),
        ("scheduler", answer(200), True),
        ("scheduler", answer(503), False),
        ("triggerer", answer(403), True),
        ("worker", answer(404), True),
        ("worker", answer(500), False),
        ("worker", refused, False),
        ("dag-processor", refused, True),
    ],
)
def test_endpoints_tell_who_is_sick(service, fetch, healthy):
    assert (health.endpoint_reason(service, fetch) == "") is healthy


def test_a_unit_that_does_not_run_is_sick_without_asking_it():
    def run(command):
        return "Id=airflow-worker.service\nActiveState=activating\nSubState=auto-restart\nNRestarts=3"

    (result,) = health.check(["worker"], run)
    assert result.as_dict() == {
        "service": "worker",
        "state": "activating (auto-restart)",
        "restarts": 3,
        "reason": "systemd says activating (auto-restart)",
        "healthy": False,
    }


def test_a_service_that_starts_is_awaited_until_it_answers():
    tries = []

    def fetch(url, timeout):
        tries.append(url)
        if len(tries) < 3:
            raise ConnectionRefusedError("not yet")
        return 503, ""

    assert health.await_answer("api-server", os.getpid(), 60, fetch, pause=0)
    assert tries == [health.ENDPOINTS["api-server"]] * 3


def test_a_service_whose_process_has_ended_is_not_awaited():
    ended = subprocess.Popen(["true"])
    ended.wait()
    start = time.monotonic()
    assert not health.await_answer("api-server", ended.pid, 60, refused)
    assert time.monotonic() - start < 5


def test_a_service_that_never_answers_is_awaited_for_a_while():
    assert not health.await_answer("api-server", os.getpid(), 0.05, refused, pause=0.01)


def test_pgbouncer_is_healthy_when_it_takes_connections():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert health.port_reason(port) == ""
    assert f"127.0.0.1:{port}" in health.port_reason(port)
