"""The life of a stack's AWS side: planned, made, made again, removed. For one cell of the matrix, or all of them."""

import base64
import json
import os
import re

import pytest
import yaml

from tests.playbook import ROOT
from tests.provisioning import region
from tests.provisioning.controls import CONTROLS
from tests.provisioning.observed import READING, Observed

CELLS = yaml.safe_load((ROOT / "tests/provisioning/cells.yml").read_text())
CHOSEN = CELLS if os.environ.get("PROVISION_CELLS") == "all" else CELLS[:1]
CLASSES = {"postgres": "db.m7g.large", "postgres-cluster": "db.m6gd.large", "aurora-postgresql": "db.r7g.large"}
PAIRED = ("stack_region", "high_availability", "database_engine", "network")
NAME = "provision"


def variables(cell, directory, network):
    """The file of extra variables that makes inventories/local's stack the cell's."""
    given = {
        **{key: cell[key] for key in ("high_availability", "database_engine")},
        "network_zones": [cell["stack_region"] + zone for zone in cell.get("zones", "ab")],
        "network_cidr": f"{region.BLOCK}.0.0/16",
        "image_existing_id": region.stand_in_image(cell["stack_region"]),
        "compute_ssh_public_key": "",
        "compute_desired_capacity": 2 if cell["high_availability"] else 1,
        "database_instance_class": CLASSES[cell["database_engine"]],
        "database_deletion_protection": True,
        "database_final_snapshot": False,
        "secrets_recovery_days": 0,
        "encryption_key_create": True,
        "encryption_key_keep": False,
        **cell.get("variables", {}),
    }
    if network:
        given["network_existing"] = network
    path = directory / "variables.json"
    path.write_text(json.dumps(given))
    return path


class Stack:
    """A stack of the matrix, and its playbooks."""

    def __init__(self, cell, directory):
        self.cell = cell
        self.region = cell["stack_region"]
        self.highly_available = cell["high_availability"]
        self.network = region.existing_network(self.region) if cell["network"] == "existing" else None
        self.variables = variables(cell, directory, self.network)

    def playbook(self, name, *arguments):
        return region.playbook(f"playbooks/{name}.yml", self.region, "-e", f"@{self.variables}", *arguments)

    def aws(self, service):
        return region.aws(service, self.region)


@pytest.fixture(scope="module", params=CHOSEN, ids=lambda cell: "-".join(str(cell[key]) for key in PAIRED))
def stack(request, tmp_path_factory):
    stack = Stack(request.param, tmp_path_factory.mktemp("stack"))
    yield stack
    if stack.network:
        region.forget_network(stack.region, stack.network["vpc_id"])


@pytest.fixture
def first(stack):
    """For what is the same in every cell, and takes minutes."""
    if stack.cell is not CELLS[0]:
        pytest.skip("shown in the first cell")


@pytest.fixture(scope="module")
def observed(stack):
    return Observed(stack.aws, NAME)


def good(finished):
    assert finished.returncode == 0, finished.tail
    return finished


def unchanged(finished):
    assert set(good(finished).changed.values()) == {0}, finished.changed
    return True


def test_a_plan_of_what_does_not_exist(stack):
    kms = stack.aws("kms")
    keys = [kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"] for key in kms.list_keys()["Keys"]]
    # The deletion of an earlier cell's key takes days, and is called off.
    called_off = len([key for key in keys if key["KeyState"] == "PendingDeletion"])
    planned = good(stack.playbook("provision", "--check", "--diff"))
    assert f" {called_off} to change, 0 to keep" in planned.output
    assert not tagged(stack)


def test_it_is_made(stack):
    assert good(stack.playbook("provision")).changed["localhost"] > 0


def test_again_changes_nothing_and_tells_no_secret(stack):
    again = stack.playbook("provision", "-vvv")
    assert unchanged(again)
    told = [name for name, value in secret_values(stack).items() if value in again.output]
    assert told == []


def test_check_mode_sees_nothing_to_change(stack):
    seen = stack.playbook("provision", "--check", "--diff")
    assert unchanged(seen)
    assert "0 to create, 0 to change" in seen.output


@pytest.mark.usefixtures("first")
def test_the_plan_shows_what_a_changed_variable_changes_and_nothing_else(stack):
    planned = good(stack.playbook("provision", "--check", "--diff", "-e", "database_backup_days=14"))
    assert "0 to create, 1 to change" in planned.output
    changed = [line for line in planned.output.splitlines() if line.startswith("  ~ ")]
    assert len(changed) == 1 and f"{NAME}-database" in changed[0], changed
    assert "7 -> 14" in planned.output


@pytest.mark.parametrize("name", [name for name, control in CONTROLS.items() if control.offenders])
def test_control_is_satisfied(stack, observed, name):
    if not stack.highly_available:
        pytest.skip("controls ask for two zones")
    assert list(CONTROLS[name].offenders(observed)) == []


def test_the_stacks_own_key_encrypts_everything(stack, observed):
    [key] = [each["Arn"] for each in observed.keys]
    volumes = [each["Ebs"] for data in observed.templates.values() for each in data["BlockDeviceMappings"]]
    secrets = [*stack.aws("secretsmanager").list_secrets()["SecretList"], *secure_parameters(stack)]
    assert len(secrets) == 7
    rows = [*observed.databases, *observed.clusters, *observed.brokers, *observed.file_systems, *secrets, *volumes]
    assert {row.get("KmsKeyId") for row in rows} == {key}


# Session Manager's channel to the host that asks, and metrics, whose namespace is a condition: no resource exists.
CHANNEL = "ssm:UpdateInstanceInformation|ssmmessages:(Create|Open)(Control|Data)Channel"
NO_RESOURCE = re.compile(f"{CHANNEL}|cloudwatch:PutMetricData")


def test_nothing_may_be_written_everywhere(observed):
    wide = [
        (name, action)
        for name, actions, resources in observed.statements()
        for action in actions
        if "*" in resources and not READING.match(action.split(":")[-1]) and not NO_RESOURCE.fullmatch(action)
    ]
    assert wide == []


def test_no_parameter_of_others_may_be_read(observed):
    """AWS's policy for Session Manager would allow it."""
    statements = [(name, actions) for name, actions, resources in observed.statements() if "*" in resources]
    assert [(name, each) for name, actions in statements for each in actions if each.startswith("ssm:Get")] == []


def groups(stack):
    """The Auto Scaling groups of the stack's hosts by name, each with what these are told."""
    ec2 = stack.aws("ec2")
    told = {}
    hosts = [{"Name": "tag:graviflow:role", "Values": ["host"]}]
    for group in stack.aws("autoscaling").describe_auto_scaling_groups(Filters=hosts)["AutoScalingGroups"]:
        versions = ec2.describe_launch_template_versions(
            LaunchTemplateName=group["LaunchTemplate"]["LaunchTemplateName"], Versions=["$Latest"]
        )["LaunchTemplateVersions"]
        data = versions[0]["LaunchTemplateData"]
        user_data = json.loads(base64.b64decode(data["UserData"]))
        told[group["AutoScalingGroupName"]] = (group["MinSize"], group["MaxSize"], data["InstanceType"], user_data)
    return told


@pytest.mark.usefixtures("first")
def test_a_worker_group_has_hosts_of_its_own_until_nobody_names_it(stack):
    own = {f"{NAME}-host": (2, 2, "m7g.large", {"stack": NAME})}
    big = {f"{NAME}-worker-big": (1, 3, "r7g.large", {"stack": NAME, "host_class": "big"})}
    assert groups(stack) == {**own, **big}
    document = json.loads(stack.aws("ssm").get_parameter(Name=f"/graviflow/{NAME}/document")["Parameter"]["Value"])
    assert document["host_classes"]["big"]["worker"]["queues"] == ["big"]
    without = stack.playbook("provision", "-e", '{"compute_worker_groups": []}')
    assert good(without).changed["localhost"] > 0
    assert groups(stack) == own


@pytest.mark.usefixtures("first")
def test_what_is_changed_by_hand_is_repaired_and_shown(stack):
    ec2, elasticache, sns = stack.aws("ec2"), stack.aws("elasticache"), stack.aws("sns")
    names = [{"Name": "group-name", "Values": [f"{NAME}-database"]}]

    def rules():
        group = ec2.describe_security_groups(Filters=names)["SecurityGroups"][0]
        return group["GroupId"], group["IpPermissions"]

    def policy():
        group = elasticache.describe_replication_groups()["ReplicationGroups"][0]["MemberClusters"][0]
        cache = elasticache.describe_cache_clusters(CacheClusterId=group)["CacheClusters"][0]
        parameters = elasticache.describe_cache_parameters(
            CacheParameterGroupName=cache["CacheParameterGroup"]["CacheParameterGroupName"]
        )["Parameters"]
        [found] = [each for each in parameters if each["ParameterName"] == "maxmemory-policy"]
        return cache["CacheParameterGroup"]["CacheParameterGroupName"], found["ParameterValue"]

    def alarms():
        return {alarm["AlarmName"] for alarm in stack.aws("cloudwatch").describe_alarms()["MetricAlarms"]}

    topic = sns.list_topics()["Topics"][0]["TopicArn"]
    before = (*rules(), *policy(), alarms(), sns.list_tags_for_resource(ResourceArn=topic)["Tags"])
    ec2.revoke_security_group_ingress(GroupId=before[0], IpPermissions=before[1])
    world = {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.authorize_security_group_ingress(GroupId=before[0], IpPermissions=[world])
    elasticache.modify_cache_parameter_group(
        CacheParameterGroupName=before[2],
        ParameterNameValues=[{"ParameterName": "maxmemory-policy", "ParameterValue": "allkeys-lru"}],
    )
    stack.aws("cloudwatch").delete_alarms(AlarmNames=sorted(before[4])[:1])
    sns.tag_resource(ResourceArn=topic, Tags=[{"Key": "by-hand", "Value": "yes"}])

    repaired = good(stack.playbook("provision", "--diff"))
    after = (*rules(), *policy(), alarms(), sns.list_tags_for_resource(ResourceArn=topic)["Tags"])
    assert after[0] == before[0] and len(after[1]) == len(before[1])
    assert not [row for permission in after[1] for row in permission["IpRanges"]]
    assert after[2:5] == before[2:5]
    assert sorted(map(str, after[5])) == sorted(map(str, before[5]))
    for shown in ("maxmemory-policy", "by-hand", "0.0.0.0/0", sorted(before[4])[0].split("/")[-1]):
        assert shown in repaired.output, shown


def test_teardown_leaves_nothing(stack):
    good(stack.playbook("teardown", "-e", f"teardown_confirm={NAME}"))
    assert not tagged(stack)
    vpcs = [vpc for vpc in stack.aws("ec2").describe_vpcs()["Vpcs"] if not vpc["IsDefault"]]
    assert [vpc["VpcId"] for vpc in vpcs] == ([stack.network["vpc_id"]] if stack.network else [])
    for calls, key in (
        (stack.aws("rds").describe_db_instances, "DBInstances"),
        (stack.aws("rds").describe_db_clusters, "DBClusters"),
        (stack.aws("elasticache").describe_replication_groups, "ReplicationGroups"),
        (stack.aws("efs").describe_file_systems, "FileSystems"),
        (stack.aws("elbv2").describe_load_balancers, "LoadBalancers"),
        (stack.aws("elbv2").describe_target_groups, "TargetGroups"),
        (stack.aws("cloudwatch").describe_alarms, "MetricAlarms"),
        (stack.aws("logs").describe_log_groups, "logGroups"),
        (stack.aws("sns").list_topics, "Topics"),
        (stack.aws("acm").list_certificates, "CertificateSummaryList"),
        (stack.aws("secretsmanager").list_secrets, "SecretList"),
        (stack.aws("ssm").describe_parameters, "Parameters"),
    ):
        assert calls()[key] == [], key


def secret_values(stack):
    """(Secret, key) -> what nobody may see; of a private key, its first line."""
    names = ("database", "broker", "airflow", "admin", "web_certificate")
    if stack.cell.get("variables", {}).get("secrets_backend") == "parameter_store":
        ids = [f"/graviflow-secrets/{NAME}/{name}" for name in names]
        found = stack.aws("ssm").get_parameters(Names=ids, WithDecryption=True)["Parameters"]
        texts = {each["Name"].split("/")[-1]: each["Value"] for each in found}
    else:
        store = stack.aws("secretsmanager")
        texts = {name: store.get_secret_value(SecretId=f"/graviflow/{NAME}/{name}")["SecretString"] for name in names}
    public = ("username", "email", "certificate", "certificate_authority")
    hidden = {
        (name, key): value.removeprefix("-----BEGIN PRIVATE KEY-----\n").split("\n")[0]
        for name, text in texts.items()
        for key, value in json.loads(text).items()
        if key not in public
    }
    assert len(hidden) == 7
    return hidden


def secure_parameters(stack):
    secure = [{"Key": "Type", "Values": ["SecureString"]}]
    found = stack.aws("ssm").describe_parameters(ParameterFilters=secure)["Parameters"]
    return [{"KmsKeyId": each["KeyId"]} for each in found]


def tagged(stack):
    """ARNs with the stack's tag, but for what AWS goes on showing: what has ended, and keys that wait."""
    filters = [{"Key": "graviflow:stack", "Values": [NAME]}]
    found = stack.aws("resourcegroupstaggingapi").get_resources(TagFilters=filters)["ResourceTagMappingList"]
    arns = {row["ResourceARN"]: row["ResourceARN"].split(":")[5].split("/")[0] for row in found}
    waiting = {arn for arn, kind in arns.items() if kind == "key" and key_state(stack, arn) == "PendingDeletion"}
    ended = {arn for arn, kind in arns.items() if kind == "cluster" and ":ecs:" in arn and is_inactive(stack, arn)}
    return {arn for arn, kind in arns.items() if kind not in ("instance", "natgateway")} - waiting - ended


def key_state(stack, arn):
    return stack.aws("kms").describe_key(KeyId=arn)["KeyMetadata"]["KeyState"]


def is_inactive(stack, arn):
    return stack.aws("ecs").describe_clusters(clusters=[arn])["clusters"][0]["status"] == "INACTIVE"
