import importlib.util
import tarfile
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "roles/dag_delivery/files/dag_release.py"
specification = importlib.util.spec_from_file_location("dag_release", SCRIPT)
dag_release = importlib.util.module_from_spec(specification)
specification.loader.exec_module(dag_release)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "dags/team").mkdir(parents=True)
    (tmp_path / "dags/team/one.py").write_text("x = 1\n")
    (tmp_path / "dags/query.sql").write_text("SELECT 1\n")
    return tmp_path / "dags"


def revision(*folders):
    return dag_release.revision(dag_release.merged(folders))


def test_the_revision_depends_on_names_and_contents_only(folder):
    before = revision(folder)
    (folder / "query.sql").touch()
    (folder / "query.sql").chmod(0o600)
    assert revision(folder) == before
    (folder / "query.sql").write_text("SELECT 2\n")
    assert revision(folder) != before


def test_a_renamed_file_is_another_revision(folder):
    before = revision(folder)
    (folder / "query.sql").rename(folder / "other.sql")
    assert revision(folder) != before


def test_caches_do_not_count(folder):
    before = revision(folder)
    for name in ("__pycache__/one.pyc", ".git/HEAD"):
        (folder / name).parent.mkdir()
        (folder / name).write_text("noise")
    assert revision(folder) == before


def test_an_archive_holds_every_file_readable_by_all(folder, tmp_path):
    (folder / "query.sql").chmod(0o600)
    dag_release.archive(dag_release.merged([folder]), tmp_path / "release.tar")
    with tarfile.open(tmp_path / "release.tar") as tar:
        members = {member.name: (member.mode, member.uid) for member in tar}
    assert members == {"query.sql": (0o644, 0), "team/one.py": (0o644, 0)}


def test_a_folder_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(SystemExit, match="nowhere"):
        dag_release.merged([tmp_path / "nowhere"])
