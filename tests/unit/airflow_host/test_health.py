import json

import pytest
from airflow_host import health


def answer(status, body=""):
    return lambda url: (status, body)


def refused(url):
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
