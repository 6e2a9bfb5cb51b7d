import json
import shutil
import subprocess
import tarfile

import pytest
from airflow_host import dag_check, dags, releases
from airflow_host.dag_sources import SharedStorage
from airflow_host.errors import HostError
from airflow_host.model import Dags, Efs, Shared
from airflow_host.releases import Keep


class Folder:
    """A source whose revision and files are said by the test."""

    def __init__(self):
        self.name, self.files, self.filled, self.error = "r1", {"one.py": "x = 1\n"}, [], ""

    def revision(self):
        if self.error:
            raise HostError(self.error)
        return self.name

    def fill(self, revision, folder):
        self.filled.append(revision)
        for name, text in self.files.items():
            (folder / name).write_text(text)


@pytest.fixture
def source():
    return Folder()


@pytest.fixture
def local(tmp_path):
    return tmp_path / "local"


@pytest.fixture
def sync(source, local, tmp_path):
    (tmp_path / "image").mkdir()
    (tmp_path / "image/verify.py").write_text("x = 'of the image'\n")

    def run(**changes):
        stack = {"source": Efs("/mnt"), "poll_seconds": 15, "keep_releases": 5, **changes}
        return dags.sync(Dags(**stack), source, local, tmp_path / "image")

    return run


@pytest.fixture
def archive(tmp_path):
    def build(**files):
        for name, text in files.items():
            (tmp_path / f"{name}.py").write_text(text)
        path = tmp_path / "release.tar"
        with tarfile.open(path, "w") as tar:
            for name in files:
                tar.add(tmp_path / f"{name}.py", arcname=f"folder/{name}.py")
        return path

    return build


def test_what_a_source_has_arrives_once(sync, source, local):
    assert sync() == dags.State("r1") == dags.read_state(local)
    assert (local / "current/one.py").read_text() == "x = 1\n"
    before = (local / "state.json").stat().st_mtime_ns
    assert sync().revision == "r1"
    assert source.filled == ["r1"]
    assert (local / "state.json").stat().st_mtime_ns == before


def test_a_source_without_a_release_leaves_the_host_alone(sync, source):
    source.name = None
    assert sync() == dags.State(releases.EMPTY)


def test_a_source_that_cannot_be_asked_changes_nothing_and_is_told(sync, source, local):
    sync()
    source.error = "git@example.org: does not answer"
    with pytest.raises(HostError, match="does not answer"):
        sync()
    assert dags.read_state(local) == dags.State("r1", error="git@example.org: does not answer")
    source.error = ""
    assert sync().problem == ""


def test_a_first_sync_that_fails_leaves_an_empty_release(sync, source, local):
    source.error = "away"
    with pytest.raises(HostError):
        sync()
    assert releases.current(local) == releases.EMPTY


def test_a_full_disk_is_told(sync, source, local, monkeypatch):
    def fill(revision, folder):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(source, "fill", fill)
    with pytest.raises(HostError, match="No space left on device"):
        sync()
    assert "No space left" in dags.read_state(local).problem


def test_a_bad_revision_is_held_back_told_and_not_tried_again(sync, source, local, capsys):
    sync()
    source.name, source.files = "r2", {"one.py": "if x\n"}
    state = sync()
    assert state.revision == releases.current(local) == "r1"
    assert state.problem == "revision r2 is held back: one.py:1: expected ':'"
    assert "r2 is held back: one.py:1" in capsys.readouterr().err
    assert sync() == state
    assert source.filled == ["r1", "r2"]
    assert capsys.readouterr().err == ""


def test_the_next_good_revision_ends_it(sync, source):
    source.name, source.files = "r2", {"one.py": "if x\n"}
    sync()
    source.name, source.files = "r3", {"one.py": "x = 3\n"}
    assert sync() == dags.State("r3")


def test_what_is_held_back_stays_known_while_its_source_is_away(sync, source, local):
    source.files = {"one.py": "if x\n"}
    sync()
    source.error = "away"
    with pytest.raises(HostError):
        sync()
    assert dags.read_state(local).problem == "revision r1 is held back: one.py:1: expected ':'. away"


def test_another_check_looks_again(sync, source):
    source.files = {"one.py": "if x\n"}
    assert sync().held_back.check == "syntax"
    assert sync(check="nothing") == dags.State("r1")


def test_imports_are_checked_with_the_switch_only(sync, source, monkeypatch):
    asked = []
    monkeypatch.setattr(dag_check, "import_errors", lambda *given: asked.append(given) or ["one.py: no such module"])
    assert sync() == dags.State("r1")
    source.name = "r2"
    assert sync(check="imports", check_seconds=7).problem == "revision r2 is held back: one.py: no such module"
    assert [seconds for _, seconds, _ in asked] == [7]


def test_the_images_dag_joins_where_it_is_wanted_and_missing(sync, source, local):
    sync(own_dags=True)
    assert (local / "current/verify.py").read_text() == "x = 'of the image'\n"
    source.name, source.files = "r2", {"verify.py": "x = 'own'\n"}
    sync(own_dags=True)
    assert (local / "current/verify.py").read_text() == "x = 'own'\n"
    source.name = "r3"
    source.files = {}
    sync()
    assert not (local / "current/verify.py").exists()


def test_in_shared_mode_nothing_is_copied(tmp_path, archive):
    shared, local = tmp_path / "shared", tmp_path / "local"
    dags.publish(archive(one="x = 1\n"), shared, "r1", Keep(5))
    stack = Dags(Shared(str(shared)), poll_seconds=15, keep_releases=5)
    assert dags.sync(stack, SharedStorage(shared, None), local, tmp_path) == dags.State("r1")
    assert list((local / "current/").iterdir()) == []


def test_what_is_published_arrives(tmp_path, archive):
    shared, local = tmp_path / "shared", tmp_path / "local"
    assert dags.publish(archive(one="x = 1\n"), shared, "r1", Keep(5))
    stack = Dags(Efs(str(shared)), poll_seconds=15, keep_releases=5)
    assert dags.sync(stack, SharedStorage(shared, None), local, tmp_path) == dags.State("r1")
    assert (local / "current/folder/one.py").read_text() == "x = 1\n"
    # The shared storage is lost: what is here stays.
    shutil.rmtree(shared)
    assert dags.sync(stack, SharedStorage(shared, None), local, tmp_path) == dags.State("r1")


def test_publishing_a_second_time_or_with_check_changes_nothing(tmp_path, archive):
    assert dags.publish(archive(one="x = 1\n"), tmp_path / "shared", "r1", Keep(5), check=True)
    assert not (tmp_path / "shared").exists()
    dags.publish(archive(one="x = 1\n"), tmp_path / "shared", "r1", Keep(5))
    assert not dags.publish(archive(one="x = 1\n"), tmp_path / "shared", "r1", Keep(5))


def test_a_file_that_does_not_compile_is_not_published(tmp_path, archive):
    dags.publish(archive(good="x = 1\n"), tmp_path / "shared", "r1", Keep(5))
    with pytest.raises(HostError, match=r"folder/bad\.py:2: "):
        dags.publish(archive(good="x = 2\n", bad="x = 1\nif x\n"), tmp_path / "shared", "r2", Keep(5))
    assert releases.current(tmp_path / "shared") == "r1"


@pytest.mark.parametrize(
    "member",
    [{"name": "../out.py"}, {"name": "/out.py"}, {"name": "link.py", "type": tarfile.SYMTYPE, "linkname": "x"}],
)
def test_an_archive_that_reaches_out_of_its_folder_is_refused(tmp_path, member):
    info = tarfile.TarInfo()
    for key, value in member.items():
        setattr(info, key, value)
    with tarfile.open(tmp_path / "bad.tar", "w") as tar:
        tar.addfile(info)
    with pytest.raises(HostError, match="not a plain file"):
        dags.publish(tmp_path / "bad.tar", tmp_path / "shared", "r1", Keep(5))
    assert releases.current(tmp_path / "shared") is None and not (tmp_path / "out.py").exists()


class Unit:
    """Stands for systemd: runs what the test says in place of the unit."""

    def __init__(self, sync):
        self.sync, self.commands = sync, []

    def __call__(self, command):
        self.commands.append(command)
        try:
            self.sync()
        except HostError as error:
            raise subprocess.CalledProcessError(1, command) from error
        return ""


def test_a_refresh_tells_what_came_of_it(sync, source, local):
    unit = Unit(sync)
    told = {"changed": True, "problem": "", "revision": "r1", "held_back": None, "error": ""}
    assert dags.refresh(local, unit) == told
    assert dags.refresh(local, unit)["changed"] is False
    assert unit.commands == [["systemctl", "restart", "airflow-dags.service"]] * 2


def test_a_refresh_looks_again_at_what_is_held_back(sync, source, local):
    source.files = {"one.py": "if x\n"}
    sync()
    told = dags.refresh(local, Unit(sync))
    assert told["held_back"] == {"revision": "r1", "check": "syntax", "problems": ["one.py:1: expected ':'"]}
    assert told["problem"] == "revision r1 is held back: one.py:1: expected ':'"
    assert source.filled == ["r1", "r1"]
    source.files = {"one.py": "x = 1\n"}
    assert dags.refresh(local, Unit(sync))["held_back"] is None


def test_a_refresh_that_fails_says_why(sync, source, local):
    source.error = "does not answer"
    with pytest.raises(HostError, match="does not answer"):
        dags.refresh(local, Unit(sync))
    with pytest.raises(HostError, match="its journal says why"):
        dags.refresh(local, Unit(lambda: None))


def test_a_state_that_cannot_be_read_is_none(local):
    local.mkdir()
    for text in ("", "[]", "{}", json.dumps({"revision": "r1", "held_back": {"x": 1}, "error": ""})):
        (local / "state.json").write_text(text)
        assert dags.read_state(local) == dags.State()
