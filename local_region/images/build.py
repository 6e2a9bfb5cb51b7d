"""Builds the images, each named by the hash of what goes into it: nothing is built twice, nothing goes stale."""

from __future__ import annotations

import hashlib
import io
import logging
import subprocess
import tarfile
import threading
from collections.abc import Mapping
from pathlib import Path

import docker
from docker.errors import APIError, ImageNotFound

log = logging.getLogger(__name__)

HERE = Path(__file__).parent
RELEASES = {"12": "bookworm", "13": "trixie"}
DEFAULT_RELEASE = "trixie"
LABEL = "graviflow.image"
HOME_LABEL = "graviflow.home"  # which authority an image trusts; what is baked from it inherits the label
EXTRA_CERTIFICATES = Path("/usr/local/share/ca-certificates")
PIP_CONFIGURATION = Path("/etc/pip.conf")

Context = Mapping[str, tuple[bytes, int]]
"""Path in a build context -> (content, mode)."""

_lock = threading.Lock()


def digest(context: Context, *more: str) -> str:
    """Return 12 hexadecimal digits that name a build's inputs."""
    hashed = hashlib.sha256()
    for path, (content, mode) in sorted(context.items()):
        hashed.update(f"{path}\0{mode:o}\0{len(content)}\0".encode() + content)
    for text in more:
        hashed.update(f"\0{text}".encode())
    return hashed.hexdigest()[:12]


def base_context(authority_pem: bytes) -> dict[str, tuple[bytes, int]]:
    """Return the build context of an instance's base image, with this machine's own certificates in it."""
    folder = HERE / "base"
    context = {
        "Dockerfile": ((folder / "Dockerfile").read_bytes(), 0o644),
        "files/etc/cloud/cloud.cfg.d/99-region.cfg": ((folder / "cloud.cfg").read_bytes(), 0o644),
        "files/usr/sbin/mount.nfs4": ((folder / "mount.nfs4").read_bytes(), 0o755),
        "certificates/region-authority.crt": (authority_pem, 0o644),
    }
    for path in sorted(EXTRA_CERTIFICATES.rglob("*.crt")):
        context[f"certificates/machine-{path.name}"] = (path.read_bytes(), 0o644)
    if PIP_CONFIGURATION.exists():
        context["files/etc/pip.conf"] = (PIP_CONFIGURATION.read_bytes(), 0o644)
    return context


def folder_context(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Return a folder's files as a build context."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mode & 0o755) for path in files}


def _archive(context: Context) -> io.BytesIO:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as out:
        for path, (content, mode) in context.items():
            member = tarfile.TarInfo(path)
            member.size, member.mode = len(content), mode
            out.addfile(member, io.BytesIO(content))
    archive.seek(0)
    return archive


class Builder:
    """Makes sure that images exist; safe to call from several threads."""

    def __init__(self, client: docker.DockerClient, authority_pem: bytes) -> None:
        self.client, self.authority_pem = client, authority_pem
        # Images trust their home's authority: another home's are other images, and stay when these are renewed.
        self.home = hashlib.sha256(authority_pem).hexdigest()[:8]

    def base(self, release: str = DEFAULT_RELEASE) -> str:
        """Return the tag of the instance image of a Debian release, built if need be (about a minute)."""
        context = base_context(self.authority_pem)
        with _lock:
            rootfs = self._rootfs(release)
            tag = f"graviflow/base:{release}-{self.home}-{digest(context, rootfs)}"
            self._build(tag, context, {"ROOTFS": rootfs})
        return tag

    def data(self) -> str:
        """Return the tag of the image behind the managed services, built if need be."""
        base, context = self.base(), folder_context(HERE / "data")
        tag = f"graviflow/data:{self.home}-{digest(context, base)}"
        with _lock:
            self._build(tag, context, {"BASE": base})
        return tag

    def data_images(self) -> list[str]:
        """Return the tags of the data images that this machine has, this home's and others'."""
        return self._tags("graviflow/data:")

    def remove_all(self) -> list[str]:
        """Remove every image that a builder made; returns their tags."""
        return [tag for repository in ("data", "base", "rootfs") for tag in self._prune(f"graviflow/{repository}:")]

    def _rootfs(self, release: str) -> str:
        packages = [line for line in (HERE / "base" / "packages.txt").read_text().split() if line]
        tag = f"graviflow/rootfs:{release}-{digest({}, *packages)}"
        if not self._exists(tag):
            log.info("building %s from Debian's archive", tag)
            command = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(packages)}"]
            command += ['--aptopt=Acquire::Languages "none"', release, "-"]
            with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
                self.client.api.import_image_from_stream(process.stdout, *tag.rsplit(":", 1), [f"LABEL {LABEL}=rootfs"])
            if process.returncode:
                self.client.images.remove(tag)
                raise RuntimeError(f"mmdebstrap {release} ended with {process.returncode}")
            self._prune(f"graviflow/rootfs:{release}-", keep=tag)
        return tag

    def _build(self, tag: str, context: Context, arguments: Mapping[str, str]) -> None:
        if self._exists(tag):
            return
        log.info("building %s", tag)
        labels = {LABEL: tag.partition(":")[0], HOME_LABEL: self.home}
        self.client.images.build(
            fileobj=_archive(context), custom_context=True, tag=tag, buildargs=dict(arguments), labels=labels, rm=True
        )
        self._prune(tag.rpartition("-")[0] + "-", keep=tag)

    def _exists(self, tag: str) -> bool:
        try:
            self.client.images.get(tag)
        except ImageNotFound:
            return False
        return True

    def _tags(self, prefix: str) -> list[str]:
        return [tag for image in self.client.images.list() for tag in image.tags if tag.startswith(prefix)]

    def _prune(self, prefix: str, keep: str = "") -> list[str]:
        """Remove tags that start with prefix; what another region still runs stays until its containers are gone."""
        removed = []
        for tag in set(self._tags(prefix)) - {keep}:
            try:
                self.client.images.remove(tag)
                removed.append(tag)
            except APIError as error:
                log.info("%s stays: %s", tag, error.explanation)
        return removed
