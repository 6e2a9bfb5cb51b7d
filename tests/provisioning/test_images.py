"""Old images go; the newest stay, and those that anything may be launched from."""

import json

import pytest

from tests.provisioning import region

AWS_REGION = "eu-west-1"
ROLES = ["unneeded", "template", "instance", "shared", "kept", "foreign", "newest"]
PRUNE = ["playbooks/prune_images.yml", AWS_REGION, "-e", "image_prune_keep=1"]
IN_A_YEAR = ["-e", "__image_prune_now=2199-01-01T00:00:00Z"]  # images cannot be made in the past


@pytest.fixture(scope="module")
def ec2():
    return region.aws("ec2", AWS_REGION)


@pytest.fixture(scope="module")
def made(ec2):
    """Images and their snapshots at first, by what becomes of them. All bear the tags, one has another name."""
    debian = ec2.describe_images(Filters=[{"Name": "name", "Values": ["debian-13-arm64-*"]}])["Images"][0]["ImageId"]
    found = {}
    for role in ROLES:
        name = f"{'golden' if role == 'foreign' else 'graviflow-airflow'}-3.3.2-{role}"
        image = ec2.copy_image(Name=name, SourceRegion=AWS_REGION, SourceImageId=debian)["ImageId"]
        ec2.get_waiter("image_available").wait(ImageIds=[image], WaiterConfig={"Delay": 1, "MaxAttempts": 120})
        devices = ec2.describe_images(ImageIds=[image])["Images"][0]["BlockDeviceMappings"]
        found[role] = (image, devices[0]["Ebs"]["SnapshotId"])
        tags = {"graviflow:image": role, "graviflow:airflow": "3.3.2", "graviflow:python": "3.13"}
        tags |= {"graviflow:keep": "yes"} if role == "kept" else {}
        ec2.create_tags(Resources=found[role], Tags=[{"Key": key, "Value": value} for key, value in tags.items()])
    return found


@pytest.fixture(scope="module")
def in_use(ec2, made):
    """A template whose first version names an image and whose present one another, a stopped instance, a share."""
    template = {"LaunchTemplateName": "somebody-s"}
    ec2.create_launch_template(**template, LaunchTemplateData={"ImageId": made["template"][0]})
    ec2.create_launch_template_version(**template, LaunchTemplateData={"ImageId": made["newest"][0]})
    ec2.modify_launch_template(**template, DefaultVersion="2")
    vpc = ec2.create_vpc(CidrBlock=f"{region.BLOCK}.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock=f"{region.BLOCK}.0.0/24")["Subnet"]["SubnetId"]
    given = {"ImageId": made["instance"][0], "InstanceType": "m7g.large", "SubnetId": subnet}
    host = {"InstanceIds": [ec2.run_instances(MinCount=1, MaxCount=1, **given)["Instances"][0]["InstanceId"]]}
    ec2.get_waiter("instance_running").wait(**host, WaiterConfig={"Delay": 1})
    ec2.stop_instances(**host)
    ec2.get_waiter("instance_stopped").wait(**host, WaiterConfig={"Delay": 1})
    permission = {"Add": [{"UserId": "210987654321"}]}
    ec2.modify_image_attribute(ImageId=made["shared"][0], LaunchPermission=permission)
    yield
    ec2.terminate_instances(**host)
    ec2.get_waiter("instance_terminated").wait(**host, WaiterConfig={"Delay": 1})
    ec2.delete_launch_template(**template)
    region.forget_network(AWS_REGION, vpc)


@pytest.fixture(scope="module", autouse=True)
def forget(ec2, made):
    yield
    for image in ec2.describe_images(Owners=["self"])["Images"]:
        ec2.deregister_image(ImageId=image["ImageId"])


def left(ec2, made) -> set[str]:
    """What is left: images, and snapshots, of which each image must have its own."""
    images = {image["ImageId"] for image in ec2.describe_images(Owners=["self"])["Images"]}
    snapshots = {each["SnapshotId"] for each in ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]}
    here = {role for role, (image, _) in made.items() if image in images}
    assert here == {role for role, (_, snapshot) in made.items() if snapshot in snapshots}
    return here


def test_the_plan_says_what_would_go(ec2, made, in_use):
    planned = region.playbook(*PRUNE, *IN_A_YEAR, "--check")
    assert planned.returncode == 0, planned.tail
    assert f"~ AMI  graviflow-airflow-3.3.2-unneeded ({made['unneeded'][0]})" in planned.output
    assert "0 to create, 1 to change, 5 to keep" in planned.output
    assert left(ec2, made) == set(ROLES)


def test_old_ones_go_that_nothing_needs(ec2, made, in_use):
    finished = region.playbook(*PRUNE, *IN_A_YEAR)
    assert finished.returncode == 0, finished.tail
    assert left(ec2, made) == set(ROLES) - {"unneeded"}
    assert "named by launch template somebody-s" in finished.output
    assert "shared: whether others use it cannot be seen" in finished.output


def test_again_nothing_changes(ec2, made, in_use):
    again = region.playbook(*PRUNE, *IN_A_YEAR)
    assert again.returncode == 0, again.tail
    assert again.changed["localhost"] == 0


def test_shared_ones_go_when_asked_and_so_does_what_a_broken_run_left(ec2, made, in_use):
    image, snapshot = made["kept"]
    ec2.deregister_image(ImageId=image)
    ec2.delete_tags(Resources=[snapshot], Tags=[{"Key": "graviflow:keep"}])
    finished = region.playbook(*PRUNE, *IN_A_YEAR, "-e", json.dumps({"image_prune_shared": True}))
    assert finished.returncode == 0, finished.tail
    assert left(ec2, made) == {"template", "instance", "foreign", "newest"}
