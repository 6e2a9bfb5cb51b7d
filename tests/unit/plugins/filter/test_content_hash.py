"""The hash counts what matters to an image or a release, and nothing else."""

import os
import shutil
from pathlib import Path

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.graviflow.airflow.plugins.filter.content_hash import content_hash


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "role/tasks").mkdir(parents=True)
    (root / "role/tasks/main.yml").write_text("one\n")
    (root / "role/lock").write_text("two\n")
    (root / "play.yml").write_text("three\n")
    return root


def digest(root: Path, *paths: str, **options) -> str:
    return content_hash(paths or ["role", "play.yml"], root=str(root), **options)


def test_it_is_a_sha256_that_does_not_change_between_runs(tree):
    assert digest(tree) == digest(tree)
    assert len(bytes.fromhex(digest(tree))) == 32


def test_a_copy_elsewhere_has_the_same_hash(tree, tmp_path):
    copy = shutil.copytree(tree, tmp_path / "elsewhere")
    os.utime(copy / "play.yml", (0, 0))
    assert digest(copy) == digest(tree)


def test_order_and_overlap_of_the_input_do_not_matter(tree):
    assert digest(tree, "play.yml", "role") == digest(tree, "role", "role/lock", "play.yml")


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "play.yml").write_text("changed\n"),
        lambda root: (root / "play.yml").chmod(0o755),
        lambda root: (root / "role/lock").rename(root / "role/key"),
        lambda root: (root / "role/new").touch(),
        lambda root: (root / "role/lock").unlink(),
    ],
    ids=["content", "executable", "name", "added", "removed"],
)
def test_what_matters_changes_the_hash(tree, change):
    before = digest(tree)
    change(tree)
    assert digest(tree) != before


def test_content_that_moves_between_files_changes_the_hash(tree):
    before = digest(tree)
    (tree / "role/tasks/main.yml").write_text("two\n")
    (tree / "role/lock").write_text("one\n")
    assert digest(tree) != before


@pytest.mark.parametrize("name", ["role/__pycache__/a.cpython-313.pyc", "role/a.pyc", "role/.a.swp", ".git"])
def test_what_tools_leave_behind_does_not_count(tree, name):
    before = digest(tree, ".")
    (tree / name).parent.mkdir(exist_ok=True)
    (tree / name).write_text("noise")
    assert digest(tree, ".") == before


def test_excluded_files_do_not_count(tree):
    assert digest(tree, "role", exclude=["role/lock"]) == digest(tree, "role/tasks")


def test_values_count_whatever_the_order_of_their_keys(tree):
    assert digest(tree, values={"a": 1, "b": 2}) == digest(tree, values={"b": 2, "a": 1})
    assert digest(tree, values={"a": 1}) != digest(tree, values={"a": 2}) != digest(tree)


def test_a_missing_path_is_an_error_that_names_it(tree):
    with pytest.raises(AnsibleFilterError, match="absent does not exist"):
        digest(tree, "absent")
