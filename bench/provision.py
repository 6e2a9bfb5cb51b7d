"""What running branches side by side is worth, in one run on the local region, with a stack of its own.

A first provision where creations take a tenth of AWS's times should last as long as the slowest of them and the same
provision without delays; a no-change run should last well under the same run one branch after another (`--forks 1`).
Such a run waits for AWS's answers. The local region answers at once, which leaves only what the processors do, so it
is measured with answers that take their time as well. The image is baked beforehand, so that it is in no figure.
Needs a local region that is up (`python -m local_region up`) and no stack in it, because stacks of the local
inventory have one network range.
"""

from runs import ROOT, control, seconds, show_calls

# Seconds by service: a tenth of what AWS was seen to take.
DELAYS = {"rds": 90, "elasticache": 75, "efs": 13, "elbv2": 17}
# Seconds that an answer takes, as from a region of AWS: the way there and back, TLS, and the service.
ANSWER = 0.2
STACK = {"STACK_NAME": "airflow-bench"}
PROVISION, TEARDOWN, IMAGE = (ROOT / f"playbooks/{name}.yml" for name in ("provision", "teardown", "image"))


def first(delays: dict[str, float]) -> float:
    """Seconds of a first provision."""
    control("timings", "PUT", delays)
    return seconds(PROVISION, unchanged=False, environment=STACK)


def unchanged_ratio(name: str) -> None:
    """Prints how long a no-change run lasts, its branches side by side and one after another."""
    together = seconds(PROVISION, environment=STACK)
    in_turn = seconds(PROVISION, "--forks", "1", environment=STACK)
    ratio = together / in_turn
    print(f"no-change run, {name:20s} {together:5.1f} s   one after another {in_turn:.1f} s; ratio {ratio:.2f}")


def teardown() -> None:
    """Removes the stack, at once."""
    control("timings", "PUT", {})
    confirm = ["-e", f"teardown_confirm={STACK['STACK_NAME']}", "-e", "database_final_snapshot=false"]
    seconds(TEARDOWN, *confirm, unchanged=False, environment=STACK)


def main() -> None:
    """Prints the table."""
    seconds(IMAGE, unchanged=False, environment=STACK)
    plain = first({})
    control("calls", "DELETE")
    seconds(PROVISION, environment=STACK)
    counted = control("calls")
    unchanged_ratio("answers at once")
    control("faults", "PUT", [{"match": ".*", "times": None, "delay": ANSWER}])
    try:
        unchanged_ratio(f"answers after {ANSWER} s")
    finally:
        control("faults", "PUT", [])
    teardown()
    delayed = first(DELAYS)
    teardown()

    slowest, floor = max(DELAYS.values()), plain + max(DELAYS.values())
    print(f"first provision, no delays        {plain:6.1f} s")
    print(f"first provision, delays           {delayed:6.1f} s   {DELAYS}")
    print(f"floor: slowest delay + no delays  {floor:6.1f} s   ({slowest} + {plain:.1f}); ratio {delayed / floor:.2f}")
    print(f"sum of the steps                  {plain + sum(DELAYS.values()):6.1f} s")
    print(f"API calls of a no-change run      {sum(counted.values()):6d}")
    show_calls(counted)


if __name__ == "__main__":
    main()
