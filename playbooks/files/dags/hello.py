"""A first DAG to look at: three tasks that say on which host they ran."""

import socket

try:
    from airflow.sdk import dag, task
except ImportError:  # Airflow 2
    from airflow.decorators import dag, task


@dag(schedule=None, tags=["example"])
def hello() -> None:
    """Greets from three tasks at once, then counts the hosts that ran them."""

    @task
    def greet(number: int) -> str:
        host = socket.gethostname()
        print(f"task {number} says hello from {host}")
        return host

    @task
    def count(hosts: list[str]) -> int:
        return len(set(hosts))

    count(greet.expand(number=[1, 2, 3]))


hello()
