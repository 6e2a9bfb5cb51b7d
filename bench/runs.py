"""What the measurements share: timed runs of playbooks, and the local region's own account of API calls."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENDPOINT = f"http://127.0.0.1:{os.environ.get('LOCAL_REGION_PORT', '5590')}"


def control(path: str, method: str = "GET", body: object = None) -> dict:
    """Asks the local region's control API."""
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(f"{ENDPOINT}/_region/{path}", data, method=method)) as answer:
        return json.load(answer)


def seconds(
    playbook: Path, *arguments: str, unchanged: bool = True, environment: dict[str, str] | None = None
) -> float:
    """Wall seconds of one run; a run that fails, or changes what it should not, measures nothing."""
    start = time.monotonic()
    done = subprocess.run(
        ["ansible-playbook", str(playbook), *arguments],
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    took = time.monotonic() - start
    if done.returncode or (unchanged and any(f"changed={n}" in done.stdout for n in range(1, 10))):
        sys.exit(f"{playbook.name} failed or changed something:\n{done.stdout[-3000:]}{done.stderr[-1000:]}")
    return took


def show_calls(counted: dict[str, int]) -> None:
    """Prints API calls by action, the most frequent first."""
    for action, count in sorted(counted.items(), key=lambda row: (-row[1], row[0])):
        print(f"    {count:4d}  {action}")
