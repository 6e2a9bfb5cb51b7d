"""EFS: one volume that every instance has, and per mount target a container that answers on port 2049.

The volume is what `mount.nfs4` of the base image binds. The container makes a missing or blocked mount target what it
is on AWS: a connection that is refused or times out. It takes TLS, and what is not encrypted unless the file system's
policy denies that. Where arm64 is emulated, guests have a kernel of their own: the container serves the volume by
NFS 4.1, in TLS only.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from local_region.services._tcp import answers

if TYPE_CHECKING:
    from local_region.engine import Engine
    from local_region.region import Region

KIND = "efs"
VOLUME = "efs"
NFS_PORT = 2049
HOME = "/mount-target"  # of images/data/mount-target


def names(file_system_id: str, zones: dict[str, str], aws_region: str, suffix: str) -> dict[str, str]:
    """Return the DNS names of a file system; zones: zone -> address of its mount target, the first one answers for all.

    On AWS the plain name leads to the asker's own zone. Here it leads to the first zone; the zone's own name is exact.
    """
    domain = f"{file_system_id}.efs.{aws_region}.{suffix}"
    if not zones:
        return {}
    return {domain: zones[min(zones)]} | {f"{zone}.{domain}": ip for zone, ip in zones.items()}


def denies_plain(policy: str | None) -> bool:
    """Return whether a file system's policy denies what is not encrypted."""
    statements = json.loads(policy or "{}").get("Statement", [])
    return any(
        statement["Effect"] == "Deny"
        and str(statement.get("Condition", {}).get("Bool", {}).get("aws:SecureTransport")).lower() == "false"
        for statement in statements
    )


def server(engine: Engine, file_system_id: str) -> dict[str, Any]:
    """Return what a mount target's container runs."""
    if engine.machine_image:
        return {
            "image": engine.machine_image,
            "command": ["nfs-server", file_system_id],
            "cap_add": ["SYS_ADMIN", "DAC_READ_SEARCH"],  # file handles
        }
    return {"image": engine.data_image, "command": ["mount-target", file_system_id]}


class FileSystems:
    """Makes EFS real."""

    name = "efs"

    def __init__(self, region: Region) -> None:
        self.region, self.engine = region, region.engine
        self.published: set[str] = set()
        self.folders: set[str] = set()
        self.plain: dict[str, bytes] = {}  # mount target -> what its container was told of connections without TLS

    def reconcile(self) -> None:
        """Bring up mount targets, publish names, drop the data of deleted file systems."""
        wanted: dict[str, str] = {}
        present: set[str] = set()
        for aws_region, backend in self.region.backends("efs"):
            for file_system in list(backend.file_systems_by_id.values()):
                present.add(file_system.file_system_id)
                if file_system.life_cycle_state == "creating" and time.monotonic() >= file_system._ready_at:
                    file_system.life_cycle_state = "available"
                wanted |= self._names(aws_region, file_system)
            for target in list(backend.mount_targets_by_id.values()):
                file_system = backend.file_systems_by_id[target.file_system_id]
                self.region.job((KIND, target.mount_target_id), self._serve, aws_region, file_system, target)
        for name in self.published - set(wanted):
            self.region.names.pop(name, None)
        self.region.names.update(wanted)
        self.published = set(wanted)
        for folder in self.folders - present:
            self.region.job(("efs-folder", folder), self._forget, folder)
        self.folders |= present

    def known(self) -> set[tuple[str, str]]:
        """Return the mount targets of every region."""
        return {
            (KIND, target) for _, backend in self.region.backends("efs") for target in list(backend.mount_targets_by_id)
        }

    def _names(self, aws_region: str, file_system: Any) -> dict[str, str]:
        zones = {target.availability_zone_name: target.ip_address for target in list(file_system.iter_mount_targets())}
        return names(file_system.file_system_id, zones, aws_region, self.region.dns_suffix(aws_region))

    def _serve(self, aws_region: str, file_system: Any, target: Any) -> None:
        state = self.engine.state(KIND, target.mount_target_id)
        plain = b"denied" if denies_plain(file_system.file_system_policy) else b"allowed"
        if state is None:
            ec2 = self.region.backend("ec2", aws_region)
            certificate, key = self.region.authority.issue(f"*.efs.{aws_region}.{self.region.dns_suffix(aws_region)}")
            self.engine.create(
                KIND,
                target.mount_target_id,
                network=self.region.network.vpc(ec2.vpcs[target.vpc_id]),
                ip=target.ip_address,
                **server(self.engine, target.file_system_id),
                files={
                    f"{HOME}/certificate.pem": (certificate, 0o644),
                    f"{HOME}/key.pem": (key, 0o600),
                    f"{HOME}/plain": (plain, 0o644),
                },
                volumes={self.engine.volume(VOLUME): {"bind": "/efs", "mode": "rw"}},
                init=True,
            )
        elif state in ("exited", "killed"):
            self.engine.get(KIND, target.mount_target_id).start()
        elif self.plain.get(target.mount_target_id) != plain:
            self.engine.put(KIND, target.mount_target_id, {f"{HOME}/plain": (plain, 0o644)})
        self.plain[target.mount_target_id] = plain
        ready = target.life_cycle_state == "creating" and time.monotonic() >= target._ready_at
        if ready and answers(target.ip_address, NFS_PORT):
            target.life_cycle_state = "available"
            self.region.wake.set()

    def _forget(self, folder: str) -> None:
        self.engine.docker.containers.run(
            self.engine.data_image,
            ["rm", "-rf", f"/efs/{folder}"],
            volumes={self.engine.volume(VOLUME): {"bind": "/efs", "mode": "rw"}},
            network_mode="none",
            remove=True,
        )
        self.folders.discard(folder)
