"""Whether this host's clock is right: tokens, leases and heartbeats are compared with those of other hosts."""

from __future__ import annotations

import subprocess
from dataclasses import asdict, dataclass

from airflow_host import systemd

# Seconds. Airflow tolerates 10 s between clocks in a token; within Amazon Time Sync a millisecond is usual.
LARGEST_ERROR = 1.0
# Fields of `chronyc -c tracking`, and what the last of them is while nothing is known.
SOURCE, STRATUM, OFFSET, ROOT_DELAY, ROOT_DISPERSION, LEAP = 1, 2, 4, 10, 11, 13
UNKNOWN = "Not synchronised"


@dataclass(frozen=True)
class Clock:
    """How far the clock may be off at most, in seconds, and by which source; `warning` is empty when that is little."""

    state: str
    source: str
    error: float | None
    warning: str

    def as_dict(self) -> dict[str, object]:
        """Return the fields, ready for JSON."""
        return asdict(self)


def parse(tracking: str) -> Clock:
    """Return what chrony's tracking says."""
    fields = tracking.strip().split(",")
    if len(fields) <= LEAP:
        return Clock("unknown", "", None, f"chronyc: unexpected answer {tracking.strip()!r}")
    if fields[LEAP] == UNKNOWN or fields[STRATUM] == "0":
        return Clock("not synchronised", "", None, "chrony follows no source; see chronyc sources")
    error = abs(float(fields[OFFSET])) + float(fields[ROOT_DISPERSION]) + float(fields[ROOT_DELAY]) / 2
    warning = f"it may be off by {error:.3f} s" if error > LARGEST_ERROR else ""
    return Clock("synchronised", fields[SOURCE], error, warning)


def read(run: systemd.Run = systemd.run) -> Clock:
    """Ask chrony; a container has none of its own, and the clock of its host."""
    try:
        if run(["systemd-detect-virt", "--container"]).strip() != "none":
            return Clock("of the container's host", "", None, "")
    except subprocess.CalledProcessError:
        pass  # It exits with 1 when it prints "none".
    try:
        return parse(run(["chronyc", "-c", "-n", "tracking"]))
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        return Clock("unknown", "", None, f"chronyc: {error}")
