"""AWS's foundational controls, checked on what the API reads back of one stack.

Titles are shortened; the numbers are those of AWS Security Hub's control reference. docs/controls.md is made from this
file by `python -m tests.provisioning.controls`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from tests.provisioning.observed import Observed, listed

OPEN = ("0.0.0.0/0", "::/0")


@dataclass(frozen=True)
class Control:
    """A control with what breaks it, or with the reason why it is not met by default."""

    title: str
    offenders: Callable[[Observed], Iterable[str]] | None = None
    exception: str = ""


def each(rows: str, name: str, broken: Callable[[dict[str, Any]], bool]) -> Callable[[Observed], list[str]]:
    """Return a check: the names of those rows of the stack that are broken."""
    return lambda stack: [row[name] for row in getattr(stack, rows) if broken(row)]


def databases(broken: Callable[[dict[str, Any]], bool]) -> Callable[[Observed], list[str]]:
    return each("databases", "DBInstanceIdentifier", broken)


def alone(broken: Callable[[dict[str, Any]], bool]) -> Callable[[Observed], list[str]]:
    """As databases, of those that are no part of a cluster."""
    return databases(lambda row: not row.get("DBClusterIdentifier") and broken(row))


def clusters(broken: Callable[[dict[str, Any]], bool]) -> Callable[[Observed], list[str]]:
    return each("clusters", "DBClusterIdentifier", broken)


def brokers(broken: Callable[[dict[str, Any]], bool]) -> Callable[[Observed], list[str]]:
    return each("brokers", "ReplicationGroupId", broken)


def told(source: str, *categories: str) -> Callable[[Observed], list[str]]:
    """Events of these categories reach a topic."""
    return lambda stack: sorted(set(categories) - stack.subscriptions.get(source, set()))


def cluster_told(stack: Observed) -> list[str]:
    return told("db-cluster", "maintenance", "failure")(stack) if stack.clusters else []


def instance_group_told(stack: Observed) -> list[str]:
    """A cluster's parameters are in a group of its own kind, whose events AWS does not offer."""
    return [] if stack.clusters else told("db-parameter-group", "configuration change")(stack)


def balancers(broken: Callable[[Observed, dict[str, Any]], bool]) -> Callable[[Observed], list[str]]:
    return lambda stack: [row["LoadBalancerName"] for row in stack.load_balancers if broken(stack, row)]


def no_redirect(stack: Observed, balancer: dict[str, Any]) -> bool:
    plain = [each for each in stack.listeners(balancer) if each["Protocol"] == "HTTP"]
    actions = [action for each in plain for action in each["DefaultActions"]]
    return any(each.get("RedirectConfig", {}).get("Protocol") != "HTTPS" for each in actions)


def insecure_policy(stack: Observed, balancer: dict[str, Any]) -> bool:
    secure = [each for each in stack.listeners(balancer) if each["Protocol"] == "HTTPS"]
    return any("TLS13-1-2" not in each["SslPolicy"] for each in secure)


def templates(broken: Callable[[dict[str, Any]], bool]) -> Callable[[Observed], list[str]]:
    return lambda stack: [name for name, data in stack.templates.items() if broken(data)]


def buckets(broken: Callable[[Observed, str], bool]) -> Callable[[Observed], list[str]]:
    return lambda stack: [name for name in stack.buckets if broken(stack, name)]


def public_bucket(stack: Observed, name: str) -> bool:
    return not all(stack.bucket(name, "get_public_access_block", "PublicAccessBlockConfiguration").values())


def bucket_statements(stack: Observed, name: str) -> list[dict[str, Any]]:
    return json.loads(stack.bucket(name, "get_bucket_policy", "Policy"))["Statement"]


def takes_plain_http(stack: Observed, name: str) -> bool:
    denials = [each for each in bucket_statements(stack, name) if each["Effect"] == "Deny"]
    return not any(each.get("Condition", {}).get("Bool", {}).get("aws:SecureTransport") == "false" for each in denials)


def lets_others_administer(stack: Observed, name: str) -> bool:
    """AWS's list for this control: what other accounts must not be allowed."""
    forbidden = ("DeleteBucketPolicy", "PutBucketAcl", "PutBucketPolicy", "PutEncryptionConfiguration", "PutObjectAcl")
    allowed = [each for each in bucket_statements(stack, name) if each["Effect"] == "Allow"]
    actions = {action for each in allowed for action in listed(each["Action"])}
    return bool(actions & {"s3:*", "*", *(f"s3:{action}" for action in forbidden)})


def ranges(group: dict[str, Any]) -> Iterable[tuple[dict[str, Any], str]]:
    """Every permission with every network that it lets in."""
    for permission in group["IpPermissions"]:
        for row in permission.get("IpRanges", []):
            yield permission, row["CidrIp"]
        for row in permission.get("Ipv6Ranges", []):
            yield permission, row["CidrIpv6"]


def open_to_all(stack: Observed) -> list[str]:
    return [
        f"{group['GroupName']} {permission.get('FromPort')}"
        for group in stack.security_groups
        for permission, network in ranges(group)
        if network in OPEN and permission.get("FromPort") not in (80, 443)
    ]


def default_groups(stack: Observed) -> list[str]:
    groups = [group for group in stack.security_groups if group["GroupName"] == "default"]
    return [group["GroupId"] for group in groups if group["IpPermissions"] or group["IpPermissionsEgress"]]


def unencrypted_volumes(stack: Observed) -> list[str]:
    """Of every volume that a host has, tagged or not."""
    attached = [mapping["Ebs"]["VolumeId"] for host in stack.instances for mapping in host["BlockDeviceMappings"]]
    volumes = stack.aws("ec2").describe_volumes(VolumeIds=attached)["Volumes"] if attached else []
    return [row["VolumeId"] for row in volumes if not row["Encrypted"]] or ([] if attached else ["no volumes"])


def open_acls(stack: Observed) -> list[str]:
    """A stack makes no network ACLs; those of its subnets are its VPC's default ones, which AWS opens."""
    return [row["NetworkAclId"] for row in stack.ec2("describe_network_acls", "NetworkAcls") if not row["IsDefault"]]


def decrypts_everything(stack: Observed) -> list[str]:
    return [
        name
        for name, actions, resources in stack.statements()
        if {"kms:Decrypt", "kms:ReEncryptFrom", "kms:*", "*"} & set(actions) and "*" in resources
    ]


def whole_services(stack: Observed) -> list[str]:
    return [
        f"{name} {action}"
        for name, actions, _ in stack.statements()
        for action in actions
        if action.split(":")[-1] == "*"
    ]


def public_keys(stack: Observed) -> list[str]:
    """A statement for everybody must say of which account."""
    kms, found = stack.aws("kms"), []
    for key in stack.keys:
        policy = json.loads(kms.get_key_policy(KeyId=key["KeyId"], PolicyName="default")["Policy"])
        for statement in policy["Statement"]:
            everybody = statement["Principal"] in ("*", {"AWS": "*"})
            if everybody and "kms:CallerAccount" not in statement.get("Condition", {}).get("StringEquals", {}):
                found.append(f"{key['KeyId']} {statement['Sid']}")
    return found


def administrators(stack: Observed) -> list[str]:
    return [name for name, actions, resources in stack.statements() if "*" in actions and "*" in resources]


ACCOUNT = "A setting of the account, not of a stack."
PAID = "Costs money in every stack;"
NONE_MADE = "The stack makes none."

CONTROLS: dict[str, Control] = {
    "RDS.2": Control("Instances are not public", databases(lambda row: row["PubliclyAccessible"])),
    "RDS.3": Control("Instances are encrypted", databases(lambda row: not row["StorageEncrypted"])),
    "RDS.4": Control(
        "Snapshots are encrypted", None, "They are, as RDS encrypts the snapshots of what is encrypted (RDS.3)."
    ),
    "RDS.5": Control("Instances are Multi-AZ", alone(lambda row: not row["MultiAZ"])),
    "RDS.6": Control(
        "Enhanced monitoring is on", None, f"{PAID} database_monitoring_interval and _role_arn switch it on."
    ),
    "RDS.7": Control("Clusters are protected from deletion", clusters(lambda row: not row["DeletionProtection"])),
    "RDS.8": Control("Instances are protected from deletion", alone(lambda row: not row["DeletionProtection"])),
    "RDS.9": Control(
        "Instances send logs to CloudWatch", alone(lambda row: not row.get("EnabledCloudwatchLogsExports"))
    ),
    "RDS.10": Control("Instances take IAM logins", alone(lambda row: not row["IAMDatabaseAuthenticationEnabled"])),
    "RDS.11": Control("Backups are kept for a week", databases(lambda row: row["BackupRetentionPeriod"] < 7)),
    "RDS.12": Control("Clusters take IAM logins", clusters(lambda row: not row["IAMDatabaseAuthenticationEnabled"])),
    "RDS.13": Control("Minor versions come by themselves", databases(lambda row: not row["AutoMinorVersionUpgrade"])),
    "RDS.15": Control("Clusters span zones", clusters(lambda row: not row["MultiAZ"])),
    "RDS.16": Control("Aurora's snapshots are tagged", clusters(lambda row: not row["CopyTagsToSnapshot"])),
    "RDS.17": Control("Snapshots are tagged", alone(lambda row: not row["CopyTagsToSnapshot"])),
    "RDS.18": Control("Instances are in a VPC", databases(lambda row: not row["DBSubnetGroup"]["VpcId"])),
    "RDS.19": Control("Events of clusters are told", cluster_told),
    "RDS.20": Control(
        "Events of instances are told", told("db-instance", "maintenance", "configuration change", "failure")
    ),
    "RDS.21": Control("Events of parameter groups are told", instance_group_told),
    "RDS.22": Control(
        "Events of security groups are told", told("db-security-group", "configuration change", "failure")
    ),
    "RDS.23": Control(
        "Databases do not use the default port",
        None,
        "Only the hosts' security group reaches it; database_port moves it.",
    ),
    "RDS.24": Control(
        "Clusters have an administrator of their own name",
        clusters(lambda row: row["MasterUsername"] in ("postgres", "admin")),
    ),
    "RDS.25": Control(
        "Instances have an administrator of their own name",
        databases(lambda row: row["MasterUsername"] in ("postgres", "admin")),
    ),
    "RDS.27": Control("Clusters are encrypted", clusters(lambda row: not row["StorageEncrypted"])),
    "RDS.35": Control(
        "Minor versions come by themselves to clusters", databases(lambda row: not row["AutoMinorVersionUpgrade"])
    ),
    "RDS.36": Control(
        "PostgreSQL sends its log to CloudWatch",
        alone(
            lambda row: row["Engine"] == "postgres" and "postgresql" not in row.get("EnabledCloudwatchLogsExports", [])
        ),
    ),
    "RDS.37": Control(
        "Aurora PostgreSQL sends its log to CloudWatch",
        clusters(lambda row: "postgresql" not in row.get("EnabledCloudwatchLogsExports", [])),
    ),
    "RDS.47": Control("Snapshots of clusters are tagged", clusters(lambda row: not row["CopyTagsToSnapshot"])),
    "ElastiCache.1": Control("Brokers are backed up", brokers(lambda row: row["SnapshotRetentionLimit"] < 1)),
    "ElastiCache.2": Control(
        "Minor versions come by themselves",
        each("nodes", "CacheClusterId", lambda row: not row["AutoMinorVersionUpgrade"]),
    ),
    "ElastiCache.3": Control(
        "Brokers fail over by themselves", brokers(lambda row: row["AutomaticFailover"] != "enabled")
    ),
    "ElastiCache.4": Control("Brokers are encrypted at rest", brokers(lambda row: not row["AtRestEncryptionEnabled"])),
    "ElastiCache.5": Control(
        "Brokers are encrypted in transit", brokers(lambda row: not row["TransitEncryptionEnabled"])
    ),
    "ElastiCache.6": Control("Brokers ask for a token", brokers(lambda row: not row["AuthTokenEnabled"])),
    "ElastiCache.7": Control(
        "Brokers are not in the default subnet group",
        each("nodes", "CacheClusterId", lambda row: row["CacheSubnetGroupName"] == "default"),
    ),
    "EFS.1": Control(
        "File systems are encrypted by KMS", each("file_systems", "FileSystemId", lambda row: not row.get("KmsKeyId"))
    ),
    "EFS.2": Control("File systems are in a backup plan", lambda stack: unbacked(stack)),
    "EFS.3": Control(
        "Access points keep to a folder",
        lambda stack: [row["AccessPointId"] for row in access_points(stack) if row["RootDirectory"]["Path"] == "/"],
    ),
    "EFS.4": Control(
        "Access points keep to a user",
        lambda stack: [row["AccessPointId"] for row in access_points(stack) if "PosixUser" not in row],
    ),
    "EFS.6": Control("Mount targets are in private subnets", lambda stack: public_mount_targets(stack)),
    "EFS.7": Control("File systems are backed up by themselves", lambda stack: unbacked(stack)),
    "EFS.8": Control(
        "File systems are encrypted", each("file_systems", "FileSystemId", lambda row: not row["Encrypted"])
    ),
    "ELB.1": Control("HTTP is redirected to HTTPS", balancers(no_redirect)),
    "ELB.4": Control(
        "Invalid headers are dropped",
        balancers(
            lambda stack, row: stack.attributes(row)["routing.http.drop_invalid_header_fields.enabled"] != "true"
        ),
    ),
    "ELB.5": Control(
        "Requests are logged", balancers(lambda stack, row: stack.attributes(row)["access_logs.s3.enabled"] != "true")
    ),
    "ELB.6": Control(
        "Load balancers are protected from deletion",
        balancers(lambda stack, row: stack.attributes(row)["deletion_protection.enabled"] != "true"),
    ),
    "ELB.12": Control(
        "Requests that desynchronise are refused",
        balancers(
            lambda stack, row: (
                stack.attributes(row)["routing.http.desync_mitigation_mode"] not in ("defensive", "strictest")
            )
        ),
    ),
    "ELB.13": Control("Load balancers span zones", balancers(lambda stack, row: len(row["AvailabilityZones"]) < 2)),
    "ELB.17": Control("TLS policies are recommended ones", balancers(insecure_policy)),
    "ELB.18": Control("Listeners take HTTPS, or lead to it", balancers(no_redirect)),
    "EC2.1": Control(
        "Snapshots are not public", None, "A stack makes none. Those of its image belong to the account alone."
    ),
    "EC2.2": Control("Default security groups let nothing through", default_groups),
    "EC2.3": Control("Volumes are encrypted", unencrypted_volumes),
    "EC2.6": Control("Flows are logged", None, f"{PAID} by volume, and it is the VPC's owner who reads them."),
    "EC2.7": Control("Volumes are encrypted by default", None, ACCOUNT + " The stack's own are encrypted (EC2.3)."),
    "EC2.8": Control(
        "Instances take IMDSv2 only",
        each("instances", "InstanceId", lambda row: row["MetadataOptions"]["HttpTokens"] != "required"),
    ),
    "EC2.9": Control(
        "Instances have no public address",
        each("instances", "InstanceId", lambda row: bool(row.get("PublicIpAddress"))),
    ),
    "EC2.10": Control("EC2 has an interface endpoint", None, f"{PAID} network_interface_endpoints makes it."),
    "EC2.15": Control(
        "Subnets give no public addresses",
        lambda stack: [
            row["SubnetId"] for row in stack.ec2("describe_subnets", "Subnets") if row["MapPublicIpOnLaunch"]
        ],
    ),
    "EC2.17": Control(
        "Instances have one interface", each("instances", "InstanceId", lambda row: len(row["NetworkInterfaces"]) > 1)
    ),
    "EC2.18": Control("Only 80 and 443 are open to everybody", open_to_all),
    "EC2.19": Control("Ports of high risk are closed to everybody", open_to_all),
    "EC2.21": Control("Network ACLs are closed to SSH and RDP", open_acls),
    "EC2.25": Control(
        "Launch templates give no public address",
        templates(lambda data: any(each.get("AssociatePublicIpAddress") for each in data["NetworkInterfaces"])),
    ),
    "EC2.57": Control(
        "Systems Manager has an interface endpoint", None, f"{PAID} network_interface_endpoints makes it."
    ),
    "EC2.170": Control(
        "Launch templates take IMDSv2 only", templates(lambda data: data["MetadataOptions"]["HttpTokens"] != "required")
    ),
    "EC2.172": Control("VPCs block public access", None, ACCOUNT + " It would shut an internet-facing stack."),
    "EC2.180": Control("Interfaces check source and destination", lambda stack: unchecked_interfaces(stack)),
    "EC2.181": Control(
        "Launch templates encrypt volumes",
        templates(lambda data: not all(each["Ebs"].get("Encrypted") for each in data["BlockDeviceMappings"])),
    ),
    "S3.1": Control("The account blocks public access", None, ACCOUNT),
    "S3.2": Control("Buckets cannot be read by everybody", buckets(public_bucket)),
    "S3.3": Control("Buckets cannot be written by everybody", buckets(public_bucket)),
    "S3.5": Control("Buckets take TLS only", buckets(takes_plain_http)),
    "S3.6": Control("Other accounts cannot administer buckets", buckets(lets_others_administer)),
    "S3.8": Control("Buckets block public access", buckets(public_bucket)),
    "S3.9": Control("Access to buckets is logged", None, "The one bucket holds logs, and would log itself."),
    "S3.12": Control(
        "Buckets have no access lists",
        buckets(
            lambda stack, name: (
                stack.bucket(name, "get_bucket_ownership_controls", "OwnershipControls")["Rules"][0]["ObjectOwnership"]
                != "BucketOwnerEnforced"
            )
        ),
    ),
    "S3.13": Control(
        "Objects expire",
        buckets(lambda stack, name: not stack.bucket(name, "get_bucket_lifecycle_configuration", "Rules")),
    ),
    "SecretsManager.1": Control(
        "Secrets rotate by themselves", None, "Airflow's keys and passwords rotate with the hosts, by a playbook."
    ),
    "SecretsManager.2": Control("Rotation succeeds", None, "Nothing rotates by itself (SecretsManager.1)."),
    "SecretsManager.3": Control(
        "Secrets are used", None, "Hosts read each at boot; the local region keeps no date of it."
    ),
    "SecretsManager.4": Control("Secrets are rotated in time", None, "Nothing rotates by itself (SecretsManager.1)."),
    "AutoScaling.1": Control(
        "Groups go by the load balancer's health",
        None,
        "Web services are silent while the database fails over, and a host that is replaced takes its tasks along; "
        "`compute_health_check_type` can be `ELB`.",
    ),
    "AutoScaling.2": Control(
        "Groups span zones", each("groups", "AutoScalingGroupName", lambda row: len(row["AvailabilityZones"]) < 2)
    ),
    "AutoScaling.3": Control("Launch configurations take IMDSv2 only", None, NONE_MADE),
    "AutoScaling.6": Control(
        "Groups have several instance types", None, "A pair of hosts is of one type, as its slots are sized by it."
    ),
    "AutoScaling.9": Control(
        "Groups use launch templates", each("groups", "AutoScalingGroupName", lambda row: not row.get("LaunchTemplate"))
    ),
    "SSM.1": Control(
        "Instances are managed by Systems Manager", None, "The image has no agent of Systems Manager yet."
    ),
    "SSM.2": Control("Patches are applied", None, "Hosts are replaced by newer images, not patched."),
    "SSM.3": Control("Associations are complied with", None, "The stack makes no associations."),
    "KMS.1": Control("Managed policies do not decrypt everything", None, "The stack makes no managed policies."),
    "KMS.2": Control("Inline policies do not decrypt everything", decrypts_everything),
    "KMS.3": Control(
        "Keys are not about to be deleted", each("keys", "KeyId", lambda row: row["KeyState"] == "PendingDeletion")
    ),
    "KMS.5": Control("Keys are not public", public_keys),
    "IAM.1": Control("Policies are not for administrators", administrators),
    "IAM.21": Control("Policies do not name whole services", whole_services),
}


def access_points(stack: Observed) -> list[dict[str, Any]]:
    return stack.all("efs", "describe_access_points", "AccessPoints")


def unbacked(stack: Observed) -> list[str]:
    efs = stack.aws("efs")
    return [
        row["FileSystemId"]
        for row in stack.file_systems
        if efs.describe_backup_policy(FileSystemId=row["FileSystemId"])["BackupPolicy"]["Status"] != "ENABLED"
    ]


def public_mount_targets(stack: Observed) -> list[str]:
    public = {row["SubnetId"] for row in stack.all("ec2", "describe_subnets", "Subnets") if row["MapPublicIpOnLaunch"]}
    targets = [
        target
        for row in stack.file_systems
        for target in stack.all("efs", "describe_mount_targets", "MountTargets", FileSystemId=row["FileSystemId"])
    ]
    return [target["MountTargetId"] for target in targets if target["SubnetId"] in public]


def unchecked_interfaces(stack: Observed) -> list[str]:
    return [
        card["NetworkInterfaceId"]
        for host in stack.instances
        for card in host["NetworkInterfaces"]
        if not card.get("SourceDestCheck", True)
    ]


def page() -> str:
    """Return docs/controls.md."""
    rows = [
        f"| {name} | {control.title} | {f'exception: {control.exception}' if control.exception else 'satisfied'} |"
        for name, control in CONTROLS.items()
    ]
    return "\n".join(
        [
            "# AWS's foundational controls",
            "",
            "What a stack with `high_availability: true` and otherwise default variables satisfies. `satisfied` is",
            "what a test reads back from the API of the local region after a provision; an exception has its reason.",
            "Numbers are those of AWS Security Hub. This page is made by `python -m tests.provisioning.controls`.",
            "",
            "| control | what it asks for | this stack |",
            "|---|---|---|",
            *rows,
            "",
        ]
    )


if __name__ == "__main__":
    print(page(), end="")
