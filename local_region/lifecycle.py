"""Starting and stopping a region: one daemon per name, found by its pid file, cleaned up by label."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_region import authority
from local_region.engine import Engine
from local_region.images.build import ARM64, RELEASES, Builder
from local_region.packet_filter import PacketFilter

log = logging.getLogger(__name__)

START_SECONDS = 60
STOP_SECONDS = 20


@dataclass(frozen=True)
class Place:
    """Which region: its name, its port, and the folder of its files."""

    name: str
    port: int
    home: Path
    arm64: bool = False  # whether that architecture is emulated

    @property
    def pid_file(self) -> Path:
        """The daemon's process id."""
        return self.home / self.name / "daemon.pid"

    @property
    def log_file(self) -> Path:
        """What the daemon says."""
        return self.home / self.name / "daemon.log"

    @property
    def url(self) -> str:
        """The API's endpoint on this machine."""
        return f"http://127.0.0.1:{self.port}"


class Taken(Exception):
    """Another home's daemon serves a region of this name."""


def home_served(name: str, pid: int) -> Path | None:
    """Return from which home a process serves a region of this name, None when it does not."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
        if "local_region" not in words or "serve" not in words or words[words.index("--name") + 1] != name:
            return None
        return Path(words[words.index("--home") + 1])
    except (OSError, ValueError, IndexError):
        return None


def is_daemon(place: Place, pid: int) -> bool:
    """Return whether a process is this region's daemon: process ids are used again."""
    return home_served(place.name, pid) == place.home


def refuse_taken(place: Place) -> None:
    """Raise Taken when another home serves this name: both would make and remove the same containers."""
    for pid in (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()):
        home = home_served(place.name, pid)
        if home not in (None, place.home):
            raise Taken(
                f"region {place.name} is served by process {pid} from {home}, and a name is one region's on a machine;"
                " end that one first: make down, where it was started"
            )


def recorded_pid(place: Place) -> int | None:
    """Return what the pid file says, None without one."""
    try:
        return int(place.pid_file.read_text())
    except (OSError, ValueError):
        return None


def ask(place: Place) -> dict[str, Any] | None:
    """Return the daemon's own state, None when it does not answer."""
    try:
        with urllib.request.urlopen(f"{place.url}/_region/state", timeout=5) as answer:
            state: dict[str, Any] = json.load(answer)
    except (OSError, ValueError):
        return None
    return state if state.get("name") == place.name else None


def up(place: Place) -> int:
    """Start the region unless it is up; returns an exit status. Raises Taken."""
    refuse_taken(place)
    pid = recorded_pid(place)
    alive = pid is not None and is_daemon(place, pid)
    if alive and (state := ask(place)) and state["ready"]:
        log.info("region %s is up at %s (since %d s)", place.name, place.url, state["uptime"])
        return 0
    if pid is not None:
        log.info(
            "region %s: the daemon %s; clearing what it left and starting anew",
            place.name,
            "hangs" if alive else "died",
        )
    place.pid_file.parent.mkdir(parents=True, exist_ok=True)
    builder(place).data()
    if place.arm64:
        builder(place).base(architecture=ARM64)
    stop(place)
    return start(place)


def start(place: Place) -> int:
    """Start the daemon in its own session and wait until it is ready."""
    command = [sys.executable, "-m", "local_region", "serve", "--name", place.name, "--port", str(place.port)]
    command += ["--home", str(place.home), *(["--arm64"] if place.arm64 else [])]
    with place.log_file.open("a") as out:
        process = subprocess.Popen(
            command,
            cwd=Path(__file__).parents[1],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    place.pid_file.write_text(f"{process.pid}\n")
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if (state := ask(place)) and state["ready"]:
            log.info("region %s is up at %s", place.name, place.url)
            return 0
        time.sleep(0.1)
    tail = place.log_file.read_text().splitlines()[-15:]
    log.error("region %s does not come up; the end of %s:\n%s", place.name, place.log_file, "\n".join(tail))
    return 1


def stop(place: Place) -> None:
    """End the daemon and remove its containers, networks, volumes and packet filter rules. Raises Taken."""
    refuse_taken(place)
    pid = recorded_pid(place)
    if pid is not None and is_daemon(place, pid):
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while is_daemon(place, pid):
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)
    place.pid_file.unlink(missing_ok=True)
    engine = Engine(place.name)
    engine.down()
    # Any data image has the tools. Where there is none, no region was ever up.
    if images := builder(place).data_images():
        engine.data_image = images[0]
        PacketFilter(engine).down()


def down(place: Place) -> None:
    """Stop the region; base images and baked images stay, because they are slow to make again."""
    stop(place)
    log.info("region %s is down; its images stay (clean removes them)", place.name)


def clean(place: Place) -> None:
    """Stop the region and remove baked images and base images."""
    stop(place)
    engine = Engine(place.name)
    for image in engine.docker.images.list(filters=engine.filters("ami")):
        engine.docker.images.remove(image.id, force=True)
    removed = builder(place).remove_all()
    log.info("region %s is down and its images are gone (%d of them base images)", place.name, len(removed))


def images(place: Place) -> None:
    """Build the images of every release."""
    made = builder(place)
    for tag in [*(made.base(release) for release in RELEASES.values()), made.data()]:
        log.info("%s", tag)


def builder(place: Place) -> Builder:
    """Return the builder for this home's authority."""
    place.home.mkdir(parents=True, exist_ok=True)
    return Builder(Engine(place.name).docker, authority.ensure(place.home).pem)


def status(place: Place) -> dict[str, Any]:
    """Return what runs: the daemon's state and the containers by kind."""
    state = ask(place) or {"ready": False}
    containers = sorted("/".join(known) for known in Engine(place.name).known())
    pid = recorded_pid(place)
    daemon = "none" if pid is None else "running" if is_daemon(place, pid) else "died"
    return {"name": place.name, "url": place.url, "daemon": daemon, **state, "containers": containers}


def text(status: dict[str, Any]) -> str:
    """Return a status for people."""
    lines = [f"region {status['name']}: daemon {status['daemon']}"]
    if status["ready"]:
        lines.append(f"  endpoint {status['url']}, up since {status['uptime']} s")
        lines += [f"  {name}: {where.get('url', '')}" for name, where in sorted(status["endpoints"].items())]
    return "\n".join([*lines, *(f"  {container}" for container in status["containers"])])
