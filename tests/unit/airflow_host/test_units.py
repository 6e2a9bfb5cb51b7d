import subprocess

import pytest
from airflow_host import units
from stacks import stack


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
    assert drop_ins["airflow.target"] == "[Unit]\nWants=airflow-worker.service airflow-dags.timer\n"


def test_dags_wait_for_the_mount_only_where_there_is_one():
    assert "mnt-airflow.mount" in units.drop_ins(stack().document)["airflow-dags.service"]
    assert "airflow-dags.service" not in units.drop_ins(stack(shared_storage=None).document)
