import os
import time

import pytest
from airflow_host import releases
from airflow_host.errors import HostError
from airflow_host.releases import Keep


def fill(text):
    def write(folder):
        (folder / "sub").mkdir()
        (folder / "sub/one.py").write_text(text)

    return write


def names(directory):
    return sorted(path.name for path in (directory / "releases").iterdir())


def test_a_release_is_what_it_is_filled_with(tmp_path):
    assert releases.release(tmp_path, "r1", Keep(5), fill("x = 1\n"))
    assert (tmp_path / "current/sub/one.py").read_text() == "x = 1\n"
    assert releases.current(tmp_path) == "r1"


def test_a_second_time_changes_nothing(tmp_path):
    releases.release(tmp_path, "r1", Keep(5), fill("x = 1\n"))
    assert not releases.release(tmp_path, "r1", Keep(5), fill("x = 2\n"))
    assert not releases.ensure_current(tmp_path)
    assert (tmp_path / "current/sub/one.py").read_text() == "x = 1\n"


def test_an_empty_release_is_there_before_the_first(tmp_path):
    assert releases.ensure_current(tmp_path)
    assert releases.current(tmp_path) == releases.EMPTY
    assert list((tmp_path / "current/").iterdir()) == []


def test_old_releases_go_in_the_order_in_which_they_were_current(tmp_path):
    for revision in ("r1", "r2", "r3", "r1", "r4"):
        releases.release(tmp_path, revision, Keep(3), fill(""))
        time.sleep(0.01)
    assert names(tmp_path) == ["r1", "r3", "r4"]


def test_a_release_that_a_running_task_may_read_stays(tmp_path):
    for revision in ("r1", "r2", "r3", "r4"):
        releases.release(tmp_path, revision, Keep(2, seconds=3600), fill(""))
    assert names(tmp_path) == ["r1", "r2", "r3", "r4"]
    for revision in ("r1", "r3"):
        os.utime(tmp_path / "releases" / revision, (0, time.time() - 3601))
    releases.release(tmp_path, "r5", Keep(2, seconds=3600), fill(""))
    assert names(tmp_path) == ["r2", "r4", "r5"]


def test_what_was_released_long_ago_stays_for_a_while_after_it_was_current(tmp_path):
    releases.release(tmp_path, "r1", Keep(1, seconds=60), fill(""))
    os.utime(tmp_path / "releases/r1", (0, 0))
    releases.release(tmp_path, "r2", Keep(1, seconds=60), fill(""))
    assert names(tmp_path) == ["r1", "r2"]


def test_going_back_to_a_kept_release_is_a_flip(tmp_path):
    for revision in ("r1", "r2"):
        releases.release(tmp_path, revision, Keep(2), fill(revision))
    assert releases.release(tmp_path, "r1", Keep(2), fill("something else"))
    assert (tmp_path / "current/sub/one.py").read_text() == "r1"
    assert names(tmp_path) == ["r1", "r2"]


def test_what_an_interrupted_run_left_does_no_harm_and_goes(tmp_path):
    for revision in ("r1", "r9"):
        (tmp_path / f"releases/.{revision}.new/half").mkdir(parents=True)
    releases.release(tmp_path, "r1", Keep(5, seconds=3600), fill(""))
    assert names(tmp_path) == ["r1"]
    assert not (tmp_path / "current/half").exists()


@pytest.mark.parametrize("fails", ["fill", "check"])
def test_a_release_that_fails_leaves_nothing_behind(tmp_path, fails):
    def fail(folder):
        (folder / "big").write_text("x")
        raise HostError("No space left on device")

    releases.release(tmp_path, "r1", Keep(5), fill(""))
    with pytest.raises(HostError, match="No space"):
        releases.release(tmp_path, "r2", Keep(5), **{"fill": fill(""), fails: fail})
    assert releases.current(tmp_path) == "r1"
    assert names(tmp_path) == ["r1"]


def test_every_service_can_read_a_release_and_none_can_change_it(tmp_path):
    def write(folder):
        fill("")(folder)
        (folder / "sub").chmod(0o700)
        (folder / "sub/one.py").chmod(0o666)
        (folder / "run.sh").write_text("")
        (folder / "run.sh").chmod(0o700)
        (folder / "link").symlink_to("/nowhere")

    releases.release(tmp_path, "r1", Keep(5), write)
    modes = {name: (tmp_path / "current" / name).stat().st_mode & 0o777 for name in ("", "sub", "sub/one.py", "run.sh")}
    assert modes == {"": 0o755, "sub": 0o755, "sub/one.py": 0o644, "run.sh": 0o755}


@pytest.mark.parametrize("target", ["../../etc", "releases/..", "/etc"])
def test_a_link_to_somewhere_else_is_refused(tmp_path, target):
    (tmp_path / "current").symlink_to(target)
    with pytest.raises(HostError):
        releases.current(tmp_path)


@pytest.mark.parametrize("revision", ["", "..", "a/b", ".hidden"])
def test_a_revision_must_be_a_plain_name(tmp_path, revision):
    with pytest.raises(HostError):
        releases.release(tmp_path, revision, Keep(5), fill(""))
