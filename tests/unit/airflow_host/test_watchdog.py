import os
import signal
import subprocess

import pytest
from airflow_host import watchdog
from airflow_host.watchdog import Seen

WORKER = 100
NOTHING = Seen(WORKER)


class Broker:
    def __init__(self, **queues):
        self.queues = queues

    def lindex(self, queue, index):
        messages = self.queues.get(queue, [])
        return messages[index] if messages else None


NO_WORK = Broker()


def seen(at, broker, before=NOTHING):
    return watchdog.look(before, watchdog.next_messages(broker, ("default", "big")), at)


def test_a_message_that_stays_next_is_overlooked():
    stuck = Broker(default=[b"newer", b"next"])
    first = seen(0, stuck)
    assert watchdog.overlooked(first, 0, 90) == []
    later = seen(60, Broker(default=[b"newest", b"newer", b"next"]), first)
    assert watchdog.overlooked(later, 91, 90) == ["default"]


@pytest.mark.parametrize("queues", [{}, {"default": [b"another"]}, {"big": [b"next"]}])
def test_a_queue_that_moves_or_is_empty_is_fine(queues):
    before = seen(0, Broker(default=[b"next"]))
    assert watchdog.overlooked(seen(91, Broker(**queues), before), 91, 90) == []


def test_what_was_seen_is_kept_of_the_same_worker(tmp_path):
    kept = tmp_path / "seen.json"
    assert watchdog.read(kept, WORKER) == NOTHING
    kept.write_text(seen(5, Broker(default=[b"next"])).text())
    assert watchdog.read(kept, WORKER) == seen(5, Broker(default=[b"next"]))
    assert watchdog.read(kept, WORKER + 1) == Seen(WORKER + 1)
    assert "next" not in kept.read_text().replace('"next"', "")


def process(pid, ppid, title):
    return {"pid": pid, "ppid": ppid, "cmdline": [title]}


def test_slots_are_processes_of_the_pool_and_busy_with_a_child():
    rows = [
        process(WORKER, 1, "airflow celery worker"),
        process(101, WORKER, "[celeryd: celery@host:ForkPoolWorker-1]"),
        process(102, WORKER, "airflow supervisor: 01a2020c-4fb9-7992-a927-8e5b344a7c0f"),
        process(103, WORKER, "airflow serve-logs"),
        process(104, 103, "a child of it"),
        process(105, 102, "a task"),
        {"pid": 106, "ppid": 2, "cmdline": None},
    ]
    assert watchdog.slots(WORKER, rows) == (2, 1)


@pytest.mark.parametrize(
    ("busy", "command"),
    [
        (1, ["systemctl", "restart", "--no-block", "airflow-worker.service"]),
        (0, ["systemctl", "kill", "--signal=SIGKILL", "airflow-worker.service"]),
    ],
)
def test_running_tasks_may_end_first(busy, command, capsys):
    commands = []
    watchdog.restart(busy, ["default"], commands.append)
    assert commands == [command]
    assert "default" in capsys.readouterr().err


@pytest.fixture
def stopped():
    """A process that a signal has stopped."""
    with subprocess.Popen(["sleep", "60"]) as process:
        process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED)
        yield process.pid
        process.kill()


def test_a_stopped_process_is_told_from_one_that_runs_and_one_that_is_gone(stopped):
    assert watchdog.is_stopped(stopped)
    assert not watchdog.is_stopped(os.getpid())
    assert not watchdog.is_stopped(2**22 + 1)


class AwayError(Exception):
    pass


class Away(Broker):
    def lindex(self, queue, index):
        raise AwayError


class Host:
    """A host whose watchdog looks at a worker of this process ID, and what it did."""

    def __init__(self, folder, monkeypatch):
        self.kept, self.done, self.child = folder / "seen", [], "ForkPoolWorker-1"
        self.unit = {"SubState": "running"}
        monkeypatch.setattr(watchdog.systemd, "properties", lambda *_: {watchdog.UNIT: self.unit})
        self.tasks = []
        monkeypatch.setattr(
            watchdog, "processes", lambda: [process(1, int(self.unit["MainPID"]), self.child), *self.tasks]
        )
        monkeypatch.setattr(watchdog, "kill", lambda *_: self.done.append("killed"))
        monkeypatch.setattr(watchdog, "restart", lambda *_: self.done.append("restarted"))

    def look(self, worker, now, broker=NO_WORK, patience=90):
        self.unit["MainPID"] = str(worker)
        try:
            return watchdog.check(broker, ("default",), self.kept, now, patience)
        except AwayError:
            return False


@pytest.fixture
def host(tmp_path, monkeypatch):
    return Host(tmp_path, monkeypatch)


@pytest.mark.parametrize("broker", [Broker(), Broker(default=[b"next"]), Away()])
def test_a_worker_that_stays_stopped_is_killed(host, stopped, broker):
    assert [host.look(stopped, now, broker, patience=900) for now in (1000, 1119, 1121)] == [False, False, True]
    assert host.done == ["killed"]


def test_a_worker_that_goes_on_is_not(host, stopped):
    looks = [(stopped, 1000), (stopped, 1100), (os.getpid(), 1130), (stopped, 1160), (stopped, 1270)]
    assert not any(host.look(*each) for each in looks)


def test_a_stopped_worker_that_lets_work_wait_is_restarted_as_soon_as_another(host, stopped):
    busy = Broker(default=[b"next"])
    assert [host.look(stopped, now, busy, patience=5) for now in (1000, 1031)] == [False, True]
    assert host.done == ["restarted"]


def test_what_a_queue_had_before_the_broker_was_away_does_not_count(host):
    looks = [(1000, Broker(default=[b"next"])), (1050, Away()), (1100, Broker(default=[b"next"]))]
    assert not any(host.look(os.getpid(), *each) for each in looks)


def test_a_worker_that_starts_may_let_work_wait(host):
    waiting = Broker(default=[b"next"])
    host.child = "airflow serve-logs"
    assert not any(host.look(os.getpid(), now, waiting) for now in (1000, 1100))
    host.child = "ForkPoolWorker-1"
    assert [host.look(os.getpid(), now, waiting) for now in (1110, 1201)] == [False, True]


def test_a_worker_that_outlives_its_last_task_is_killed(host):
    host.unit["SubState"] = "stop-sigterm"
    host.tasks = [process(2, 1, "a task")]
    assert not any(host.look(os.getpid(), now) for now in (1000, 1100))
    host.tasks = []
    assert [host.look(os.getpid(), now) for now in (1200, 1259, 1261)] == [False, False, True]
    assert host.done == ["killed"]
