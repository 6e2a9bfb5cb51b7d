"""No-change runs on the stack that `make up` made, against their floor, in one run.

The floor of `configure.yml` is what Ansible itself costs on the same hosts: gathering facts, and one ping. Machines are
noisy, so each is run three times, interleaved, and the best of each counts; the ratio says something, not the seconds.
"""

import json
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENDPOINT = f"http://127.0.0.1:{os.environ.get('LOCAL_REGION_PORT', '5590')}"
ROUNDS = 3

RUNS = {
    "facts": ROOT / "bench/floor/facts.yml",
    "ping": ROOT / "bench/floor/ping.yml",
    "configure.yml": ROOT / "playbooks/configure.yml",
}


def calls(method: str = "GET") -> dict[str, int]:
    """API calls per action since the last reset (DELETE)."""
    with urllib.request.urlopen(urllib.request.Request(f"{ENDPOINT}/_region/calls", method=method)) as answer:
        return json.load(answer)


def seconds(playbook: Path) -> float:
    """Wall seconds of one run; a run that fails or changes anything measures nothing."""
    start = time.monotonic()
    command = ["ansible-playbook", str(playbook)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    took = time.monotonic() - start
    if done.returncode or any(f"changed={n}" in done.stdout for n in range(1, 10)):
        sys.exit(f"{playbook.name} failed or changed something:\n{done.stdout[-3000:]}{done.stderr[-1000:]}")
    return took


def main() -> None:
    """Prints the table."""
    best = dict.fromkeys(RUNS, float("inf"))
    for _ in range(ROUNDS):
        for name, playbook in RUNS.items():
            best[name] = min(best[name], seconds(playbook))

    calls("DELETE")
    provision = seconds(ROOT / "playbooks/provision.yml")
    counted = calls()

    floor = best["facts"] + best["ping"]
    print(f"no-change configure.yml   {best['configure.yml']:6.1f} s   (best of {ROUNDS})")
    print(f"floor: facts + one ping   {floor:6.1f} s   ({best['facts']:.1f} + {best['ping']:.1f})")
    print(f"ratio                     {best['configure.yml'] / floor:6.2f}")
    print(f"no-change provision.yml   {provision:6.1f} s   {sum(counted.values())} API calls")
    for action, count in sorted(counted.items(), key=lambda row: (-row[1], row[0])):
        print(f"    {count:4d}  {action}")


if __name__ == "__main__":
    main()
