"""A bake that cannot succeed makes nothing, and one that is broken off leaves nothing."""

import json
import os
import re
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from tests.playbook import ROOT
from tests.provisioning import region
from tests.provisioning.observed import READING

AWS_REGION = "ap-southeast-1"
BAKE = ["playbooks/image.yml", AWS_REGION]
LOCKS = ROOT / "roles/airflow_install/files/locks"
# Each with a word of the rule that it breaks.
BAD = {
    "instance_type": ("m5.large", "Graviton"),
    "kms_key_id": ("arn:aws:kms:ap-southeast-1:123456789012:key/0a1b2c3d", "Give 0a1b2c3d."),
    "ami_org_arns": (["arn:aws:organizations::123456789012:organization/o-a1b2c3d4e5"], "key of your own"),
    "ami_regions": (["cn-north-1"], "partition"),
    "instance_typ": ("m7g.large", "Did you mean instance_type?"),
}


def bake(variables: dict, *arguments: str):
    given = {"image_packer_variables": {"ssh_interface": "private_ip"}, **variables}
    return region.playbook(*BAKE, *arguments, "-e", json.dumps(given))


@pytest.fixture
def refused():
    """Bakes that are refused, of which AWS was asked only what can be read."""

    def run(variables: dict) -> str:
        region.control("DELETE", "calls")
        finished = bake(variables)
        assert finished.returncode != 0
        assert "Nothing was baked" in finished.output, finished.tail
        assert [call for call in region.control("GET", "calls") if not READING.match(call.split(":")[1])] == []
        return finished.output

    return run


def test_bad_variables_are_refused_all_at_once(refused):
    output = refused({"image_packer_variables": {name: value for name, (value, _) in BAD.items()}})
    for name, (_, rule) in BAD.items():
        assert f"image_packer_variables.{name}" in output or name == "ami_org_arns"
        assert rule in output


def test_a_version_without_a_lock_is_refused(refused):
    assert "9.9.9 on 3.13" in refused({"airflow_version": "9.9.9"})


def test_a_lock_that_is_not_whole_is_refused(refused, tmp_path):
    lock = Path(shutil.copytree(LOCKS, tmp_path / "locks")) / "airflow-3.3.2-python-3.13.txt"
    lock.write_text("".join(lock.read_text().splitlines(keepends=True)[:-2]))
    assert "was edited or is not whole" in refused({"__image_locks": str(lock.parent)})


def test_a_source_that_is_not_there_and_a_disk_that_is_too_small_are_refused(refused):
    missing = {"source_image_name": "debian-13-arm64-20200101-1"}
    assert "to debian-13-arm64-20260901-2200 for example" in refused({"image_packer_variables": missing})
    assert "has 8 GiB" in refused({"image_packer_variables": {"root_volume_size": 4}})


def test_extra_packages_that_contradict_the_lock_are_refused(refused, tmp_path):
    lock = tmp_path / "extra.lock.txt"
    output = refused({"image_extra_requirements": ["boto3==1.20.0"], "image_extra_lock_path": str(lock)})
    assert re.search(r"you require boto3==1\.20\.0 and boto3==1\.\d+", " ".join(output.split()))
    assert not lock.exists()


def test_extra_packages_that_fit_get_a_lock_of_what_they_add(tmp_path):
    lock = tmp_path / "extra.lock.txt"
    extra = {"image_extra_requirements": ["apache-airflow-providers-slack"], "image_extra_lock_path": str(lock)}
    planned = bake(extra, "--check")
    assert planned.returncode == 0, planned.tail
    assert not lock.exists()

    refused_later = bake({**extra, "image_packer_variables": {"root_volume_size": 4}})
    assert "has 8 GiB" in refused_later.output, refused_later.tail
    pinned = re.findall(r"^([a-z0-9-]+)==", lock.read_text(), re.MULTILINE)
    assert {"apache-airflow-providers-slack", "slack-sdk"} <= set(pinned) and "boto3" not in pinned
    assert lock.read_text().count("--hash=sha256:") >= len(pinned)

    kept = lock.read_text()
    again = bake({**extra, "__image_extra_command": ["false"]}, "--check")  # nothing is resolved again
    assert again.returncode == 0, again.tail
    assert lock.read_text() == kept


def there() -> dict[str, list[str]]:
    """What a bake is made of, as far as it is there."""
    ec2 = region.aws("ec2", AWS_REGION)
    alive = [{"Name": "instance-state-name", "Values": ["pending", "running", "shutting-down", "stopping", "stopped"]}]
    reservations = ec2.describe_instances(Filters=alive)["Reservations"]
    groups = ec2.describe_security_groups()["SecurityGroups"]
    return {
        "instances": [each["InstanceId"] for reservation in reservations for each in reservation["Instances"]],
        "key pairs": [each["KeyName"] for each in ec2.describe_key_pairs()["KeyPairs"]],
        "security groups": [each["GroupName"] for each in groups if each["GroupName"] != "default"],
        "images": [each["ImageId"] for each in ec2.describe_images(Owners=["self"])["Images"]],
    }


NOTHING = {"instances": [], "key pairs": [], "security groups": [], "images": []}


def groups_of_processes(word: str) -> set[int]:
    """Process groups of what has a word in its command line."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has ended
            if word.encode() in path.read_bytes():
                found.add(os.getpgid(int(path.parent.name)))
    return found


@pytest.fixture(scope="module")
def subnet():
    """Where this suite bakes: the range of default VPCs is everybody's."""
    ec2 = region.aws("ec2", AWS_REGION)
    vpc = ec2.create_vpc(CidrBlock=f"{region.BLOCK}.0.0/16")["Vpc"]["VpcId"]
    yield ec2.create_subnet(VpcId=vpc, CidrBlock=f"{region.BLOCK}.0.0/24")["Subnet"]["SubnetId"]
    region.forget_network(AWS_REGION, vpc)


@pytest.fixture
def baking(tmp_path, subnet):
    """A playbook whose Packer has made its instance; the folder of its log and lock is its own."""
    environment = {**os.environ, "STACK_REGION": AWS_REGION, "LOCAL_REGION_PORT": str(region.PORT)}
    variables = {"ssh_interface": "private_ip", "subnet_id": subnet}
    given = {"image_work_directory": str(tmp_path), "image_packer_variables": variables}
    command = ["ansible-playbook", BAKE[0], "-e", json.dumps(given)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}
    with subprocess.Popen(command, cwd=ROOT, env=environment, **quiet) as process:
        region.until(lambda: there()["instances"] or process.poll() is not None, "an instance that bakes")
        assert process.poll() is None
        assert all(there()[kind] for kind in ("instances", "key pairs", "security groups"))
        yield process
        process.kill()


def test_a_killed_playbook_leaves_nothing(baking, tmp_path):
    baking.send_signal(signal.SIGKILL)
    region.until(lambda: there() == NOTHING, "nothing is left of the bake")
    assert "the playbook, is gone" in (tmp_path / f"{AWS_REGION}.log").read_text()


def test_what_a_dead_machine_leaves_is_removed_by_the_next_bake(baking, tmp_path):
    for group in groups_of_processes(str(tmp_path)):
        os.killpg(group, signal.SIGKILL)
    assert all(there()[kind] for kind in ("instances", "key pairs", "security groups"))
    packer = tmp_path / "packer"
    packer.write_text('#!/bin/sh\n[ "$1" = version ] && echo Packer v1.6.6\n')  # bakes nothing, and fails at it
    packer.chmod(0o755)
    finished = bake({"image_work_directory": str(tmp_path), "image_packer_executable": str(packer)})
    assert finished.returncode != 0
    assert "Packer could not bake the image" in finished.output, finished.tail
    assert there() == NOTHING
