"""Gaps of moto that the collection's modules meet, each closed: in China and in the global partition."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError


@pytest.fixture(scope="module", params=["cn-north-1", "us-east-1"])
def aws_region(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def client(cloud: Any, aws_region: str) -> Callable[[str], Any]:
    return lambda service: cloud.client(service, aws_region)


@pytest.fixture(scope="module")
def partition(aws_region: str) -> str:
    return "aws-cn" if aws_region.startswith("cn-") else "aws"


@pytest.fixture(scope="module")
def subnets(client: Callable[[str], Any], aws_region: str) -> list[str]:
    """Subnets that nothing is put into."""
    ec2 = client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.250.0.0/16")["Vpc"]["VpcId"]
    return [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.250.{n}.0/24", AvailabilityZone=f"{aws_region}{zone}")["Subnet"][
            "SubnetId"
        ]
        for n, zone in enumerate("ab")
    ]


def test_a_missing_parameter_group_is_an_error(client: Callable[[str], Any]) -> None:
    with pytest.raises(ClientError, match="DBParameterGroupNotFound"):
        client("rds").describe_db_parameter_groups(DBParameterGroupName="absent")


def test_every_parameter_is_listed_over_several_pages(client: Callable[[str], Any], aws_region: str) -> None:
    rds = client("rds")
    rds.create_db_parameter_group(DBParameterGroupName="gaps", DBParameterGroupFamily="postgres17", Description="test")
    change = {"ParameterName": "work_mem", "ParameterValue": "8192", "ApplyMethod": "immediate"}
    rds.modify_db_parameter_group(DBParameterGroupName="gaps", Parameters=[change])
    pages = rds.get_paginator("describe_db_parameters").paginate(DBParameterGroupName="gaps")
    found = {each["ParameterName"]: each for page in pages for each in page["Parameters"]}
    assert len(found) > 300
    assert (found["work_mem"]["ParameterValue"], found["work_mem"]["Source"]) == ("8192", "user")
    assert found["rds.force_ssl"]["ParameterValue"] == "1" and found["rds.force_ssl"]["IsModifiable"]
    with pytest.raises(ClientError, match="InvalidParameterValue"):
        change["ParameterName"] = "no_such_parameter"
        rds.modify_db_parameter_group(DBParameterGroupName="gaps", Parameters=[change])
    rds.delete_db_parameter_group(DBParameterGroupName="gaps")


def test_instance_answers_what_was_asked_for(
    cloud: Any, client: Callable[[str], Any], subnets: list[str], partition: str, until: Any
) -> None:
    rds = client("rds")
    rds.create_db_subnet_group(DBSubnetGroupName="gaps", DBSubnetGroupDescription="test", SubnetIds=subnets)
    cloud.control("PUT", "timings", {"rds": 3600})  # its answers are judged, its server is not
    found = rds.create_db_instance(
        DBInstanceIdentifier="gaps",
        Engine="postgres",
        DBInstanceClass="db.m7g.large",
        AllocatedStorage=20,
        StorageType="gp3",
        StorageEncrypted=True,
        EnablePerformanceInsights=True,
        MasterUsername="master",
        MasterUserPassword="password",
        DBSubnetGroupName="gaps",
    )["DBInstance"]
    cloud.control("PUT", "timings", {})
    assert (found["Iops"], found["StorageThroughput"], found["PerformanceInsightsEnabled"]) == (3000, 125, True)
    assert found["KmsKeyId"].startswith(f"arn:{partition}:kms:")
    assert found["DBParameterGroups"][0]["DBParameterGroupName"] == "default.postgres17"
    assert found["PendingModifiedValues"] == {}
    rds.delete_db_instance(DBInstanceIdentifier="gaps", SkipFinalSnapshot=True)
    until(lambda: not rds.describe_db_instances()["DBInstances"], what="instance gone")
    rds.delete_db_subnet_group(DBSubnetGroupName="gaps")


def test_cache_subnet_groups_change_and_go(
    client: Callable[[str], Any], subnets: list[str], partition: str, aws_region: str
) -> None:
    cache = client("elasticache")
    created = cache.create_cache_subnet_group(
        CacheSubnetGroupName="gaps", CacheSubnetGroupDescription="test", SubnetIds=subnets[:1]
    )["CacheSubnetGroup"]
    assert created["ARN"].startswith(f"arn:{partition}:elasticache:{aws_region}:")
    cache.modify_cache_subnet_group(CacheSubnetGroupName="gaps", SubnetIds=subnets)
    found = cache.describe_cache_subnet_groups(CacheSubnetGroupName="gaps")["CacheSubnetGroups"][0]
    zones = [subnet["SubnetAvailabilityZone"]["Name"] for subnet in found["Subnets"]]
    assert zones == [f"{aws_region}a", f"{aws_region}b"]
    assert cache.list_tags_for_resource(ResourceName=created["ARN"])["TagList"] == []
    cache.delete_cache_subnet_group(CacheSubnetGroupName="gaps")
    with pytest.raises(ClientError, match="CacheSubnetGroupNotFoundFault"):
        cache.describe_cache_subnet_groups(CacheSubnetGroupName="gaps")


def test_cache_parameter_groups(client: Callable[[str], Any], partition: str) -> None:
    cache = client("elasticache")
    created = cache.create_cache_parameter_group(
        CacheParameterGroupName="gaps", CacheParameterGroupFamily="valkey8", Description="test"
    )["CacheParameterGroup"]
    assert created["ARN"].startswith(f"arn:{partition}:elasticache:")
    change = {"ParameterName": "maxmemory-policy", "ParameterValue": "noeviction"}
    cache.modify_cache_parameter_group(CacheParameterGroupName="gaps", ParameterNameValues=[change])
    mine = cache.describe_cache_parameters(CacheParameterGroupName="gaps", Source="user")["Parameters"]
    assert [(each["ParameterName"], each["ParameterValue"]) for each in mine] == [("maxmemory-policy", "noeviction")]
    with pytest.raises(ClientError, match="InvalidParameterValue"):
        change["ParameterValue"] = "no-such-policy"
        cache.modify_cache_parameter_group(CacheParameterGroupName="gaps", ParameterNameValues=[change])
    with pytest.raises(ClientError, match="InvalidCacheParameterGroupState"):
        cache.delete_cache_parameter_group(CacheParameterGroupName="default.valkey8")
    cache.delete_cache_parameter_group(CacheParameterGroupName="gaps")
    with pytest.raises(ClientError, match="CacheParameterGroupNotFound"):
        cache.describe_cache_parameter_groups(CacheParameterGroupName="gaps")


def test_target_group_attributes_and_matcher(client: Callable[[str], Any]) -> None:
    elb, vpc = client("elbv2"), client("ec2").create_vpc(CidrBlock="10.251.0.0/16")["Vpc"]["VpcId"]
    arn = elb.create_target_group(Name="gaps", Protocol="HTTP", Port=80, VpcId=vpc)["TargetGroups"][0]["TargetGroupArn"]
    attributes = elb.describe_target_group_attributes(TargetGroupArn=arn)["Attributes"]
    found = {each["Key"]: each["Value"] for each in attributes}
    assert found["deregistration_delay.timeout_seconds"] == "300"
    assert found["stickiness.lb_cookie.duration_seconds"] == "86400"
    changed = elb.modify_target_group(TargetGroupArn=arn, Matcher={"HttpCode": "200-204"})["TargetGroups"][0]
    assert changed["Matcher"] == {"HttpCode": "200-204"}
    elb.deregister_targets(TargetGroupArn=arn, Targets=[{"Id": "10.251.0.9"}])  # what is not there is no error
    elb.delete_target_group(TargetGroupArn=arn)


def test_keys_are_found_by_arn(client: Callable[[str], Any], partition: str) -> None:
    kms = client("kms")
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    assert arn.startswith(f"arn:{partition}:kms:")
    for change, state in (
        (lambda: kms.disable_key(KeyId=arn), "Disabled"),
        (lambda: kms.enable_key(KeyId=arn), "Enabled"),
        (lambda: kms.schedule_key_deletion(KeyId=arn, PendingWindowInDays=7), "PendingDeletion"),
        (lambda: kms.cancel_key_deletion(KeyId=arn), "Disabled"),
    ):
        change()
        assert kms.describe_key(KeyId=arn)["KeyMetadata"]["KeyState"] == state


def test_parameters_get_a_tier_that_fits(client: Callable[[str], Any]) -> None:
    ssm = client("ssm")
    put = lambda name, size, **given: ssm.put_parameter(Name=name, Value="x" * size, Type="String", **given)["Tier"]  # noqa: E731
    assert put("/gaps/small", 10, Tier="Intelligent-Tiering") == "Standard"
    assert put("/gaps/large", 5000, Tier="Intelligent-Tiering") == "Advanced"
    tiers = {each["Name"]: each["Tier"] for each in ssm.describe_parameters()["Parameters"] if "/gaps/" in each["Name"]}
    assert tiers == {"/gaps/small": "Standard", "/gaps/large": "Advanced"}
    with pytest.raises(ClientError, match="Standard tier"):
        put("/gaps/refused", 5000)
    with pytest.raises(ClientError, match="Advanced tier"):
        put("/gaps/refused", 9000, Tier="Intelligent-Tiering")
    ssm.delete_parameters(Names=["/gaps/small", "/gaps/large"])


def test_roles_and_profiles_are_in_their_partition(client: Callable[[str], Any], partition: str) -> None:
    iam, name = client("iam"), f"gaps-{partition}"
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")["Role"]
    assert role["Arn"] == f"arn:{partition}:iam::123456789012:role/{name}"
    managed = f"arn:{partition}:iam::aws:policy/AmazonSSMManagedInstanceCore"
    iam.attach_role_policy(RoleName=name, PolicyArn=managed)
    profile = iam.create_instance_profile(InstanceProfileName=name)["InstanceProfile"]
    assert profile["Arn"].startswith(f"arn:{partition}:iam::")
    iam.detach_role_policy(RoleName=name, PolicyArn=managed)
    iam.delete_instance_profile(InstanceProfileName=name)
    iam.delete_role(RoleName=name)


def test_quotas_of_what_a_stack_is_made_of(client: Callable[[str], Any], partition: str, aws_region: str) -> None:
    quotas = client("service-quotas")
    for service, code, value in (
        ("vpc", "L-F678F1CE", 5),
        ("ec2", "L-0263D0A3", 5),
        ("elasticloadbalancing", "L-53DA6B97", 50),
        ("rds", "L-7B6409FD", 40),
    ):
        found = quotas.get_service_quota(ServiceCode=service, QuotaCode=code)["Quota"]
        assert (found["ServiceCode"], found["QuotaCode"], found["Value"]) == (service, code, value)
        assert found["QuotaArn"].startswith(f"arn:{partition}:servicequotas:{aws_region}:")
    with pytest.raises(ClientError, match="NoSuchResource"):
        quotas.get_service_quota(ServiceCode="ec2", QuotaCode="L-00000000")


def test_a_secret_that_waits_for_its_deletion_says_so(cloud: Any) -> None:
    secrets = cloud.client("secretsmanager")
    secrets.create_secret(Name="waiting", SecretString="kept")
    secrets.delete_secret(SecretId="waiting", RecoveryWindowInDays=7)
    with pytest.raises(ClientError, match="marked for deletion"):
        secrets.get_secret_value(SecretId="waiting")
    secrets.restore_secret(SecretId="waiting")
    assert secrets.get_secret_value(SecretId="waiting")["SecretString"] == "kept"
    secrets.delete_secret(SecretId="waiting", ForceDeleteWithoutRecovery=True)
