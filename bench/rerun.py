"""No-change runs on the stack that `make up` made, against their floor, in one run.

The floor of `configure.yml` is what Ansible itself costs on the same hosts: gathering facts, and one ping. Machines are
noisy, so each is run three times, interleaved, and the best of each counts; the ratio says something, not the seconds.
"""

from runs import ROOT, control, seconds, show_calls

ROUNDS = 3
RUNS = {
    "facts": ROOT / "bench/floor/facts.yml",
    "ping": ROOT / "bench/floor/ping.yml",
    "configure.yml": ROOT / "playbooks/configure.yml",
}


def main() -> None:
    """Prints the table."""
    best = dict.fromkeys(RUNS, float("inf"))
    for _ in range(ROUNDS):
        for name, playbook in RUNS.items():
            best[name] = min(best[name], seconds(playbook))

    control("calls", "DELETE")
    provision = seconds(ROOT / "playbooks/provision.yml")
    counted = control("calls")

    floor = best["facts"] + best["ping"]
    print(f"no-change configure.yml   {best['configure.yml']:6.1f} s   (best of {ROUNDS})")
    print(f"floor: facts + one ping   {floor:6.1f} s   ({best['facts']:.1f} + {best['ping']:.1f})")
    print(f"ratio                     {best['configure.yml'] / floor:6.2f}")
    print(f"no-change provision.yml   {provision:6.1f} s   {sum(counted.values())} API calls")
    show_calls(counted)


if __name__ == "__main__":
    main()
