"""AMIs: public ones, baked ones, copies, and what outlives the daemon."""

import uuid

import pytest
from botocore.exceptions import ClientError

NAME = f"conformance-{uuid.uuid4()}"  # baked images outlive a broken run


@pytest.fixture(scope="module")
def image_of(cloud):
    def read(image_id, aws_region=None):
        return cloud.client("ec2", aws_region).describe_images(ImageIds=[image_id])["Images"][0]

    return read


@pytest.fixture(scope="module")
def baked(cloud, launch, until, ssh, image_of):
    """An image of a changed host, tagged after it was made, as Packer does."""
    ec2, host = cloud.client("ec2"), launch()
    until(lambda: ssh(host.ip, "true").returncode == 0, what="ssh")
    changed = ssh(
        host.ip,
        "cloud-init status --wait && echo baked | sudo tee /opt/marker && sudo cloud-init clean --machine-id && sync",
    )
    assert changed.returncode == 0, changed
    tags = [{"ResourceType": kind, "Tags": [{"Key": "Early", "Value": "1"}]} for kind in ("image", "snapshot")]
    image_id = ec2.create_image(InstanceId=host.id, Name=NAME, TagSpecifications=tags)["ImageId"]
    until(lambda: image_of(image_id)["State"] == "available", what="available")
    ec2.create_tags(Resources=[image_id], Tags=[{"Key": "Late", "Value": 'a "quoted" $value \\ with all'}])
    return image_id


@pytest.mark.parametrize(("aws_region", "owner"), [("cn-north-1", "336777782633"), ("us-east-1", "136693071363")])
def test_debian_is_offered(cloud, aws_region, owner):
    ec2 = cloud.client("ec2", aws_region)
    for number, debian, architecture in (("13", "arm64", "arm64"), ("12", "arm64", "arm64"), ("13", "amd64", "x86_64")):
        filters = [
            {"Name": "name", "Values": [f"debian-{number}-{debian}-*"]},
            {"Name": "root-device-type", "Values": ["ebs"]},
        ]
        found = ec2.describe_images(Owners=[owner], Filters=filters)["Images"]
        assert [image["Architecture"] for image in found] == [architecture]
        assert found[0]["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"].startswith("snap-")


def test_an_image_has_what_its_host_had(baked, image_of):
    image = image_of(baked)
    assert (image["Architecture"], image["RootDeviceType"], image["VirtualizationType"]) == ("arm64", "ebs", "hvm")
    assert {tag["Key"] for tag in image["Tags"]} == {"Early", "Late"}


def test_the_snapshot_is_there_and_tagged(cloud, baked, image_of):
    snapshot = image_of(baked)["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
    found = cloud.client("ec2").describe_snapshots(SnapshotIds=[snapshot])["Snapshots"][0]
    assert {"Key": "Early", "Value": "1"} in found["Tags"]


def test_hosts_boot_from_it_each_with_its_own_identity(baked, launch, until, ssh):
    hosts = [launch(ImageId=baked), launch(ImageId=baked)]
    seen = []
    for host in hosts:
        until(lambda host=host: ssh(host.ip, "true").returncode == 0, what="ssh")
        seen.append(
            ssh(host.ip, "cat /opt/marker /etc/machine-id /etc/ssh/ssh_host_ed25519_key.pub").stdout.splitlines()
        )
    assert [lines[0] for lines in seen] == ["baked", "baked"]
    assert seen[0][1] != seen[1][1], "one machine id"
    assert seen[0][2].split()[1] != seen[1][2].split()[1], "one host key"


def test_a_name_is_taken_once(cloud, baked, launch):
    with pytest.raises(ClientError) as error:
        cloud.client("ec2").copy_image(SourceImageId=baked, SourceRegion=cloud.aws_region, Name=NAME)
    assert error.value.response["Error"]["Code"] == "InvalidAMIName.Duplicate"


def test_a_copy_in_another_region_boots(cloud, baked, until, image_of):
    ec2 = cloud.client("ec2", "cn-northwest-1")
    copy = ec2.copy_image(SourceImageId=baked, SourceRegion=cloud.aws_region, Name="copy-1", Encrypted=True)["ImageId"]
    until(lambda: image_of(copy, "cn-northwest-1")["State"] == "available", what="available")
    image = image_of(copy, "cn-northwest-1")
    assert image["Architecture"] == "arm64"
    assert image["BlockDeviceMappings"][0]["Ebs"]["Encrypted"] is True
    assert not image.get("Tags")
    vpc = ec2.create_vpc(CidrBlock="10.198.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.198.1.0/24")["Subnet"]["SubnetId"]
    given = {"InstanceType": "m7g.large", "SubnetId": subnet, "MinCount": 1, "MaxCount": 1}
    instance = ec2.run_instances(ImageId=copy, **given)["Instances"][0]["InstanceId"]

    def state():
        return ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]["State"]["Name"]

    until(lambda: state() == "running", what="running")
    assert cloud.docker("exec", cloud.container(instance), "cat", "/opt/marker") == "baked"
    ec2.terminate_instances(InstanceIds=[instance])
    until(lambda: state() == "terminated", what="terminated")
    ec2.deregister_image(ImageId=copy)


def test_register_image_keeps_its_architecture(cloud, baked, until, image_of):
    ec2 = cloud.client("ec2")
    snapshot = image_of(baked)["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
    devices = [{"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": snapshot}}]
    given = {"Architecture": "arm64", "RootDeviceName": "/dev/xvda", "VirtualizationType": "hvm", "EnaSupport": True}
    registered = ec2.register_image(Name="registered-1", BlockDeviceMappings=devices, **given)["ImageId"]
    until(lambda: image_of(registered)["State"] == "available", what="available")
    assert image_of(registered)["Architecture"] == "arm64"
    ec2.deregister_image(ImageId=registered)
    tag = f"{cloud.name}/ami:{registered}"
    until(lambda: tag not in cloud.docker("images", "--format", "{{.Repository}}:{{.Tag}}").split(), what="image gone")


def test_what_was_baked_outlives_the_daemon(restartable, launch_in, until):
    host, ec2 = launch_in(restartable), restartable.client("ec2")
    until(lambda: host.state == "running", what="running")
    image_id = ec2.create_image(InstanceId=host.id, Name="kept-20260901120000")["ImageId"]

    def image():
        return ec2.describe_images(ImageIds=[image_id])["Images"][0]

    def images():
        return restartable.docker("images", "--format", "{{.Repository}}:{{.Tag}}").split()

    until(lambda: image()["State"] == "available", what="available")
    ec2.create_tags(Resources=[image_id], Tags=[{"Key": "Late", "Value": 'a "quoted" $value \\ with all'}])
    before, tag = image(), f"{restartable.name}/ami:{image_id}"
    label = '{{index .Config.Labels "graviflow.record"}}'
    until(lambda: "Late" in restartable.docker("inspect", "-f", label, tag), what="relabelled")
    assert restartable.cli("down").returncode == 0
    assert restartable.cli("up").returncode == 0
    after = image()
    for name in ("ImageId", "Name", "Architecture", "Tags", "CreationDate", "BlockDeviceMappings"):
        assert after[name] == before[name], name
    ec2.deregister_image(ImageId=image_id)
    until(lambda: tag not in images(), what="image gone")
