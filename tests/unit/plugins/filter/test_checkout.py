"""An image says which commit baked it, or which version."""

import json
import subprocess

import pytest
from ansible_collections.graviflow.airflow.plugins.filter.checkout import checkout


@pytest.fixture
def repository(tmp_path, monkeypatch):
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "x")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "x@example.org")
    folder = tmp_path / "collection"
    folder.mkdir()
    (folder / "galaxy.yml").write_text("version: 1.2.3\n")
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "x"], ["tag", "v1"]):
        subprocess.run(["git", "-C", folder, *command], check=True)
    return folder


def head(folder) -> str:
    done = subprocess.run(["git", "-C", folder, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_it_is_the_whole_commit_whatever_its_tag(repository):
    assert checkout(str(repository)) == head(repository)
    assert len(checkout(str(repository))) == 40


def test_a_change_is_told(repository):
    (repository / "galaxy.yml").write_text("version: 1.2.4\n")
    assert checkout(str(repository)) == f"{head(repository)}-dirty"


def test_somebody_elses_checkout_is_not_ours(repository):
    inner = repository / "collections/graviflow/airflow"
    inner.mkdir(parents=True)
    (inner / "MANIFEST.json").write_text(json.dumps({"collection_info": {"version": "0.1.0"}}))
    assert checkout(str(inner)) == "0.1.0"


def test_without_git_it_is_the_version(tmp_path, monkeypatch):
    (tmp_path / "galaxy.yml").write_text("version: 1.2.3\n")
    monkeypatch.setenv("PATH", "")
    assert checkout(str(tmp_path)) == "1.2.3"


def test_where_nothing_is_known_that_is_said(tmp_path):
    assert checkout(str(tmp_path)) == "unknown"
