"""Where releases of DAGs come from. A source says which revision it has, and fills a folder with it."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Protocol

from airflow_host import codecommit, model, releases
from airflow_host.errors import HostError

if TYPE_CHECKING:
    from botocore.client import BaseClient

DEPLOY_KEY = "deploy_key"
"""The credential of the unit that is the key's file."""
PROTOCOLS = "https:ssh"
COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
REVISION_LENGTH = 16
# Seconds after which a server that says nothing is given up.
PATIENCE = 30


class Source(Protocol):
    """What every source can do."""

    def revision(self) -> str | None:
        """Return what the source has now, None when it has nothing yet; raise HostError when it cannot be asked."""

    def fill(self, revision: str, folder: Path) -> None:
        """Fill an empty folder with a revision; raise HostError when it cannot be had."""


@dataclass(frozen=True)
class SharedStorage:
    """A directory on the shared storage, where somebody else makes releases."""

    directory: Path
    mount_point: Path | None

    def revision(self) -> str | None:
        """Return the release that is current there."""
        if self.mount_point and not self.mount_point.is_mount():
            raise HostError(f"{self.mount_point}: shared storage is not mounted; the DAGs stay as they are")
        return releases.current(self.directory)

    def fill(self, revision: str, folder: Path) -> None:
        """Copy contents and modes only: the owner on the shared storage is of no concern here."""
        release = self.directory / "releases" / revision
        shutil.copytree(release, folder, symlinks=True, dirs_exist_ok=True, copy_function=shutil.copy)


@dataclass(frozen=True)
class Git:
    """A repository; `key` is the file of the deploy key, for one that is reached by SSH."""

    git: model.Git
    key: Path | None = None

    def revision(self) -> str:
        """Return the commit that the branch or tag names now, and a digest of which part of it is wanted."""
        commit = self._commit()
        part = f"{self.git.subdirectory}\0{'with submodules' if self.git.submodules else ''}"
        return commit if part == "\0" else f"{commit}-{hashlib.sha256(part.encode()).hexdigest()[:8]}"

    def _commit(self) -> str:
        ref = self.git.ref
        if COMMIT.fullmatch(ref):
            return ref
        listed = self._run("ls-remote", "--", self.git.url, *self._names(), seconds=2 * PATIENCE)
        commits = {name: commit for commit, _, name in (line.partition("\t") for line in listed.splitlines())}
        for name in self._names():
            if name in commits:
                return commits[name]
        raise HostError(
            f"{self.git.url}: has neither a branch nor a tag {ref!r}; a commit is given by all of its 40 digits"
        )

    def _names(self) -> list[str]:
        """Return what the ref may stand for, best first; ^{} is the commit of a tag that is an object itself."""
        ref = self.git.ref
        if ref == "HEAD":
            return [ref]
        full = [ref] if ref.startswith("refs/") else [f"refs/heads/{ref}", f"refs/tags/{ref}"]
        return [name for each in full for name in (f"{each}^{{}}", each)]

    def fill(self, revision: str, folder: Path) -> None:
        """Check the commit out, and keep the files of the subdirectory."""
        commit = revision.partition("-")[0]
        checkout = folder / ".checkout"
        self._run("init", "--quiet", "--template=", str(checkout))
        inside = ("-C", str(checkout))
        self._run(*inside, "fetch", "--quiet", "--depth=1", "--no-tags", "--", self.git.url, commit)
        self._run(*inside, "checkout", "--quiet", "--detach", commit)
        if self.git.submodules:
            # Relative addresses of submodules are relative to this one.
            self._run(*inside, "remote", "add", "origin", self.git.url)
            self._run(*inside, "submodule", "--quiet", "update", "--init", "--recursive", "--depth=1")
        wanted = (checkout / self.git.subdirectory).resolve()
        if not wanted.is_dir() or not wanted.is_relative_to(checkout.resolve()):
            raise HostError(f"{self.git.url}: commit {commit} has no folder {self.git.subdirectory!r}")
        for path in wanted.iterdir():
            if path.name != ".git":
                path.rename(folder / path.name)
        shutil.rmtree(checkout)
        for path in list(folder.rglob(".git")):
            path.unlink()

    def _run(self, *arguments: str, seconds: float | None = None) -> str:
        settings = ["gc.auto=0", "http.lowSpeedLimit=1", f"http.lowSpeedTime={PATIENCE}"]
        if codecommit.serves(self.git.url):
            settings += codecommit.SETTINGS
        command = ["git", *(word for setting in settings for word in ("-c", setting)), *arguments]
        with self._environment() as environment:
            try:
                result = subprocess.run(
                    command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds
                )
            except subprocess.TimeoutExpired as error:
                raise HostError(f"{self.git.url}: no answer in {seconds:.0f} s; the DAGs stay as they are") from error
        if result.returncode:
            raise HostError(f"{self.git.url}: {self._reason(result.stderr)}; the DAGs stay as they are")
        return result.stdout

    def _reason(self, errors: str) -> str:
        if "Host key verification failed" in errors:
            return (
                "the server's host key is not among the pinned ones, and nothing is taken from it; "
                "if the key was changed on purpose, pin the new one in stack_document_dags_git.host_keys"
            )
        lines = [line.strip() for line in errors.splitlines() if line.strip()]
        return "; ".join(lines[-3:]) or "git failed without a word"

    @contextmanager
    def _environment(self) -> Iterator[Mapping[str, str]]:
        """Give git a home of its own, so that nothing but the stack decides what it does."""
        with tempfile.TemporaryDirectory() as home:
            known_hosts = Path(home) / "known_hosts"
            known_hosts.write_text("".join(f"{line}\n" for line in self.git.host_keys))
            ssh = {
                "BatchMode": "yes",
                "ConnectTimeout": "10",
                "GlobalKnownHostsFile": "/dev/null",
                "IdentitiesOnly": "yes",
                "IdentityFile": str(self.key or "none"),
                "ServerAliveInterval": str(PATIENCE // 3),
                "StrictHostKeyChecking": "yes",
                "UpdateHostKeys": "no",
                "UserKnownHostsFile": str(known_hosts),
            }
            yield {
                **os.environ,
                "GIT_ALLOW_PROTOCOL": PROTOCOLS,
                "GIT_CONFIG_GLOBAL": "/dev/null",
                "GIT_CONFIG_NOSYSTEM": "1",
                "GIT_SSH_COMMAND": " ".join(["ssh", "-F", "none", *(f"-o{key}={value}" for key, value in ssh.items())]),
                "GIT_TERMINAL_PROMPT": "0",
                "HOME": home,
                "LC_ALL": "C",
            }


def _digest(objects: Mapping[str, str]) -> str | None:
    digest = hashlib.sha256()
    for name, tag in sorted(objects.items()):
        digest.update(f"{name}\0{tag}\0".encode())
    return digest.hexdigest()[:REVISION_LENGTH] if objects else None


@dataclass(frozen=True)
class S3:
    """The objects below a prefix of a bucket."""

    s3: model.S3
    client: BaseClient

    def revision(self) -> str | None:
        """Return a digest of what the objects are called and what is in them."""
        return _digest(self._objects())

    def fill(self, revision: str, folder: Path) -> None:
        """Download the objects, if they are and stay those of the revision."""
        from botocore.exceptions import BotoCoreError, ClientError

        where = f"s3://{self.s3.bucket}/{self._prefix}"
        objects = self._objects()
        try:
            for name, tag in objects.items():
                path = PurePosixPath(name)
                if path.is_absolute() or ".." in path.parts or str(path) != name:
                    raise HostError(f"{where}: {name!r} is no name of a file; the DAGs stay as they are")
                target = folder / path
                target.parent.mkdir(parents=True, exist_ok=True)
                answer = self.client.get_object(Bucket=self.s3.bucket, Key=self._prefix + name, IfMatch=tag)
                with target.open("wb") as file:
                    shutil.copyfileobj(answer["Body"], file)
        except (BotoCoreError, ClientError, OSError) as error:
            raise HostError(f"{where}: {error}; the DAGs stay as they are") from error
        # S3 changes one object at a time, and an upload of many takes its time.
        if {_digest(objects), self.revision()} != {revision}:
            raise HostError(f"{where}: is being changed; it is looked at again later")

    @property
    def _prefix(self) -> str:
        return f"{self.s3.prefix}/" if self.s3.prefix else ""

    def _objects(self) -> dict[str, str]:
        """Return the ETags by name below the prefix; names that end in a slash stand for folders."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.s3.bucket, Prefix=self._prefix)
            found = [each for page in pages for each in page.get("Contents", ())]
        except (BotoCoreError, ClientError) as error:
            raise HostError(f"s3://{self.s3.bucket}/{self._prefix}: {error}; the DAGs stay as they are") from error
        names = ((each["Key"].removeprefix(self._prefix), each["ETag"]) for each in found)
        return {name: tag for name, tag in names if name and not name.endswith("/")}


def of(document: model.Document) -> Source:
    """Return the source that a document names."""
    match document.dags.source:
        case model.Efs(path) | model.Shared(path):
            storage = document.shared_storage
            return SharedStorage(Path(path), Path(storage.mount_point) if storage else None)
        case model.Git() as git:
            credentials = os.environ.get("CREDENTIALS_DIRECTORY")
            return Git(git, Path(credentials) / DEPLOY_KEY if credentials else None)
        case model.S3() as s3:
            import boto3
            from botocore.config import Config

            config = Config(connect_timeout=5, read_timeout=20, retries={"mode": "standard", "max_attempts": 5})
            return S3(s3, boto3.client("s3", config=config))
