"""Filter that gives the hash of files' content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleFilterError

DOCUMENTATION = r"""
name: content_hash
short_description: Hash what files and folders hold
version_added: 0.1.0
author: The graviflow team
description:
  - Gives one SHA-256 over the names, the content and the executable bit of files, and over further values.
  - Times, owners, the order of the input and where the root lies do not matter, so a fresh clone gives the same hash.
positional: _input
options:
  _input:
    description: Files and folders, relative to O(root). Folders are taken with all that is below them.
    type: list
    elements: str
    required: true
  root:
    description: Folder that the names are relative to.
    type: str
    required: true
  exclude:
    description: Globs of paths, relative to O(root), that are left out. V(*) matches slashes, too.
    type: list
    elements: str
    default: ['*__pycache__/*', '*.pyc', '*/.*', '.[!.]*']
  values:
    description: Anything that can be written as JSON and shall count.
    type: raw
"""

EXAMPLES = r"""
- name: Revision of a folder of DAGs is known
  ansible.builtin.set_fact:
    revision: "{{ ['.'] | graviflow.airflow.content_hash(root='dags') }}"
"""

RETURN = r"""
_value:
  description: 64 hexadecimal digits.
  type: str
"""

# Bytecode appears when somebody runs the tests; hidden files are an editor's or a version control's.
EXCLUDE = ("*__pycache__/*", "*.pyc", "*/.*", ".[!.]*")


def _files(paths: Sequence[str], root: Path, exclude: Sequence[str]) -> Iterator[tuple[str, Path]]:
    for path in (root / name for name in paths):
        if not path.exists():
            raise AnsibleFilterError(f"content_hash: {path} does not exist, so its content cannot be hashed")
        for file in path.rglob("*") if path.is_dir() else [path]:
            name = file.relative_to(root).as_posix()
            if file.is_file() and not any(fnmatch(name, pattern) for pattern in exclude):
                yield name, file


def content_hash(paths: Sequence[str], root: str, exclude: Sequence[str] = EXCLUDE, values: Any = None) -> str:
    """Return the SHA-256 of files' names, content and executable bits, and of further values."""
    total = hashlib.sha256()
    for name, file in sorted(set(_files(paths, Path(root), exclude))):
        executable = "x" if file.stat().st_mode & 0o100 else "-"
        total.update(f"{hashlib.sha256(file.read_bytes()).hexdigest()} {executable} {name}\0".encode())
    total.update(json.dumps(values, sort_keys=True).encode())
    return total.hexdigest()


class FilterModule:
    """Filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Return the filters by name."""
        return {"content_hash": content_hash}
