"""Make a folder hold exactly the Python modules that come as JSON on standard input; print the names that differed.

Usage: sync_modules.py <folder> [--check]. With --check nothing is written.
"""

import json
import sys
from pathlib import Path


def sync(folder: Path, modules: dict[str, str], check: bool) -> list[str]:
    """Write what differs, remove what is not wanted, and return the names of both."""
    present = {path.name: path.read_text() for path in folder.glob("*.py")}
    wrong = sorted(name for name, text in modules.items() if present.get(name) != text)
    stale = sorted(set(present) - set(modules))
    if not check:
        for name in wrong:
            (folder / name).write_text(modules[name])
            (folder / name).chmod(0o644)
        for name in stale:
            (folder / name).unlink()
    return wrong + stale


if __name__ == "__main__":
    print(json.dumps(sync(Path(sys.argv[1]), json.load(sys.stdin), "--check" in sys.argv[2:])))
