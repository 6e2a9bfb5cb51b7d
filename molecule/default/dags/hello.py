"""A DAG of the scenario's own: it takes long enough to be running when its worker is stopped."""

import time

from airflow.sdk import dag, task


@dag(schedule=None, is_paused_upon_creation=False)
def hello() -> None:
    """Run one task of fifteen seconds, without retries."""

    @task
    def wait() -> None:
        time.sleep(15)

    wait()


hello()
