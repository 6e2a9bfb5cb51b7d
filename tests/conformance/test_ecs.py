"""ECS: task definitions by family, tasks on Fargate, and a cluster that goes after its tasks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

CONTAINER = {"name": "crunch", "image": "python:3"}  # without memory: on Fargate the task's counts


@pytest.fixture(scope="module")
def ecs(cloud: Any) -> Any:
    return cloud.client("ecs")


@pytest.fixture
def family(ecs: Any) -> Iterator[str]:
    for cpu in ("256", "512"):
        ecs.register_task_definition(
            family="conformance_crunch",
            requiresCompatibilities=["FARGATE"],
            networkMode="awsvpc",
            cpu=cpu,
            memory="1024",
            containerDefinitions=[CONTAINER],
            tags=[{"key": "t", "value": "1"}],
        )
    yield "conformance_crunch"
    for status in ("ACTIVE", "INACTIVE"):
        arns = ecs.list_task_definitions(familyPrefix="conformance_crunch", status=status)["taskDefinitionArns"]
        for arn in arns:
            ecs.deregister_task_definition(taskDefinition=arn)
        if arns:
            ecs.delete_task_definitions(taskDefinitions=arns)
    assert families(ecs, "ALL") == []


def families(ecs: Any, status: str) -> list[str]:
    return ecs.list_task_definition_families(familyPrefix="conformance_", status=status)["families"]


def test_a_family_stands_for_its_newest_active_revision(ecs: Any, family: str) -> None:
    told = ecs.describe_task_definition(taskDefinition=family, include=["TAGS"])
    newest = told["taskDefinition"]
    assert (newest["cpu"], told["tags"]) == ("512", [{"key": "t", "value": "1"}])
    assert newest["taskDefinitionArn"].startswith("arn:aws-cn:ecs:cn-north-1:")
    ecs.deregister_task_definition(taskDefinition=newest["taskDefinitionArn"])
    assert ecs.describe_task_definition(taskDefinition=family)["taskDefinition"]["cpu"] == "256"


def test_a_family_without_active_revisions_is_found_as_inactive(ecs: Any, family: str) -> None:
    assert (families(ecs, "ACTIVE"), families(ecs, "INACTIVE")) == ([family], [])
    for arn in ecs.list_task_definitions(familyPrefix=family)["taskDefinitionArns"]:
        ecs.deregister_task_definition(taskDefinition=arn)
    assert (families(ecs, "ACTIVE"), families(ecs, "INACTIVE")) == ([], [family])
    with pytest.raises(ClientError, match="Unable to describe"):
        ecs.describe_task_definition(taskDefinition=family)


def test_a_cluster_goes_after_its_tasks(cloud: Any, ecs: Any, vpc: Any, family: str) -> None:
    filters = [{"Name": "vpc-id", "Values": [vpc.id]}, {"Name": "group-name", "Values": ["default"]}]
    group = cloud.client("ec2").describe_security_groups(Filters=filters)["SecurityGroups"][0]["GroupId"]
    ecs.create_cluster(clusterName="conformance", capacityProviders=["FARGATE"])
    insights = [{"name": "containerInsights", "value": "enabled"}]
    ecs.update_cluster_settings(cluster="conformance", settings=insights)
    [cluster] = ecs.describe_clusters(clusters=["conformance"], include=["SETTINGS"])["clusters"]
    assert (cluster["status"], cluster["settings"]) == ("ACTIVE", insights)
    [task] = ecs.run_task(
        cluster="conformance",
        taskDefinition=family,
        launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": {"subnets": vpc.private[:1], "securityGroups": [group]}},
    )["tasks"]
    with pytest.raises(ClientError, match="ClusterContainsTasksException"):
        ecs.delete_cluster(cluster="conformance")
    [attachment] = task["attachments"]
    [interface] = [each["value"] for each in attachment["details"] if each["name"] == "networkInterfaceId"]
    ecs.stop_task(cluster="conformance", task=task["taskArn"])
    with pytest.raises(ClientError, match="InvalidNetworkInterfaceID"):
        cloud.client("ec2").describe_network_interfaces(NetworkInterfaceIds=[interface])
    assert ecs.delete_cluster(cluster="conformance")["cluster"]["status"] == "INACTIVE"
