import pytest
from airflow_host import watchdog
from airflow_host.watchdog import Seen

WORKER = 100
NOTHING = Seen(0, {})


class Broker:
    def __init__(self, **queues):
        self.queues = queues

    def lindex(self, queue, index):
        messages = self.queues.get(queue, [])
        return messages[index] if messages else None


def seen(at, broker, before=NOTHING, worker=WORKER):
    return watchdog.look(before, worker, watchdog.next_messages(broker, ("default", "big")), at)


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


def test_a_new_worker_gets_its_time():
    before = seen(0, Broker(default=[b"next"]))
    assert watchdog.overlooked(seen(91, Broker(default=[b"next"]), before, worker=101), 91, 90) == []


def test_what_was_seen_is_kept(tmp_path):
    kept = tmp_path / "seen.json"
    assert watchdog.read(kept) == NOTHING
    kept.write_text(seen(5, Broker(default=[b"next"])).text())
    assert watchdog.read(kept) == seen(5, Broker(default=[b"next"]))
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
