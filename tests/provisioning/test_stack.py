"""The life of a stack's AWS side: planned, made, made again, removed. For one cell of the matrix, or all of them."""

import json
import os

import pytest
import yaml

from tests.playbook import ROOT
from tests.provisioning import region

CELLS = yaml.safe_load((ROOT / "tests/provisioning/cells.yml").read_text())
CHOSEN = CELLS if os.environ.get("PROVISION_CELLS") == "all" else CELLS[:1]
NAME = "provision"


def variables(cell, directory):
    """The file of extra variables that makes inventories/local's stack the cell's."""
    given = {
        **{key: value for key, value in cell.items() if key not in ("stack_region", "network")},
        "network_cidr": f"{region.BLOCK}.0.0/16",
        "image_existing_id": region.stand_in_image(cell["stack_region"]),
        "compute_ssh_public_key": "",
        "compute_desired_capacity": 2 if cell["high_availability"] else 1,
        "database_final_snapshot": False,
        "secrets_recovery_days": 0,
    }
    if cell["network"] == "existing":
        given["network_existing"] = region.existing_network(cell["stack_region"])
    path = directory / "variables.json"
    path.write_text(json.dumps(given))
    return path


class Stack:
    """A stack of the matrix, and its playbooks."""

    def __init__(self, cell, directory):
        self.region = cell["stack_region"]
        self.existing_vpc = cell["network"] == "existing"
        self.variables = variables(cell, directory)

    def playbook(self, name, *arguments):
        return region.playbook(f"playbooks/{name}.yml", self.region, "-e", f"@{self.variables}", *arguments)

    def aws(self, service):
        return region.aws(service, self.region)


@pytest.fixture(scope="module", params=CHOSEN, ids=lambda cell: "-".join(str(value) for value in cell.values()))
def stack(request, tmp_path_factory):
    return Stack(request.param, tmp_path_factory.mktemp("stack"))


def good(finished):
    assert finished.returncode == 0, finished.tail
    return finished


def unchanged(finished):
    assert set(good(finished).changed.values()) == {0}, finished.changed
    return True


def test_a_plan_of_what_does_not_exist(stack):
    planned = good(stack.playbook("provision", "--check", "--diff"))
    assert " 0 to change, 0 to keep" in planned.output
    assert not tagged(stack)


def test_it_is_made(stack):
    assert good(stack.playbook("provision")).changed["localhost"] > 0


def test_again_changes_nothing(stack):
    assert unchanged(stack.playbook("provision"))


def test_check_mode_sees_nothing_to_change(stack):
    seen = stack.playbook("provision", "--check", "--diff")
    assert unchanged(seen)
    assert "0 to create, 0 to change" in seen.output


def test_teardown_leaves_nothing(stack):
    good(stack.playbook("teardown", "-e", f"teardown_confirm={NAME}"))
    assert not tagged(stack)
    vpcs = [vpc for vpc in stack.aws("ec2").describe_vpcs()["Vpcs"] if not vpc["IsDefault"]]
    assert len(vpcs) == (1 if stack.existing_vpc else 0)
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


def tagged(stack):
    """ARNs with the stack's tag, but for terminated instances and deleted gateways, which EC2 shows for an hour."""
    found = stack.aws("resourcegroupstaggingapi").get_resources(
        TagFilters=[{"Key": "graviflow:stack", "Values": [NAME]}]
    )
    return {
        row["ResourceARN"]
        for row in found["ResourceTagMappingList"]
        if row["ResourceARN"].split(":")[5].split("/")[0] not in ("instance", "natgateway")
    }
