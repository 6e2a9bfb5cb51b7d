from pathlib import Path

import pytest
from airflow_host import database
from airflow_host.errors import HostError

HEADS = {"airflow": "a1", "fab": "f1"}


class World:
    """A database and what is done to it: `revisions` and `part` are its state, `done` the log."""

    def __init__(self, monkeypatch, revisions, part_is_right):
        self.revisions, self.part_is_right, self.done = dict(revisions), part_is_right, []
        self.other_host_finishes = False
        monkeypatch.setattr(database, "connect", lambda url: self)
        monkeypatch.setattr(database, "revisions", lambda connection, parts: self.revisions)
        monkeypatch.setattr(database, "_try_lock", self.lock)
        monkeypatch.setattr(database.subprocess, "run", self.migrate)

    def close(self):
        self.done.append("closed")

    def lock(self, connection):
        self.done.append("locked")
        if self.other_host_finishes:
            self.revisions, self.part_is_right = HEADS, True
        return True

    def migrate(self, command, **options):
        self.done.append(" ".join(map(str, command[1:])))
        self.revisions = HEADS

    def is_right(self, connection):
        return self.part_is_right

    def make_right(self, connection):
        self.done.append("part")
        self.part_is_right = True


def prepare(world):
    return database.prepare("postgresql+psycopg2://u:p@h/n", HEADS, [world], Path("/opt/airflow/bin/airflow"))


def test_a_ready_database_is_left_alone_without_a_lock(monkeypatch):
    world = World(monkeypatch, HEADS, True)
    assert prepare(world) is False
    assert world.done == ["closed"]


def test_an_empty_database_is_migrated_under_the_lock(monkeypatch):
    world = World(monkeypatch, {"airflow": None, "fab": None}, False)
    assert prepare(world) is True
    assert world.done == ["locked", "db migrate", "part", "closed"]


def test_what_another_host_did_meanwhile_is_not_done_again(monkeypatch):
    world = World(monkeypatch, {"airflow": None, "fab": None}, False)
    world.other_host_finishes = True
    assert prepare(world) is False
    assert world.done == ["locked", "closed"]


def test_a_rotated_password_is_repaired_without_a_migration(monkeypatch):
    world = World(monkeypatch, HEADS, False)
    assert prepare(world) is True
    assert world.done == ["locked", "part", "closed"]


def test_waiting_is_bounded_and_says_for_what(monkeypatch, capsys):
    monkeypatch.setattr(database, "POLL_SECONDS", 0)
    with pytest.raises(HostError, match="the moon"):
        database._wait(lambda: False, 0.01, "the moon")
