"""The program that puts the host program in its place, run here as the role runs it: from standard input."""

import json
import subprocess
import sys
from pathlib import Path

ROLES = Path(__file__).parents[2] / "roles"
SYNC = ROLES / "airflow_install/files/sync_modules.py"


def run(script: Path, given: object, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", script.read_text(), *map(str, arguments)]
    return subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, check=False)


def test_modules_are_written_replaced_and_removed(tmp_path):
    (tmp_path / "same.py").write_text("same\n")
    (tmp_path / "old.py").write_text("old\n")
    (tmp_path / "stale.py").write_text("stale\n")
    wanted = {"same.py": "same\n", "old.py": "new\n", "new.py": "new\n"}

    planned = run(SYNC, wanted, tmp_path, "--check")
    assert json.loads(planned.stdout) == ["new.py", "old.py", "stale.py"]
    assert (tmp_path / "old.py").read_text() == "old\n"

    assert run(SYNC, wanted, tmp_path).stdout == planned.stdout
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == wanted
    assert json.loads(run(SYNC, wanted, tmp_path).stdout) == []
