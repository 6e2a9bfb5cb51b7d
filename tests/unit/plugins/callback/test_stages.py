from types import SimpleNamespace

import pytest
from ansible_collections.graviflow.airflow.plugins.callback import stages


@pytest.fixture
def shown(monkeypatch):
    """Give a callback whose clock is set by hand, and the lines that it shows."""
    lines, clock = [], SimpleNamespace(now=0.0)
    callback = stages.CallbackModule()
    monkeypatch.setattr(callback, "get_option", lambda name: False)
    monkeypatch.setattr(stages.time, "monotonic", lambda: clock.now)
    monkeypatch.setattr(callback, "_display", SimpleNamespace(display=lambda line, **_: lines.append(line)))
    return callback, lines, clock


def host(name):
    return SimpleNamespace(get_name=lambda: name)


def starts(callback, name, task):
    callback.v2_runner_on_start(host(name), SimpleNamespace(get_name=lambda: task))


def test_waiting_is_told_every_ten_seconds(shown):
    callback, lines, clock = shown
    starts(callback, "database", "Database is available")
    for clock.now in range(5, 35, 5):
        callback.v2_runner_retry(SimpleNamespace(host=host("database")))
    assert lines == [f"waiting: [database] Database is available, {seconds} s" for seconds in (10, 20, 30)]


def test_hosts_wait_for_themselves(shown):
    callback, lines, clock = shown
    starts(callback, "image", "Packer runs")
    clock.now = 8
    starts(callback, "broker", "Broker is available")
    clock.now = 12
    callback.v2_runner_retry(SimpleNamespace(host=host("broker")))
    callback.v2_runner_on_async_poll(SimpleNamespace(host=host("image")))
    assert lines == ["waiting: [image] Packer runs, 12 s"]


def test_entries_of_the_plan_are_kept_and_not_shown(shown):
    callback, lines, _ = shown
    callback._plays = [("play", 0.0, {})]
    one = {"plan": {"fate": "keep", "kind": "VPC", "name": "demo", "details": ""}}
    for result in (one, {"results": [one, one]}):
        callback.v2_runner_on_ok(SimpleNamespace(host=host("network"), result=result))
    callback.v2_runner_item_on_ok(SimpleNamespace(result=one))
    assert len(callback._plan) == 3 and not lines
