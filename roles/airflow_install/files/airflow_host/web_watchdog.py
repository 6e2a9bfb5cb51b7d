"""A web service that answers nobody any more, though its process lives: systemd and Auto Scaling leave it alone.

A database that fails over makes every web service silent for a minute or two, and is no reason.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

from airflow_host import health, systemd, units

SILENT_SECONDS = 240.0
# A machine that emulates arm64 takes ten.
ANSWER_SECONDS = 20.0


def check(
    service: str,
    kept: Path,
    now: float,
    fetch: Callable[[str, float], tuple[int, str]] = health.fetch,
    run: systemd.Run = systemd.run,
) -> bool:
    """Look once, keep in a file since when the service is silent, and return whether it had to be restarted."""
    unit = units.service_unit(service)
    state = systemd.properties([unit], ("SubState", "MainPID"), run)[unit]
    if state["SubState"] != "running" or health.answers(service, ANSWER_SECONDS, fetch):
        kept.unlink(missing_ok=True)
        return False
    process, since = json.loads(kept.read_text()) if kept.exists() else (state["MainPID"], now)
    if process != state["MainPID"]:
        since = now
    kept.write_text(json.dumps([state["MainPID"], since]))
    if now - since < SILENT_SECONDS:
        return False
    print(f"{unit} has answered nobody for {now - since:.0f} s: restarted", file=sys.stderr)
    run(["systemctl", "restart", "--no-block", unit])
    return True
