"""Commands of the checkout as a user gives them: run, shown as they go, and kept."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Finished:
    """A command that has ended: its exit code and what it printed."""

    returncode: int
    output: str

    @property
    def changed(self) -> dict[str, int]:
        """Host -> number of changed tasks, from Ansible's recap."""
        return {m[1]: int(m[2]) for m in re.finditer(r"^(\S+)\s+: ok=\d+\s+changed=(\d+)", self.output, re.M)}

    @property
    def tail(self) -> str:
        """What is worth reading of a failure."""
        return self.output[-4000:]


def run(command: list[str], environment: Mapping[str, str], stdin: str | None = None) -> Finished:
    """Runs a command from the checkout's root; its output is shown as it comes, and kept."""
    lines = []
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_FORCE_COLOR": "0", **environment},
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        assert process.stdin and process.stdout
        if stdin is not None:
            process.stdin.write(stdin)
        process.stdin.close()
        for line in process.stdout:
            sys.stderr.write(line)
            lines.append(line)
    return Finished(process.returncode, "".join(lines))
