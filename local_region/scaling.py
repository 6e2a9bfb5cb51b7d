"""Auto Scaling's decisions, apart from AWS and Docker."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

FIRST_PAUSE, LONGEST_PAUSE = 5.0, 60.0  # seconds


@dataclass(frozen=True)
class Hook:
    """A lifecycle hook; timeout in seconds, default is CONTINUE or ABANDON."""

    name: str
    timeout: float
    default: str


@dataclass
class LifecycleAction:
    """A member's wait for its hooks."""

    hooks: Sequence[Hook]
    started: float
    token: str = field(default_factory=lambda: secrets.token_hex(16))
    results: dict[str, str] = field(default_factory=dict)
    deadlines: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for hook in self.hooks:
            self.deadlines[hook.name] = self.started + hook.timeout

    def complete(self, name: str, result: str) -> None:
        """Record what CompleteLifecycleAction said of a hook; KeyError for one that is not waited for."""
        self.results[self._hook(name).name] = result

    def heartbeat(self, name: str, now: float) -> None:
        """Start a hook's timeout anew; KeyError for one that is not waited for."""
        self.deadlines[name] = now + self._hook(name).timeout

    def outcome(self, now: float) -> str | None:
        """Return CONTINUE when every hook agreed, ABANDON as soon as one did not, None while one is waited for."""
        said = [self.results.get(h.name) or (h.default if now >= self.deadlines[h.name] else None) for h in self.hooks]
        if "ABANDON" in said:
            return "ABANDON"
        return None if None in said else "CONTINUE"

    def _hook(self, name: str) -> Hook:
        return {hook.name: hook for hook in self.hooks}[name]


def next_subnet(subnets: Sequence[tuple[str, str]], used: Sequence[str]) -> str:
    """Return the subnet for the next launch: the zone with the fewest members, then the emptiest subnet in it.

    subnets: (id, zone) in the group's order, which decides between equals; used: the subnet of each member.
    """
    zones, members = dict(subnets), Counter(used)
    by_zone = Counter(zones[subnet] for subnet in used if subnet in zones)
    return min(subnets, key=lambda subnet: (by_zone[subnet[1]], members[subnet[0]]))[0]


class Candidate(Protocol):
    """What scale-in looks at."""

    availability_zone: str
    launched: float


def next_victim(candidates: Sequence[Candidate]) -> Candidate:
    """Return the member that scale-in ends: the oldest in the fullest zone."""
    zones = Counter(candidate.availability_zone for candidate in candidates)
    fullest = max(zones.values())
    return min((c for c in candidates if zones[c.availability_zone] == fullest), key=lambda c: c.launched)


def pause(failures: int) -> float:
    """Return the seconds until the next launch after so many failed ones in a row."""
    return min(FIRST_PAUSE * 2 ** max(failures - 1, 0), LONGEST_PAUSE)


def health(
    state: str, reachability: str, asked: str, targets: Sequence[str], watches_targets: bool, in_grace: bool
) -> str | None:
    """Return why a member in service is unhealthy, None if it is not.

    A member that stopped running, or lost a reachability it had, is replaced at once. The grace period protects what
    is still starting from load balancer checks; asked is what SetInstanceHealth says, if it counts by now.
    """
    checks: Mapping[str, bool] = {
        "it has been taken out of service: EC2 instance status is not running": state != "running",
        "EC2 instance status checks failure": reachability == "failed",
        "user health-check": asked == "Unhealthy",
        "ELB system health check failure": watches_targets and not in_grace and "unhealthy" in targets,
    }
    return next((reason for reason, holds in checks.items() if holds), None)
