"""Docker, as the region uses it: labelled containers, networks and volumes that one call takes away again."""

from __future__ import annotations

import io
import tarfile
import time
from collections.abc import Mapping
from typing import Any

import docker
from docker.errors import APIError, NotFound
from docker.models.containers import Container

METADATA_ADDRESS = "169.254.169.254"
RESOLVER_ADDRESS = "169.254.169.253"  # EC2's for DNS; here AWS's API is there, too
LABEL = "graviflow.region"
KIND_LABEL = "graviflow.kind"
ID_LABEL = "graviflow.id"

# With CAP_SYS_BOOT, reboot(2) of pid 1 ends it by a signal: SIGHUP says reboot, SIGINT poweroff.
EXIT_STATES = {129: "rebooted", 137: "killed"}

Files = Mapping[str, tuple[bytes, int]]
"""Absolute path -> (content, mode)."""


def tar(files: Files) -> bytes:
    """Return an archive of files, as Docker's put_archive wants it."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as out:
        for path, (content, mode) in files.items():
            member = tarfile.TarInfo(path.lstrip("/"))
            member.size, member.mode, member.mtime = len(content), mode, int(time.time())
            out.addfile(member, io.BytesIO(content))
    return archive.getvalue()


def exit_state(code: int) -> str:
    """Return what an exit code says about how a system container ended."""
    return EXIT_STATES.get(code, "exited")


class Engine:
    """The containers, networks and volumes of one region, found by label."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.docker = docker.from_env(timeout=300)
        self.data_image = ""  # the image of the managed services; the daemon sets it once it is built
        self.machine_image = ""  # that of virtual machines, where arm64 is emulated

    # -- containers

    def container_name(self, kind: str, id: str) -> str:
        """Return the name of the container that runs a resource."""
        return f"{self.name}-{kind}-{id}"

    def labels(self, kind: str, id: str) -> dict[str, str]:
        """Return the labels by which a thing of this region is found again."""
        return {LABEL: self.name, KIND_LABEL: kind, ID_LABEL: id}

    def filters(self, kind: str | None = None) -> dict[str, Any]:
        """Return Docker filters for what this region made."""
        return {"label": [f"{LABEL}={self.name}", *([f"{KIND_LABEL}={kind}"] if kind else [])]}

    def state(self, kind: str, id: str) -> str | None:
        """Return running, paused, created, exited, rebooted, killed or, without a container, None.

        Docker is asked each time: a job has often changed what the loop saw when it was started.
        """
        try:
            state = self.docker.api.inspect_container(self.container_name(kind, id))["State"]
        except NotFound:
            return None
        if state["Status"] in ("removing", "dead"):
            return None
        if state["Status"] == "exited":
            return exit_state(state["ExitCode"])
        return "paused" if state["Paused"] else state["Status"]

    def known(self) -> set[tuple[str, str]]:
        """Return (kind, id) of every container of this region that runs a resource."""
        rows = self.docker.api.containers(all=True, filters={"label": [*self.filters()["label"], ID_LABEL]})
        return {(row["Labels"][KIND_LABEL], row["Labels"][ID_LABEL]) for row in rows}

    def get(self, kind: str, id: str) -> Container:
        """Return a resource's container; docker.errors.NotFound if there is none."""
        return self.docker.containers.get(self.container_name(kind, id))

    def create(
        self,
        kind: str,
        id: str,
        image: str,
        network: str,
        ip: str,
        files: Files | None = None,
        guest: tuple[str, str] | None = None,
        **options: Any,
    ) -> Container:
        """Start a container with its address and files in place; options are those of the Docker SDK.

        guest: a folder of the container, and the image whose file system is put there; files then belong to that one.
        """
        endpoint = self.docker.api.create_endpoint_config(ipv4_address=ip)
        options.setdefault("dns", [RESOLVER_ADDRESS])
        container = self.docker.containers.create(
            image,
            name=self.container_name(kind, id),
            network=network,
            networking_config={network: endpoint},
            labels=self.labels(kind, id),
            **options,
        )
        try:
            if guest:
                self._unpack(container, *guest)
            if files:
                container.put_archive(guest[0] if guest else "/", tar(files))
            container.start()
        except (APIError, OSError):
            container.remove(force=True, v=True)  # half a container would look like a stopped one
            raise
        return container

    def _unpack(self, container: Container, folder: str, image: str) -> None:
        """Put an image's file system into a container's folder."""
        # Without its image's labels: what is swept away is found by them.
        source = self.docker.containers.create(image, labels={LABEL: "", KIND_LABEL: "", ID_LABEL: ""})
        try:
            container.put_archive(folder, source.export())
        finally:
            source.remove()

    def put(self, kind: str, id: str, files: Files) -> None:
        """Write files into a container, running or not."""
        self.get(kind, id).put_archive("/", tar(files))

    def remove(self, kind: str, id: str) -> None:
        """Remove a container and its anonymous volumes, if it is there."""
        try:
            self.get(kind, id).remove(force=True, v=True)
        except NotFound:
            return
        except APIError as error:
            if error.status_code != 409:  # 409: its removal is under way already
                raise

    # -- volumes, networks

    def volume(self, name: str) -> str:
        """Return the Docker name of a volume of this region; it exists afterwards."""
        name = f"{self.name}-{name}"
        self.docker.volumes.create(name, labels={LABEL: self.name})
        return name

    def remove_volume(self, name: str) -> None:
        """Remove a volume of this region, if it is there."""
        try:
            self.docker.volumes.get(f"{self.name}-{name}").remove()
        except NotFound:
            return

    def down(self) -> None:
        """Remove every container, network and volume of this region; images stay."""
        for container in self.docker.containers.list(all=True, filters=self.filters(), ignore_removed=True):
            container.remove(force=True, v=True)
        for network in self.docker.networks.list(filters=self.filters()):
            network.remove()
        for volume in self.docker.volumes.list(filters=self.filters()):
            volume.remove()

    # -- how a system container runs on this machine

    def system_options(self) -> dict[str, Any]:
        """Return the options with which systemd boots in a container, for this machine's cgroup version."""
        return system_options(self.docker.info().get("CgroupVersion", "1"))


def system_options(cgroup_version: str) -> dict[str, Any]:
    """Return the options of a systemd container: no --privileged, which many machines refuse.

    SYS_ADMIN is what systemd's sandboxing of units takes, SYS_BOOT makes reboot and poweroff work in the guest.
    """
    options: dict[str, Any] = {
        "cap_add": ["SYS_ADMIN", "SYS_BOOT"],
        "security_opt": ["apparmor=unconfined"],  # its default profile forbids mount(2)
        "tmpfs": {"/run": "", "/run/lock": ""},
        "volumes": {},
    }
    if cgroup_version == "1":
        options["cgroupns"] = "host"
        options["volumes"] = {"/sys/fs/cgroup": {"bind": "/sys/fs/cgroup", "mode": "ro"}}
    else:
        options["cgroupns"] = "private"
    return options
