from pathlib import Path

import pytest
from airflow_host import database
from airflow_host.errors import HostError
from airflow_host.image import Image

HEADS = {"airflow": "a1", "fab": "f1"}
IMAGE = Image("3.3.2", HEADS)


class World:
    """A database and what is done to it: `revisions`, `part_is_right` and `mark` are its state, `done` the log."""

    def __init__(self, monkeypatch, revisions=HEADS, part_is_right=True, mark=None):
        self.revisions, self.part_is_right, self.mark, self.done = dict(revisions), part_is_right, mark, []
        self.other_host_finishes = False
        self.sessions = []
        monkeypatch.setattr(database, "connect", lambda url: self)
        monkeypatch.setattr(database, "revisions", lambda connection, parts: self.revisions)
        monkeypatch.setattr(database, "taken_back_from", lambda connection: self.mark)
        monkeypatch.setattr(database, "_mark", self.set_mark)
        monkeypatch.setattr(database, "_sessions", lambda connection: self.sessions)
        monkeypatch.setattr(database, "_try_lock", self.lock)
        monkeypatch.setattr(database.subprocess, "run", self.run)
        monkeypatch.setattr(database, "POLL_SECONDS", 0)
        monkeypatch.setattr(database, "SESSIONS_SECONDS", 0.01)

    def close(self):
        self.done.append("closed")

    def lock(self, connection):
        self.done.append("locked")
        if self.other_host_finishes:
            self.revisions, self.part_is_right = HEADS, True
        return True

    def set_mark(self, connection, version):
        self.done.append(f"mark {version}")
        self.mark = version

    def run(self, command, **options):
        self.done.append(" ".join(map(str, command[1:])))
        self.revisions = HEADS if "migrate" in command else {**self.revisions, command[1].split("-")[0]: "older"}

    def is_right(self, connection):
        return self.part_is_right

    def make_right(self, connection):
        self.done.append("part")
        self.part_is_right = True


def prepare(world, image=IMAGE):
    return database.prepare("postgresql+psycopg2://u:p@h/n", image, [world], Path("/opt/airflow/bin/airflow"))


def take_back(version, fab=None, image=IMAGE):
    return database.take_back("postgresql://u:p@h/n", image, version, fab, Path("/opt/airflow/bin/airflow"))


def test_a_ready_database_is_left_alone_without_a_lock(monkeypatch):
    world = World(monkeypatch)
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


def test_a_part_is_repaired_without_a_migration(monkeypatch):
    world = World(monkeypatch, part_is_right=False)
    assert prepare(world) is True
    assert world.done == ["locked", "part", "closed"]


def test_a_migration_that_leads_elsewhere_is_an_error(monkeypatch):
    world = World(monkeypatch, {"airflow": "newer", "fab": "f1"})
    monkeypatch.setattr(database.subprocess, "run", lambda command, **options: None)
    with pytest.raises(HostError, match=r"it is at .*newer"):
        prepare(world)
    assert world.done[-1] == "closed"


def test_waiting_is_bounded_and_says_for_what(monkeypatch, capsys):
    monkeypatch.setattr(database, "POLL_SECONDS", 0)
    with pytest.raises(HostError, match="the moon"):
        database._wait(lambda: False, 0.01, "the moon")


def test_a_schema_is_taken_back_under_the_lock_and_marked_first(monkeypatch):
    world = World(monkeypatch)
    assert take_back("3.2.1", "3.2.0") == {"before": HEADS, "after": {"airflow": "a1", "fab": "older", "db": "older"}}
    assert world.done == [
        "locked",
        "mark 3.3.2",
        "fab-db downgrade --to-version 3.2.0 --yes",
        "db downgrade --to-version 3.2.1 --yes",
        "closed",
    ]


@pytest.mark.parametrize(
    ("version", "fab", "image"),
    [
        ("3.2.1", None, IMAGE),
        # Airflow takes FAB's schema along, or has no other.
        ("2.11.2", "1.5.4", IMAGE),
        ("2.10.0", "1.5.4", Image("2.11.2", {"airflow": "a1"})),
    ],
)
def test_fabs_schema_is_taken_back_where_it_is_its_own(monkeypatch, version, fab, image):
    world = World(monkeypatch)
    take_back(version, fab, image)
    assert [step for step in world.done if "downgrade" in step] == [f"db downgrade --to-version {version} --yes"]


def test_nothing_is_taken_back_while_services_run(monkeypatch):
    world = World(monkeypatch)
    world.sessions = ["10.0.0.5 (3)"]
    with pytest.raises(HostError, match=r"connected are 10\.0\.0\.5 \(3\)\. Run systemctl stop"):
        take_back("3.2.1")
    assert world.done == ["locked", "mark 3.3.2", "mark None", "closed"]


@pytest.mark.parametrize(
    ("version", "fab", "message"),
    [
        ("3.4.0", None, "is newer than this image's Airflow, 3.3.2"),
        ("3.2", None, "is not one like 3.2.1"),
        ("older", None, "is not one like 3.2.1"),
        ("3.2.0", "latest", "is not one like 3.2.1"),
    ],
)
def test_versions_that_lead_nowhere_are_refused(monkeypatch, version, fab, message):
    world = World(monkeypatch)
    with pytest.raises(HostError, match=message):
        take_back(version, fab)
    assert world.done == []


def test_an_empty_database_has_nothing_to_take_back(monkeypatch):
    World(monkeypatch, {"airflow": None, "fab": None})
    with pytest.raises(HostError, match="nothing to take back"):
        take_back("3.2.0")


@pytest.mark.parametrize("image", [IMAGE, Image("3.4.0", {"airflow": "a2", "fab": "f1"})])
def test_a_schema_that_was_taken_back_is_not_migrated_again_by_the_newer_image(monkeypatch, image):
    world = World(monkeypatch, {"airflow": "older", "fab": "f1"}, mark="3.3.2")
    with pytest.raises(HostError, match=r"was taken back from Airflow 3\.3\.2"):
        prepare(world, image)
    assert world.done == ["locked", "closed"]


def test_the_older_image_goes_on_and_lifts_the_mark(monkeypatch):
    older = Image("3.2.1", {"airflow": "older", "fab": "f1"})
    world = World(monkeypatch, older.migration_heads, mark="3.3.2")
    assert prepare(world, older) is True
    assert world.done == ["locked", "mark None", "closed"]
    assert prepare(world, older) is False


def test_the_images_own_version_lifts_the_mark(monkeypatch):
    world = World(monkeypatch, {"airflow": "older", "fab": "f1"}, False, mark="3.3.2")
    take_back("3.3.2")
    assert prepare(world) is True
    assert world.done == ["mark None", "closed", "locked", "db migrate", "part", "closed"]
