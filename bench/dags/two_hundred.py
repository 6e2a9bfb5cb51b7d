"""Two hundred tasks that wait, as tasks do whose work is done elsewhere: `bench/throughput.py` runs them."""

import time
from typing import Any

from airflow.sdk import dag, task


@dag(schedule=None, is_paused_upon_creation=False)
def two_hundred() -> None:
    """Wait for the seconds of the run's conf, two hundred times."""

    @task
    def wait(number: int, dag_run: Any = None) -> None:
        time.sleep(dag_run.conf["seconds"])

    wait.expand(number=list(range(200)))


two_hundred()
