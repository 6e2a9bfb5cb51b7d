"""What the API tells of the resources of one stack."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import Any

# Actions that change nothing.
READING = re.compile("(Describe|Get|List|Head|Lookup|BatchGet)")
Client = Callable[[str], Any]


def listed(value: Any) -> list[Any]:
    """Return a list, as policies may leave out the brackets of one item."""
    return value if isinstance(value, list) else [value]


class Observed:
    """What the API tells of the resources of one stack, each kind asked for once."""

    def __init__(self, aws: Client, name: str) -> None:
        self.aws, self.name, self.kept = aws, name, {}

    def all(self, service: str, operation: str, key: str, **arguments: Any) -> list[dict[str, Any]]:
        """Every item of one kind, of all pages."""
        asked = (service, operation, json.dumps(arguments, sort_keys=True))
        if asked not in self.kept:
            client = self.aws(service)
            if client.can_paginate(operation):
                pages = client.get_paginator(operation).paginate(**arguments)
                self.kept[asked] = [item for page in pages for item in page[key]]
            else:
                self.kept[asked] = getattr(client, operation)(**arguments)[key]
        return self.kept[asked]

    def ec2(self, operation: str, key: str) -> list[dict[str, Any]]:
        """What EC2 has with the stack's tag."""
        return self.all("ec2", operation, key, Filters=[{"Name": "tag:graviflow:stack", "Values": [self.name]}])

    @property
    def instances(self) -> list[dict[str, Any]]:
        rows = [host for each in self.ec2("describe_instances", "Reservations") for host in each["Instances"]]
        return [host for host in rows if host["State"]["Name"] == "running"]

    @property
    def security_groups(self) -> list[dict[str, Any]]:
        return self.ec2("describe_security_groups", "SecurityGroups")

    @property
    def templates(self) -> dict[str, dict[str, Any]]:
        rows = self.ec2("describe_launch_templates", "LaunchTemplates")
        version = {"Versions": ["$Latest"]}
        found = {
            row["LaunchTemplateName"]: self.all(
                "ec2",
                "describe_launch_template_versions",
                "LaunchTemplateVersions",
                LaunchTemplateId=row["LaunchTemplateId"],
                **version,
            )[0]
            for row in rows
        }
        return {name: row["LaunchTemplateData"] for name, row in found.items()}

    @property
    def databases(self) -> list[dict[str, Any]]:
        return self.all("rds", "describe_db_instances", "DBInstances")

    @property
    def clusters(self) -> list[dict[str, Any]]:
        return self.all("rds", "describe_db_clusters", "DBClusters")

    @property
    def subscriptions(self) -> dict[str, set[str]]:
        """Source type -> categories that somebody is told of."""
        rows = self.all("rds", "describe_event_subscriptions", "EventSubscriptionsList")
        return {row["SourceType"]: set(row.get("EventCategoriesList", [])) for row in rows if row["Enabled"]}

    @property
    def brokers(self) -> list[dict[str, Any]]:
        return self.all("elasticache", "describe_replication_groups", "ReplicationGroups")

    @property
    def nodes(self) -> list[dict[str, Any]]:
        return self.all("elasticache", "describe_cache_clusters", "CacheClusters")

    @property
    def file_systems(self) -> list[dict[str, Any]]:
        return self.all("efs", "describe_file_systems", "FileSystems")

    @property
    def load_balancers(self) -> list[dict[str, Any]]:
        return self.all("elbv2", "describe_load_balancers", "LoadBalancers")

    def attributes(self, balancer: dict[str, Any]) -> dict[str, str]:
        """A load balancer's attributes."""
        rows = self.all(
            "elbv2", "describe_load_balancer_attributes", "Attributes", LoadBalancerArn=balancer["LoadBalancerArn"]
        )
        return {row["Key"]: row["Value"] for row in rows}

    def listeners(self, balancer: dict[str, Any]) -> list[dict[str, Any]]:
        """A load balancer's listeners."""
        return self.all("elbv2", "describe_listeners", "Listeners", LoadBalancerArn=balancer["LoadBalancerArn"])

    @property
    def groups(self) -> list[dict[str, Any]]:
        return self.all("autoscaling", "describe_auto_scaling_groups", "AutoScalingGroups")

    @property
    def buckets(self) -> list[str]:
        return [row["Name"] for row in self.all("s3", "list_buckets", "Buckets") if row["Name"].startswith(self.name)]

    def bucket(self, name: str, operation: str, key: str) -> Any:
        """One setting of a bucket."""
        return getattr(self.aws("s3"), operation)(Bucket=name)[key]

    @property
    def keys(self) -> list[dict[str, Any]]:
        aliases = self.all("kms", "list_aliases", "Aliases")
        ids = [row["TargetKeyId"] for row in aliases if row["AliasName"] == f"alias/{self.name}"]
        return [self.aws("kms").describe_key(KeyId=each)["KeyMetadata"] for each in ids]

    @property
    def policies(self) -> dict[str, dict[str, Any]]:
        """Role/policy -> document, of the stack's roles."""
        iam, found = self.aws("iam"), {}
        for role in self.all("iam", "list_roles", "Roles"):
            if not role["RoleName"].startswith(f"{self.name}-"):
                continue
            for policy in iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"]:
                document = iam.get_role_policy(RoleName=role["RoleName"], PolicyName=policy)["PolicyDocument"]
                found[f"{role['RoleName']}/{policy}"] = document
            for row in iam.list_attached_role_policies(RoleName=role["RoleName"])["AttachedPolicies"]:
                version = iam.get_policy(PolicyArn=row["PolicyArn"])["Policy"]["DefaultVersionId"]
                policy = iam.get_policy_version(PolicyArn=row["PolicyArn"], VersionId=version)["PolicyVersion"]
                found[f"{role['RoleName']}/{row['PolicyName']}"] = policy["Document"]
        return found

    def statements(self) -> Iterable[tuple[str, list[str], list[str]]]:
        """Role/policy, actions and resources of each statement that allows something."""
        for name, document in self.policies.items():
            for statement in document["Statement"]:
                if statement["Effect"] == "Allow":
                    yield name, listed(statement["Action"]), listed(statement["Resource"])
