"""Make rules true of this machine, then say where they are not. With --check only say; with --root of another system.

Usage: seal.py [--root DIR] [--check] <RULES
RULES is JSON, {"rules": [...], "secrets": {name: regular expression}}. A rule is {"path": glob, "rule": kind,
"why": text, "keep": [glob, ...]}; "keep" may be left out. In "path", {a,b} stands for either, ** for any folders.
What was made true is printed, if all is well. Else what is not true goes to standard error, with path, rule and reason,
and the exit code is 1.
"""

import argparse
import json
import os
import re
import shutil
import stat
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, NamedTuple

Rule = dict[str, Any]
Secrets = dict[str, re.Pattern[bytes]]

OWNER = 0
# A field that no password fits, and from which none can be guessed: a hash behind a ! still is one.
LOCKED = re.compile(r"x|[*!][^$]*")
CAPABILITIES = "security.capability"


class Offence(NamedTuple):
    """A path of which a rule is not true, and what is wrong there."""

    path: Path
    what: str


def spelled_out(glob: str) -> list[str]:
    """Return the globs that a glob with {a,b} stands for."""
    head, brace, rest = glob.partition("{")
    if not brace:
        return [glob]
    words, _, tail = rest.partition("}")
    return [each for word in words.split(",") for each in spelled_out(head + word + tail)]


def absent(path: Path, _: Secrets) -> Iterator[str]:
    """Nothing may be there."""
    yield ""


def empty(path: Path, _: Secrets) -> Iterator[str]:
    """A file has no content. Folders are let be."""
    if not stat.S_ISDIR(path.lstat().st_mode) and path.lstat().st_size > 0:
        yield f"{path.lstat().st_size} bytes"


def locked(path: Path, _: Secrets) -> Iterator[str]:
    """Nobody in this user or group database has a password, and nobody needs none."""
    for line in path.read_text().splitlines():
        name, field = line.split(":")[:2]
        if not LOCKED.fullmatch(field):
            yield name


def secret_free(path: Path, secrets: Secrets) -> Iterator[str]:
    """A file holds nothing that looks like a secret. What it is stays unsaid."""
    if not path.is_file():
        return
    content = path.read_bytes()
    for name, pattern in secrets.items():
        if found := pattern.search(content):
            yield f"{name} in line {content.count(bytes([10]), 0, found.start()) + 1}"


def read_only(path: Path, _: Secrets) -> Iterator[str]:
    """Only root can write it. An access control list that says otherwise shows in the mode of the group."""
    status = path.lstat()
    if stat.S_ISLNK(status.st_mode):
        return
    if status.st_uid != OWNER or status.st_mode & 0o022:
        yield f"owner {status.st_uid}, mode {stat.S_IMODE(status.st_mode):04o}"


def unprivileged(path: Path, _: Secrets) -> Iterator[str]:
    """Whoever runs it stays who they are."""
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode):
        return
    if status.st_mode & (stat.S_ISUID | stat.S_ISGID):
        yield f"mode {stat.S_IMODE(status.st_mode):04o}"
    if CAPABILITIES in os.listxattr(path):
        yield "capabilities"


def remove(path: Path) -> None:
    """Make `absent` true."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def truncate(path: Path) -> None:
    """Make `empty` true. A link gives way to a file: what it leads to is not ours."""
    if path.is_symlink():
        path.unlink()
    path.write_bytes(b"")


def lock(path: Path) -> None:
    """Make `locked` true."""
    rows = [line.split(":") for line in path.read_text().splitlines()]
    for row in rows:
        row[1] = row[1] if LOCKED.fullmatch(row[1]) else "*"
    path.write_text("".join(":".join(row) + "\n" for row in rows))


def take_writing(path: Path) -> None:
    """Make `read_only` true."""
    os.chown(path, OWNER, -1)
    path.chmod(stat.S_IMODE(path.stat().st_mode) & ~0o022)


def take_privileges(path: Path) -> None:
    """Make `unprivileged` true."""
    path.chmod(stat.S_IMODE(path.stat().st_mode) & ~(stat.S_ISUID | stat.S_ISGID))
    if CAPABILITIES in os.listxattr(path):
        os.removexattr(path, CAPABILITIES)


KINDS = {
    "absent": absent,
    "empty": empty,
    "locked": locked,
    "read_only": read_only,
    "secret_free": secret_free,
    "unprivileged": unprivileged,
}
# Who left a secret must take it away: this program would not know what else of the file to keep.
REMEDIES = {
    "absent": remove,
    "empty": truncate,
    "locked": lock,
    "read_only": take_writing,
    "unprivileged": take_privileges,
}


def offences(rule: Rule, secrets: Secrets) -> list[Offence]:
    """Return where a rule is not true."""
    found = {path for glob in spelled_out(rule["path"]) for path in Path("/").glob(glob[1:])}
    paths = sorted(path for path in found if not any(fnmatch(str(path), kept) for kept in rule.get("keep") or []))
    return [Offence(path, what) for path in paths for what in KINDS[rule["rule"]](path, secrets)]


def seal(rules: list[Rule], secrets: Secrets) -> list[str]:
    """Make every rule true that can be made true, and return what was done."""
    done = []
    for rule in rules:
        if remedy := REMEDIES.get(rule["rule"]):
            for path in sorted({offence.path for offence in offences(rule, secrets)}):
                remedy(path)
                done.append(f"{rule['rule']}: {path}")
    return done


def main() -> int:
    """Seal unless told not to, then look at every rule: the exit code says whether all of them are true."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", default="/")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    given = json.load(sys.stdin)
    rules, secrets = given["rules"], {name: re.compile(text.encode()) for name, text in given["secrets"].items()}
    if options.root != "/":  # absolute links then lead where they lead on a host, never into this machine
        os.chroot(options.root)
        os.chdir("/")
    done = [] if options.check else seal(rules, secrets)
    left = [(rule, offence) for rule in rules for offence in offences(rule, secrets)]
    if left:
        for rule, (path, what) in left:
            print(f"{path} must be {rule['rule']}{f' ({what})' if what else ''}. {rule['why']}.", file=sys.stderr)
        return 1
    for line in done:
        print(line)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
