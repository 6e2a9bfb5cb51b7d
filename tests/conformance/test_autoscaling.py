"""Auto Scaling groups: launched over zones, hooked, healed, scaled and removed."""

import base64
import json

import pytest
from botocore.exceptions import ClientError

SERVER = """#!/bin/bash
mkdir -p /srv/www && cd /srv/www && echo ok > health
systemd-run --unit www --working-directory=/srv/www python3 -m http.server 8080
"""


class Group:
    """One Auto Scaling group, seen through the API."""

    def __init__(self, cloud, until, name):
        self.cloud, self.until, self.name = cloud, until, name
        self.api = cloud.client("autoscaling")

    def describe(self):
        found = self.api.describe_auto_scaling_groups(AutoScalingGroupNames=[self.name])["AutoScalingGroups"]
        return found[0] if found else None

    def members(self):
        return {m["InstanceId"]: m for m in self.describe()["Instances"]}

    def states(self):
        return sorted(m["LifecycleState"] for m in self.members().values())

    def settle(self, count, seconds=60, without=()):
        """Wait until so many members are in service and nothing else is there; returns them."""

        def settled():
            return self.states() == ["InService"] * count and not set(without) & set(self.members())

        self.until(settled, seconds=seconds, what=f"{count} in service")
        return self.members()

    def activities(self):
        return self.api.describe_scaling_activities(AutoScalingGroupName=self.name)["Activities"]


@pytest.fixture(scope="module")
def template(cloud, debian, key):
    data = {
        "ImageId": debian,
        "InstanceType": "m7g.large",
        "KeyName": "conformance",
        "UserData": base64.b64encode(SERVER.encode()).decode(),
        "MetadataOptions": {"HttpTokens": "required"},
    }
    created = cloud.client("ec2").create_launch_template(LaunchTemplateName="group", LaunchTemplateData=data)
    return created["LaunchTemplate"]["LaunchTemplateId"]


@pytest.fixture
def group(cloud, until, vpc, template, request):
    """A group of two over the private subnets; a marker's arguments change it."""
    marker = request.node.get_closest_marker("group")
    name = request.node.name.partition("[")[0][:60]
    given = {
        "MinSize": 0,
        "MaxSize": 4,
        "DesiredCapacity": 2,
        "VPCZoneIdentifier": ",".join(vpc.private),
        "LaunchTemplate": {"LaunchTemplateId": template, "Version": "$Latest"},
        **(marker.kwargs if marker else {}),
    }
    group = Group(cloud, until, name)
    group.api.create_auto_scaling_group(AutoScalingGroupName=name, **given)
    yield group
    if group.describe():
        group.api.delete_auto_scaling_group(AutoScalingGroupName=name, ForceDelete=True)
    until(lambda: group.describe() is None, what="group gone")


@pytest.mark.group(Tags=[{"Key": "graviflow:stack", "Value": "demo", "PropagateAtLaunch": True}])
def test_members_are_spread_over_zones_and_tagged(cloud, group):
    members = group.settle(2)
    assert {m["AvailabilityZone"] for m in members.values()} == {f"{cloud.aws_region}a", f"{cloud.aws_region}b"}
    found = cloud.client("ec2").describe_instances(InstanceIds=list(members))
    for reservation in found["Reservations"]:
        for instance in reservation["Instances"]:
            tags = {tag["Key"]: tag["Value"] for tag in instance["Tags"]}
            assert tags["graviflow:stack"] == "demo"
            assert tags["aws:autoscaling:groupName"] == group.name
            assert instance["MetadataOptions"]["HttpTokens"] == "required"
    launches = [a for a in group.activities() if a["Description"].startswith("Launching")]
    assert [a["StatusCode"] for a in launches] == ["Successful"] * 2


@pytest.mark.parametrize("loss", ["lost", "killed", "terminated"])
def test_a_dead_member_is_replaced(cloud, group, loss):
    victim, other = sorted(group.settle(2))
    match loss:
        case "lost":
            cloud.docker("rm", "-f", cloud.container(victim))
        case "killed":
            cloud.docker("kill", cloud.container(victim))
        case "terminated":
            cloud.client("ec2").terminate_instances(InstanceIds=[victim])
    members = group.settle(2, without=[victim])
    assert other in members
    assert len({m["AvailabilityZone"] for m in members.values()}) == 2
    found = cloud.client("ec2").describe_instances(InstanceIds=[victim])["Reservations"][0]["Instances"][0]
    assert found["State"]["Name"] == "terminated"


@pytest.mark.group(DesiredCapacity=1)
def test_a_replacement_comes_from_the_latest_template_version(cloud, group, template):
    (victim,) = group.settle(1)
    ec2 = cloud.client("ec2")
    ec2.create_launch_template_version(
        LaunchTemplateId=template, SourceVersion="1", LaunchTemplateData={"InstanceType": "m7g.xlarge"}
    )
    group.api.set_instance_health(InstanceId=victim, HealthStatus="Unhealthy", ShouldRespectGracePeriod=False)
    (member,) = group.settle(1, without=[victim]).values()
    assert member["InstanceType"] == "m7g.xlarge"
    assert member["LaunchTemplate"]["Version"] == "2"
    described = ec2.describe_instances(InstanceIds=[member["InstanceId"]])["Reservations"][0]["Instances"][0]
    assert described["KeyName"] == "conformance", "SourceVersion is the base of the new version"


def test_capacity_goes_up_and_down(cloud, group):
    first = group.settle(2)
    group.api.set_desired_capacity(AutoScalingGroupName=group.name, DesiredCapacity=3)
    three = group.settle(3)
    assert set(first) < set(three)
    zones = [m["AvailabilityZone"] for m in three.values()]
    fullest = max(zones, key=zones.count)
    group.api.update_auto_scaling_group(AutoScalingGroupName=group.name, MaxSize=2, DesiredCapacity=2)
    left = group.settle(2)
    (gone,) = set(three) - set(left)
    assert three[gone]["AvailabilityZone"] == fullest
    with pytest.raises(ClientError):
        group.api.set_desired_capacity(AutoScalingGroupName=group.name, DesiredCapacity=3)


def hook(group, name, transition, **more):
    group.api.put_lifecycle_hook(
        LifecycleHookName=name,
        AutoScalingGroupName=group.name,
        LifecycleTransition=f"autoscaling:EC2_INSTANCE_{transition}",
        **more,
    )


@pytest.mark.group(DesiredCapacity=0)
def test_launch_and_terminate_hooks(cloud, group, until):
    hook(group, "in", "LAUNCHING", HeartbeatTimeout=60, DefaultResult="ABANDON")
    hook(group, "out", "TERMINATING", HeartbeatTimeout=60, DefaultResult="CONTINUE")
    group.api.set_desired_capacity(AutoScalingGroupName=group.name, DesiredCapacity=1)
    until(lambda: group.states() == ["Pending:Wait"], what="waiting for its launch hook")
    (id,) = group.members()
    action = {"AutoScalingGroupName": group.name, "InstanceId": id}
    with pytest.raises(ClientError):
        group.api.complete_lifecycle_action(LifecycleHookName="other", LifecycleActionResult="CONTINUE", **action)
    group.api.record_lifecycle_action_heartbeat(LifecycleHookName="in", **action)
    group.api.complete_lifecycle_action(LifecycleHookName="in", LifecycleActionResult="CONTINUE", **action)
    group.settle(1)
    group.api.set_desired_capacity(AutoScalingGroupName=group.name, DesiredCapacity=0)
    until(lambda: group.states() == ["Terminating:Wait"], what="waiting for its terminate hook")
    state = cloud.client("ec2").describe_instances(InstanceIds=[id])["Reservations"][0]["Instances"][0]["State"]["Name"]
    assert state == "running"
    group.api.complete_lifecycle_action(LifecycleHookName="out", LifecycleActionResult="CONTINUE", **action)
    until(lambda: group.states() == [], what="gone")


@pytest.mark.group(DesiredCapacity=0)
@pytest.mark.parametrize("result", ["ABANDON", "CONTINUE"])
def test_a_hook_nobody_completes_ends_by_its_default(group, until, result):
    hook(group, "in", "LAUNCHING", HeartbeatTimeout=3, DefaultResult=result)
    group.api.set_desired_capacity(AutoScalingGroupName=group.name, DesiredCapacity=1)
    until(lambda: group.states() == ["Pending:Wait"], what="waiting for its launch hook")
    (id,) = group.members()
    if result == "CONTINUE":
        group.settle(1)
        assert id in group.members()
    else:
        until(lambda: id not in group.members(), what="abandoned")
        assert any(a["StatusCode"] == "Failed" for a in group.activities())


@pytest.mark.group(DesiredCapacity=0)
def test_a_failing_launch_is_noted_and_not_tried_at_once(cloud, group, until, debian):
    ec2 = cloud.client("ec2")
    data = {"ImageId": debian, "InstanceType": "m7g.large", "KeyName": "deleted-since"}
    bad = ec2.create_launch_template(LaunchTemplateName=f"bad-{group.name}", LaunchTemplateData=data)["LaunchTemplate"]
    group.api.update_auto_scaling_group(
        AutoScalingGroupName=group.name,
        LaunchTemplate={"LaunchTemplateId": bad["LaunchTemplateId"], "Version": "$Latest"},
        DesiredCapacity=1,
    )
    failed = until(lambda: [a for a in group.activities() if a["StatusCode"] == "Failed"], what="a failed launch")
    assert "deleted-since" in failed[0]["StatusMessage"]
    assert len(failed) == 1, "tried again at once"


def test_a_group_with_members_is_deleted_by_force_only(cloud, group, until):
    members = group.settle(2)
    with pytest.raises(ClientError) as error:
        group.api.delete_auto_scaling_group(AutoScalingGroupName=group.name)
    assert error.value.response["Error"]["Code"] == "ResourceInUse"
    group.api.delete_auto_scaling_group(AutoScalingGroupName=group.name, ForceDelete=True)
    until(lambda: group.describe() is None, what="group gone")
    found = cloud.client("ec2").describe_instances(InstanceIds=list(members))["Reservations"]
    assert {i["State"]["Name"] for r in found for i in r["Instances"]} == {"terminated"}


@pytest.fixture(scope="module")
def target_group(cloud, vpc, key):
    """A target group behind a load balancer, with quick checks."""
    elb = cloud.client("elbv2")
    balancer = elb.create_load_balancer(Name="group", Subnets=vpc.public, Scheme="internal")["LoadBalancers"][0]
    arn = elb.create_target_group(
        Name="group",
        Protocol="HTTP",
        Port=8080,
        VpcId=vpc.id,
        HealthCheckPath="/health",
        HealthCheckIntervalSeconds=5,
        HealthCheckTimeoutSeconds=2,
        HealthyThresholdCount=2,
        UnhealthyThresholdCount=2,
    )["TargetGroups"][0]["TargetGroupArn"]
    delay = [{"Key": "deregistration_delay.timeout_seconds", "Value": "5"}]
    elb.modify_target_group_attributes(TargetGroupArn=arn, Attributes=delay)
    forward = [{"Type": "forward", "TargetGroupArn": arn}]
    elb.create_listener(LoadBalancerArn=balancer["LoadBalancerArn"], Protocol="HTTP", Port=80, DefaultActions=forward)
    yield arn
    elb.delete_load_balancer(LoadBalancerArn=balancer["LoadBalancerArn"])
    elb.delete_target_group(TargetGroupArn=arn)


def test_targets_follow_members_and_their_health_counts(cloud, vpc, template, target_group, until, ssh):
    elb, group = cloud.client("elbv2"), Group(cloud, until, "watched")

    def targets():
        found = elb.describe_target_health(TargetGroupArn=target_group)["TargetHealthDescriptions"]
        return {t["Target"]["Id"]: t["TargetHealth"]["State"] for t in found}

    def healthy():
        seen = targets()
        return len(seen) == 2 and set(seen.values()) == {"healthy"} and group.states() == ["InService"] * 2

    group.api.create_auto_scaling_group(
        AutoScalingGroupName=group.name,
        MinSize=0,
        MaxSize=4,
        DesiredCapacity=2,
        VPCZoneIdentifier=",".join(vpc.private),
        LaunchTemplate={"LaunchTemplateId": template},
        TargetGroupARNs=[target_group],
        HealthCheckType="ELB",
        HealthCheckGracePeriod=40,  # shorter than a boot, it would replace for ever
    )
    try:
        until(healthy, seconds=90, what="two healthy targets")
        victim = sorted(targets())[0]
        found = cloud.client("ec2").describe_instances(InstanceIds=[victim])
        address = found["Reservations"][0]["Instances"][0]["PrivateIpAddress"]
        ssh(address, "sudo rm /srv/www/health")
        until(lambda: targets().get(victim) == "unhealthy", what="unhealthy")
        until(lambda: healthy() and victim not in targets(), seconds=120, what="replaced and healthy")
        causes = [
            a["Cause"]
            for a in group.activities()
            if a["Description"].endswith(victim) and "Terminating" in a["Description"]
        ]
        assert "ELB" in json.dumps(causes)
    finally:
        group.api.delete_auto_scaling_group(AutoScalingGroupName=group.name, ForceDelete=True)
    until(lambda: group.describe() is None and not targets(), what="group and targets gone")


@pytest.mark.parametrize("least", [50, 100])
def test_an_instance_refresh_replaces_every_member(group, until, least):
    before = group.settle(2)
    started = group.api.start_instance_refresh(
        AutoScalingGroupName=group.name, Preferences={"MinHealthyPercentage": least}
    )["InstanceRefreshId"]

    def refresh():
        found = group.api.describe_instance_refreshes(AutoScalingGroupName=group.name, InstanceRefreshIds=[started])
        return found["InstanceRefreshes"][0]

    serving = []

    def done():
        serving.append(group.states().count("InService"))
        return refresh()["Status"] == "Successful"

    until(done, seconds=90, what="refreshed")
    assert not set(before) & set(group.settle(2))
    assert refresh()["PercentageComplete"] == 100
    if least == 100:
        assert min(serving) == 2
