"""The few words with systemd that a host needs."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable, Sequence

Run = Callable[[Sequence[str]], str]


def run(command: Sequence[str]) -> str:
    """Run a command and return what it printed; raises CalledProcessError."""
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def properties(units: Iterable[str], names: Iterable[str], run: Run = run) -> dict[str, dict[str, str]]:
    """Return the asked properties of each unit."""
    output = run(["systemctl", "show", f"--property=Id,{','.join(names)}", *units])
    blocks = [
        dict(line.split("=", 1) for line in block.splitlines()) for block in output.split("\n\n") if block.strip()
    ]
    return {block["Id"]: block for block in blocks}


def is_idle(state: dict[str, str]) -> bool:
    """Tell whether a unit neither runs nor is about to."""
    return state["ActiveState"] in ("inactive", "failed") and not int(state.get("Job") or 0)
