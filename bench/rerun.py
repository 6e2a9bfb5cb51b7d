"""No-change runs on the stack that `make up` made, against their floor, in one run, with two hosts and with sixteen.

The floor of `configure.yml` is what Ansible itself costs on the same hosts: gathering facts, and one ping. Machines are
noisy, so each is run three times, interleaved, and the best of each counts; the ratio says something, not the seconds.
Hosts beyond the stack's two are those of a worker group, with a worker of one slot each.
"""

import json

from runs import ROOT, control, seconds, show_calls

ROUNDS = 3
RUNS = {
    "facts": ROOT / "bench/floor/facts.yml",
    "ping": ROOT / "bench/floor/ping.yml",
    "configure.yml": ROOT / "playbooks/configure.yml",
}
MANY = {"name": "many", "queues": ["many"], "instance_type": "t4g.small", "concurrency": 1, "hosts": 14}


def configure(hosts: int, *arguments: str) -> float:
    """Prints the table of configure.yml, and returns its seconds."""
    best = dict.fromkeys(RUNS, float("inf"))
    for _ in range(ROUNDS):
        for name, playbook in RUNS.items():
            best[name] = min(best[name], seconds(playbook, *arguments))
    floor = best["facts"] + best["ping"]
    print(f"{hosts} hosts")
    print(f"no-change configure.yml   {best['configure.yml']:6.1f} s   (best of {ROUNDS})")
    print(f"floor: facts + one ping   {floor:6.1f} s   ({best['facts']:.1f} + {best['ping']:.1f})")
    print(f"ratio                     {best['configure.yml'] / floor:6.2f}", flush=True)
    return best["configure.yml"]


def provision() -> None:
    """Prints what a no-change provision.yml takes and calls."""
    control("calls", "DELETE")
    took = seconds(ROOT / "playbooks/provision.yml")
    counted = control("calls")
    print(f"no-change provision.yml   {took:6.1f} s   {sum(counted.values())} API calls")
    show_calls(counted)


def main() -> None:
    """Prints the tables."""
    two = configure(2)
    provision()
    many = ("-e", json.dumps({"compute_worker_groups": [MANY]}))
    for playbook in ("provision.yml", "configure.yml"):
        seconds(ROOT / "playbooks" / playbook, *many, unchanged=False)
    sixteen = configure(16, *many)
    print(f"growth from 2 to 16 hosts {sixteen / two:6.2f}")
    for playbook in ("provision.yml", "configure.yml"):
        seconds(ROOT / "playbooks" / playbook, unchanged=False)


if __name__ == "__main__":
    main()
