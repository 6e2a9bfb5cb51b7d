import dataclasses
import subprocess

import pytest
from airflow_host import units
from stacks import stack

from tests.playbook import ROOT


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
    drop_ins = units.drop_ins(stack(services=["worker"]).document)
    assert "TimeoutStopSec=3600s" in drop_ins["airflow-worker.service"]
    assert "AIRFLOW_WORKER_QUEUES=default,big" in drop_ins["airflow-worker.service"]
    assert (
        drop_ins["airflow.target"] == "[Unit]\nWants=airflow-worker.service airflow-dags.timer airflow-watchdog.timer\n"
    )
    assert drop_ins["airflow-watchdog.service"] == "[Service]\nEnvironment=AIRFLOW_WATCHDOG_PATIENCE=90\n"
    without = units.drop_ins(stack(services=["scheduler"]).document)
    assert without["airflow.target"] == "[Unit]\nWants=airflow-scheduler.service airflow-dags.timer\n"


def test_dags_wait_for_the_mount_only_where_there_is_one():
    assert "mnt-airflow.mount" in units.drop_ins(stack().document)["airflow-dags.service"]
    assert "airflow-dags.service" not in units.drop_ins(stack(shared_storage=None).document)


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
