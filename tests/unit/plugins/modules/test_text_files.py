import grp
import json
import os
import pwd
from pathlib import Path

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.graviflow.airflow.plugins.modules import text_files


@pytest.fixture
def run(tmp_path, capsys):
    """Give a function that runs the module below a folder, and returns what it says."""

    def call(texts, check=False, only=(), mode="0644"):
        arguments = {
            "texts": {str(tmp_path / name): text for name, text in texts.items()},
            "only": [str(tmp_path / pattern) for pattern in only],
            "mode": mode,
            "owner": pwd.getpwuid(os.getuid()).pw_name,
            "group": grp.getgrgid(os.getgid()).gr_name,
            "_ansible_check_mode": check,
            "_ansible_tmpdir": str(tmp_path),
        }
        with patch_module_args(arguments), pytest.raises(SystemExit):
            text_files.main()
        said = json.loads(capsys.readouterr().out)
        return said["changed"], [Path(path).name for path in said["paths"]], said["diff"]

    return call


def test_files_are_written_replaced_and_removed(tmp_path, run):
    (tmp_path / "same.py").write_text("same\n")
    (tmp_path / "old.py").write_text("old\n")
    (tmp_path / "stale.py").write_text("stale\n")
    (tmp_path / "other.txt").write_text("other\n")
    wanted = {"same.py": "same\n", "old.py": "new\n", "new.py": "new\n"}

    planned = run(wanted, check=True, only=["*.py"])
    assert planned[:2] == (True, ["new.py", "old.py", "stale.py"])
    assert [(each["before"], each["after"]) for each in planned[2]] == [
        ("old\n", "new\n"),
        ("", "new\n"),
        ("stale\n", ""),
    ]
    assert (tmp_path / "old.py").read_text() == "old\n"

    assert run(wanted, only=["*.py"])[:2] == planned[:2]
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {**wanted, "other.txt": "other\n"}
    assert run(wanted, only=["*.py"]) == (False, [], [])


def test_a_mode_that_differs_is_a_change(tmp_path, run):
    run({"a": "text"})
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o644
    assert run({"a": "text"}, check=True, mode="0600")[:2] == (True, ["a"])
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o644
    assert run({"a": "text"}, mode="0600")[:2] == (True, ["a"])
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600
    assert run({"a": "text"}, mode="0600") == (False, [], [])
