"""A run of this DAG has every host sync its DAGs now, and fails unless all have the same revision."""

import time
from collections.abc import Iterable
from datetime import timedelta

try:
    from airflow.sdk import dag, task
except ImportError:  # Airflow 2
    from airflow.decorators import dag, task

REPLY_SECONDS = 3


@dag(schedule=None, is_paused_upon_creation=False, catchup=False, max_active_runs=1, tags=["graviflow"])
def graviflow_sync_dags() -> None:
    """Ask the worker of each host, by Celery's remote control."""

    @task(retries=2, retry_delay=timedelta(seconds=10), execution_timeout=timedelta(minutes=10))
    def sync() -> dict[str, str]:
        """Return the revision of each worker's host."""
        from airflow.providers.celery.executors.celery_executor import app

        def ask(question: str, workers: Iterable[str] = ()) -> dict[str, dict[str, str]]:
            asked = {"destination": sorted(workers) or None, "reply": True, "timeout": REPLY_SECONDS}
            replies = app.control.broadcast(question, **asked) or []
            return {worker: answer for reply in replies for worker, answer in reply.items() if answer}

        answers = ask("sync_dags")
        while waiting := [worker for worker, answer in answers.items() if "ok" in answer]:
            time.sleep(1)
            answers |= ask("synced_dags", waiting)
        for worker, answer in sorted(answers.items()):
            print(worker, answer)
        revisions = {worker: answer.get("revision") for worker, answer in answers.items()}
        if len(set(revisions.values())) != 1 or any(answer.get("error") for answer in answers.values()):
            raise RuntimeError(f"DAGs are not the same on all hosts: {answers or 'no worker answered'}")
        return revisions

    sync()


graviflow_sync_dags()
