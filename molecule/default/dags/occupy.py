"""A DAG that occupies all but one of the worker's slots."""

import time

from airflow.sdk import dag, task


@dag(schedule=None, is_paused_upon_creation=False)
def occupy() -> None:
    """Run three tasks of a minute, without retries."""

    @task
    def wait(number: int) -> None:
        time.sleep(60)

    wait.expand(number=[1, 2, 3])


occupy()
