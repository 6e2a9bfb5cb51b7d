"""AMIs: moto's are records; ours are Docker images, public ones in every region, baked ones that outlive the daemon."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

import moto.ec2.models.amis as amis
import moto.ec2.responses.amis as responses
from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models import ec2_backends

from local_region.images.catalogue import BUILD, Record, public_images
from local_region.patches._tools import replace

if TYPE_CHECKING:
    from local_region.region import Region

ROOT_DEVICE = "/dev/xvda"
PUBLIC_SIZE = 8  # GiB


def apply(region: Region) -> None:
    """Patch EC2's images."""
    _catalogue(region)
    _create_and_copy()
    _register()
    _device_mappings()


def _catalogue(region: Region) -> None:
    """Gap: every region lists the same images, China none; nothing that was baked survives a restart."""

    @replace(amis.AmiBackend, "_load_amis")
    def load(_: Callable[[], None], ec2: Any) -> None:
        for image in public_images(ec2.region_name, region.partition(ec2.region_name)):
            ami = new(
                ec2, image.id, name=image.name, architecture=image.architecture, owner_id=image.owner, public=True
            )
            ami.creation_date = datetime.strptime(BUILD, "%Y%m%d-%H%M")
            ami.description, ami.image_location = image.name, f"amazon/{image.name}"
            ami.ebs_snapshot.volume.size = PUBLIC_SIZE
            ec2.amis[ami.id] = ami
        for record in region.baked.get(ec2.region_name, []):
            ec2.amis[record.id] = restore(ec2, record)


def new(ec2: Any, id: str, **attributes: Any) -> Any:
    """Return a moto AMI with what every image here has in common."""
    return amis.Ami(
        ec2,
        id,
        root_device_type="ebs",
        root_device_name=ROOT_DEVICE,
        virtualization_type="hvm",
        hypervisor="xen",
        region_name=f"{ec2.region_name}a",
        **attributes,
    )


def restore(ec2: Any, record: Record) -> Any:
    """Return a baked image as it was before the daemon was started anew."""
    ami = new(
        ec2,
        record.id,
        name=record.name,
        description=record.description,
        architecture=record.architecture,
        tags=record.tags,
    )
    ami.creation_date, ami.root_device_name = datetime.fromisoformat(record.created), record.root_device_name
    snapshot = ami.ebs_snapshot
    del ec2.snapshots[snapshot.id]
    snapshot.id, snapshot.volume.size, snapshot.encrypted = record.snapshot_id, record.size, record.encrypted
    ec2.snapshots[snapshot.id] = snapshot
    return ami


def _check_name(ec2: Any, name: str | None) -> None:
    if name and any(ami.name == name and ami.owner_id == ec2.account_id for ami in list(ec2.amis.values())):
        raise EC2ClientError("InvalidAMIName.Duplicate", f"AMI name {name} is already in use by an AMI of this account")


def _create_and_copy() -> None:
    """Gap: images are available at once, instance store backed, without snapshot tags, and names may repeat."""

    @replace(amis.AmiBackend, "create_image")
    def create(
        original: Callable[..., Any], ec2: Any, instance_id: str, name: str, description: str, tag_specifications: Any
    ) -> Any:
        _check_name(ec2, name)
        images = [spec for spec in tag_specifications if spec["ResourceType"] == "image"]
        snapshots = [spec for spec in tag_specifications if spec["ResourceType"] == "snapshot"]
        ami = original(instance_id, name, description, tag_specifications=images)
        ami.state, ami.root_device_type, ami.hypervisor = "pending", "ebs", "xen"
        ami.root_device_name = ami.instance.root_device_name
        sizes = [device.size for _, device in ami.instance.get_block_device_mapping if device.size]
        ami.ebs_snapshot.volume.size = sizes[0] if sizes else PUBLIC_SIZE
        ami.ebs_snapshot.add_tags({tag["Key"]: tag["Value"] for spec in snapshots for tag in spec["Tags"]})
        return ami

    @replace(amis.AmiBackend, "copy_image")
    def copy(
        original: Callable[..., Any], ec2: Any, source_image_id: str, source_region: str, *args: Any, **kwargs: Any
    ) -> Any:
        _check_name(ec2, args[0] if args else kwargs.get("name"))
        ami = original(source_image_id, source_region, *args, **kwargs)
        source = ec2_backends[ec2.account_id][source_region].amis[source_image_id]
        ami.state, ami.copy_of = "pending", (source_region, source_image_id)
        ami.root_device_type, ami.root_device_name, ami.hypervisor = "ebs", source.root_device_name, "xen"
        ami.ebs_snapshot.volume.size = source.ebs_snapshot.volume.size
        return ami

    @replace(responses.AmisResponse, "copy_image")
    def copied(original: Callable[[], Any], response: Any) -> Any:
        """Gap: CopyImage forgets that the copy is encrypted."""
        encrypted = response._get_bool_param("Encrypted", False)
        result = original()
        response.ec2_backend.amis[result.result["ImageId"]].ebs_snapshot.encrypted = encrypted
        return result


def _register() -> None:
    """Gap: RegisterImage keeps the name only."""

    @replace(responses.AmisResponse, "register_image")
    def register(_: Callable[[], Any], response: Any) -> Any:
        response.error_on_dryrun()
        ec2, name = response.ec2_backend, response._get_param("Name")
        _check_name(ec2, name)
        ami = ec2.register_image(name, response._get_param("Description", ""))
        ami.architecture = response._get_param("Architecture") or "x86_64"
        ami.virtualization_type = response._get_param("VirtualizationType") or "hvm"
        ami.root_device_name = response._get_param("RootDeviceName") or ROOT_DEVICE
        ami.root_device_type, ami.hypervisor = "ebs", "xen"
        ami.state = "pending"
        devices = response._get_param("BlockDeviceMappings", [])
        ami.from_snapshot = next((d["Ebs"]["SnapshotId"] for d in devices if d.get("Ebs", {}).get("SnapshotId")), None)
        return ActionResult({"ImageId": ami.id})


def _device_mappings() -> None:
    """Gap: every image says one standard volume of 15 GiB."""

    def mappings(ami: Any) -> list[dict[str, Any]]:
        snapshot = ami.ebs_snapshot
        ebs = {
            "SnapshotId": snapshot.id,
            "VolumeSize": int(snapshot.volume.size),
            "DeleteOnTermination": True,
            "VolumeType": "gp3",
            "Encrypted": bool(snapshot.encrypted),
        }
        return [{"DeviceName": ami.root_device_name, "Ebs": ebs}]

    amis.Ami.block_device_mappings = property(mappings)
