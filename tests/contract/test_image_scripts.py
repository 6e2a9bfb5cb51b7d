"""The two programs that the image's roles run on the host, run here as the roles run them: from standard input."""

import io
import json
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

ROLES = Path(__file__).parents[2] / "roles"
SEAL = ROLES / "image_seal/files/seal.py"
SYNC = ROLES / "airflow_install/files/sync_modules.py"


def run(script: Path, given: object, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", script.read_text(), *map(str, arguments)]
    return subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, check=False)


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    for name in ("ssh/host_key", "log/deep/er/a.log", "log/.hidden.log", "seed/data", "state/data", "id"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("content")
    return tmp_path


def rules(root: Path) -> list[dict]:
    return [
        {"path": f"{root}/ssh/host_*", "rule": "absent", "why": "shared"},
        {"path": f"{root}/log/**/*.log", "rule": "absent", "why": "trace"},
        {"path": f"{root}/s[et]*", "rule": "absent", "keep": [f"{root}/seed"], "why": "state"},
        {"path": f"{root}/id", "rule": "empty", "why": "identity"},
        {"path": f"{root}/not-there", "rule": "absent", "why": "nothing"},
    ]


def test_sealing_makes_the_rules_true_and_says_what_it_did(machine):
    result = run(SEAL, rules(machine))
    assert result.returncode == 0
    assert sorted(str(path.relative_to(machine)) for path in machine.rglob("*") if path.is_file()) == [
        "id",
        "seed/data",
    ]
    assert (machine / "id").read_text() == ""
    assert len(result.stdout.splitlines()) == 5


def test_a_sealed_machine_is_left_alone(machine):
    run(SEAL, rules(machine))
    assert run(SEAL, rules(machine)).stdout == ""


def test_checking_says_the_same_and_changes_nothing(machine):
    planned = run(SEAL, rules(machine), "--check")
    assert (machine / "ssh/host_key").exists() and (machine / "id").read_text() == "content"
    assert planned.stdout == run(SEAL, rules(machine)).stdout


def test_a_rule_that_stays_untrue_fails_with_its_reason(machine, monkeypatch, capsys):
    seal = runpy.run_path(str(SEAL))
    # As on a file system that does not do what it is asked.
    monkeypatch.setitem(seal["main"].__globals__, "enforce", lambda rule, path: None)
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(rules(machine))))
    monkeypatch.setattr(sys, "argv", ["seal.py"])
    assert seal["main"]() == 1
    assert f"{machine}/ssh/host_key must be absent. shared." in capsys.readouterr().err


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
