"""The guard gives Packer the chance to tidy up, whatever ends the playbook, and lets no two bakes run at once."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

GUARD = Path(__file__).parents[4] / "roles/image/files/guard.py"
# Tidies up for a moment when it is told to end, as Packer does; what it did stands in the log.
PACKER = """
import os, signal, sys, time
def tidy(*_):
    print("tidying up", flush=True)
    time.sleep(0.7)
    print("tidied up", flush=True)
    sys.exit(1)
signal.signal(signal.SIGTERM, tidy)
print("started with", os.environ.get("SECRET"), flush=True)
time.sleep(60)
"""


@pytest.fixture
def playbook():
    """A process that stands for ansible-playbook; it heeds SIGINT though a shell may have pytest in the background."""
    process = subprocess.Popen(["env", "--default-signal=INT", "sleep", "60"])
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def started(tmp_path, playbook):
    """A guard whose command has started."""
    processes = []

    def start(seconds: float = 60, code: str = PACKER) -> subprocess.Popen:
        arguments = [tmp_path / "lock", tmp_path / "log", playbook.pid, seconds, "--", sys.executable, "-c", code]
        command = [sys.executable, str(GUARD), *map(str, arguments)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        processes.append(process)
        assert process.stdin
        process.stdin.write(json.dumps({"SECRET": "s3cret"}))
        process.stdin.close()
        until(lambda: "started" in log(tmp_path) or process.poll() is not None)
        return process

    yield start
    for process in processes:
        process.terminate()
        process.wait(10)
        assert process.stderr
        process.stderr.close()


def log(folder: Path) -> str:
    path = folder / "log"
    return path.read_text() if path.exists() else ""


def until(condition, seconds: float = 10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def probe(folder: Path) -> int:
    done = subprocess.run([sys.executable, GUARD, folder / "lock"], capture_output=True, check=False)
    return done.returncode


@pytest.mark.parametrize("status", [0, 3])
def test_the_status_is_that_of_the_command(started, status):
    assert started(code=f"print('started'); raise SystemExit({status})").wait(10) == status


def test_the_environment_comes_by_standard_input_and_in_no_command_line(started, tmp_path):
    process = started()
    assert "started with s3cret" in log(tmp_path)
    assert b"s3cret" not in Path(f"/proc/{process.pid}/cmdline").read_bytes()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_the_command_tidies_up_when_the_playbook_ends(started, tmp_path, playbook, number):
    process = started()
    playbook.send_signal(number)
    assert process.wait(10) == 1
    assert f"process {playbook.pid}, the playbook, is gone" in log(tmp_path)
    assert log(tmp_path).count("tidying up") == 1 and log(tmp_path).endswith("tidied up\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_the_command_tidies_up_when_the_guard_is_asked_to_end(started, tmp_path, number):
    process = started()
    process.send_signal(number)
    assert process.wait(10) == 1
    assert log(tmp_path).endswith("tidied up\n")


def test_the_command_tidies_up_when_its_time_is_over(started, tmp_path):
    assert started(seconds=1).wait(10) == 1
    assert "1 seconds are over" in log(tmp_path) and log(tmp_path).endswith("tidied up\n")


def test_no_second_bake_runs_besides(started, tmp_path):
    assert probe(tmp_path) == 0
    first = started()
    assert probe(tmp_path) == 75
    before = log(tmp_path)
    assert started().wait(10) == 75
    assert log(tmp_path) == before
    first.terminate()
    first.wait(10)
    assert probe(tmp_path) == 0


def test_a_bake_counts_even_if_its_guard_is_killed(started, tmp_path):
    process = started(code=f"import os\nprint('pid', os.getpid(), flush=True)\n{PACKER}")
    packer = int(log(tmp_path).split()[1])
    process.kill()
    process.wait(10)
    assert probe(tmp_path) == 75
    os.kill(packer, signal.SIGTERM)
    until(lambda: probe(tmp_path) == 0)
