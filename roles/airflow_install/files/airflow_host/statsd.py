"""StatsD's lines as Airflow writes them, and the metrics that they add up to.

Airflow names a metric twice: `ti.finish,dag_id=a,task_id=b,state=success`, with tags, and `ti.finish.a.b.success`.
Of the two, the one with tags is kept: its tags become Prometheus's labels.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

COUNTER, GAUGE, TIMER = "c", "g", "ms"
# Tasks can make names at will, memory is not.
MOST_SERIES = 10_000
# Names of the second kind. Airflow 3 leaves them out by `metrics.legacy_names_on`, Airflow 2 cannot.
REPEATED = re.compile(
    r"airflow\.("
    r"dag\..+\..+\.\w*duration"
    r"|dag_processing\.(last_duration|last_num_of_db_queries|last_run\.seconds_ago)\..+"
    r"|dagrun\.(dependency-check|schedule_delay|duration\.(success|failed))\..+"
    r"|dagrun\..+\.first_task_scheduling_delay"
    r"|local_task_job\.task_exit\..+"
    r"|operator_(failures|successes)_.+"
    r"|pool\.\w+\..+"
    r"|task_(removed_from|restored_to)_dag\..+"
    r"|task_instance_created_.+"
    r"|ti\.(start|finish)\..+"
    r"|triggers\.running\..+"
    r")"
)
NOT_A_LETTER = re.compile(r"[^A-Za-z0-9_]")

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Series:
    """A metric's name, as Prometheus writes it, and its labels in order."""

    name: str
    labels: Labels = ()

    @property
    def flat(self) -> str:
        """The name with the labels' values: CloudWatch charges for dimensions by their combinations."""
        return "_".join([self.name, *(NOT_A_LETTER.sub("_", value) for _, value in self.labels)])

    def is_of(self, other: Series) -> bool:
        """Tell whether this has the other's name, and its labels at least."""
        return self.name == other.name and set(other.labels) <= set(self.labels)


@dataclass(frozen=True)
class Sample:
    """One value of a series; `relative` is of gauges, which can be told what to add."""

    series: Series
    kind: str
    value: float
    relative: bool = False


def series(text: str) -> Series:
    """Return the series that is written as name,tag=value,tag=value."""
    name, *tags = text.split(",")
    labels = (tag.partition("=") for tag in tags)
    return Series(
        NOT_A_LETTER.sub("_", name), tuple(sorted((NOT_A_LETTER.sub("_", key), value) for key, _, value in labels))
    )


def parse(datagram: str) -> Iterator[Sample]:
    """Yield the samples of a datagram; lines that are none are left out, anybody on this host can send them."""
    for line in datagram.splitlines():
        text, _, rest = line.partition(":")
        value, *fields = rest.split("|")
        kind = fields[0] if fields else ""
        if kind not in (COUNTER, GAUGE, TIMER) or not text or REPEATED.fullmatch(text.partition(",")[0]):
            continue
        try:
            number = float(value)
            rate = float(fields[1].removeprefix("@")) if fields[1:] and fields[1].startswith("@") else 1.0
        except ValueError:
            continue
        if rate > 0:
            relative = kind == GAUGE and value[:1] in "+-"
            yield Sample(series(text), kind, number / rate if kind == COUNTER else number, relative)


class Store:
    """What the samples add up to: since the start, and since somebody last asked. Threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kinds: dict[str, str] = {}
        self._values: dict[Series, float] = {}
        self._counts: dict[Series, int] = {}
        self._recent: dict[Series, float] = {}
        self.left_out = 0

    def add(self, sample: Sample) -> None:
        """Take a sample in, unless there are too many series or its name is of another kind."""
        key = sample.series
        with self._lock:
            if key not in self._values and len(self._values) >= MOST_SERIES:
                self.left_out += 1
                return
            if self._kinds.setdefault(key.name, sample.kind) != sample.kind:
                self.left_out += 1
                return
            before = self._values.get(key, 0.0)
            absolute = sample.kind == GAUGE and not sample.relative
            self._values[key] = sample.value if absolute else before + sample.value
            if sample.kind == GAUGE:
                self._recent[key] = self._values[key]
            else:
                self._recent[key] = self._recent.get(key, 0.0) + sample.value
            if sample.kind == TIMER:
                self._counts[key] = self._counts.get(key, 0) + 1

    def families(self) -> dict[str, tuple[str, list[tuple[Series, float, int]]]]:
        """Return by name the kind and the series with value (of timers the sum, milliseconds) and count."""
        with self._lock:
            result: dict[str, tuple[str, list[tuple[Series, float, int]]]] = {}
            for key, value in sorted(self._values.items(), key=lambda item: (item[0].name, item[0].labels)):
                rows = result.setdefault(key.name, (self._kinds[key.name], []))[1]
                rows.append((key, value, self._counts.get(key, 0)))
            return result

    def take(self, wanted: Iterable[Series]) -> Mapping[str, float]:
        """Return by flat name what came since the last time: a counter's increase, also none, a gauge that was told."""
        with self._lock:
            recent, self._recent = self._recent, {}
            result: dict[str, float] = {}
            for asked in wanted:
                for key in (each for each in self._values if each.is_of(asked)):
                    if self._kinds[key.name] == GAUGE:
                        if key in recent:
                            result[asked.flat] = recent[key]
                    else:
                        result[asked.flat] = result.get(asked.flat, 0.0) + recent.get(key, 0.0)
            return result
