"""Commands on a machine of the local region, as its default user."""

import subprocess
from pathlib import Path

OPTIONS = [
    f"-o{option}"
    for option in ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "BatchMode=yes")
]


def run(
    key: Path, address: str, command: str, connect: int = 10, patience: float | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs a command; connect: seconds to wait for the machine, patience: seconds until it is ended with code 124."""
    words = ["ssh", *OPTIONS, f"-oConnectTimeout={connect}", "-i", str(key), f"admin@{address}", command]
    if patience:
        words = ["timeout", str(patience), *words]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def output(key: Path, address: str, command: str, **options: float) -> str:
    """Runs a command that must succeed, and returns what it prints."""
    done = run(key, address, command, **options)
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout.strip()
