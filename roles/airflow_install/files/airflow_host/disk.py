"""A disk that does not fill up: old logs go, and before it is too late the worker takes no new tasks."""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from airflow_host import systemd, units
from airflow_host.layout import Layout
from airflow_host.model import Disk

DAY = 86400.0
# Looking at every file is not for each time.
CLEAN_SECONDS = 3600.0
WORKER = units.service_unit("worker")


def free_percent(path: Path) -> float:
    """Return how much of a file system is free for its users, in per cent of its blocks or inodes, whatever is less."""
    status = os.statvfs(path)
    used = status.f_blocks - status.f_bfree
    free = [100 * status.f_bavail / ((used + status.f_bavail) or 1)]
    if status.f_files:
        free.append(100 * status.f_favail / status.f_files)
    return min(free)


def is_open(path: Path) -> bool:
    """Tell whether any process has the file open: the kernel grants a write lease only if none has."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        return False
    except OSError:
        return True
    finally:
        os.close(descriptor)


def logs(folders: Iterable[Path]) -> list[tuple[float, Path]]:
    """Return the files below the folders with the time of their last change, the oldest first."""
    found = []
    for folder in folders:
        for directory, _, names in os.walk(folder):
            for path in (Path(directory, name) for name in names):
                with suppress(FileNotFoundError):
                    if not path.is_symlink():
                        found.append((path.stat().st_mtime, path))
    return sorted(found)


def _remove(paths: Iterable[Path], enough: Callable[[], bool]) -> Iterator[Path]:
    """Remove closed files until it is enough, and yield them."""
    for path in paths:
        if enough():
            return
        with suppress(FileNotFoundError):
            if not is_open(path):
                path.unlink()
                yield path


def _remove_empty_folders(folders: Iterable[Path], before: float) -> None:
    """Remove folders that nobody has put anything into for a while: in a new one, a task is about to open its log."""
    for folder in folders:
        for directory, _, _ in os.walk(folder, topdown=False):
            path = Path(directory)
            if path != folder and path.stat().st_mtime < before:
                with suppress(OSError):
                    path.rmdir()


def clean(folders: Iterable[Path], now: float, days: float, enough: Callable[[], bool]) -> tuple[int, int]:
    """Remove closed logs: those that are older than `days`, then the oldest until it is enough; return how many."""
    folders = list(folders)
    found = logs(folders)
    expired = [path for changed, path in found if changed < now - days * DAY]
    old = len(list(_remove(expired, lambda: False)))
    others = [path for changed, path in found if changed >= now - days * DAY]
    more = len(list(_remove(others, enough)))
    _remove_empty_folders(folders, now - DAY)
    return old, more


def held(layout: Layout) -> str:
    """Return why the worker takes no new tasks, "" when it may."""
    with suppress(FileNotFoundError):
        return layout.held.read_text()
    return ""


def _say(text: str) -> None:
    print(f"disk: {text}", file=sys.stderr, flush=True)


def _hold(layout: Layout, reason: str, run: systemd.Run) -> None:
    if not held(layout):
        _say(reason)
        layout.held.write_text(reason)
    # Whoever started it meanwhile did not know. It ends like before a restart: what it runs may finish.
    state = systemd.properties([WORKER], ("ActiveState", "Job"), run)[WORKER]
    if not systemd.is_idle(state) and state["ActiveState"] != "deactivating":
        run(["systemctl", "stop", "--no-block", WORKER])


def _release(layout: Layout, run: systemd.Run) -> None:
    _say("there is room again: the worker takes tasks")
    layout.held.unlink()
    run(["systemctl", "start", "--no-block", WORKER])


def _is_time_to_clean(layout: Layout, now: float) -> bool:
    with suppress(FileNotFoundError):
        return now - layout.cleaned.stat().st_mtime > CLEAN_SECONDS
    return True


def guard(
    layout: Layout,
    rules: Disk,
    worker: bool,
    now: float,
    run: systemd.Run = systemd.run,
    free: Callable[[Path], float] = free_percent,
) -> None:
    """Remove logs, hold the worker, if there is one, or let it go, as the free space and the rules say."""

    def is_enough() -> bool:
        return free(layout.logs) >= rules.clean_below

    if not is_enough() or _is_time_to_clean(layout, now):
        old, more = clean(layout.log_folders, now, rules.log_days, is_enough)
        layout.cleaned.touch()
        if more:
            _say(f"logs removed that were not {rules.log_days} days old: {more}, the oldest first; older ones: {old}")
    percent = free(layout.logs)
    if not worker:
        layout.held.unlink(missing_ok=True)
    elif percent < rules.hold_below or (held(layout) and percent < rules.clean_below):
        reason = (
            f"{percent:.0f} % of the file system of {layout.logs} are free: the worker takes no new tasks "
            f"until {rules.clean_below} % are; find what fills it"
        )
        _hold(layout, reason, run)
    elif held(layout):
        _release(layout, run)
