"""Runs Packer for as long as the playbook that asked for it lives, and no two bakes at once.

guard.py LOCK                              waits for nobody: fails with status 75 if a bake runs
guard.py LOCK LOG PLAYBOOK SECONDS -- ...  runs a command; its environment comes as JSON on standard input

When the process PLAYBOOK ends, or SECONDS are over, or this program is asked to end, the command gets SIGTERM, upon
which Packer removes what it made. It does so in its own time: a second signal would keep it from that.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

BUSY, TIMED_OUT = 75, 124  # as sysexits.h and timeout(1) have them
EVERY = 0.5  # seconds


def take(lock: Path) -> int | None:
    """Return a descriptor that holds the lock, None if another process does."""
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def alive(process: int) -> bool:
    """Tell whether a process is there; one that has ended and was not waited for is not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def run(command: list[str], environment: dict[str, str], log: Path, lock: int, playbook: int, seconds: float) -> int:
    """Run the command until it ends or must end, and return its status."""
    end, reason = time.monotonic() + seconds, []
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _: reason.append(signal.Signals(received).name))
    with log.open("ab") as output:
        # The command and what it starts hold the lock with it, even if this program is killed.
        given = {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": output, "pass_fds": [lock]}
        process = subprocess.Popen(command, env=os.environ | environment, start_new_session=True, **given)
        told = False
        while process.poll() is None:
            if not alive(playbook):
                reason.append(f"process {playbook}, the playbook, is gone")
            elif time.monotonic() >= end:
                reason.append(f"{seconds:.0f} seconds are over")
            if reason and not told:
                told = True
                output.write(f"\nEnded by guard.py: {reason[0]}\n".encode())
                output.flush()
                process.send_signal(signal.SIGTERM)
            time.sleep(EVERY)
    return TIMED_OUT if told and not process.returncode else process.returncode


def main(arguments: list[str]) -> int:
    """Take the lock and run what is asked for."""
    path, *rest = arguments
    lock = take(Path(path))
    if lock is None:
        print(f"{path} is held: a bake runs", file=sys.stderr)
        return BUSY
    if not rest:
        return 0
    log, playbook, seconds, _, *command = rest
    Path(log).write_bytes(b"")
    return run(command, json.load(sys.stdin), Path(log), lock, int(playbook), float(seconds))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
