"""Where arm64 is emulated: which images containers run, and what becomes a virtual machine."""

from datetime import datetime
from types import SimpleNamespace

import pytest

from local_region import machine
from local_region.images.catalogue import public_images
from local_region.services import efs
from local_region.services.ec2 import Instances
from local_region.services.images import Images, find_image

BAKED = "ami-baked"
SUBNET = SimpleNamespace(cidr_block="10.0.0.0/16")


class Engine:
    """Keeps what it is asked to create."""

    name, data_image = "unit", "data"

    def __init__(self, machine_image):
        self.machine_image, self.created = machine_image, {}
        self.docker = SimpleNamespace(images=SimpleNamespace(get=lambda tag: tag))

    def system_options(self):
        return {"volumes": {}}

    def volume(self, name):
        return name

    def create(self, kind, id, image, network, ip, **options):
        self.created = {"image": image, **options}


def region(machine_image):
    return SimpleNamespace(
        engine=Engine(machine_image),
        builder=SimpleNamespace(base=lambda release, architecture="": f"base-{release}-{architecture}"),
        network=SimpleNamespace(vpc=lambda vpc: "bridge"),
        partition=lambda aws_region: "aws",
    )


def instance(image_id, architecture="arm64"):
    return SimpleNamespace(
        id="i-1",
        image_id=image_id,
        architecture=architecture,
        instance_type="c7g.large",
        vpc_id="vpc-1",
        key_name=None,
        user_data=None,
        private_ip="10.0.0.9",
        private_dns_name="ip-10-0-0-9.ec2.internal",
        nics=[SimpleNamespace(mac_address="02:00:00:00:00:09")],
        get_block_device_mapping=[("/dev/xvda", SimpleNamespace(size=30))],
    )


def launched(machine_image, *given):
    world = region(machine_image)
    ec2 = SimpleNamespace(region_name="us-east-1", vpcs={"vpc-1": SUBNET}, key_pairs={})
    Instances(world).launch(ec2, instance(*given))
    return world.engine.created


@pytest.mark.parametrize(
    ("machine_image", "architecture", "expected"),
    [("", "arm64", "base-trixie-"), ("machine", "arm64", "base-trixie-arm64"), ("machine", "x86_64", "base-trixie-")],
)
def test_a_public_image_is_of_its_own_architecture_only_where_that_is_emulated(machine_image, architecture, expected):
    (image,) = [
        each
        for each in public_images("us-east-1", "aws")
        if (each.release, each.architecture) == ("trixie", architecture)
    ]
    assert find_image(region(machine_image), "us-east-1", image.id) == expected


def test_what_was_baked_boots_as_a_virtual_machine():
    created = launched("machine", BAKED)
    assert created["image"] == "machine"
    assert created["guest"] == (machine.ROOT, f"unit/ami:{BAKED}")
    assert {"/etc/systemd/network/10-vpc.network", "/etc/environment"} <= created["files"].keys()
    assert created["environment"] == {
        "MACHINE_CPUS": "2",
        "MACHINE_DISK": "30",
        "MACHINE_MAC": "02:00:00:00:00:09",
        "MACHINE_MEMORY": "4096",
    }


@pytest.mark.parametrize(("machine_image", "architecture"), [("", "arm64"), ("machine", "x86_64")])
def test_what_needs_no_emulation_is_a_container(machine_image, architecture):
    created = launched(machine_image, BAKED, architecture)
    assert created["image"] == f"unit/ami:{BAKED}"
    assert "guest" not in created


def test_an_instance_that_bakes_is_a_container():
    (image,) = [
        each for each in public_images("us-east-1", "aws") if (each.release, each.architecture) == ("trixie", "arm64")
    ]
    created = launched("machine", image.id)
    assert created["image"] == "base-trixie-arm64"
    assert "guest" not in created


def test_efs_is_nfs_for_guests_that_have_a_kernel_of_their_own():
    assert efs.server(Engine("machine"), "fs-1")["command"] == ["nfs-server", "fs-1"]
    assert efs.server(Engine("machine"), "fs-1")["image"] == "machine"
    assert efs.server(Engine(""), "fs-1")["image"] == "data"


def test_a_virtual_machine_cannot_be_made_an_image_of():
    world = region("machine")
    world.engine.get = lambda kind, id: SimpleNamespace(attrs={"Config": {"Image": "machine"}})
    world.baked = {}
    snapshot = SimpleNamespace(id="snap-1", encrypted=False, volume=SimpleNamespace(size=8))
    ami = SimpleNamespace(
        id="ami-2",
        instance_id="i-1",
        state="pending",
        name="copy",
        description="",
        architecture="arm64",
        root_device_name="/dev/xvda",
        creation_date=datetime(2026, 9, 1),
        ebs_snapshot=snapshot,
        ec2_backend=SimpleNamespace(region_name="us-east-1"),
        get_tags=list,
    )
    Images(world).make(ami)
    assert ami.state == "failed"
