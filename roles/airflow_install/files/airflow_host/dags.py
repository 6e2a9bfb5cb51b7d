"""This host's copy of the DAGs, and what became of the revision that its source has."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from airflow_host import dag_check, releases, systemd, units
from airflow_host.dag_sources import Source
from airflow_host.errors import HostError
from airflow_host.files import File
from airflow_host.model import Dags, Shared
from airflow_host.releases import Keep


@dataclass(frozen=True)
class HeldBack:
    """A revision that stays out, by which check, and why."""

    revision: str
    check: str
    problems: list[str]


@dataclass(frozen=True)
class State:
    """What Airflow reads on this host, what is held back from it, and why the source could not be asked."""

    revision: str | None = None
    held_back: HeldBack | None = None
    error: str = ""

    @property
    def problem(self) -> str:
        """Return in words why the host has not what its source has, "" when it has."""
        held = self.held_back
        told = f"revision {held.revision} is held back: {'; '.join(held.problems)}" if held else ""
        return ". ".join(filter(None, [told, self.error]))

    def as_dict(self) -> dict[str, Any]:
        """Return the fields, ready for JSON."""
        return asdict(self)


class Refused(HostError):
    """A revision must not become current."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(["these DAG files are refused, nothing was changed:", *problems]))
        self.problems = problems


def _state_file(local: Path) -> Path:
    return local / "state.json"


def read_state(local: Path) -> State:
    """Return what the last sync left, an empty state when there was none."""
    try:
        raw = json.loads(_state_file(local).read_text())
        return State(raw["revision"], HeldBack(**raw["held_back"]) if raw["held_back"] else None, raw["error"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return State()


def _write_state(local: Path, state: State) -> None:
    file = File(_state_file(local), json.dumps(state.as_dict(), indent=1))
    if not file.is_right():
        file.write()


def _refuse_bad(folder: Path, dags: Dags) -> None:
    if problems := dag_check.problems(folder, dags.check, dags.check_seconds):
        raise Refused(problems)


def _add_missing(folder: Path, more: Path) -> None:
    for path in more.glob("*.py"):
        if not (folder / path.name).exists():
            shutil.copy(path, folder)


def _update(dags: Dags, source: Source, local: Path, more: Path, before: State) -> HeldBack | None:
    """Make the source's revision current; return it when it is held back."""
    revision = source.revision()
    if revision is None or revision == releases.current(local):
        return None
    held = before.held_back
    if held and (held.revision, held.check) == (revision, dags.check):
        return held

    def fill(folder: Path) -> None:
        source.fill(revision, folder)
        if dags.own_dags:
            _add_missing(folder, more)

    try:
        keep = Keep(dags.keep_releases, dags.keep_seconds)
        releases.release(local, revision, keep, fill, lambda folder: _refuse_bad(folder, dags))
    except Refused as refusal:
        held = HeldBack(revision, dags.check, refusal.problems)
        print(f"airflow-host: {State(held_back=held).problem}", file=sys.stderr)
        return held
    return None


def sync(dags: Dags, source: Source, local: Path, more: Path) -> State:
    """Bring the source's revision here, with the DAGs of the folder `more` if the stack wants them.

    Raises HostError when the source cannot be asked; the release that is current stays. Either is kept for read_state.
    """
    before, error = read_state(local), ""
    held, revision = before.held_back, before.revision
    try:
        releases.ensure_current(local)
        if isinstance(dags.source, Shared):
            held, revision = None, source.revision()
        else:
            held = _update(dags, source, local, more, before)
    except HostError as reason:
        error = str(reason)
    except (OSError, shutil.Error) as reason:
        error = f"DAGs: {reason}; they stay as they are"
    if not isinstance(dags.source, Shared):
        revision = releases.current(local)
    state = State(revision, held, error)
    _write_state(local, state)
    if error:
        raise HostError(error)
    return state


def refresh(local: Path, run: systemd.Run = systemd.run) -> dict[str, Any]:
    """Have the unit sync now, what was held back too; return what came of it, ready for JSON.

    Raises HostError when the source could not be asked.
    """
    before = read_state(local)
    _state_file(local).unlink(missing_ok=True)
    # Not started: a run that is under way may have asked the source before the caller changed it.
    with suppress(subprocess.CalledProcessError):
        run(["systemctl", "restart", units.DAGS])
    after = read_state(local)
    if after.error or after == State():
        raise HostError(after.error or f"{units.DAGS} failed; its journal says why")
    return {"changed": after.revision != before.revision, "problem": after.problem, **after.as_dict()}


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


def _validate(archive: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        _unpack(archive, Path(folder))
        if problems := list(dag_check.syntax_errors(Path(folder))):
            raise Refused(problems)


def publish(archive: Path, target: Path, revision: str, keep: Keep, check: bool = False) -> bool:
    """Unpack an archive as a release of the shared storage and make it current; return whether that changed anything.

    Raises HostError, before anything is changed, when a Python file in it does not compile.
    """
    if not releases.REVISION.fullmatch(revision):
        raise HostError(f"revision {revision!r}: letters, digits, dots, underscores and hyphens only")
    if revision == releases.current(target):
        return False
    _validate(archive)
    return check or releases.release(target, revision, keep, lambda folder: _unpack(archive, folder))
