"""Work under which faults are tried: every attempt of a task says when it starts, that it lives, and when it ends.

It says so in a ledger outside Airflow, a place in S3 that the run's conf names as `bucket/prefix`. Below it are
`<DAG>/<run>/<task>.<index>/<try>/<host>_<attempt>/<event>`, each with the seconds since 1970.
"""

import socket
import time
import uuid
from datetime import timedelta
from typing import Any

import boto3
from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
from airflow.sdk import BaseOperator, dag, get_current_context, task

LOAD = {
    "schedule": None,
    "is_paused_upon_creation": False,
    "max_active_runs": 100,
    "default_args": {"retries": 1, "retry_delay": timedelta(seconds=1)},
}


class Attempt:
    """One attempt of a task, as the ledger knows it."""

    def __init__(self, context: Any, name: str = "") -> None:
        ti = context["ti"]
        self.name = name or f"{socket.getfqdn()}_{uuid.uuid4().hex}"
        self.bucket, _, prefix = context["dag_run"].conf["ledger"].partition("/")
        self.key = f"{prefix}/{ti.dag_id}/{ti.run_id}/{ti.task_id}.{ti.map_index}/{ti.try_number}/{self.name}"
        self.s3 = boto3.client("s3")

    def say(self, event: str) -> None:
        """Write an event, over an earlier one of its kind."""
        self.s3.put_object(Bucket=self.bucket, Key=f"{self.key}/{event}", Body=str(time.time()))


def work(seconds: int) -> None:
    """Do nothing for some seconds, and say so each second."""
    attempt = Attempt(get_current_context())
    attempt.say("start")
    for _ in range(seconds):
        time.sleep(1)
        attempt.say("beat")
    attempt.say("end")


class Deferred(BaseOperator):
    """Wait in the triggerer."""

    def execute(self, context: Any) -> None:
        """Start, and leave the worker."""
        attempt = Attempt(context)
        attempt.say("start")
        self.defer(
            trigger=TimeDeltaTrigger(timedelta(seconds=15)), method_name="resume", kwargs={"attempt": attempt.name}
        )

    def resume(self, context: Any, attempt: str, event: Any = None) -> None:
        """End, on whichever worker."""
        Attempt(context, attempt).say("end")


@dag(**LOAD)
def load_short() -> None:
    """Run four tasks of two seconds."""

    @task
    def short(number: int) -> None:
        work(2)

    short.expand(number=list(range(4)))


@dag(**LOAD)
def load_long() -> None:
    """Run one task of a minute."""

    @task
    def long() -> None:
        work(60)

    long()


@dag(**LOAD)
def load_deferred() -> None:
    """Run one task that waits in the triggerer."""
    Deferred(task_id="deferred")


@dag(**LOAD)
def load_patient() -> None:
    """Run one task that is longer than the stack's visibility_timeout."""

    @task
    def patient() -> None:
        work(200)

    patient()


load_short()
load_long()
load_deferred()
load_patient()
