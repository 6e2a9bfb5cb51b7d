"""A task of the queue big."""

from airflow.sdk import dag, task


@dag(schedule=None, is_paused_upon_creation=False)
def on_big() -> None:
    """Run it."""

    @task(queue="big")
    def heavy() -> None:
        print("on a host of its group")

    heavy()


on_big()
