"""A DAG of this scenario's bucket."""

from airflow.sdk import dag, task


@dag(schedule=None, is_paused_upon_creation=False)
def from_s3() -> None:
    """Greet."""

    @task
    def greet() -> None:
        print("hello from the bucket")

    greet()


from_s3()
