"""VPCs are bridges: one address range can exist once on a machine, and an absent VPC leaves nothing."""

import subprocess

import pytest
from botocore.exceptions import ClientError


def test_a_host_reaches_another_by_its_private_name(cloud, launch, until, ssh, vpc):
    first, second = launch(), launch(SubnetId=vpc.private[1])
    until(lambda: ssh(first.ip, "true").returncode == 0, what="ssh")
    name = second.describe()["PrivateDnsName"]
    assert name == f"ip-{second.ip.replace('.', '-')}.{cloud.aws_region}.compute.internal"
    until(lambda: ssh(first.ip, f"getent hosts {name}").stdout.split()[:1] == [second.ip], what=f"{name} resolves")
    assert ssh(first.ip, f"ping -c 1 -W 2 {name}").returncode == 0


def test_a_host_resolves_public_names_as_the_machine_does(launch, until, ssh):
    host = launch()
    until(lambda: ssh(host.ip, "true").returncode == 0, what="ssh")
    answer = ssh(host.ip, "getent hosts name.invalid")
    assert answer.returncode == 2, answer


def test_an_overlapping_range_fails_visibly(cloud, launch, until, vpc):
    ec2 = cloud.client("ec2")
    other = ec2.create_vpc(CidrBlock=vpc.cidr)["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=other, CidrBlock=vpc.cidr.replace(".0.0/16", ".9.0/24"))["Subnet"]["SubnetId"]
    until(lambda: launch().state != "pending", seconds=10, what="the first VPC has its bridge")
    host = launch(SubnetId=subnet)
    until(lambda: host.state == "terminated", what="terminated")
    reason = host.describe()["StateReason"]
    assert reason["Code"] == "Server.InternalError"
    assert "overlap" in reason["Message"].lower()


def test_the_bridge_of_a_deleted_vpc_is_removed(cloud, launch, until):
    ec2 = cloud.client("ec2")
    vpc_id = ec2.create_vpc(CidrBlock="10.199.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc_id, CidrBlock="10.199.1.0/24")["Subnet"]["SubnetId"]
    gateway = ec2.create_nat_gateway(SubnetId=subnet, ConnectivityType="private")["NatGateway"]["NatGatewayId"]
    host = launch(SubnetId=subnet)
    until(lambda: host.state == "running", what="running")
    network = f"{cloud.name}-{vpc_id}"
    assert network in cloud.docker("network", "ls", "--format", "{{.Name}}").split()
    ec2.terminate_instances(InstanceIds=[host.id])
    until(lambda: host.state == "terminated", what="terminated")
    ec2.delete_nat_gateway(NatGatewayId=gateway)
    ec2.delete_subnet(SubnetId=subnet)
    ec2.delete_vpc(VpcId=vpc_id)
    until(lambda: network not in cloud.docker("network", "ls", "--format", "{{.Name}}").split(), what="bridge gone")


def test_a_public_address_leads_to_the_host(launch, until, ssh, vpc):
    interface = {"DeviceIndex": 0, "SubnetId": vpc.public[0], "AssociatePublicIpAddress": True}
    host = launch(NetworkInterfaces=[interface])
    until(lambda: host.state == "running", what="running")
    public = host.describe()["PublicIpAddress"]
    answer = until(lambda: ssh(public, "hostname -I").stdout.split(), what=f"ssh to {public}")
    assert answer == [host.ip]


def test_the_door_is_shut_for_others(cloud):
    addresses = subprocess.run(["hostname", "-I"], capture_output=True, text=True, check=True).stdout.split()
    command = ["docker", "run", "--rm", "--network", "bridge", "--entrypoint", "curl"]
    base = cloud.docker("images", "--format", "{{.Repository}}:{{.Tag}}", "graviflow/base").split()[0]
    url = f"http://{addresses[0]}:{cloud.port}/_region/state"
    answer = subprocess.run([*command, base, "-s", "-m", "2", url], capture_output=True, text=True, check=False)
    assert answer.returncode in (7, 28), answer


@pytest.mark.parametrize("aws_region", ["cn-north-1", "us-east-1", "eu-central-1"])
def test_every_region_has_two_zones_and_graviton(cloud, aws_region):
    ec2 = cloud.client("ec2", aws_region)
    zones = [zone["ZoneName"] for zone in ec2.describe_availability_zones()["AvailabilityZones"]]
    assert len(zones) >= 2
    assert all(zone.startswith(aws_region) for zone in zones)
    filters = [{"Name": "instance-type", "Values": ["m7g.large", "t4g.medium", "r7g.large", "c7g.large"]}]
    offers = ec2.describe_instance_type_offerings(LocationType="availability-zone", Filters=filters)
    for kind in filters[0]["Values"]:
        offered = [o["Location"] for o in offers["InstanceTypeOfferings"] if o["InstanceType"] == kind]
        assert set(offered) & set(zones), (kind, offered)
    described = ec2.describe_instance_types(InstanceTypes=["m7g.large"])["InstanceTypes"][0]
    assert described["ProcessorInfo"]["SupportedArchitectures"] == ["arm64"]
    assert (described["VCpuInfo"]["DefaultVCpus"], described["MemoryInfo"]["SizeInMiB"]) == (2, 8192)


def test_an_unknown_region_is_refused(cloud):
    with pytest.raises(ClientError) as error:
        cloud.client("ec2", "cn-north-9").describe_vpcs()
    assert error.value.response["Error"]["Code"] == "AuthFailure"
