"""The control API and the command line: faults, timings, the call log, starting and stopping."""

import json
import os
import signal
import subprocess
import time

import pytest
from botocore.exceptions import ClientError

CALLS = {
    "ec2": ("describe_vpcs", "DescribeVpcs", {}),
    "rds": ("describe_db_instances", "DescribeDBInstances", {}),
    "secretsmanager": ("list_secrets", "ListSecrets", {}),
    "efs": ("describe_file_systems", "DescribeFileSystems", {}),
    "route53": ("list_hosted_zones", "ListHostedZones", {}),
    "s3": ("list_objects_v2", "ListObjectsV2", {"Bucket": "any"}),
    "cloudwatch": ("list_metrics", "ListMetrics", {}),
    "iam": ("list_roles", "ListRoles", {}),
}


@pytest.fixture(autouse=True)
def no_faults_left(cloud):
    yield
    cloud.control("PUT", "faults", [])
    cloud.control("PUT", "timings", {})


@pytest.mark.parametrize("service", CALLS)
@pytest.mark.parametrize(("code", "status"), [("AccessDenied", 403), ("InternalError", 500)])
def test_a_fault_speaks_the_services_protocol(cloud, service, code, status):
    method, action, arguments = CALLS[service]
    cloud.control("PUT", "faults", [{"match": f"{service}:{action}", "times": 20, "status": status, "code": code}])
    with pytest.raises(ClientError) as error:
        getattr(cloud.client(service), method)(**arguments)
    assert error.value.response["Error"]["Code"] == code
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


@pytest.mark.parametrize("service", ["ec2", "rds", "secretsmanager", "efs"])
def test_throttling_is_retried(cloud, service):
    method, action, arguments = CALLS[service]
    cloud.control("DELETE", "calls")
    rule = {"match": f"{service}:.*", "times": 2, "status": 400, "code": "ThrottlingException"}
    cloud.control("PUT", "faults", [rule])
    answer = getattr(cloud.client(service), method)(**arguments)
    assert answer["ResponseMetadata"]["RetryAttempts"] == 2
    assert cloud.control("GET", "calls")[f"{service}:{action}"] == 3


def test_a_delay_lets_the_call_through(cloud):
    cloud.control("PUT", "faults", [{"match": "ec2:DescribeVpcs", "delay": 0.5}])
    began = time.monotonic()
    cloud.client("ec2").describe_vpcs()
    assert time.monotonic() - began >= 0.5


def test_a_wrong_rule_is_refused(cloud):
    for rule in ({"times": 1}, {"match": "("}, {"match": "ec2:.*", "oops": 1}):
        with pytest.raises(OSError, match="400"):
            cloud.control("PUT", "faults", [rule])


def test_the_call_log_names_service_action_and_caller(cloud):
    cloud.client("efs").describe_file_systems()
    record = json.loads((cloud.home / cloud.name / "calls.jsonl").read_text().splitlines()[-1])
    assert (record["service"], record["action"], record["region"]) == ("efs", "DescribeFileSystems", cloud.aws_region)
    assert (record["status"], record["principal"]) == (200, "AKIATEST")


def test_timings_are_kept(cloud):
    cloud.control("PUT", "timings", {"rds": 90, "elasticache": 75})
    assert cloud.control("GET", "timings") == {"rds": 90, "elasticache": 75}


def test_up_again_changes_nothing(cloud):
    pid = (cloud.home / cloud.name / "daemon.pid").read_text()
    result = cloud.cli("up")
    assert result.returncode == 0
    assert "is up at" in result.stderr
    assert (cloud.home / cloud.name / "daemon.pid").read_text() == pid


def test_status_is_for_people_and_for_programs(cloud):
    assert f"region {cloud.name}: daemon running" in cloud.cli("status").stdout
    assert json.loads(cloud.cli("status", "--json").stdout)["ready"] is True


def test_a_dead_daemon_is_noticed_and_its_things_are_cleared(restartable, launch_in, until):
    host = launch_in(restartable)
    until(lambda: host.state == "running", what="running")
    pid = int((restartable.home / restartable.name / "daemon.pid").read_text())
    os.kill(pid, signal.SIGKILL)
    until(lambda: restartable.cli("status").returncode == 3, what="the daemon is gone")
    assert "daemon died" in restartable.cli("status").stdout
    result = restartable.cli("up")
    assert result.returncode == 0, result.stderr
    assert "died" in result.stderr
    assert restartable.container(host.id) not in restartable.docker("ps", "-a", "--format", "{{.Names}}").split()


def test_down_leaves_nothing(restartable, launch_in, until):
    host = launch_in(restartable)
    until(lambda: host.state == "running", what="running")
    assert restartable.cli("down").returncode == 0
    label = f"label=graviflow.region={restartable.name}"
    for kind in (("ps", "-aq"), ("network", "ls", "-q"), ("volume", "ls", "-q")):
        assert restartable.docker(*kind, "--filter", label) == ""
    rules = subprocess.run(["iptables-save"], capture_output=True, text=True, check=True).stdout
    assert f"LR_{restartable.name}" not in rules
