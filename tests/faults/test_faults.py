"""Faults under load, on a stack of the local region: `make faults` runs them, docs/faults.md tells what they took.

Each test has work going on from before its fault until after it, and all of that work must be good: nothing failed,
lost, done twice or by two at once. What a fault took is printed, and kept in .local/faults.json.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.stack import REGION, Airflow, aws, instances, target_health, until
from tests.faults import ledger
from tests.faults.load import Ledger, Load
from tests.playbook import ROOT, Finished, run

STACK = "airflow-faults"
VARIABLES = "@tests/faults/stack.yml"
TOOK = ROOT / ".local/faults.json"
SERVICES = ("api-server", "scheduler", "dag-processor", "triggerer", "worker")
HEARTBEAT_TIMEOUT = 240  # seconds, stack.yml


def stack_run(command: list[str]) -> Finished:
    return run(command, {"STACK_NAME": STACK, "STACK_REGION": REGION})


def playbook(name: str, *arguments: str) -> Finished:
    return stack_run(["ansible-playbook", f"playbooks/{name}.yml", "-e", VARIABLES, *arguments])


def docker(*arguments: str, check: bool = True) -> str:
    return subprocess.run(["docker", *arguments], check=check, capture_output=True, text=True).stdout.strip()


def on(host: str, command: str, *, check: bool = False) -> str:
    """What a command of a host's root prints, whether it succeeds or not, unless that is asked for."""
    return docker("exec", f"graviflow-instance-{host}", "bash", "-c", command, check=check)


def hosts() -> list[str]:
    return sorted(instances(STACK))


def status(host: str) -> dict[str, Any]:
    """What a host says of itself; a host that is not up says that it is not well."""
    answer = on(host, "airflow-host status --json")
    return json.loads(answer) if answer else {"services": [{"healthy": False, "service": ""}], "dags_problem": ""}


def healthy(host: str, service: str = "") -> bool:
    """Whether a host says that its services are well, or that one of them is."""
    services = [each for each in status(host)["services"] if service in ("", each["service"])]
    return bool(services) and all(each["healthy"] for each in services)


def complete() -> bool:
    """Whether both targets are in service."""
    return sorted(target_health(STACK).values()) == ["healthy"] * 2


def took(fault: str, **seconds: float) -> None:
    """Print what a fault took, and keep it; of what is measured more than once, the most."""
    known = json.loads(TOOK.read_text()) if TOOK.exists() else {}
    mine = known.setdefault(fault, {})
    for name, each in seconds.items():
        mine[name] = round(max(each, mine.get(name, 0.0)), 1)
    TOOK.write_text(json.dumps(known, indent=1))
    print(fault, mine)


def seconds_until(condition: Callable[[], object], bound: float, what: str) -> float:
    start = time.monotonic()
    until(condition, bound, what, every=0.5)
    return time.monotonic() - start


@pytest.fixture(scope="module", autouse=True)
def airflow() -> Iterator[Airflow]:
    TOOK.unlink(missing_ok=True)
    up = stack_run(["tools/up", "-e", VARIABLES])
    assert up.returncode == 0, up.tail
    delivered = playbook("deploy_dags", "-e", "dag_delivery_folder=tests/faults/dags")
    assert delivered.returncode == 0, delivered.tail
    made = Airflow(STACK)
    until(lambda: not made.request("/api/v2/dags/load_patient")["is_paused"], 120, "DAGs are known")
    yield made
    gone = playbook("teardown", "-e", f"teardown_confirm={STACK}")
    assert gone.returncode == 0, gone.tail


@pytest.fixture
def load(airflow: Airflow, request: pytest.FixtureRequest) -> Iterator[Load]:
    """Work from a while before the fault until a while after it, all of it good."""
    until(complete, 300, "both hosts are in service")
    since, made = time.time(), Load(airflow, Ledger(STACK))
    try:
        until(lambda: made.running() and len(made.hosts_since(since)) == 2, 120, "work goes on, on both hosts")
        yield made
        time.sleep(10)
        seen = made.stop(HEARTBEAT_TIMEOUT + 360)
    finally:
        # Whatever failed: the next test has a load of its own.
        made.over.set()
    took(request.node.name.split("_")[1].upper(), **seen)


class Outage:
    """The seconds for which nobody had a page, in the longest piece."""

    def __init__(self, airflow: Airflow) -> None:
        self.airflow, self.longest, self.over = airflow, 0.0, threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()

    def _watch(self) -> None:
        good = time.monotonic()
        while not self.over.wait(0.25):
            try:
                if self.airflow.status("/api/v2/version") == 200:
                    good = time.monotonic()
            except OSError:
                pass
            self.longest = max(self.longest, time.monotonic() - good)

    def stop(self) -> float:
        self.over.set()
        self.thread.join(15)
        return self.longest


def test_x1_a_killed_service_is_back(load: Load) -> None:
    # Both workers at once would take both attempts of a task.
    for number, service in enumerate(SERVICES):
        host, unit = hosts()[number % 2], f"airflow-{service}.service"
        before = on(host, f"systemctl show --value -p MainPID {unit}")
        on(host, f"systemctl kill --signal=KILL {unit}")

        def back(host: str = host, unit: str = unit, before: str = before) -> bool:
            return on(host, f"systemctl show --value -p MainPID {unit}") not in ("0", "", before)

        def well(host: str = host, service: str = service) -> bool:
            return healthy(host, service)

        runs = seconds_until(back, 10, f"{unit} runs")
        took("X1", **{f"{service} runs": runs, f"{service} answers": runs + seconds_until(well, 60, f"{unit} answers")})


def test_x2_a_host_stops_hard(airflow: Airflow, load: Load) -> None:
    victim, outage = hosts()[0], Outage(airflow)
    docker("kill", f"graviflow-instance-{victim}")
    replaced = seconds_until(lambda: victim not in hosts() and len(hosts()) == 2, 300, "a new host")
    took("X2", pair=replaced + seconds_until(complete, 300, "both hosts are in service"))
    # The load balancer asks every ten seconds, and takes a host out after six failures.
    took("X2", web=outage.stop())
    assert json.loads(TOOK.read_text())["X2"]["web"] < 75


def test_x3_a_frozen_worker_does_nothing_twice(airflow: Airflow) -> None:
    """Without the usual load: what counts is a task that would live on both sides of a freeze."""
    until(complete, 300, "both hosts are in service")
    made = Load(airflow, Ledger(STACK))
    until(made.running, 120, "a long task runs")
    made.over.set()
    found = made.book.read("load_long/")
    names = {instance["PrivateDnsName"]: name for name, instance in instances(STACK).items()}
    (_, run_id, _), mine = max(found.items(), key=lambda each: each[1][-1].start or 0)
    host, process = names[mine[-1].host], "systemctl show --value -p MainPID airflow-worker.service"
    frozen, worker = time.time(), on(host, process)
    on(host, "systemctl kill --signal=STOP airflow-worker.service")
    try:
        killed = seconds_until(lambda: on(host, process) not in ("0", "", worker), 180, "the worker was killed")
        # Given up, and done by another.
        until(
            lambda: any(each.end for each in made.book.read(f"load_long/{run_id}")["load_long", run_id, "long.-1"]),
            HEARTBEAT_TIMEOUT + 240,
            "the task is done again",
            every=5,
        )
    finally:
        on(host, "systemctl kill --signal=CONT airflow-worker.service")
    took("X3", killed=killed, done_again=time.time() - frozen)
    until(lambda: made.state(("load_long", run_id)) == "success", 60, "the run is good")
    until(lambda: healthy(host), 120, "the worker is well")
    time.sleep(60)
    first, second = made.book.read(f"load_long/{run_id}")["load_long", run_id, "long.-1"]
    assert not first.end and second.end, (first, second)
    assert first.last - frozen < 5, "the frozen task went on"
    wrong = ledger.problems(made.book.read(), made.runs)
    assert not wrong, wrong


def broker() -> dict[str, Any]:
    (found,) = aws("elasticache").describe_replication_groups(ReplicationGroupId=f"{STACK}-broker")["ReplicationGroups"]
    return found


def primary() -> str:
    (node,) = broker()["NodeGroups"]
    (name,) = [each["CacheClusterId"] for each in node["NodeGroupMembers"] if each.get("CurrentRole") == "primary"]
    return name


def fail_over() -> float:
    """Have the broker's replica take over, and return when that was asked for."""
    until(lambda: broker()["Status"] == "available", 120, "the broker is available")
    before, moment = primary(), time.time()
    aws("elasticache").test_failover(ReplicationGroupId=f"{STACK}-broker", NodeGroupId="0001")
    until(lambda: primary() != before, 60, "another primary")
    return moment


def test_x4_broker_fails_over_ten_times(load: Load) -> None:
    load.queued_at_most = 180
    names = {each["PrivateDnsName"] for each in instances(STACK).values()}
    for _ in range(10):
        moment = fail_over()
        until(lambda moment=moment: load.hosts_since(moment) >= names, 90, "every worker has tasks again")
        took("X4", consumes=time.time() - moment)


@contextmanager
def cut(container: str, port: str, how: str) -> Iterator[None]:
    """What hosts send to a container's port meanwhile is refused (REJECT) or gets lost (DROP)."""
    address = docker("inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", container)
    target = ["REJECT", "--reject-with", "tcp-reset"] if how == "REJECT" else ["DROP"]
    rule = ["DOCKER-USER", "-p", "tcp", "-d", address, "--dport", port, "-j", *target]
    packet_filter("-I", *rule)
    try:
        yield
    finally:
        packet_filter("-D", *rule)


def packet_filter(*arguments: str) -> None:
    image = docker("images", "--format", "{{.Repository}}:{{.Tag}}", "graviflow/data").splitlines()[0]
    network = ["--network", "host", "--cap-add", "NET_ADMIN", "--entrypoint", "iptables"]
    docker("run", "--rm", *network, image, *arguments)


def database() -> str:
    """The container of the stack's database."""
    (name,) = [each for each in docker("ps", "--format", "{{.Names}}").splitlines() if f"{STACK}-database" in each]
    return name


@pytest.mark.parametrize("how", ["REJECT", "DROP"])
def test_x5_database_is_away_for_two_minutes(load: Load, how: str) -> None:
    until(load.running, 60, "a long task runs")
    alive = load.running()
    with cut(database(), "5432", how):
        time.sleep(120)
    back = time.time()
    until(lambda: load.hosts_since(back), 60, "tasks are scheduled again")
    took("X5", **{f"{how.lower()} scheduling": time.time() - back})
    found = load.book.read("load_long/")
    killed = [run_id for dag, run_id in alive if len(found[dag, run_id, "long.-1"]) != 1]
    assert not killed


def changed(folder: Path) -> Path:
    """A copy of the DAGs that is another revision."""
    copy = shutil.copytree(ROOT / "tests/faults/dags", folder / "dags")
    (copy / "README.md").write_text("Another revision.\n")
    return copy


def test_x7_shared_storage_hangs(airflow: Airflow, load: Load, tmp_path: Path) -> None:
    """Storage of this region cannot hang, so what reads it does, on both hosts; and nothing else has it open."""
    users = "find /proc/[0-9]*/fd /proc/[0-9]*/cwd -lname '/mnt/airflow*' 2>/dev/null; echo looked"
    drop_in = "/run/systemd/system/airflow-dags.service.d"
    hang = rf"mkdir -p {drop_in}; printf '[Service]\nTimeoutStartSec=infinity\nExecStartPre=sleep infinity\n'"
    hang += f" > {drop_in}/hang.conf; systemctl daemon-reload; systemctl restart --no-block airflow-dags.service"
    for host in hosts():
        on(host, hang)
    blocked = time.time()
    while time.time() < blocked + 600:
        moment = time.time()
        until(lambda moment=moment: len(load.hosts_since(moment)) == 2, 90, "tasks run on both hosts")
        assert [on(host, users) for host in hosts()] == ["looked", "looked"]
        assert airflow.request("/api/v2/monitor/health")["dag_processor"]["status"] == "healthy"
    for host in hosts():
        on(host, f"rm -r {drop_in}; systemctl daemon-reload; systemctl stop airflow-dags.service")
    back = time.time()
    file = "/api/v2/dags/load_long"
    parsed = datetime.fromisoformat(airflow.request(file)["last_parsed_time"])
    delivered = playbook("deploy_dags", "-e", f"dag_delivery_folder={changed(tmp_path)}")
    assert delivered.returncode == 0, delivered.tail
    until(lambda: datetime.fromisoformat(airflow.request(file)["last_parsed_time"]) > parsed, 60, "it is parsed anew")
    took("X7", parsing=time.time() - back)


def test_a_host_boots_without_shared_storage() -> None:
    until(complete, 300, "both hosts are in service")
    host, started = hosts()[0], "{{.State.StartedAt}}"
    names = docker("ps", "--format", "{{.Names}}").splitlines()
    container = f"graviflow-instance-{host}"
    before, revision = docker("inspect", "-f", started, container), status(host)["dags"]
    with ExitStack() as absent:
        for storage in (name for name in names if name.startswith("graviflow-efs-")):
            absent.enter_context(cut(storage, "2049", "DROP"))
        aws("ec2").reboot_instances(InstanceIds=[host])
        until(lambda: docker("inspect", "-f", started, container) != before, 60, "it boots")
        booted = time.monotonic()
        until(lambda: healthy(host) and status(host)["dags_problem"], 180, "its services are well")
        took("absent storage", services=time.monotonic() - booted)
        assert "/mnt/airflow: shared storage is not mounted" in status(host)["dags_problem"]
        assert status(host)["dags"] == revision
    took("absent storage", back=seconds_until(lambda: not status(host)["dags_problem"], 120, "it has its storage"))


def test_x12_the_roll_stops_at_a_host_with_another_key() -> None:
    until(complete, 300, "both hosts are in service")
    secrets, name = aws("secretsmanager"), f"/graviflow/{STACK}/airflow"
    right = secrets.get_secret_value(SecretId=name)["SecretString"]
    wrong = json.dumps({**json.loads(right), "jwt_secret": "another-key-than-the-one-of-this-stack"})
    started = "systemctl show --value -p ActiveEnterTimestampMonotonic 'airflow-*.service'"
    before = [on(host, started) for host in hosts()]
    try:
        secrets.put_secret_value(SecretId=name, SecretString=wrong)
        rolled = playbook("configure")
    finally:
        secrets.put_secret_value(SecretId=name, SecretString=right)
    assert rolled.returncode != 0
    assert "jwt_secret has the fingerprint" in rolled.output
    assert [on(host, started) for host in hosts()] == before
    assert playbook("configure").returncode == 0


def test_x13_database_is_out_of_connections(load: Load) -> None:
    """As a database says it whose max_connections are all taken, for a minute; and to those that had one."""
    login = json.loads(aws("secretsmanager").get_secret_value(SecretId=f"/graviflow/{STACK}/database")["SecretString"])
    user = login["username"]

    def limit(number: int) -> None:
        superuser = ["exec", database(), "psql", "-U", "rdsadmin", "postgres", "-c"]
        docker(*superuser, f'ALTER ROLE "{user}" CONNECTION LIMIT {number}')
        docker(*superuser, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{user}'")

    until(load.running, 60, "a long task runs")
    limit(0)
    time.sleep(60)
    limit(-1)
    back = time.time()
    until(lambda: load.hosts_since(back), 60, "tasks are scheduled again")
    took("X13", scheduling=time.time() - back)
    until(complete, 120, "both hosts are in service")


# A task's token is good for as long as a task may be queued.
SHORT_TOKENS = "sed -i '/^\\[scheduler\\]/a task_queued_timeout = 60' /etc/airflow/airflow.cfg"
LONG_TOKENS = "sed -i /^task_queued_timeout/d /etc/airflow/airflow.cfg"
END_CONNECTIONS = """
set -a; . /run/airflow/worker.env
/opt/airflow/bin/python -c "
import os, redis
print(redis.Redis.from_url(os.environ['AIRFLOW__CELERY__BROKER_URL']).client_kill_filter(_type='normal'))"
"""


def patient(airflow: Airflow) -> list[ledger.Attempt]:
    """The attempts of a task that outlives its token, the visibility timeout, and the broker's connections."""
    for host in hosts():
        on(host, f"{SHORT_TOKENS} && systemctl restart airflow-scheduler.service", check=True)
        assert on(host, "grep -c ^task_queued_timeout /etc/airflow/airflow.cfg") == "1"
    until(lambda: all(healthy(host) for host in hosts()), 120, "services are well")
    load = Load(airflow, Ledger(STACK))
    load.over.set()
    run_id = load.start("load_patient")
    until(lambda: load.book.read(f"load_patient/{run_id}"), 60, "the task runs")
    time.sleep(90)
    assert int(on(hosts()[0], END_CONNECTIONS, check=True)) >= 2, "both workers had a connection"
    until(lambda: load.state(("load_patient", run_id)) in ("success", "failed"), 420, "the run ends", every=5)
    for host in hosts():
        on(host, f"{LONG_TOKENS} && systemctl restart airflow-scheduler.service", check=True)
    (attempts,) = load.book.read(f"load_patient/{run_id}").values()
    return attempts


def test_x16_a_task_longer_than_visibility_timeout_is_run_once(airflow: Airflow) -> None:
    (attempt,) = patient(airflow)
    assert attempt.end
    took("X16", attempts=1)


# What our defaults change about faults, taken out of airflow.cfg and the database's URLs; and systemd's own answer to a
# service that dies.
AIRFLOWS_DEFAULTS = r"""
set -e
cfg=/etc/airflow/airflow.cfg
sed -i -E '/^(operation_timeout|health_check_interval|socket_[a-z_]+|visibility_timeout) *=/d' $cfg
sed -i -E '/^(extra_celery_config|task_acks_late) *=/d' $cfg
sed -i -E '/^(max_failed_heartbeats|execution_api_[a-z_]+|task_instance_heartbeat_timeout) *=/d' $cfg
sed -i -E 's/&(connect_timeout|keepalives_[a-z]+|tcp_user_timeout)=[0-9]+//g' /run/airflow/*.env
for unit in api-server scheduler dag-processor triggerer worker; do
    mkdir -p /run/systemd/system/airflow-$unit.service.d
    printf '[Service]\nRestart=no\n' > /run/systemd/system/airflow-$unit.service.d/90-default.conf
done
echo Environment=AIRFLOW__CELERY__POOL=prefork >> /run/systemd/system/airflow-worker.service.d/90-default.conf
systemctl stop airflow-watchdog.timer
systemctl daemon-reload
systemctl restart airflow.target
"""


def seconds_at_most(condition: Callable[[], object], bound: float) -> float:
    """The seconds until the condition is true, or the bound when it was not by then."""
    try:
        return seconds_until(condition, bound, "measured")
    except AssertionError:
        return bound


def test_z_the_same_with_airflows_and_systemds_defaults(airflow: Airflow) -> None:
    """Nothing is asked of it but figures, for the table of docs/faults.md."""
    for host in hosts():
        on(host, AIRFLOWS_DEFAULTS, check=True)
    until(complete, 300, "both hosts are in service")
    since, names = time.time(), {each["PrivateDnsName"] for each in instances(STACK).values()}
    load = Load(airflow, Ledger(STACK))
    until(lambda: load.hosts_since(since) >= names, 120, "work goes on, on both hosts")
    try:
        for _ in range(3):
            moment = fail_over()
            again = seconds_at_most(lambda moment=moment: load.hosts_since(moment) >= names, 180)
            took("defaults", consumes=time.time() - moment)
            if again == 180:
                for host in hosts():
                    on(host, "systemctl restart airflow-worker.service airflow-scheduler.service")
        for how in ("REJECT", "DROP"):
            for host in hosts():
                on(host, "systemctl restart airflow.target")  # with what died the last time, and stayed so
            until(load.running, 300, "a long task runs")
            alive = load.running()
            with cut(database(), "5432", how):
                time.sleep(120)
            back = time.time()
            took("defaults", **{f"{how} scheduling": seconds_at_most(lambda back=back: load.hosts_since(back), 180)})
            time.sleep(60)
            found = load.book.read("load_long/")
            killed = [run_id for dag, run_id in alive if not found[dag, run_id, "long.-1"][0].end]
            took("defaults", **{f"{how} killed": len(killed), f"{how} running": len(alive)})
        load.over.set()
        for host in hosts():
            on(host, "systemctl restart airflow.target")
        until(complete, 300, "both hosts are in service")
        took("defaults", attempts=len(patient(airflow)))
        host = hosts()[0]
        on(host, "systemctl kill --signal=KILL airflow-triggerer.service")
        again = seconds_at_most(lambda: on(host, "systemctl is-active airflow-triggerer.service") == "active", 60)
        took("defaults", killed_service=again)
    finally:
        load.over.set()
