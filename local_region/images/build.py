"""Builds the images, each named by the hash of what goes into it: nothing is built twice, nothing goes stale."""

from __future__ import annotations

import hashlib
import io
import logging
import subprocess
import tarfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import MappingProxyType

import docker
from docker.errors import APIError, ImageNotFound
from docker.models.containers import Container

log = logging.getLogger(__name__)

HERE = Path(__file__).parent
RELEASES = {"12": "bookworm", "13": "trixie"}
DEFAULT_RELEASE = "trixie"
ARM64 = "arm64"  # as Debian calls it
# What halts systemd (its manual, "Signals"); QEMU keeps the first four real-time signals, and shifts the others.
HALT = {"": "SIGRTMIN+3", ARM64: "SIGRTMIN+7"}
LABEL = "graviflow.image"
HOME_LABEL = "graviflow.home"  # which authority an image trusts; what is baked from it inherits the label
EXTRA_CERTIFICATES = Path("/usr/local/share/ca-certificates")
PIP_CONFIGURATION = Path("/etc/pip.conf")

Context = Mapping[str, tuple[bytes, int]]
"""Path in a build context -> (content, mode)."""

_lock = threading.RLock()  # some images take others to be built


def digest(context: Context, *more: str) -> str:
    """Return 12 hexadecimal digits that name a build's inputs."""
    hashed = hashlib.sha256()
    for path, (content, mode) in sorted(context.items()):
        hashed.update(f"{path}\0{mode:o}\0{len(content)}\0".encode() + content)
    for text in more:
        hashed.update(f"\0{text}".encode())
    return hashed.hexdigest()[:12]


def base_context(authority_pem: bytes, architecture: str = "") -> dict[str, tuple[bytes, int]]:
    """Return the build context of an instance's base image, with this machine's own certificates in it.

    architecture: one that is emulated; empty for this machine's own, whose kernel has no NFS for its containers.
    """
    folder = HERE / "base"
    context = {
        "Dockerfile": ((folder / "Dockerfile").read_bytes(), 0o644),
        "files/etc/cloud/cloud.cfg.d/99-region.cfg": ((folder / "cloud.cfg").read_bytes(), 0o644),
        "files/usr/local/sbin/boot-container": (_variant("boot-container", architecture).read_bytes(), 0o755),
        "certificates/region-authority.crt": (authority_pem, 0o644),
    }
    if not architecture:
        context["files/usr/sbin/mount.nfs4"] = ((folder / "mount.nfs4").read_bytes(), 0o755)
    for path in sorted(EXTRA_CERTIFICATES.rglob("*.crt")):
        context[f"certificates/machine-{path.name}"] = (path.read_bytes(), 0o644)
    if PIP_CONFIGURATION.exists():
        context["files/etc/pip.conf"] = (PIP_CONFIGURATION.read_bytes(), 0o644)
    return context


def packages(architecture: str = "") -> list[str]:
    """Return the Debian packages of an instance's root file system; an emulated architecture brings its own kernel."""
    lists = {HERE / "base/packages.txt", _variant("packages.txt", architecture)}
    return sorted(name for path in lists for name in path.read_text().split())


def _named(what: str, architecture: str) -> str:
    return f"{what}-{architecture}" if architecture else what


def _variant(name: str, architecture: str) -> Path:
    """Return an architecture's own file of the base image."""
    return HERE / _named("base", architecture) / name


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

    def base(self, release: str = DEFAULT_RELEASE, architecture: str = "") -> str:
        """Return the tag of the instance image of a Debian release, built if need be (about a minute).

        architecture: one that is emulated, which takes minutes to an hour; empty for this machine's own.
        """
        context = base_context(self.authority_pem, architecture)
        rootfs = f"{_named('graviflow/rootfs', architecture)}:{release}-{digest({}, *packages(architecture))}"
        arguments = {"ROOTFS": rootfs, "HALT": HALT[architecture]}
        tag = f"{_named('graviflow/base', architecture)}:{release}-{self.home}-{digest(context, *arguments.values())}"
        with _lock:
            if not self._exists(tag):
                with self._emulated() if architecture else nullcontext():
                    self._rootfs(rootfs, release, architecture)
                    self._build(tag, context, arguments)
        return tag

    def data(self) -> str:
        """Return the tag of the image behind the managed services, built if need be."""
        base, context = self.base(), folder_context(HERE / "data")
        tag = f"graviflow/data:{self.home}-{digest(context, base)}"
        with _lock:
            self._build(tag, context, {"BASE": base})
        return tag

    def machine(self, architecture: str = "") -> str:
        """Return the tag of the image in which virtual machines run, built if need be.

        architecture: one that is emulated; empty for this machine's own.
        """
        base, name = self.machine() if architecture else self.base(), _named("machine", architecture)
        context = folder_context(HERE / name)
        tag = f"graviflow/{name}:{self.home}-{digest(context, base)}"
        with _lock:
            self._build(tag, context, {"BASE": base})
        return tag

    def emulate(self, labels: Mapping[str, str] = MappingProxyType({})) -> Container:
        """Have this machine's kernel run programs of arm64 as long as the container runs that is returned."""
        options = {"cap_add": ["SYS_ADMIN"], "security_opt": ["apparmor=unconfined"], "network_mode": "none"}
        container = self.client.containers.run(
            self.machine(ARM64), ["register-arm64"], detach=True, labels=dict(labels), **options
        )
        # It says a word when that is so, and nothing when it fails.
        said = next(iter(container.logs(stream=True, stderr=False)), b"")
        if not said:
            reason = container.logs().decode().strip()
            container.remove(force=True)
            raise RuntimeError(f"this machine's kernel does not take an emulator for arm64: {reason}")
        return container

    @contextmanager
    def _emulated(self) -> Iterator[None]:
        container = self.emulate()
        try:
            yield
        finally:
            container.remove(force=True)

    def data_images(self) -> list[str]:
        """Return the tags of the data images that this machine has, this home's and others'."""
        return self._tags("graviflow/data:")

    def remove_all(self) -> list[str]:
        """Remove every image that a builder made; returns their tags."""
        repositories = ("machine-arm64", "machine", "data", "base", "base-arm64", "rootfs", "rootfs-arm64")
        return [tag for repository in repositories for tag in self._prune(f"graviflow/{repository}:")]

    def _rootfs(self, tag: str, release: str, architecture: str) -> None:
        if self._exists(tag):
            return
        log.info("building %s from Debian's archive", tag)
        command = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(packages(architecture))}"]
        if architecture:  # the kernel runs its programs; no package of this machine need say so
            command += [f"--architectures={architecture}", "--skip=check/qemu"]
        command += ['--aptopt=Acquire::Languages "none"', release, "-"]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            self.client.api.import_image_from_stream(process.stdout, *tag.rsplit(":", 1), [f"LABEL {LABEL}=rootfs"])
        if process.returncode:
            self.client.images.remove(tag)
            raise RuntimeError(f"mmdebstrap {release} ended with {process.returncode}")
        self._prune(tag.rpartition("-")[0] + "-", keep=tag)

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
