"""EC2 instances: launched, used, stopped, broken and ended."""

import base64
import json
import subprocess

import pytest
from botocore.exceptions import ClientError


@pytest.fixture(scope="module")
def host(launch, until, ssh):
    """One host for the tests that leave it running."""
    host = launch(UserData="#cloud-config\nwrite_files: [{path: /etc/greeting, content: hello}]\n")
    until(lambda: ssh(host.ip, "true").returncode == 0, what="ssh")
    return host


def test_a_launch_is_pending_then_running(cloud, launch, until):
    host = launch()
    assert host.state in ("pending", "running")
    until(lambda: host.state == "running", what="running")
    until(lambda: host.status == "ok", what="status checks")


def test_cloud_init_ran_the_user_data(host, until, ssh):
    assert ssh(host.ip, "cloud-init status --wait").stdout.strip() == "status: done"
    assert ssh(host.ip, "cat /etc/greeting").stdout == "hello"
    assert ssh(host.ip, "sudo id -u").stdout.strip() == "0"


def test_json_user_data_is_left_to_the_host(launch, until, ssh):
    host = launch(UserData=json.dumps({"stack": "demo"}))
    until(lambda: ssh(host.ip, "true").returncode == 0, what="ssh")
    status = json.loads(ssh(host.ip, "cloud-init status --wait --format json").stdout)
    assert (status["status"], status["errors"], status["recoverable_errors"]) == ("done", [], {})


def test_the_system_is_up_without_a_failed_unit(host, until, ssh):
    until(lambda: ssh(host.ip, "systemctl is-system-running").stdout.strip() == "running", what="running")
    assert ssh(host.ip, "systemctl --failed --no-legend").stdout == ""


def test_the_hostname_is_the_private_dns_name(cloud, host, ssh):
    name = host.describe()["PrivateDnsName"]
    assert ssh(host.ip, "hostname -f").stdout.strip() == name
    assert ssh(host.ip, "hostname").stdout.strip() == name.partition(".")[0]


def test_the_endpoint_reaches_logins_sudo_and_units(host, ssh):
    wanted = "AWS_ENDPOINT_URL=http://169.254.169.253"
    for command in ("env", "sudo env", "sudo systemd-run --quiet --wait --pipe env"):
        assert wanted in ssh(host.ip, command).stdout.split(), command


def test_stop_and_start_keep_the_address_and_the_disk(cloud, launch, until, ssh):
    host, ec2 = launch(), cloud.client("ec2")
    until(lambda: ssh(host.ip, "true").returncode == 0, what="ssh")
    ssh(host.ip, "echo kept > kept; sync")
    (change,) = ec2.stop_instances(InstanceIds=[host.id])["StoppingInstances"]
    assert change["CurrentState"]["Name"] == "stopping"
    until(lambda: host.state == "stopped", what="stopped")
    assert host.describe()["StateReason"]["Code"] == "Client.UserInitiatedShutdown"
    ec2.start_instances(InstanceIds=[host.id])
    until(lambda: host.state == "running", what="running")
    until(lambda: ssh(host.ip, "cat kept").stdout == "kept\n", what="the disk")


def boot_time(ssh, host):
    return ssh(host.ip, "stat -c %Z /proc/1").stdout.strip()


@pytest.mark.parametrize("by", ["api", "guest"])
def test_reboot(cloud, host, until, ssh, by):
    before = boot_time(ssh, host)
    if by == "api":
        cloud.client("ec2").reboot_instances(InstanceIds=[host.id])
    else:
        ssh(host.ip, "sudo reboot")
    until(lambda: boot_time(ssh, host) not in ("", before), what="a later boot")
    assert host.state == "running"


def test_poweroff_in_the_guest_stops_the_instance(launch, until, ssh):
    host = launch()
    until(lambda: ssh(host.ip, "true").returncode == 0, what="ssh")
    ssh(host.ip, "sudo poweroff")
    until(lambda: host.state == "stopped", what="stopped")
    assert host.describe()["StateReason"]["Code"] == "Client.InstanceInitiatedShutdown"


def test_a_hung_host_is_impaired_and_recovers(cloud, host, until):
    cloud.docker("pause", cloud.container(host.id))
    try:
        until(lambda: host.status == "impaired", what="impaired")
    finally:
        cloud.docker("unpause", cloud.container(host.id))
    until(lambda: host.status == "ok", what="ok again")


def test_a_killed_host_is_impaired_until_it_is_started(cloud, launch, until):
    host, ec2 = launch(), cloud.client("ec2")
    until(lambda: host.status == "ok", what="ok")
    cloud.docker("kill", cloud.container(host.id))
    until(lambda: host.status == "impaired", what="impaired")
    assert host.state == "running"
    ec2.reboot_instances(InstanceIds=[host.id])
    until(lambda: host.status == "ok", what="ok again")


def test_a_lost_container_is_a_failed_host(cloud, launch, until):
    host = launch()
    until(lambda: host.state == "running", what="running")
    cloud.docker("rm", "-f", cloud.container(host.id))
    until(lambda: host.state == "terminated", what="terminated")
    assert host.describe()["StateReason"]["Code"] == "Server.InternalError"


def test_terminate_removes_the_container(cloud, launch, until):
    host = launch()
    until(lambda: host.state == "running", what="running")
    answer = cloud.client("ec2").terminate_instances(InstanceIds=[host.id])["TerminatingInstances"][0]
    assert answer["CurrentState"]["Name"] == "shutting-down"
    until(lambda: host.state == "terminated", what="terminated")
    assert cloud.container(host.id) not in cloud.docker("ps", "-a", "--format", "{{.Names}}").split()


def test_an_imported_key_opens_the_host(cloud, launch, until, tmp_path):
    path = tmp_path / "imported"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    cloud.client("ec2").import_key_pair(KeyName="imported", PublicKeyMaterial=path.with_suffix(".pub").read_bytes())
    host = launch(KeyName="imported")
    options = ["-oBatchMode=yes", "-oStrictHostKeyChecking=no", "-oUserKnownHostsFile=/dev/null", "-oConnectTimeout=2"]
    login = ["ssh", "-i", str(path), *options, f"admin@{host.ip}", "true"]
    until(lambda: subprocess.run(login, capture_output=True, check=False).returncode == 0, what="ssh")


def test_a_launch_template_is_honoured_whole(cloud, launch, until, ssh, vpc, debian, key, profile):
    ec2 = cloud.client("ec2")
    group = ec2.create_security_group(GroupName="template", Description="template", VpcId=vpc.id)["GroupId"]
    data = {
        "ImageId": debian,
        "InstanceType": "t4g.medium",
        "KeyName": "conformance",
        "IamInstanceProfile": {"Name": profile},
        "MetadataOptions": {"HttpTokens": "required", "InstanceMetadataTags": "enabled"},
        "NetworkInterfaces": [{"DeviceIndex": 0, "SubnetId": vpc.private[1], "Groups": [group]}],
        "UserData": base64.b64encode(b'{"stack": "templated"}').decode(),
        "TagSpecifications": [{"ResourceType": "instance", "Tags": [{"Key": "Role", "Value": "host"}]}],
        "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 20, "VolumeType": "gp3"}}],
    }
    template = ec2.create_launch_template(LaunchTemplateName="whole", LaunchTemplateData=data)["LaunchTemplate"]
    interfaces = {"LaunchTemplate": {"LaunchTemplateId": template["LaunchTemplateId"]}, "NetworkInterfaces": []}
    host = launch(**interfaces)
    seen = host.describe()
    assert (seen["InstanceType"], seen["SubnetId"]) == ("t4g.medium", vpc.private[1])
    assert seen["MetadataOptions"]["HttpTokens"] == "required"
    assert seen["IamInstanceProfile"]["Arn"].endswith(f"instance-profile/{profile}")
    assert [g["GroupId"] for g in seen["NetworkInterfaces"][0]["Groups"]] == [group]
    assert {"Key": "Role", "Value": "host"} in seen["Tags"]
    until(lambda: ssh(host.ip, "true").returncode == 0, what="ssh")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"ImageId": "ami-00000000000000000"}, "InvalidAMIID.NotFound"),
        ({"KeyName": "missing"}, "InvalidKeyPair.NotFound"),
        ({"InstanceType": "m7g.enormous"}, "InvalidParameterValue"),
        ({"InstanceType": "m5.large"}, "InvalidParameterValue"),
    ],
)
def test_a_wrong_launch_is_refused(launch, change, code):
    with pytest.raises(ClientError) as error:
        launch(**change)
    assert error.value.response["Error"]["Code"] == code


def test_the_default_vpc_serves_a_launch_without_a_subnet(cloud, debian, until):
    ec2 = cloud.client("ec2", "us-east-1")
    ami = ec2.describe_images(Filters=[{"Name": "name", "Values": ["debian-13-arm64-*"]}])["Images"][0]
    assert ami["OwnerId"] == "136693071363"
    instance = ec2.run_instances(ImageId=ami["ImageId"], InstanceType="m7g.large", MinCount=1, MaxCount=1)["Instances"][
        0
    ]
    assert instance["PrivateDnsName"].endswith(".ec2.internal")

    def state():
        found = ec2.describe_instances(InstanceIds=[instance["InstanceId"]])["Reservations"][0]["Instances"][0]
        return found["State"]["Name"], found.get("StateReason", {}).get("Message", "")

    until(lambda: state()[0] != "pending", what="launched")
    # Another region on this machine may hold the default range already; that must be said, not hang.
    assert state()[0] == "running" or "overlap" in state()[1].lower(), state()
    ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])
    until(lambda: state()[0] == "terminated", what="terminated")


def test_hosts_share_the_parent_of_shared_storage(launch, until, ssh, vpc):
    first, second = launch(), launch(SubnetId=vpc.private[1])
    for host in (first, second):
        until(lambda host=host: ssh(host.ip, "true").returncode == 0, what="ssh")
    ssh(first.ip, "echo here | sudo tee /var/lib/local-efs/probe")
    assert ssh(second.ip, "cat /var/lib/local-efs/probe").stdout == "here\n"
