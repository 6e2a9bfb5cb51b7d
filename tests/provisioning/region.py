"""A local region for the AWS side alone: stacks whose hosts answer the load balancer and do nothing else.

PROVISION_REGION and PROVISION_PORT choose its name and port, so that two suites can run side by side.
"""

import functools
import json
import os
import subprocess
import sys
import time
import urllib.request

import boto3

import tests.playbook
from tests.playbook import ROOT, Finished

NAME = os.environ.get("PROVISION_REGION", "lrprovision")
PORT = int(os.environ.get("PROVISION_PORT", "5620"))
URL = f"http://127.0.0.1:{PORT}"
BLOCK = f"10.{60 + PORT % 100}"  # two suites have two networks

# Answers every path with 200, as Airflow's health check does when all is well.
STAND_IN = """
cat > /usr/local/bin/stand-in <<'PY'
import http.server
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
http.server.ThreadingHTTPServer(("", 8080), Handler).serve_forever()
PY
printf '[Service]\\nExecStart=/usr/bin/python3 /usr/local/bin/stand-in\\n[Install]\\nWantedBy=multi-user.target\\n' \
  > /etc/systemd/system/stand-in.service
ln -s /etc/systemd/system/stand-in.service /etc/systemd/system/multi-user.target.wants/
cloud-init status --wait >/dev/null || [ $? = 2 ]  # 2: done, with a warning
cloud-init clean --machine-id
sync
"""


def cli(command: str) -> None:
    """Brings the region up or down."""
    done = [sys.executable, "-m", "local_region", command, "--name", NAME, "--port", str(PORT)]
    subprocess.run(done, cwd=ROOT, check=True)


def forget_images() -> None:
    """Removes what was baked here; it would outlive the region."""
    listing = ["docker", "images", "--format", "{{.Repository}}:{{.Tag}}", f"{NAME}/ami"]
    found = subprocess.run(listing, check=True, capture_output=True, text=True).stdout.split()
    if found:  # by name: a copy keeps its original's layers
        subprocess.run(["docker", "rmi", "-f", *found], check=True, capture_output=True)


def control(method: str, path: str, body: object = None) -> dict:
    """Asks the region's control API."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{URL}/_region/{path}", data, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def aws(service: str, aws_region: str):
    """A client of the region, as the operator has it."""
    return boto3.client(
        service,
        aws_region,
        endpoint_url=URL,
        aws_access_key_id="AKIAOPERATOR00000000",
        aws_secret_access_key="local",
    )


def playbook(path: str, stack_region: str, *arguments: str) -> Finished:
    """Runs a playbook against the region."""
    environment = {"STACK_NAME": "provision", "STACK_REGION": stack_region, "LOCAL_REGION_PORT": str(PORT)}
    return tests.playbook.run(["ansible-playbook", path, *arguments], environment)


def until(condition, what: str, seconds: float = 120):
    """Waits for something true."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, what
        time.sleep(0.5)
    return found


@functools.cache
def stand_in_image(aws_region: str) -> str:
    """An AMI whose hosts answer health checks; made in one region and copied to the others."""
    ec2 = aws("ec2", aws_region)
    if aws_region != "us-east-1":
        source = {"SourceRegion": "us-east-1", "SourceImageId": stand_in_image("us-east-1")}
        image = ec2.copy_image(Name="stand-in", **source)["ImageId"]
    else:
        image = _bake_stand_in(ec2)
    ec2.get_waiter("image_available").wait(ImageIds=[image], WaiterConfig={"Delay": 1, "MaxAttempts": 120})
    return image


def _bake_stand_in(ec2) -> str:
    debian = ec2.describe_images(Filters=[{"Name": "name", "Values": ["debian-13-arm64-*"]}])["Images"][0]["ImageId"]
    vpc = ec2.create_vpc(CidrBlock=f"{BLOCK}.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock=f"{BLOCK}.0.0/24")["Subnet"]["SubnetId"]
    given = {"ImageId": debian, "InstanceType": "m7g.large", "SubnetId": subnet}
    host = ec2.run_instances(MinCount=1, MaxCount=1, **given)["Instances"][0]["InstanceId"]
    ec2.get_waiter("instance_status_ok").wait(InstanceIds=[host], WaiterConfig={"Delay": 1, "MaxAttempts": 120})
    subprocess.run(["docker", "exec", f"{NAME}-instance-{host}", "sh", "-ec", STAND_IN], check=True)
    image = ec2.create_image(InstanceId=host, Name="stand-in")["ImageId"]
    ec2.get_waiter("image_available").wait(ImageIds=[image], WaiterConfig={"Delay": 1, "MaxAttempts": 120})
    ec2.terminate_instances(InstanceIds=[host])
    ec2.get_waiter("instance_terminated").wait(InstanceIds=[host], WaiterConfig={"Delay": 1, "MaxAttempts": 120})
    ec2.delete_subnet(SubnetId=subnet)
    ec2.delete_vpc(VpcId=vpc)
    return image


def existing_network(aws_region: str) -> dict:
    """A VPC that somebody else made: public and private subnets in two zones, one NAT gateway. For network_existing."""
    ec2 = aws("ec2", aws_region)
    vpc = ec2.create_vpc(CidrBlock=f"{BLOCK}.0.0/16")["Vpc"]["VpcId"]
    for attribute in ("EnableDnsSupport", "EnableDnsHostnames"):
        ec2.modify_vpc_attribute(VpcId=vpc, **{attribute: {"Value": True}})
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"{BLOCK}.{number}.0/24", AvailabilityZone=aws_region + "ab"[number % 2])
        for number in range(4)
    ]
    public, private = ([each["Subnet"]["SubnetId"] for each in half] for half in (subnets[:2], subnets[2:]))
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    nat = ec2.create_nat_gateway(SubnetId=public[0], AllocationId=address)["NatGateway"]["NatGatewayId"]
    for ids, target in ((public, {"GatewayId": gateway}), (private, {"NatGatewayId": nat})):
        table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
        ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", **target)
        for subnet in ids:
            ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
    return {"vpc_id": vpc, "public_subnet_ids": public, "private_subnet_ids": private}


def forget_network(aws_region: str, vpc: str) -> None:
    """Removes what existing_network made, so that the next stack finds its range of addresses free."""
    ec2 = aws("ec2", aws_region)
    here = [{"Name": "vpc-id", "Values": [vpc]}]
    for nat in ec2.describe_nat_gateways(Filters=here)["NatGateways"]:
        ec2.delete_nat_gateway(NatGatewayId=nat["NatGatewayId"])
        ec2.get_waiter("nat_gateway_deleted").wait(NatGatewayIds=[nat["NatGatewayId"]], WaiterConfig={"Delay": 1})
        for address in nat["NatGatewayAddresses"]:
            ec2.release_address(AllocationId=address["AllocationId"])
    for subnet in ec2.describe_subnets(Filters=here)["Subnets"]:
        ec2.delete_subnet(SubnetId=subnet["SubnetId"])
    for table in ec2.describe_route_tables(Filters=here)["RouteTables"]:
        if any(association.get("Main") for association in table["Associations"]):
            continue
        for association in table["Associations"]:  # here they outlive their subnets
            ec2.disassociate_route_table(AssociationId=association["RouteTableAssociationId"])
        ec2.delete_route_table(RouteTableId=table["RouteTableId"])
    for gateway in ec2.describe_internet_gateways(Filters=[{"Name": "attachment.vpc-id", "Values": [vpc]}])[
        "InternetGateways"
    ]:
        ec2.detach_internet_gateway(InternetGatewayId=gateway["InternetGatewayId"], VpcId=vpc)
        ec2.delete_internet_gateway(InternetGatewayId=gateway["InternetGatewayId"])
    ec2.delete_vpc(VpcId=vpc)
