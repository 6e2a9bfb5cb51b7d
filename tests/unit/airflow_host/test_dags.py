import os
import tarfile

import pytest
from airflow_host import dags
from airflow_host.errors import HostError


@pytest.fixture
def source(tmp_path):
    return tmp_path / "source"


@pytest.fixture
def local(tmp_path):
    return tmp_path / "local"


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


def releases(directory):
    return sorted(path.name for path in (directory / "releases").iterdir())


def test_what_is_published_arrives(source, local, archive):
    assert dags.ensure_current(local)
    assert dags.publish(archive(one="x = 1\n"), source, "r1", keep=5)
    assert dags.sync(source, local, keep=5)
    assert (local / "current/folder/one.py").read_text() == "x = 1\n"
    assert dags.current(local) == "r1"


def test_a_second_time_changes_nothing(source, local, archive):
    path = archive(one="x = 1\n")
    dags.publish(path, source, "r1", keep=5)
    dags.sync(source, local, keep=5)
    assert not dags.publish(path, source, "r1", keep=5)
    assert not dags.sync(source, local, keep=5)
    assert not dags.ensure_current(local)


def test_check_changes_nothing(source, local, archive):
    assert dags.publish(archive(one="x = 1\n"), source, "r1", keep=5, check=True)
    assert not source.exists()
    dags.publish(archive(one="x = 1\n"), source, "r1", keep=5)
    assert dags.sync(source, local, keep=5, check=True)
    assert not local.exists()


def test_a_file_that_does_not_compile_is_named_and_nothing_changes(source, archive):
    dags.publish(archive(good="x = 1\n"), source, "r1", keep=5)
    with pytest.raises(HostError, match=r"folder/bad\.py:2: "):
        dags.publish(archive(good="x = 2\n", bad="x = 1\nif x\n"), source, "r2", keep=5)
    assert dags.current(source) == "r1"
    assert releases(source) == ["r1"]


@pytest.mark.parametrize(
    "member",
    [{"name": "../out.py"}, {"name": "/out.py"}, {"name": "link.py", "type": tarfile.SYMTYPE, "linkname": "x"}],
)
def test_an_archive_that_reaches_out_of_its_folder_is_refused(source, tmp_path, member):
    info = tarfile.TarInfo()
    for key, value in member.items():
        setattr(info, key, value)
    with tarfile.open(tmp_path / "bad.tar", "w") as tar:
        tar.addfile(info)
    with pytest.raises(HostError, match="not a plain file"):
        dags.publish(tmp_path / "bad.tar", source, "r1", keep=5)
    assert dags.current(source) is None and not (tmp_path / "out.py").exists()


def test_old_releases_go_and_the_current_one_stays(source, archive):
    for number in range(5):
        dags.publish(archive(one=f"x = {number}\n"), source, f"r{number}", keep=2)
        os.utime(source / "releases" / f"r{number}", (number, number))
    assert releases(source) == ["r3", "r4"]


def test_going_back_to_a_kept_release_is_a_flip(source, archive):
    dags.publish(archive(one="x = 1\n"), source, "r1", keep=2)
    dags.publish(archive(one="x = 2\n"), source, "r2", keep=2)
    assert dags.publish(archive(one="x = 1\n"), source, "r1", keep=2)
    assert dags.current(source) == "r1"
    assert releases(source) == ["r1", "r2"]


def test_what_an_interrupted_copy_left_does_no_harm(source, local, archive):
    dags.publish(archive(one="x = 1\n"), source, "r1", keep=5)
    (local / "releases/.r1.new/half").mkdir(parents=True)
    dags.sync(source, local, keep=5)
    assert releases(local) == ["r1"]
    assert not (local / "current/half").exists()


def test_a_source_without_a_release_leaves_the_host_alone(source, local):
    dags.ensure_current(local)
    assert not dags.sync(source, local, keep=5)
    assert dags.current(local) == dags.EMPTY


@pytest.mark.parametrize("target", ["../../etc", "releases/..", "/etc"])
def test_a_link_to_somewhere_else_is_refused(source, target):
    source.mkdir()
    (source / "current").symlink_to(target)
    with pytest.raises(HostError):
        dags.current(source)


@pytest.mark.parametrize("revision", ["", "..", "a/b", ".hidden"])
def test_a_revision_must_be_a_plain_name(source, archive, revision):
    with pytest.raises(HostError):
        dags.publish(archive(one=""), source, revision, keep=5)
