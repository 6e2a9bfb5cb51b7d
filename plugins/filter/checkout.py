"""Filter that tells which commit is checked out."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import yaml

DOCUMENTATION = r"""
name: checkout
short_description: Tell which commit is checked out
version_added: 0.1.0
author: The graviflow team
description:
  - Gives the commit of a checkout of this collection, with C(-dirty) behind it if a file that git knows was changed.
  - Where the folder is no checkout, as of a collection that was installed, gives the collection's version.
positional: _input
options:
  _input:
    description: Root of the collection.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Commit is shown
  ansible.builtin.debug:
    msg: "{{ role_path | dirname | dirname | graviflow.airflow.checkout }}"
"""

RETURN = r"""
_value:
  description: Commit or version.
  type: str
  sample: 2c05f1d8a1a3b7c8d9e0f1a2b3c4d5e6f7a8b9c0-dirty
"""


def checkout(root: str) -> str:
    """Return the commit that is checked out in a folder, or the version of the collection that it holds."""
    folder = Path(root).resolve()
    # A folder within somebody else's checkout has none of its own.
    if _git(folder, "rev-parse", "--show-toplevel") == str(folder):
        return _git(folder, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*") or _version(folder)
    return _version(folder)


def _git(folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(["git", "-C", folder, *arguments], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()


def _version(folder: Path) -> str:
    """Return the version that galaxy.yml says in a checkout, and MANIFEST.json in an installed collection."""
    for name in ("galaxy.yml", "MANIFEST.json"):
        if (folder / name).is_file():
            said = yaml.safe_load((folder / name).read_text())
            return str(said.get("collection_info", said)["version"])
    return "unknown"


class FilterModule:
    """Filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Return the filters by name."""
        return {"checkout": checkout}
