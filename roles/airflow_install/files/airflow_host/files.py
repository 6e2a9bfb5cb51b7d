"""Files that are either right already or replaced whole."""

from __future__ import annotations

import difflib
import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class File:
    """A file as it must be."""

    path: Path
    content: str
    mode: int = 0o644
    secret: bool = False

    def is_right(self) -> bool:
        """Tell whether content, mode and owner are as they must be."""
        try:
            status = self.path.lstat()
            return (
                stat.S_ISREG(status.st_mode)
                and stat.S_IMODE(status.st_mode) == self.mode
                and status.st_uid == os.geteuid()
                and self.path.read_bytes() == self.content.encode()
            )
        except FileNotFoundError:
            return False

    def diff(self) -> str:
        """Return a unified diff against what is there, or "(secret)"."""
        if self.secret:
            return "(secret)"
        before = self.path.read_text() if self.path.exists() else ""
        name = str(self.path)
        lines = difflib.unified_diff(before.splitlines(True), self.content.splitlines(True), name, name)
        return "".join(lines)

    def write(self) -> None:
        """Replace the file in one step, so that no reader sees half of it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # mkstemp creates the file 0600: a secret is never readable by others, not even for a moment.
        descriptor, temporary = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")
        try:
            with os.fdopen(descriptor, "w") as stream:
                stream.write(self.content)
                stream.flush()
                os.fchmod(stream.fileno(), self.mode)
                os.fsync(stream.fileno())
            Path(temporary).replace(self.path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
