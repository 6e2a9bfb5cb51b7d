"""Forty tasks of ten seconds, retried once: long enough that a host dies in the middle of them."""

import time
from datetime import timedelta

from airflow.sdk import dag, task


@dag(schedule=None, is_paused_upon_creation=False, default_args={"retries": 1, "retry_delay": timedelta(seconds=1)})
def forty_naps() -> None:
    @task
    def nap(number: int) -> int:
        time.sleep(10)
        print(f"nap {number} is over")
        return number

    nap.expand(number=list(range(40)))


forty_naps()
