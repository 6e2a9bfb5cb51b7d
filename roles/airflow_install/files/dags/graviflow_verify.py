"""A run of this DAG shows that tasks are queued, spread over the hosts, run and logged."""

import socket
import time
from datetime import timedelta

try:
    from airflow.sdk import dag, task
except ImportError:  # Airflow 2
    from airflow.decorators import dag, task

TASKS = 20


@dag(schedule=None, is_paused_upon_creation=False, catchup=False, max_active_tasks=TASKS, tags=["graviflow"])
def graviflow_verify() -> None:
    """Run twenty short tasks side by side."""

    @task(retries=1, retry_delay=timedelta(seconds=5))
    def where(number: int) -> str:
        """Say which host runs this task."""
        host = socket.gethostname()
        print(f"task {number} runs on {host}")
        time.sleep(1)
        return host

    where.expand(number=list(range(TASKS)))


graviflow_verify()
