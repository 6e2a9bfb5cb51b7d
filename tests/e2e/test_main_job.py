"""The main job as a newcomer does it; then a host dies. The tests run in order, each on what the last one left."""

import ast
import fnmatch
import json
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.stack import (
    REGION,
    STACK,
    Airflow,
    aws,
    calls_of,
    instances,
    permissions,
    playbook,
    run,
    target_health,
    until,
)
from tests.playbook import ROOT
from tests.provisioning.controls import CONTROLS
from tests.provisioning.observed import Observed

# Controls that nothing can break on Aurora, which tests/provisioning makes. Without RDS.8: this stack is not protected.
OF_INSTANCES = ("RDS.5", "RDS.9", "RDS.10", "RDS.17", "RDS.21", "RDS.36")


@pytest.fixture(scope="module", autouse=True)
def stack():
    up = run(["tools/up", "-e", "@tests/e2e/stack.yml"])
    assert up.returncode == 0, up.tail
    yield up
    playbook("teardown", "-e", f"teardown_confirm={STACK}")


@pytest.fixture(scope="module")
def airflow(stack):
    return Airflow()


def unchanged(finished):
    """The run was good and nothing changed, on the controller and on both hosts."""
    assert finished.returncode == 0, finished.tail
    assert set(finished.changed.values()) == {0}, finished.changed
    assert finished.changed.keys() >= {"localhost", *instances()}, finished.changed
    return True


def test_up_ends_with_a_summary_for_a_person(stack):
    for word in ("URL", "https://", "login", "password", "To try next", *instances()):
        assert word in stack.output
    assert "DAGs empty" not in stack.output
    assert len(instances()) == 2
    assert len({i["Placement"]["AvailabilityZone"] for i in instances().values()}) == 2


def test_site_again_changes_nothing():
    assert unchanged(playbook("site"))


def test_check_mode_sees_nothing_to_change():
    assert unchanged(playbook("site", "--check", "--diff"))


def test_ui_and_login_with_a_hostile_password(airflow):
    assert airflow.status("/") == 200
    assert airflow.login["password"] == "a@b:c/d#e%f?g'h\"i$j\\k l m"
    assert airflow.sign_in() == airflow.login["username"]
    assert airflow.request("/api/v2/monitor/health")["metadatabase"]["status"] == "healthy"
    until(lambda: dag_known(airflow, "graviflow_verify"), 60, "DAG graviflow_verify is known")


def test_many_clients_do_not_make_an_api_server_wait_for_itself(airflow):
    """Half of them are more than the connections that a process has by Airflow's default: it waits for 30 seconds."""
    assert airflow.request("/api/v2/version")
    over = time.monotonic() + 15

    def ask(_client):
        answers = 0
        while time.monotonic() < over:
            answers += bool(airflow.request("/api/v2/dags", timeout=25)["dags"])
        return answers

    with ThreadPoolExecutor(48) as clients:
        assert all(clients.map(ask, range(48)))


def test_responses_have_the_headers_that_protect_browsers(airflow):
    headers = airflow.headers("/")
    assert headers["strict-transport-security"] == "max-age=31536000"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "SAMEORIGIN"
    assert headers["content-security-policy"] == "frame-ancestors 'self'"
    assert "server" not in headers


def test_flower_is_behind_the_same_load_balancer_and_sees_both_workers(airflow):
    assert airflow.status("/flower/") == 401
    workers = until(lambda: len(found := airflow.flower("/api/workers?status=true")) == 2 and found, 60, "two workers")
    assert set(workers.values()) == {True}


def test_no_secret_in_what_ansible_printed(stack, airflow):
    for line in stack.output.split("To try next")[0].splitlines():
        assert airflow.login["password"] not in line or line.startswith("  password")
    assert "p:w#d%k" not in stack.output and "tok!en&with" not in stack.output


def test_hosts_of_one_image_share_no_identity():
    hosts = instances()
    assert len(hosts) == 2 and len({host["ImageId"] for host in hosts.values()}) == 1
    for identity in ("/etc/machine-id", "/etc/ssh/ssh_host_ed25519_key", "/etc/ssh/ssh_host_ed25519_key.pub"):
        seen = {on_host(host, ["cat", identity]) for host in hosts}
        assert len(seen) == 2 and "" not in seen, identity


def test_hosts_are_opened_by_the_stacks_own_key_alone():
    own = (ROOT / ".local/id_ed25519.pub").read_text().split()[1]
    search = ["find", "/", "-xdev", "-name", "authorized_keys*", "-type", "f", "-exec", "cat", "{}", "+"]
    for host in instances():
        lines = [line for line in on_host(host, search).splitlines() if line.strip() and not line.startswith("#")]
        assert lines and [line for line in lines if own not in line.split()] == [], host


def test_shared_storage_is_mounted_through_tls_and_not_without():
    for host in instances():
        (mount,) = on_host(host, ["grep", "/mnt/airflow", "/var/log/mount.nfs4.log"]).splitlines()[-1:]
        assert " 127.0.0.1:/ " in mount and ",port=20049" in mount, mount
        server = json.loads(on_host(host, ["cat", "/etc/airflow/document.json"]))["shared_storage"]["server"]
        plain = f"mount -t nfs4 -o timeo=100 {server}:/ /mnt 2>&1; echo $?"
        assert on_host(host, ["sh", "-c", plain]).splitlines()[-1] == "32", host


def test_a_host_dies_under_load_and_is_replaced(airflow):
    delivered = playbook("deploy_dags", "-e", "dag_delivery_folder=tests/e2e/dags")
    assert delivered.returncode == 0, delivered.tail
    until(lambda: dag_known(airflow, "forty_naps"), 120, "DAG forty_naps is known")
    before = instances()
    run_id = airflow.request("/api/v2/dags/forty_naps/dagRuns", {"logical_date": None})["dag_run_id"]
    tasks = f"/api/v2/dags/forty_naps/dagRuns/{run_id}/taskInstances?limit=100"

    def in_state(state):
        rows = airflow.request(tasks)["task_instances"]
        return {row["hostname"]: row for row in rows if row["state"] == state}

    until(lambda: len(in_state("running")) == 2, 120, "tasks run on both hosts")

    victim = sorted(before)[0]
    name = before[victim]["PrivateDnsName"]
    until(lambda: name in in_state("success"), 120, f"a task has ended on {name}")
    last_words = in_state("success")[name]
    time.sleep(10)  # a log goes to S3 when its task has ended
    answers = Watch(airflow)
    subprocess.run(["docker", "kill", f"graviflow-instance-{victim}"], check=True, capture_output=True)

    until(lambda: victim not in instances() and len(instances()) == 2, 180, "Auto Scaling brings a new host")
    until(lambda: sorted(target_health().values()) == ["healthy"] * 2, 240, "both targets are healthy")
    errors = answers.stop()
    # The load balancer takes a dead host out after six failed checks, 10 s apart; nothing fails for longer.
    assert errors < 75, f"{errors:.0f} s without an answer"

    run_path = f"/api/v2/dags/forty_naps/dagRuns/{run_id}"
    until(lambda: airflow.request(run_path)["state"] in ("success", "failed"), 600, "the DAG run ends", every=3)
    states = {row["state"] for row in airflow.request(tasks)["task_instances"]}
    assert states == {"success"}, states

    # What the dead host ran and said is read from where it left it.
    log = airflow.request(f"{run_path}/taskInstances/nap/logs/1?map_index={last_words['map_index']}&full_content=true")
    assert f"s3://{STACK}-logs-" in json.dumps(log) and f"nap {last_words['map_index']} is over" in json.dumps(log), log
    streams = aws("logs").describe_log_streams(logGroupName=f"/graviflow/{STACK}/airflow")["logStreams"]
    assert {host["PrivateDnsName"] for host in (before | instances()).values()} <= {
        each["logStreamName"] for each in streams
    }


def test_cloudwatch_has_the_metrics_of_alarms_and_dashboard():
    cloudwatch = aws("cloudwatch")
    alarms = cloudwatch.describe_alarms(AlarmNamePrefix=f"{STACK}/")["MetricAlarms"]
    watched = {alarm["MetricName"] for alarm in alarms if alarm.get("Namespace") == f"Airflow/{STACK}"}
    assert {"airflow_scheduler_heartbeat", "host_disk_used_percent"} <= watched

    def published():
        metrics = cloudwatch.list_metrics(Namespace=f"Airflow/{STACK}")["Metrics"]
        hosts = {each["Value"] for metric in metrics for each in metric["Dimensions"] if each["Name"] == "Host"}
        known = {host["PrivateDnsName"] for host in instances().values()} <= hosts
        return known and watched <= {metric["MetricName"] for metric in metrics}

    until(published, 120, f"both hosts publish {sorted(watched)}")


def test_the_new_host_completed_itself():
    assert unchanged(playbook("configure"))


def test_the_new_host_does_its_work():
    verified = playbook("verify")
    assert verified.returncode == 0, verified.tail


def test_a_dag_has_both_hosts_sync_their_dags(airflow):
    """Whoever may run DAGs can, by one call of the API."""
    revisions = returned(airflow, run_to_success(airflow, "graviflow_sync_dags", 120), "sync")
    names = {host["PrivateDnsName"].partition(".")[0] for host in instances().values()}
    assert revisions.keys() == {f"celery@{name}" for name in names}
    (revision,) = set(revisions.values())
    for host in instances():
        assert json.loads(on_host(host, ["airflow-host", "status", "--json"]))["dags"] == revision


def test_a_task_of_a_queue_runs_on_the_hosts_that_have_it(airflow):
    group = {"name": "big", "queues": ["big"], "instance_type": "m7g.large", "concurrency": 2}
    made = playbook("provision", "-e", json.dumps({"compute_worker_groups": [group]}))
    assert made.returncode == 0, made.tail
    (task,) = airflow.request(f"{run_to_success(airflow, 'on_big', 300)}/taskInstances")["task_instances"]
    (host,) = [each for each in instances().values() if each["PrivateDnsName"] == task["hostname"]]
    assert {"Key": "graviflow:host-class", "Value": "big"} in host["Tags"]
    assert host["InstanceId"] not in target_health()


def test_controls_that_only_a_database_instance_can_break():
    """As above: here is an instance of PostgreSQL."""
    observed = Observed(aws, STACK)
    assert [each["DBInstanceIdentifier"] for each in observed.databases] == [f"{STACK}-database"]
    broken = {name: list(CONTROLS[name].offenders(observed)) for name in OF_INSTANCES}
    assert not any(broken.values()), broken


def test_a_task_acts_as_a_role_of_its_own_and_cannot_become_the_host(airflow):
    found = returned(airflow, run_to_success(airflow, "who_am_i", 120), "ask")
    assert f":assumed-role/{STACK}-task-{REGION}/" in found["role"]
    for host in instances():
        show = ["systemctl", "show", "--value", "--property=IPAddressDeny", "airflow-worker.service"]
        assert "169.254.169.254/32" in on_host(host, show).split()
        # With version 1 of control groups systemd has no such filter.
        version = on_host(host, ["stat", "--file-system", "--format=%T", "/sys/fs/cgroup"])
        assert version != "cgroup2fs" or not found["metadata"]


@pytest.mark.parametrize("role", ["host", "task"])
def test_what_is_called_as_a_role_is_what_it_allows(role):
    called, allowed = calls_of(role) - {"sts:GetCallerIdentity"}, permissions(role)
    assert called
    beyond = {call for call in called if not any(fnmatch.fnmatchcase(call, pattern) for pattern in allowed)}
    assert not beyond, beyond


def test_teardown_asks_for_the_name():
    before = set(instances())
    refused = playbook("teardown", "-e", "teardown_confirm=something-else")
    assert refused.returncode != 0
    assert STACK in refused.output
    assert set(instances()) == before


def test_teardown_leaves_nothing():
    gone = playbook("teardown", "-e", f"teardown_confirm={STACK}")
    assert gone.returncode == 0, gone.tail
    tagged = aws("resourcegroupstaggingapi").get_resources(TagFilters=[{"Key": "graviflow:stack", "Values": [STACK]}])
    left = {row["ResourceARN"].rsplit("/", 1)[-1] for row in tagged["ResourceTagMappingList"]}
    assert left <= ended(), left - ended()
    assert not aws("rds").describe_db_instances()["DBInstances"]
    assert not aws("elasticache").describe_replication_groups()["ReplicationGroups"]
    assert not aws("efs").describe_file_systems()["FileSystems"]
    assert not aws("elbv2").describe_load_balancers()["LoadBalancers"]
    assert not [v for v in aws("ec2").describe_vpcs()["Vpcs"] if not v["IsDefault"]]
    until(lambda: not containers(), 30, "no container of the stack is left")


def ended():
    """Terminated instances and deleted NAT gateways, which EC2 goes on showing for an hour."""
    ec2 = aws("ec2")
    terminated = [{"Name": "instance-state-name", "Values": ["terminated"]}]
    pages = ec2.describe_instances(Filters=terminated)["Reservations"]
    gateways = ec2.describe_nat_gateways(Filters=[{"Name": "state", "Values": ["deleted"]}])["NatGateways"]
    return {i["InstanceId"] for page in pages for i in page["Instances"]} | {g["NatGatewayId"] for g in gateways}


def containers():
    """Containers of the stack: its services carry its name, its hosts are instances of the AWS region under test."""
    label = ["--filter", "label=graviflow.region=graviflow", "--format", "{{.Names}}"]
    names = subprocess.run(["docker", "ps", "-a", *label], check=True, capture_output=True, text=True).stdout.split()
    hosts = [i["InstanceId"] for page in aws("ec2").describe_instances()["Reservations"] for i in page["Instances"]]
    return [name for name in names if STACK in name or name.rsplit("instance-", 1)[-1] in hosts]


def on_host(instance, command):
    """What a command prints that the host's root runs."""
    enter = ["docker", "exec", f"graviflow-instance-{instance}"]
    return subprocess.run([*enter, *command], check=True, capture_output=True, text=True).stdout.strip()


def run_to_success(airflow, dag_id, seconds):
    """Runs a DAG and returns the path of the run."""
    runs = f"/api/v2/dags/{dag_id}/dagRuns"
    run = f"{runs}/{airflow.request(runs, {'logical_date': None})['dag_run_id']}"
    until(lambda: airflow.request(run)["state"] == "success", seconds, f"{dag_id} has run", every=2)
    return run


def returned(airflow, run, task):
    """What a task of a run returned: a dictionary."""
    value = airflow.request(f"{run}/taskInstances/{task}/xcomEntries/return_value")["value"]
    return value if isinstance(value, dict) else ast.literal_eval(value)


def dag_known(airflow, dag_id):
    dags = airflow.request("/api/v2/dags?limit=100")["dags"]
    return dag_id in {d["dag_id"] for d in dags}


class Watch:
    """Asks for a page four times a second and adds up the time without an answer."""

    def __init__(self, airflow):
        self.airflow, self.down, self.over = airflow, 0.0, threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()

    def watch(self):
        while not self.over.is_set():
            start = time.monotonic()
            try:
                good = self.airflow.status("/api/v2/monitor/health") == 200
            except OSError:
                good = False
            self.over.wait(0.25)
            if not good:
                self.down += time.monotonic() - start

    def stop(self):
        self.over.set()
        self.thread.join(15)
        return self.down
