"""Releases of DAGs: folders that are written once, and a link that says which one is current."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from airflow_host.errors import HostError

EMPTY = "empty"
REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


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
    link = directory / ".current.new"
    link.unlink(missing_ok=True)
    link.symlink_to(Path("releases") / revision)
    link.replace(directory / "current")


def _create(directory: Path, revision: str, fill: Callable[[Path], None]) -> None:
    """Create a release in one step: readers see all of it or nothing."""
    temporary = directory / "releases" / f".{revision}.new"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    fill(temporary)
    temporary.chmod(0o755)
    temporary.rename(directory / "releases" / revision)


def _prune(directory: Path, keep: int) -> None:
    """Remove the oldest releases, but never the current one; `keep` counts it."""
    kept = current(directory)
    others = [path for path in (directory / "releases").iterdir() if path.name != kept]
    others.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for path in others[max(keep - 1, 0) :]:
        shutil.rmtree(path)


def _release(directory: Path, revision: str, keep: int, fill: Callable[[Path], None]) -> bool:
    with _locked(directory):
        if current(directory) == revision:
            return False
        release = directory / "releases" / revision
        if release.exists():
            os.utime(release)
        else:
            _create(directory, revision, fill)
        _flip(directory, revision)
        _prune(directory, keep)
    return True


def ensure_current(local: Path) -> bool:
    """Make an empty release current where there is none, so that services can start without DAGs."""
    if current(local) is not None:
        return False
    return _release(local, EMPTY, keep=1, fill=lambda path: None)


def sync(source: Path, local: Path, keep: int, check: bool = False) -> bool:
    """Copy the source's current release and make it current here; return whether that changed anything."""
    revision = current(source)
    if revision is None or revision == current(local):
        return False
    release = source / "releases" / revision
    return check or _release(local, revision, keep, lambda path: _copy(release, path))


def _copy(release: Path, path: Path) -> None:
    # Contents and modes only: the owner on the shared storage is of no concern here.
    shutil.copytree(release, path, dirs_exist_ok=True, copy_function=shutil.copy)


def _unpack(archive: Path, folder: Path) -> None:
    # Python 3.11.2 of Debian 12 has no extraction filters yet; plain files are all that dag_release.py packs.
    with tarfile.open(archive) as tar:
        for member in tar:
            target = folder / member.name
            content = tar.extractfile(member) if member.isfile() else None
            if content is None or not target.resolve().is_relative_to(folder.resolve()):
                raise HostError(f"{archive}: {member.name!r} is not a plain file below the archive's root")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content.read())
            target.chmod(0o644)


def syntax_errors(folder: Path) -> list[str]:
    """Return "file:line: message" for every module that this host's Python cannot compile."""
    problems = []
    for path in sorted(folder.rglob("*.py")):
        try:
            compile(path.read_bytes(), path, "exec", dont_inherit=True)
        except SyntaxError as error:
            problems.append(f"{path.relative_to(folder)}:{error.lineno}: {error.msg}")
        except ValueError as error:
            problems.append(f"{path.relative_to(folder)}: {error}")
    return problems


def _validate(archive: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        _unpack(archive, Path(folder))
        if problems := syntax_errors(Path(folder)):
            raise HostError("\n".join(["these DAG files do not compile, nothing was changed:", *problems]))


def publish(archive: Path, target: Path, revision: str, keep: int, check: bool = False) -> bool:
    """Unpack an archive as a release of the shared storage and make it current; return whether that changed anything.

    Raises HostError, before anything is changed, when a Python file in it does not compile.
    """
    if not REVISION.fullmatch(revision):
        raise HostError(f"revision {revision!r}: letters, digits, dots, underscores and hyphens only")
    if revision == current(target):
        return False
    _validate(archive)
    return check or _release(target, revision, keep, lambda path: _unpack(archive, path))
