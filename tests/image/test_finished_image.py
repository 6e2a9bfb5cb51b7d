"""The finished image, never booted: what its AMI holds is unpacked in a container, where the role inspects it."""

import subprocess
from pathlib import Path

import pytest

from tests.image.faults import FAULTS
from tests.playbook import Finished, run

INSPECT = "name=graviflow.airflow.image_seal tasks_from=inspect"
# An image hands its labels on to its containers: the region would take them for its own.
NOBODYS = ("--label", "graviflow.region=")

# cap_setuid for whoever runs it, as setcap writes it: version 2, effective; permitted 1 << 7.
CAPABLE = "import os; os.setxattr('{path}', 'security.capability', bytes.fromhex('0100000280' + 15 * '00'))"


def docker(*arguments: str, **options) -> str:
    done = subprocess.run(["docker", *arguments], check=True, stdout=subprocess.PIPE, text=True, **options)
    return done.stdout.strip()


@pytest.fixture(scope="module")
def inspector(ami):
    """A container with the image's file system in /image. Docker's own mounts are in neither."""
    unopened = docker("create", *NOBODYS, ami)
    made = [unopened]
    try:
        container = docker("run", "--detach", "--network=none", *NOBODYS, ami, "sleep", "infinity")
        made.append(container)
        docker("exec", container, "mkdir", "/image")
        unpack = ["docker", "exec", "-i", container, "tar", "-xp", "--xattrs", "--xattrs-include=*", "-C", "/image"]
        with subprocess.Popen(["docker", "export", unopened], stdout=subprocess.PIPE) as export:
            subprocess.run(unpack, stdin=export.stdout, check=True)
        assert export.returncode == 0
        yield container
    finally:
        docker("rm", "--force", "--volumes", *made)


def inspect(container: str) -> Finished:
    """Runs the role in the container, as docs/image.md does on a machine with the image's volume."""
    command = ["ansible", "all", "-i", f"{container},", "-c", "community.docker.docker", "-e", "image_seal_root=/image"]
    command += ["-m", "ansible.builtin.include_role", "-a", INSPECT]
    return run(command, {"ANSIBLE_INVENTORY_ENABLED": "ansible.builtin.host_list"})


def test_the_image_is_there(inspector):
    """Inspecting an empty folder would find nothing, either."""
    for path in (
        "opt/airflow/bin/airflow",
        "opt/airflow/share/manifest.json",
        "usr/local/bin/airflow-host",
        "etc/shadow",
    ):
        docker("exec", inspector, "test", "-s", f"/image/{path}")


def test_the_finished_image_is_sealed(inspector):
    inspected = inspect(inspector)
    assert inspected.returncode == 0, inspected.tail


def test_no_fault_is_overlooked_in_it(inspector):
    """After the test above: from here on the file system is not the image's any more."""
    planting = (Path(__file__).parent / "faults.py").read_text()
    docker("exec", "-i", inspector, "chroot", "/image", "python3", "-", "/", input=planting)
    docker("exec", inspector, "install", "-m", "0755", "/bin/true", "/image/usr/local/bin/capable")
    docker("exec", inspector, "python3", "-c", CAPABLE.format(path="/image/usr/local/bin/capable"))
    inspected = inspect(inspector)
    assert inspected.returncode != 0
    for (rule, _), faults in FAULTS.items():
        for fault in faults:
            parts = Path(fault.path).parts
            above = range(2, len(parts)) if rule == "absent" else ()  # what a folder is in is gone with it
            paths = [fault.path, *(str(Path(*parts[:count])) for count in above)]
            assert any(f"{path} must be {rule}" in inspected.output for path in paths), (rule, fault)
    assert "/usr/local/bin/capable must be unprivileged (capabilities)" in inspected.output
