"""Tasks per minute of a DAG of two hundred tasks: our defaults against Airflow's own, on the stack that `make up` made.

Tasks that wait show how many there are at once, tasks that do nothing what each costs. The hosts are configured anew
for each side, and in the end as they were. Nothing else may run meanwhile: it is processors that are measured.
"""

import json
import os
import time
from datetime import datetime

from runs import ROOT, seconds

STACK = os.environ.get("STACK_NAME", "airflow-local")
os.environ.setdefault("E2E_REGION", os.environ.get("STACK_REGION", "cn-north-1"))

from tests.e2e.stack import Airflow, until  # noqa: E402 - its region is the stack's

API = {"base_url": "https://localhost:8443"}
SIDES = {
    "Airflow's defaults": {
        "api": {**API, "workers": 1},
        "celery": {"extra_celery_config": "{}", "task_acks_late": True, "worker_concurrency": 16},
        "core": {"default_pool_task_slot_count": 128, "max_active_tasks_per_dag": 16, "parallelism": 32},
        "dag_processor": {"parsing_processes": 2},
    },
    "our defaults": {"api": API},
}
WAITS = (30, 0)  # seconds


def configure(*arguments: str) -> None:
    """Configure the hosts, and wait until they have settled."""
    seconds(ROOT / "playbooks/configure.yml", *arguments, unchanged=False)
    time.sleep(20)


def tasks_per_minute(airflow: Airflow, wait: int) -> float:
    """Run the DAG once."""
    dag = "/api/v2/dags/two_hundred/dagRuns"
    run = airflow.request(dag, {"logical_date": None, "conf": {"seconds": wait}})["dag_run_id"]
    until(lambda: airflow.request(f"{dag}/{run}")["state"] in ("success", "failed"), 1800, "the run ends", every=2)
    ended = airflow.request(f"{dag}/{run}")
    assert ended["state"] == "success", ended
    start, end = (datetime.fromisoformat(ended[key]) for key in ("start_date", "end_date"))
    return 200 / (end - start).total_seconds() * 60


def main() -> None:
    """Prints the table."""
    seconds(ROOT / "playbooks/deploy_dags.yml", "-e", f"dag_delivery_folder={ROOT}/bench/dags", unchanged=False)
    airflow = Airflow(STACK)
    until(lambda: not airflow.request("/api/v2/dags/two_hundred")["is_paused"], 120, "the DAG is known")
    measured: dict[str, list[float]] = {}
    for side, options in SIDES.items():
        configure("-e", json.dumps({"airflow_config": options}))
        measured[side] = [tasks_per_minute(airflow, wait) for wait in WAITS]
        for wait, rate in zip(WAITS, measured[side], strict=True):
            print(f"{side:20} tasks of {wait:2} s: {rate:6.1f} a minute", flush=True)
    configure()
    for wait, theirs, ours in zip(WAITS, *measured.values(), strict=True):
        print(f"ratio, tasks of {wait:2} s:  {ours / theirs:5.2f}")


if __name__ == "__main__":
    main()
