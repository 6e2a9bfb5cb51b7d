"""The image on its own architecture: baked by Packer under emulation, booted as a virtual machine with its own kernel.

`make arm64` runs it, in a region of its own. The tests run in order, each on what the last one left.
"""

import json
import re
import sys
import time

import boto3
import pytest

import tests.playbook
from tests import ssh
from tests.playbook import ROOT

NAME, PORT = "arm64", "5584"
STACK, REGION = "airflow-arm64", "us-east-1"
ENVIRONMENT = {
    "LOCAL_REGION_PORT": PORT,
    "STACK_NAME": STACK,
    "STACK_REGION": REGION,
    "ANSIBLE_TIMEOUT": "120",
}
KEPT = ROOT / ".local" / NAME


def region(command: str, *arguments: str) -> None:
    """Runs a command of the local region."""
    words = [sys.executable, "-m", "local_region", command, "--name", NAME, "--port", PORT, *arguments]
    finished = tests.playbook.run(words, {})
    assert finished.returncode == 0, finished.tail


def playbook(name: str, *arguments: str) -> None:
    """Runs one of the collection's playbooks."""
    words = ["ansible-playbook", f"playbooks/{name}.yml", "-e", "@tests/arm64/stack.yml", *arguments]
    start = time.monotonic()
    finished = tests.playbook.run(words, ENVIRONMENT)
    print(f"{name}: {time.monotonic() - start:.0f} s")
    assert finished.returncode == 0, finished.tail


def address() -> str:
    """The host's private address."""
    ec2 = boto3.client(
        "ec2", REGION, endpoint_url=f"http://127.0.0.1:{PORT}", aws_access_key_id="a", aws_secret_access_key="b"
    )
    filters = [
        {"Name": "tag:graviflow:stack", "Values": [STACK]},
        {"Name": "tag:graviflow:role", "Values": ["host"]},
        {"Name": "instance-state-name", "Values": ["running"]},
    ]
    pages = ec2.describe_instances(Filters=filters)["Reservations"]
    (found,) = [instance["PrivateIpAddress"] for page in pages for instance in page["Instances"]]
    return found


def host(command: str) -> str:
    """Runs a command on the host, and returns what it prints."""
    return ssh.output(ROOT / ".local/id_ed25519", address(), command, connect=60)


@pytest.fixture(scope="module", autouse=True)
def stack():
    region("up", "--arm64")
    try:
        yield
        playbook("teardown", "-e", f"teardown_confirm={STACK}")
    finally:
        region("down")


def test_image_is_baked():
    playbook("image")


def test_site_provisions_configures_delivers_and_runs_a_dag():
    playbook("site")


def test_host_is_a_virtual_machine_of_arm64():
    assert host("uname -m") == "aarch64"
    assert host("/opt/airflow/bin/python -c 'import platform; print(platform.machine())'") == "aarch64"
    assert host("systemd-detect-virt") == "qemu"
    assert host("dpkg --print-architecture") == "arm64"


def test_systemd_is_content():
    assert host("systemctl is-system-running --wait || systemctl --failed --no-legend") == "running"


def test_shared_storage_is_a_genuine_mount_with_the_options_of_the_role():
    source, kind, options = host("findmnt --noheadings --output SOURCE,FSTYPE,OPTIONS /mnt/airflow").split()
    asked = set(host("grep ^Options= /etc/systemd/system/mnt-airflow.mount").removeprefix("Options=").split(","))
    found = set(options.split(","))
    print(source, kind, options, sep="\n")
    assert kind == "nfs4"
    assert source == "127.0.0.1:/" and {"vers=4.1", "port=20049"} <= found and "nfsvers=4.1" in asked
    tunnel = host("grep ^checkHost /etc/airflow/storage-tunnel.conf")
    assert re.fullmatch(rf"checkHost = fs-[0-9a-f]+\.efs\.{REGION}\.amazonaws\.com", tunnel)
    assert host("systemctl is-active 'airflow-storage@*.service'") == "active"
    # systemd keeps the last two to itself.
    assert asked - {"nfsvers=4.1", "_netdev", "nofail"} <= found


def test_services_are_healthy():
    services = json.loads(host("sudo airflow-host status --json"))["services"]
    print(json.dumps(services, indent=1))
    assert len(services) == 5
    assert all(service["healthy"] for service in services)


def test_boot_is_told():
    words = ("", "critical-chain airflow.target", "blame")
    told = "\n\n".join(host(f"systemd-analyze --no-pager {each}") for each in words)
    (KEPT / "systemd-analyze.txt").write_text(told + "\n")
    print(told)
