"""Two homes on one machine: a region's name is one home's alone."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_region import lifecycle
from local_region.lifecycle import Place, Taken

NAME = "graviflow-unit-lifecycle"


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that looks like the daemon of a region from tmp_path/one."""
    waits = [sys.executable, "-c", "print(flush=True); input()"]
    command = [*waits, "local_region", "serve", "--name", NAME, "--port", "1", "--home", str(tmp_path / "one")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.communicate(b"\n")


@pytest.mark.parametrize("act", [lifecycle.up, lifecycle.down, lifecycle.clean])
def test_a_name_of_another_home_is_refused(act, daemon, tmp_path):
    with pytest.raises(Taken, match=rf"served by process {daemon.pid} from {tmp_path}/one"):
        act(Place(NAME, 2, tmp_path / "two"))
    assert daemon.poll() is None


def test_the_own_home_and_other_names_are_not(daemon, tmp_path):
    lifecycle.refuse_taken(Place(NAME, 1, tmp_path / "one"))
    lifecycle.refuse_taken(Place(f"{NAME}-2", 1, tmp_path / "two"))
    assert lifecycle.is_daemon(Place(NAME, 1, tmp_path / "one"), daemon.pid)
    assert not lifecycle.is_daemon(Place(NAME, 1, tmp_path / "two"), daemon.pid)
