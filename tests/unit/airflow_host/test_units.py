import dataclasses
import subprocess

import pytest
from airflow_host import dag_check, units
from stacks import stack

from tests.playbook import ROOT


def drop_ins(**changes):
    return units.drop_ins(stack(**changes).document, "/run/airflow/dags.key")


@pytest.mark.parametrize(
    ("mount_point", "unit"),
    [
        ("/mnt/airflow", "mnt-airflow.mount"),
        ("/mnt/air-flow/x y", "mnt-air\\x2dflow-x\\x20y.mount"),
        ("/srv", "srv.mount"),
    ],
)
def test_mount_units_are_named_as_systemd_demands(mount_point, unit):
    assert units.mount_unit(mount_point) == unit
    escaped = subprocess.run(["systemd-escape", "--path", mount_point], capture_output=True, text=True, check=True)
    assert escaped.stdout.strip() + ".mount" == unit


def test_the_stack_decides_about_drain_queues_and_services():
    result = drop_ins(services=["worker"])
    assert "TimeoutStopSec=3600s" in result["airflow-worker.service"]
    assert "AIRFLOW_WORKER_QUEUES=default,big" in result["airflow-worker.service"]
    assert (
        result["airflow.target"]
        == "[Unit]\nWants=airflow-worker.service airflow-dags.timer airflow-disk.timer airflow-watchdog.timer "
        "airflow-sync-dags.socket\n"
    )
    assert result["airflow-watchdog.service"] == "[Service]\nEnvironment=AIRFLOW_WATCHDOG_PATIENCE=30\n"
    without = drop_ins(services=["scheduler"])
    assert (
        without["airflow.target"] == "[Unit]\nWants=airflow-scheduler.service airflow-dags.timer airflow-disk.timer\n"
    )


def test_hosts_with_a_web_service_watch_it():
    assert "airflow-web-watchdog.timer" in drop_ins(services=["api-server"])["airflow.target"]
    assert "airflow-web-watchdog.timer" not in drop_ins(services=["worker"])["airflow.target"]


def test_journal_and_metrics_leave_the_host_where_the_stack_says():
    metrics = {"address": "0.0.0.0", "namespace": "Airflow/demo", "published": ["a.b,c=d", "e"]}
    result = drop_ins(journal={"airflow": "/demo/airflow", "system": "/demo/system"}, metrics=metrics)
    assert result["airflow-journal.service"].splitlines() == [
        "[Service]",
        "Environment=AWS_DEFAULT_REGION=cn-north-1",
        "Environment=AIRFLOW_LOG_GROUP=/demo/airflow SYSTEM_LOG_GROUP=/demo/system",
    ]
    assert result["airflow-metrics.service"].splitlines() == [
        "[Service]",
        "Environment=AWS_DEFAULT_REGION=cn-north-1",
        "Environment=METRICS_ADDRESS=0.0.0.0 METRICS_NAMESPACE=Airflow/demo",
        'Environment="METRICS_PUBLISHED=a.b,c=d e"',
    ]
    assert result["airflow.target"].split()[-2:] == ["airflow-journal.service", "airflow-metrics.service"]
    assert not {"airflow-journal.service", "airflow-metrics.service"} & {*drop_ins()}


TASK_ROLE = "arn:aws-cn:iam::123456789012:role/demo-task-cn-north-1"


def test_services_reach_no_instance_metadata_where_they_have_a_role_of_their_own():
    result = drop_ins(task_role=TASK_ROLE, services=["api-server", "worker", "flower"])
    for service in ("api-server", "worker", "flower"):
        assert "IPAddressDeny=169.254.169.254 fd00:ec2::254" in result[f"airflow-{service}.service"].splitlines()
    assert "TimeoutStopSec=3600s" in result["airflow-worker.service"]
    assert result["airflow-credentials.service"].splitlines()[1:3] == [
        "Environment=AWS_DEFAULT_REGION=cn-north-1",
        f"Environment=TASK_ROLE={TASK_ROLE}",
    ]
    assert "airflow-credentials.service" in result["airflow.target"]
    # Hosts outside of AWS have none, and what helps the host has the host's.
    assert "IPAddressDeny" not in str(drop_ins())
    assert "IPAddressDeny" not in result["airflow-dags.service"]


def test_a_key_that_changes_restarts_what_hands_the_role_out():
    one, two = (
        drop_ins(task_role=TASK_ROLE, secrets={"fingerprints": {"jwt_secret": print_}}) for print_ in ("one", "two")
    )
    assert one["airflow-credentials.service"] != two["airflow-credentials.service"]


def dags(source, **changes):
    return {"source": source, "poll_seconds": 15, "keep_releases": 5, **changes}


GIT = {"type": "git", "url": "git@example.org:dags.git", "host_keys": ["example.org ssh-ed25519 AAAA"]}


def test_a_class_of_hosts_has_slots_of_its_own():
    worker = {"drain_seconds": 60, "queues": ["big"], "concurrency": 3}
    assert "WORKER_CONCURRENCY=3" in drop_ins(worker=worker)["airflow-worker.service"]
    assert "WORKER_CONCURRENCY" not in drop_ins()["airflow-worker.service"]


def test_pgbouncer_starts_with_the_services():
    target = drop_ins(services=["worker"], pgbouncer={"pool_size": 9})["airflow.target"]
    assert target.startswith("[Unit]\nWants=airflow-pgbouncer.service airflow-worker.service ")


def test_dags_wait_for_the_mount_only_where_there_is_one():
    assert drop_ins()["airflow-dags.service"] == (
        "[Unit]\nWants=mnt-airflow.mount\nAfter=mnt-airflow.mount\n[Service]\nTimeoutStartSec=60s\n"
    )
    assert drop_ins(shared_storage=None)["airflow-dags.service"] == "[Unit]\n[Service]\nTimeoutStartSec=60s\n"


@pytest.mark.parametrize(
    ("source", "credential"),
    [
        (GIT, "LoadCredential=deploy_key:/run/airflow/dags.key"),
        ({"type": "git", "url": "https://example.org/dags.git"}, None),
        ({"type": "s3", "bucket": "dags"}, None),
    ],
)
def test_dags_have_the_network_and_the_key_only_where_their_source_needs_them(source, credential):
    lines = drop_ins(dags=dags(source))["airflow-dags.service"].splitlines()
    assert "RestrictAddressFamilies=AF_INET AF_INET6" in lines and "TimeoutStartSec=300s" in lines
    assert "mnt-airflow.mount" not in " ".join(lines)
    assert [line for line in lines if line.startswith("LoadCredential")] == [credential] * bool(credential)


def test_airflow_is_there_to_check_dags_with_the_switch_only():
    checked = drop_ins(dags=dags(GIT, check="imports", check_seconds=30))
    lines = checked["airflow-dags.service"].splitlines()
    assert "Requires=airflow-dags-check.socket" in lines and "TimeoutStartSec=340s" in lines
    assert checked["airflow-dags-check@.service"] == "[Service]\nRuntimeMaxSec=30s\n"
    assert "check" not in drop_ins(dags=dags(GIT))["airflow-dags.service"]


def test_the_check_listens_where_the_host_program_asks():
    socket = (ROOT / "roles/airflow_services/files/units" / units.DAGS_CHECK_SOCKET).read_text()
    assert f"ListenStream={dag_check.SOCKET}\n" in socket


def test_the_worker_asks_where_a_host_listens():
    socket = (ROOT / "roles/airflow_services/files/units" / units.SYNC_DAGS_SOCKET).read_text()
    worker = (ROOT / "roles/airflow_install/files/site_packages/airflow_worker_dags.py").read_text()
    (asks,) = [line.split('"')[1] for line in worker.splitlines() if line.startswith("SOCKET = ")]
    assert f"ListenStream={asks}\n" in socket


def test_shared_storage_is_reached_through_tls():
    storage = stack().document.shared_storage
    mount = units.mount(storage).splitlines()
    assert "What=127.0.0.1:/" in mount and "Options=nfsvers=4.1,port=20049" in mount
    assert "Requires=airflow-storage.socket" in mount
    assert units.storage_tunnel(storage, "/etc/ca.crt").splitlines() == [
        "client = yes",
        "connect = fs.example:2049",
        "CAfile = /etc/ca.crt",
        "verifyChain = yes",
        "checkHost = fs.example",
        "sslVersionMin = TLSv1.2",
    ]


def test_another_file_system_is_another_mount():
    storage = stack().document.shared_storage
    assert units.mount(storage) != units.mount(dataclasses.replace(storage, server="fs-other.example"))


def test_the_socket_listens_where_the_mount_expects_it():
    socket = (ROOT / "roles/airflow_services/files/units" / units.STORAGE_SOCKET).read_text()
    assert f"ListenStream=127.0.0.1:{units.STORAGE_PORT}\n" in socket
