"""Print the revision of folders of DAGs, and write them as one archive. Runs on the controller."""

from __future__ import annotations

import argparse
import hashlib
import tarfile
from collections.abc import Iterable
from pathlib import Path

IGNORED_FOLDERS = {"__pycache__", ".git", ".venv", ".mypy_cache", ".pytest_cache", ".ruff_cache"}
IGNORED_SUFFIXES = {".pyc", ".pyo", ".swp"}
REVISION_LENGTH = 16


def files(folder: Path) -> dict[str, Path]:
    """Return the files of a folder by their relative names."""
    if not folder.is_dir():
        raise SystemExit(f"{folder}: is not a folder; set dag_delivery_folder to the folder of your DAGs")
    return {
        path.relative_to(folder).as_posix(): path
        for path in folder.rglob("*")
        if path.is_file()
        and path.suffix not in IGNORED_SUFFIXES
        and not IGNORED_FOLDERS.intersection(path.relative_to(folder).parts)
    }


def merged(folders: Iterable[Path]) -> dict[str, Path]:
    """Return the files of all folders, sorted by name; a later folder wins."""
    result: dict[str, Path] = {}
    for folder in folders:
        result.update(files(folder))
    return dict(sorted(result.items()))


def revision(content: dict[str, Path]) -> str:
    """Return a hash of names and contents; times, owners and modes mean nothing."""
    digest = hashlib.sha256()
    for name, path in content.items():
        digest.update(name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:REVISION_LENGTH]


def archive(content: dict[str, Path], target: Path) -> None:
    """Write a tar archive whose members belong to root and are readable by all."""

    def plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.uid = member.gid = 0
        member.uname = member.gname = "root"
        member.mode = 0o644
        return member

    with tarfile.open(target, "w", dereference=True) as tar:
        for name, path in content.items():
            tar.add(path, arcname=name, filter=plain)


def main() -> None:
    """Parse the command line and do it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--archive", type=Path)
    arguments = parser.parse_args()
    content = merged(arguments.folders)
    if arguments.archive:
        archive(content, arguments.archive)
    print(revision(content))


if __name__ == "__main__":
    main()
