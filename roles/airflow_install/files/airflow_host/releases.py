"""Releases of DAGs: folders that are written once, and a link that says which one is current."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from airflow_host.errors import HostError

EMPTY = "empty"
REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Keep:
    """How many releases stay, the current one counted, and how long (seconds) each stays after it was current."""

    releases: int
    seconds: float = 0


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Let one process at a time change the releases below a directory."""
    directory.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def current(directory: Path) -> str | None:
    """Return the current revision, None when there is none; raise HostError when the link is not ours."""
    try:
        target = (directory / "current").readlink()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise HostError(f"{directory}/current: {error.strerror}; it must be a link to releases/<revision>") from error
    if target.parent != Path("releases") or not REVISION.fullmatch(target.name):
        raise HostError(f"{directory}/current: links to {target}; it must link to releases/<revision>")
    return target.name


def _flip(directory: Path, revision: str) -> None:
    before = current(directory)
    link = directory / ".current.new"
    link.unlink(missing_ok=True)
    link.symlink_to(Path("releases") / revision)
    link.replace(directory / "current")
    if before:
        # A release's time is when it was last current.
        with suppress(FileNotFoundError):
            os.utime(directory / "releases" / before)


def _make_readable(folder: Path) -> None:
    """Let every service read what lies in a folder, and only its owner change it, whatever its source says."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode & 0o755
            path.chmod(mode | (0o555 if path.is_dir() or mode & 0o100 else 0o444))


def _create(directory: Path, revision: str, fill: Callable[[Path], None], check: Callable[[Path], None]) -> None:
    """Create a release in one step: readers see all of it or nothing."""
    temporary = directory / "releases" / f".{revision}.new"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        fill(temporary)
        _make_readable(temporary)
        check(temporary)
        temporary.rename(directory / "releases" / revision)
    except BaseException:
        # What fills the disk must not be what is left on it.
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _prune(directory: Path, keep: Keep) -> None:
    """Remove what no task reads any more: the oldest releases, and what interrupted runs left."""
    kept = current(directory)
    others = [path for path in (directory / "releases").iterdir() if path.name != kept]
    others.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    finished = [path for path in others if REVISION.fullmatch(path.name)]
    long_ago = time.time() - keep.seconds
    old = [path for path in finished[max(keep.releases - 1, 0) :] if path.stat().st_mtime <= long_ago]
    for path in (*old, *(path for path in others if path not in finished)):
        shutil.rmtree(path)


def release(
    directory: Path,
    revision: str,
    keep: Keep,
    fill: Callable[[Path], None],
    check: Callable[[Path], None] = lambda folder: None,
) -> bool:
    """Make a revision current; return whether that changed anything.

    A revision that is not there yet is filled by `fill`. What `check` raises keeps it out, and nothing changes.
    """
    if not REVISION.fullmatch(revision):
        raise HostError(f"revision {revision!r}: letters, digits, dots, underscores and hyphens only")
    with _locked(directory):
        if current(directory) == revision:
            return False
        if not (directory / "releases" / revision).exists():
            _create(directory, revision, fill, check)
        _flip(directory, revision)
        _prune(directory, keep)
    return True


def ensure_current(directory: Path) -> bool:
    """Make an empty release current where there is none, so that services can start without DAGs."""
    return current(directory) is None and release(directory, EMPTY, Keep(1), fill=lambda folder: None)
