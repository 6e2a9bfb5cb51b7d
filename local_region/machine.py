"""A virtual machine in an instance's place: an emulator in a container, whose guest owns the container's address."""

from __future__ import annotations

from typing import Any

from moto.ec2.models.instance_types import INSTANCE_TYPES

ROOT = "/machine/root"  # where images/machine expects the guest's file system
STOP_SECONDS = 300  # an emulated guest shuts down at its own pace
DISK_GIB = 8


def options(cpus: int, memory: int, disk: int, mac: str) -> dict[str, Any]:
    """Return the options of a container that runs a virtual machine; memory in MiB, disk in GiB."""
    return {
        "cap_add": ["NET_ADMIN"],  # to bridge the guest to the container's interface
        "devices": ["/dev/net/tun"],
        "environment": {
            "MACHINE_CPUS": str(cpus),
            "MACHINE_DISK": str(disk),
            "MACHINE_MAC": mac,
            "MACHINE_MEMORY": str(memory),
        },
    }


def options_of(instance: Any) -> dict[str, Any]:
    """Return the options of the container in which moto's instance runs as a virtual machine of its type."""
    model = INSTANCE_TYPES[instance.instance_type]
    sizes = [device.size for _, device in instance.get_block_device_mapping if device.size]
    cpus, memory = model["VCpuInfo"]["DefaultVCpus"], model["MemoryInfo"]["SizeInMiB"]
    return options(cpus, memory, sizes[0] if sizes else DISK_GIB, instance.nics[0].mac_address)
