"""What a test may ask of the region beside AWS's own API: faults and minimum durations."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass
class Fault:
    """A rule: calls whose service:Action matches fail, or are delayed.

    match: regular expression for the whole of service:Action. times: how often it still applies; None is for ever.
    status, code: HTTP status and AWS error code; without a code the call goes through after the delay.
    delay: seconds.
    """

    match: str
    times: int | None = 1
    status: int = 400
    code: str = ""
    delay: float = 0.0

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Fault:
        """Return the rule that a JSON object describes; ValueError names what is wrong with it."""
        unknown = set(data) - set(cls.__dataclass_fields__)
        if unknown or "match" not in data:
            raise ValueError(f"a fault has match, times, status, code and delay; got {sorted(data)}")
        try:
            re.compile(data["match"])
        except re.error as error:
            raise ValueError(f"match {data['match']!r}: {error}") from error
        return cls(**data)


class Control:
    """Faults and timings, set through the control API."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.faults: list[Fault] = []
        self.timings: dict[str, float] = {}

    def timing(self, service: str) -> float:
        """Return the seconds that a creation in this service lasts at least."""
        return self.timings.get(service, 0.0)

    def set_timings(self, timings: Mapping[str, float]) -> None:
        """Replace all timings, seconds by service."""
        self.timings = {service: float(seconds) for service, seconds in timings.items()}

    def set_faults(self, rules: Sequence[Mapping[str, Any]]) -> None:
        """Replace all fault rules."""
        faults = [Fault.parse(rule) for rule in rules]
        with self.lock:
            self.faults = faults

    def take(self, service: str, action: str) -> Fault | None:
        """Return the rule that applies to this call, and count it."""
        with self.lock:
            for fault in self.faults:
                if fault.times != 0 and re.fullmatch(fault.match, f"{service}:{action}"):
                    if fault.times is not None:
                        fault.times -= 1
                    return fault
        return None

    def describe(self) -> list[dict[str, Any]]:
        """Return the fault rules as JSON, with what is left of their times."""
        with self.lock:
            return [asdict(fault) for fault in self.faults]
