"""Prints, as JSON, the seconds from a start until the API server is healthy and until the worker consumes.

Runs on a host.

Usage: start.py boot    since the host's own start
       start.py floor   since both were started by hand, alone, in place of the host's services, as pip installs Airflow
"""

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

PYTHON = "/opt/airflow/bin/python"
HEALTH = "http://127.0.0.1:8080/api/v2/monitor/health"
PATIENCE = 300
BY_HAND = {
    "api-server": ("airflow-web", ["api-server", "--proxy-headers"]),
    "worker": ("airflow-worker", ["celery", "worker", "--pid", "/tmp/floor-worker.pid"]),
}


def host_started() -> float:
    """Seconds since the epoch at which the host's first process started."""
    ticks = int(Path("/proc/1/stat").read_text().rpartition(")")[2].split()[19])
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    return time.time() - (uptime - ticks / 100)


def is_healthy() -> bool:
    """Whether the API server answers and reaches its database."""
    try:
        with urllib.request.urlopen(HEALTH, timeout=1) as answer:
            return json.load(answer)["metadatabase"]["status"] == "healthy"
    except (OSError, ValueError, urllib.error.URLError):
        return False


def became_ready(unit: str, since: float) -> float | None:
    """Seconds since the epoch at which Celery said that it consumes."""
    command = ["journalctl", f"--unit={unit}", f"--since=@{since:.0f}", "--output=json", "--grep=celery@.* ready"]
    lines = subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()
    return int(json.loads(lines[0])["__REALTIME_TIMESTAMP"]) / 1e6 if lines else None


def wait(start: float, worker: str) -> dict[str, float]:
    """The seconds from the start to both."""
    healthy = ready = None
    while healthy is None or ready is None:
        if time.time() > start + PATIENCE:
            sys.exit(f"not ready after {PATIENCE} s: API server {healthy}, worker {ready}")
        if healthy is None and is_healthy():
            healthy = time.time()
        ready = ready or became_ready(worker, start)
        time.sleep(0.1)
    return {"api-server": healthy - start, "worker": ready - start}


def bare_airflow() -> list[str]:
    """The command of Airflow with the garbage collector as Python has it, without what the image tells it."""
    command = [PYTHON, "-S", "-c", "import gc; print(gc.get_threshold())"]
    threshold = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    return [PYTHON, "-c", f"import gc; gc.set_threshold(*{threshold}); from airflow.__main__ import main; main()"]


def floor() -> dict[str, float]:
    """Starts both by hand, measures, and gives the host back to its own services."""
    subprocess.run(["systemctl", "stop", "airflow.target", "airflow-worker.service"], check=True)
    airflow = bare_airflow()
    start = time.time()
    try:
        for service, (user, command) in BY_HAND.items():
            options = [
                f"--unit=floor-{service}",
                f"--uid={user}",
                "--gid=airflow",
                "--working-directory=/var/lib/airflow",
            ]
            options += ["--setenv=AIRFLOW_HOME=/var/lib/airflow", "--setenv=AIRFLOW_CONFIG=/etc/airflow/airflow.cfg"]
            options += [f"--property=EnvironmentFile=/run/airflow/{service}.env"]
            subprocess.run(["systemd-run", "--quiet", *options, *airflow, *command], check=True)
        return wait(start, "floor-worker.service")
    finally:
        subprocess.run(["systemctl", "stop", *(f"floor-{service}.service" for service in BY_HAND)], check=False)
        subprocess.run(["systemctl", "start", "airflow.target"], check=True)


if __name__ == "__main__":
    took = floor() if sys.argv[1] == "floor" else wait(host_started(), "airflow-worker.service")
    print(json.dumps(took))
