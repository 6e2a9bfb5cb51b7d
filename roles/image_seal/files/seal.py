"""Make the rules on standard input (JSON) true of this machine, print what was done, and fail if one still is not.

Usage: seal.py [--check]. With --check nothing is changed, and what would be done is printed.
A rule is {"path": glob, "rule": "absent" or "empty", "why": text, "keep": [glob, ...]}; "keep" may be left out.
"""

import json
import shutil
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

Rule = dict[str, Any]


def offenders(rule: Rule) -> list[Path]:
    """Return the paths for which a rule is not true."""
    kept = rule.get("keep") or []
    paths = sorted(Path("/").glob(rule["path"].removeprefix("/")))
    matches = [path for path in paths if not any(fnmatch(str(path), pattern) for pattern in kept)]
    if rule["rule"] == "empty":
        return [path for path in matches if path.stat().st_size > 0]
    return matches


def enforce(rule: Rule, path: Path) -> None:
    """Make a rule true of one path."""
    if rule["rule"] == "empty":
        path.write_bytes(b"")
    elif path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def main() -> int:
    """Enforce all rules, then look again: the exit code says whether the machine is sealed."""
    rules: list[Rule] = json.load(sys.stdin)
    check = "--check" in sys.argv[1:]
    for rule in rules:
        for path in offenders(rule):
            print(f"{rule['rule']}: {path}")
            if not check:
                enforce(rule, path)
    if check:
        return 0
    left = [(path, rule) for rule in rules for path in offenders(rule)]
    for path, rule in left:
        print(f"{path} must be {rule['rule']}. {rule['why']}.", file=sys.stderr)
    return 1 if left else 0


if __name__ == "__main__":
    raise SystemExit(main())
