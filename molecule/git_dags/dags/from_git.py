"""A DAG of this scenario's repository, which imports from its submodule."""

from airflow.sdk import dag, task
from library.words import GREETING


@dag(schedule=None, is_paused_upon_creation=False)
def from_git() -> None:
    """Greet."""

    @task
    def greet() -> None:
        print(GREETING)

    greet()


from_git()
