"""EFS: file systems, mount targets that answer, with and without TLS, names, policies, and a mount in an instance."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError


@pytest.fixture(scope="module")
def efs(cloud: Any) -> Any:
    return cloud.client("efs")


@pytest.fixture(scope="module")
def file_system(cloud: Any, efs: Any, until: Any) -> Iterator[str]:
    cloud.control("PUT", "timings", {"efs": 2})
    began = time.monotonic()
    created = efs.create_file_system(
        CreationToken="conformance", Encrypted=True, Backup=True, Tags=[{"Key": "Name", "Value": "conformance"}]
    )
    cloud.control("PUT", "timings", {})
    identifier = created["FileSystemId"]
    assert created["LifeCycleState"] == "creating"
    assert created["KmsKeyId"].startswith("arn:aws-cn:kms:cn-north-1:")
    state = lambda: efs.describe_file_systems(FileSystemId=identifier)["FileSystems"][0]["LifeCycleState"]  # noqa: E731
    until(lambda: state() == "available", what="file system available")
    assert time.monotonic() - began >= 2
    yield identifier
    for target in efs.describe_mount_targets(FileSystemId=identifier)["MountTargets"]:
        efs.delete_mount_target(MountTargetId=target["MountTargetId"])
    efs.delete_file_system(FileSystemId=identifier)
    assert efs.describe_file_systems()["FileSystems"] == []
    until(lambda: not [n for n in cloud.control("GET", "state")["names"] if identifier in n], what="names gone")


@pytest.fixture(scope="module")
def targets(efs: Any, vpc: Any, file_system: str, until: Any) -> list[dict[str, Any]]:
    for subnet in vpc.private:
        created = efs.create_mount_target(FileSystemId=file_system, SubnetId=subnet)
        assert created["LifeCycleState"] == "creating"

    def available() -> list[dict[str, Any]]:
        found = efs.describe_mount_targets(FileSystemId=file_system)["MountTargets"]
        return found if all(target["LifeCycleState"] == "available" for target in found) else []

    return until(available, what="mount targets available")


def test_a_mount_target_per_zone_answers_by_name(cloud: Any, file_system: str, targets: list[dict[str, Any]]) -> None:
    names = cloud.control("GET", "state")["names"]
    domain = f"{file_system}.efs.cn-north-1.amazonaws.com.cn"
    assert {names[f"{t['AvailabilityZoneName']}.{domain}"] for t in targets} == {t["IpAddress"] for t in targets}
    assert names[domain] in {target["IpAddress"] for target in targets}
    for target in targets:
        socket.create_connection((target["IpAddress"], 2049), 3).close()


def test_one_mount_target_per_zone(efs: Any, vpc: Any, file_system: str, targets: Any) -> None:
    with pytest.raises(ClientError, match="MountTargetConflict"):
        efs.create_mount_target(FileSystemId=file_system, SubnetId=vpc.public[0])
    with pytest.raises(ClientError, match="FileSystemInUse"):
        efs.delete_file_system(FileSystemId=file_system)


def test_a_lost_mount_target_comes_back(cloud: Any, targets: list[dict[str, Any]], until: Any) -> None:
    target = targets[0]
    cloud.docker("kill", f"{cloud.name}-efs-{target['MountTargetId']}")

    def answers() -> bool:
        try:
            socket.create_connection((target["IpAddress"], 2049), 1).close()
        except OSError:
            return False
        return True

    until(answers, what="port 2049")


def asked(address: str, server: str = "", authority: str = "") -> str:
    """Return what a mount target says to a client, nothing if it refuses; server: with TLS, verified for that name."""
    with socket.create_connection((address, 2049), 3) as plain:
        context = ssl.create_default_context(cadata=authority) if server else None
        with context.wrap_socket(plain, server_hostname=server) if context else plain as connection:
            connection.sendall(b"\n")
            with contextlib.suppress(ConnectionResetError):
                return connection.recv(100).decode().strip()
    return ""


def test_a_mount_target_takes_tls_and_what_is_not_encrypted_unless_the_policy_denies_it(
    cloud: Any, efs: Any, file_system: str, targets: list[dict[str, Any]], until: Any
) -> None:
    address, server = targets[1]["IpAddress"], f"{file_system}.efs.cn-north-1.amazonaws.com.cn"
    authority = cloud.control("GET", "state")["ca"]
    assert asked(address) == file_system
    assert asked(address, server, authority) == file_system
    with pytest.raises(ssl.SSLCertVerificationError):
        asked(address, "fs-0123.efs.us-east-1.amazonaws.com", authority)

    secure = {"Bool": {"aws:SecureTransport": "false"}}
    deny = {"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "*", "Condition": secure}
    policy = {"Version": "2012-10-17", "Statement": [deny]}
    efs.put_file_system_policy(FileSystemId=file_system, Policy=json.dumps(policy))
    until(lambda: not asked(address), what="no answer without TLS")
    assert asked(address, server, authority) == file_system
    efs.delete_file_system_policy(FileSystemId=file_system)
    until(lambda: asked(address) == file_system, what="an answer without TLS")


def test_policies_lifecycle_throughput_and_tags(efs: Any, file_system: str) -> None:
    assert efs.describe_backup_policy(FileSystemId=file_system)["BackupPolicy"]["Status"] == "ENABLED"
    efs.put_backup_policy(FileSystemId=file_system, BackupPolicy={"Status": "DISABLED"})
    assert efs.describe_backup_policy(FileSystemId=file_system)["BackupPolicy"]["Status"] == "DISABLED"
    policies = [{"TransitionToIA": "AFTER_30_DAYS"}]
    efs.put_lifecycle_configuration(FileSystemId=file_system, LifecyclePolicies=policies)
    assert efs.describe_lifecycle_configuration(FileSystemId=file_system)["LifecyclePolicies"] == policies
    efs.update_file_system(FileSystemId=file_system, ThroughputMode="elastic")
    assert efs.describe_file_systems(FileSystemId=file_system)["FileSystems"][0]["ThroughputMode"] == "elastic"
    efs.put_file_system_policy(FileSystemId=file_system, Policy="{}")
    efs.delete_file_system_policy(FileSystemId=file_system)
    with pytest.raises(ClientError, match="PolicyNotFound"):
        efs.describe_file_system_policy(FileSystemId=file_system)
    efs.tag_resource(ResourceId=file_system, Tags=[{"Key": "a", "Value": "b"}])
    efs.create_tags(FileSystemId=file_system, Tags=[{"Key": "c", "Value": "d"}])
    read = lambda: {tag["Key"]: tag["Value"] for tag in efs.describe_tags(FileSystemId=file_system)["Tags"]}  # noqa: E731
    assert read() == {"Name": "conformance", "a": "b", "c": "d"}
    efs.delete_tags(FileSystemId=file_system, TagKeys=["c"])
    efs.untag_resource(ResourceId=file_system, TagKeys=["a"])
    assert read() == {"Name": "conformance"}


def test_access_points(efs: Any, file_system: str) -> None:
    created = efs.create_access_point(
        FileSystemId=file_system,
        ClientToken="conformance",
        PosixUser={"Uid": 50000, "Gid": 0},
        RootDirectory={"Path": "/airflow", "CreationInfo": {"OwnerUid": 50000, "OwnerGid": 0, "Permissions": "0770"}},
    )
    found = efs.describe_access_points(FileSystemId=file_system)["AccessPoints"]
    assert [(each["AccessPointId"], each["RootDirectory"]["Path"]) for each in found] == [
        (created["AccessPointId"], "/airflow")
    ]
    efs.delete_access_point(AccessPointId=created["AccessPointId"])
    assert efs.describe_access_points(FileSystemId=file_system)["AccessPoints"] == []


UNIT = """[Mount]
What={what}
Where=/mnt/shared
Type=nfs4
Options=nfsvers=4.1,rsize=1048576,wsize=1048576,hard,timeo=100,retrans=2,noresvport
"""


def test_an_instance_mounts_it(
    launch: Callable[..., Any], ssh: Callable[..., Any], file_system: str, targets: Any, vpc: Any, until: Any
) -> None:
    first, second = launch(), launch(SubnetId=vpc.private[1])
    for host in (first, second):
        until(lambda host=host: ssh(host.ip, "true").returncode == 0, what="ssh")
    source = f"{file_system}.efs.cn-north-1.amazonaws.com.cn:/"
    unit = UNIT.format(what=source)
    mount = f"printf '%s' '{unit}' | sudo tee /etc/systemd/system/mnt-shared.mount >/dev/null"
    done = ssh(first.ip, f"{mount} && sudo systemctl daemon-reload && sudo systemctl start mnt-shared.mount")
    assert done.returncode == 0, done.stderr
    assert "/mnt/shared" in ssh(first.ip, "findmnt --noheadings /mnt/shared").stdout
    assert "nfsvers=4.1" in ssh(first.ip, "cat /var/log/mount.nfs4.log").stdout
    ssh(first.ip, "echo shared | sudo tee /mnt/shared/file")

    ssh(second.ip, "sudo mkdir /mnt/shared")
    done = ssh(second.ip, f"sudo mount -t nfs4 -o ro,nfsvers=4.1,timeo=100 {source} /mnt/shared")
    assert done.returncode == 0, done.stderr
    assert ssh(second.ip, "cat /mnt/shared/file").stdout == "shared\n"
    assert "Read-only" in ssh(second.ip, "sudo touch /mnt/shared/other").stderr
    assert ssh(second.ip, "sudo umount /mnt/shared && findmnt /mnt/shared").returncode != 0
    refused = ssh(second.ip, "sudo mount -t nfs4 -o timeo=20 fs-0123.efs.cn-north-1.amazonaws.com.cn:/ /mnt/shared")
    assert refused.returncode == 32 and "resolve" in refused.stderr
    assert ssh(first.ip, "sudo systemctl stop mnt-shared.mount; findmnt /mnt/shared").returncode != 0
