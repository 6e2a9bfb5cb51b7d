"""The ledger that tasks write, and what it tells: nothing lost, nothing done twice, no two attempts at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

TASKS = {
    "load_short": [f"short.{index}" for index in range(4)],
    "load_long": ["long.-1"],
    "load_deferred": ["deferred.-1"],
    "load_patient": ["patient.-1"],
}
"""DAG -> its task instances, as the ledger names them."""


@dataclass(frozen=True)
class Attempt:
    """When an attempt started, was last seen, and ended, in seconds since 1970; None for what it did not say."""

    name: str
    start: float | None
    beat: float | None
    end: float | None

    @property
    def host(self) -> str:
        """The name of the host that it started on."""
        return self.name.partition("/")[2].partition("_")[0]

    @property
    def last(self) -> float:
        """When it was seen last."""
        return max(said for said in (self.start, self.beat, self.end) if said is not None)


Attempts = Mapping[tuple[str, str, str], list[Attempt]]


def attempts(said: Mapping[str, float]) -> Attempts:
    """Return the attempts by DAG, run and task, in the order of their starts. said: key in the ledger -> seconds."""
    events: dict[tuple[str, ...], dict[str, float]] = defaultdict(dict)
    for key, time in said.items():
        dag, run, task, number, name, event = key.split("/")
        events[dag, run, task, f"{number}/{name}"][event] = time
    found: dict[tuple[str, str, str], list[Attempt]] = defaultdict(list)
    for (dag, run, task, name), each in events.items():
        found[dag, run, task].append(Attempt(name, each.get("start"), each.get("beat"), each.get("end")))
    return {key: sorted(each, key=lambda attempt: attempt.start or 0) for key, each in found.items()}


def overlaps(mine: list[Attempt]) -> Iterable[tuple[Attempt, Attempt, float]]:
    """Yield attempts of one task that lived at once: the earlier, the later, and for how many seconds."""
    for first, second in pairwise(mine):
        if second.start and second.start < first.last:
            yield first, second, first.last - second.start


def problems(found: Attempts, runs: Iterable[tuple[str, str]]) -> list[str]:
    """Return what is wrong with the tasks of the runs, (DAG, run) each."""
    wrong = []
    for dag, run in runs:
        for task in TASKS[dag]:
            mine, name = found.get((dag, run, task), []), f"{dag} {run} {task}"
            ended = [each for each in mine if each.end]
            if not ended:
                wrong.append(f"{name}: lost, {len(mine)} attempts")
            if len(ended) > 1:
                wrong.append(f"{name}: done {len(ended)} times")
            wrong += [
                f"{name}: {second.name} began {seconds:.1f} s before {first.name} ended"
                for first, second, seconds in overlaps(mine)
            ]
    return wrong
