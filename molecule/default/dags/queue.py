"""A DAG whose task asks for hosts of a class of their own."""

from airflow.sdk import dag, task


@dag(schedule=None, is_paused_upon_creation=False)
def queue() -> None:
    """Run one task on queue big, where there is one."""

    @task(queue="big")
    def run() -> None:
        print("runs on a large host")

    run()


queue()
