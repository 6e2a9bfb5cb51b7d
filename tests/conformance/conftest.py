"""A region of its own for the conformance tests, driven with plain boto3.

CONFORMANCE_REGION and CONFORMANCE_PORT choose its name and port, so that two suites can run side by side.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest

import tests.ssh

ROOT = Path(__file__).parents[2]
NAME = os.environ.get("CONFORMANCE_REGION", "lrcore")
PORT = int(os.environ.get("CONFORMANCE_PORT", "5601"))
AWS_REGION = "cn-north-1"


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers of this folder."""
    config.addinivalue_line("markers", "group(**arguments): how the Auto Scaling group of a test differs")


def wait(check: Callable[[], Any], seconds: float = 60, every: float = 0.2, what: str = "") -> Any:
    """Return the first truthy result of check; the last result is in the failure."""
    deadline, last = time.monotonic() + seconds, None
    while time.monotonic() < deadline:
        last = check()
        if last:
            return last
        time.sleep(every)
    raise AssertionError(f"not within {seconds} s: {what or check}; last: {last!r}")


@dataclass
class Cloud:
    """The region under test."""

    name: str = NAME
    port: int = PORT
    aws_region: str = AWS_REGION
    home: Path = ROOT / ".local"
    clients: dict[tuple[str, str], Any] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, service: str, aws_region: str | None = None, **credentials: str) -> Any:
        """Return a boto3 client; retries are off so that tests see each answer."""
        aws_region = aws_region or self.aws_region
        given = credentials or {"aws_access_key_id": "AKIATEST", "aws_secret_access_key": "secret"}
        return boto3.session.Session().client(
            service,
            endpoint_url=self.url,
            region_name=aws_region,
            **given,
        )

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Call the control API."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/_region/{path}", data=data, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def cli(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the command line."""
        command = [sys.executable, "-m", "local_region", *arguments, "--name", self.name, "--port", str(self.port)]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    def docker(self, *arguments: str) -> str:
        """Run docker, for what a test does behind the API's back."""
        return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=True).stdout.strip()

    def container(self, instance_id: str) -> str:
        return f"{self.name}-instance-{instance_id}"


@pytest.fixture(scope="session")
def cloud() -> Iterator[Cloud]:
    """A region that is up, and gone afterwards."""
    cloud = Cloud()
    result = cloud.cli("up")
    assert result.returncode == 0, result.stderr
    yield cloud
    result = cloud.cli("down")
    assert result.returncode == 0, result.stderr
    for image in set(cloud.docker("images", "-q", f"{cloud.name}/ami").split()):  # they outlive the region
        cloud.docker("rmi", "-f", image)


@pytest.fixture(scope="module")
def restartable() -> Iterator[Cloud]:
    """A second region, for tests that stop it: what other tests made must stay."""
    cloud = Cloud(f"{NAME}b", PORT + 50)
    result = cloud.cli("up")
    assert result.returncode == 0, result.stderr
    yield cloud
    assert cloud.cli("down").returncode == 0


@pytest.fixture(scope="session")
def until() -> Callable[..., Any]:
    return wait


@dataclass(frozen=True)
class Vpc:
    """A VPC with a public and a private subnet in each of two zones."""

    id: str
    cidr: str
    public: list[str]
    private: list[str]

    @property
    def subnets(self) -> list[str]:
        return [*self.public, *self.private]


def create_vpc(cloud: Cloud) -> Vpc:
    ec2, block = cloud.client("ec2"), f"10.{100 + cloud.port % 100}"
    vpc_id = ec2.create_vpc(CidrBlock=f"{block}.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(
            VpcId=vpc_id, CidrBlock=f"{block}.{number}.0/24", AvailabilityZone=cloud.aws_region + "ab"[number % 2]
        )["Subnet"]["SubnetId"]
        for number in range(4)
    ]
    return Vpc(vpc_id, f"{block}.0.0/16", subnets[:2], subnets[2:])


@pytest.fixture(scope="session")
def vpc(cloud: Cloud) -> Vpc:
    return create_vpc(cloud)


def debian_image(cloud: Cloud) -> str:
    filters = [{"Name": "name", "Values": ["debian-13-arm64-*"]}]
    return cloud.client("ec2").describe_images(Filters=filters)["Images"][0]["ImageId"]


@pytest.fixture(scope="session")
def debian(cloud: Cloud) -> str:
    """The AMI id of Debian 13 for arm64."""
    return debian_image(cloud)


@pytest.fixture(scope="session")
def launch_in() -> Callable[[Cloud], Host]:
    """Launch one host in a region that has nothing yet."""

    def run(cloud: Cloud) -> Host:
        given = {"ImageId": debian_image(cloud), "SubnetId": create_vpc(cloud).private[0], "InstanceType": "m7g.large"}
        instance = cloud.client("ec2").run_instances(MinCount=1, MaxCount=1, **given)["Instances"][0]
        return Host(cloud, instance["InstanceId"], instance["PrivateIpAddress"])

    return run


@pytest.fixture(scope="session")
def key(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The private key of the key pair named conformance."""
    path = tmp_path_factory.mktemp("key") / "key.pem"
    path.write_text(cloud.client("ec2").create_key_pair(KeyName="conformance")["KeyMaterial"])
    path.chmod(0o600)
    return path


@pytest.fixture(scope="session")
def ssh(key: Path) -> Callable[[str, str], subprocess.CompletedProcess[str]]:
    """Run a command on a host as its default user."""

    def run(address: str, command: str) -> subprocess.CompletedProcess[str]:
        return tests.ssh.run(key, address, command, connect=2)

    return run


@pytest.fixture(scope="session")
def profile(cloud: Cloud) -> str:
    """An instance profile with a role of the same name."""
    iam, name = cloud.client("iam"), "conformance-host"
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": []}))
    iam.create_instance_profile(InstanceProfileName=name)
    iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
    return name


@dataclass
class Host:
    """An instance, seen through the API."""

    cloud: Cloud
    id: str
    ip: str

    def describe(self) -> dict[str, Any]:
        found = self.cloud.client("ec2").describe_instances(InstanceIds=[self.id])
        return found["Reservations"][0]["Instances"][0]

    @property
    def state(self) -> str:
        return self.describe()["State"]["Name"]

    @property
    def status(self) -> str:
        found = self.cloud.client("ec2").describe_instance_status(InstanceIds=[self.id], IncludeAllInstances=True)
        return found["InstanceStatuses"][0]["InstanceStatus"]["Status"]


@pytest.fixture(scope="module")
def launch(cloud: Cloud, vpc: Vpc, debian: str, key: Path) -> Iterator[Callable[..., Host]]:
    """RunInstances with sensible defaults; what a module launched is terminated after it."""
    ec2, hosts = cloud.client("ec2"), []

    def run(**arguments: Any) -> Host:
        given = {"ImageId": debian, "InstanceType": "m7g.large", "KeyName": "conformance"}
        if "LaunchTemplate" in arguments:
            given = {}
        if "NetworkInterfaces" not in arguments:
            given["SubnetId"] = vpc.private[0]
        instance = ec2.run_instances(MinCount=1, MaxCount=1, **{**given, **arguments})["Instances"][0]
        hosts.append(Host(cloud, instance["InstanceId"], instance["PrivateIpAddress"]))
        return hosts[-1]

    yield run
    for host in hosts:
        ec2.terminate_instances(InstanceIds=[host.id])
    wait(lambda: all(host.state == "terminated" for host in hosts), what="terminated")
