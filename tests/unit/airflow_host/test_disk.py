import os
import time

import pytest
from airflow_host import disk
from airflow_host.layout import Layout
from airflow_host.model import Disk

NOW = time.time()
RULES = Disk(log_days=14, clean_below=15, hold_below=5)
DAY = 86400


class Host:
    """A host whose file system has room for ten files: each takes ten per cent."""

    def __init__(self, root):
        self.layout = Layout(root)
        self.state, self.commands, self.other = "active", [], 0
        for folder in (*self.layout.log_folders, self.layout.held.parent):
            folder.mkdir(parents=True)

    def log(self, name, days):
        path = self.layout.logs / "tasks" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("said")
        os.utime(path, (NOW - days * DAY,) * 2)
        return path

    def free(self, _):
        return 100 - self.other - 10 * len(disk.logs([self.layout.logs]))

    def run(self, command):
        self.commands.append(command[1])
        return f"Id=airflow-worker.service\nActiveState={self.state}\nJob="

    def guard(self, worker=True, now=NOW):
        self.commands = []
        disk.guard(self.layout, RULES, worker, now, self.run, self.free)
        return [command for command in self.commands if command != "show"]


@pytest.fixture
def host(tmp_path):
    return Host(tmp_path)


def test_logs_go_when_their_days_are_over_and_others_stay(host):
    old, young = host.log("a/old.log", 15), host.log("b/young.log", 13)
    assert host.guard() == []
    assert (old.exists(), young.exists()) == (False, True)


def test_the_oldest_go_first_until_there_is_enough_room(host, capsys):
    logs = [host.log(f"{days}.log", days) for days in (1, 2, 3, 4)]
    host.other = 60
    assert host.guard() == []
    assert [path.exists() for path in logs] == [True, True, False, False]
    assert "days old: 2, the oldest first" in capsys.readouterr().err


def test_a_log_that_is_open_stays(host):
    path = host.log("running.log", 15)
    with path.open("a"):
        host.guard()
        assert path.exists()
        host.other = 95
        host.guard()
        assert path.exists()
    host.guard(now=NOW + 2 * disk.CLEAN_SECONDS)
    assert not path.exists()


def test_links_and_young_folders_stay(host):
    target = host.log("2026-01-01/x.log", 1)
    link = host.layout.logs / "tasks/latest"
    link.symlink_to(target)
    fresh, stale = (host.layout.logs / "tasks" / name for name in ("fresh", "stale"))
    fresh.mkdir()
    stale.mkdir()
    os.utime(stale, (NOW - 2 * DAY,) * 2)
    host.guard()
    assert (link.is_symlink(), fresh.exists(), stale.exists()) == (True, True, False)


def test_files_are_looked_at_once_an_hour_while_there_is_room(host):
    host.guard()
    old = host.log("old.log", 15)
    host.guard()
    assert old.exists()
    host.guard(now=NOW + disk.CLEAN_SECONDS + 60)
    assert not old.exists()


def test_the_worker_waits_while_the_disk_is_nearly_full_and_goes_on_by_itself(host, capsys):
    host.other = 97
    assert host.guard() == ["stop"]
    said = capsys.readouterr().err
    assert "3 % of the file system" in said and "until 15 % are" in said
    assert disk.held(host.layout) in said
    host.state = "deactivating"
    assert host.guard() == []
    host.state = "inactive"
    assert host.guard() == []
    assert capsys.readouterr().err == ""
    host.other = 90
    assert host.guard() == [], "10 % are more than 5, but not yet the 15 that logs are removed for"
    host.other = 50
    assert host.guard() == ["start"]
    assert "takes tasks" in capsys.readouterr().err
    assert disk.held(host.layout) == ""
    assert host.guard() == []


def test_a_worker_that_somebody_starts_meanwhile_is_stopped_again(host):
    host.other = 97
    host.guard()
    assert host.guard() == ["stop"]


def test_a_host_without_a_worker_only_removes_logs(host):
    path = host.log("young.log", 1)
    host.other = 97
    assert host.guard(worker=False) == []
    assert not path.exists()
    assert disk.held(host.layout) == ""


def test_free_is_what_users_of_the_file_system_have(tmp_path):
    status = os.statvfs(tmp_path)
    assert 0 <= disk.free_percent(tmp_path) <= 100 * status.f_bfree / status.f_blocks + 1
