"""Runs of the load DAGs, started while a fault is on, and what became of them."""

from __future__ import annotations

import math
import threading
import time
import urllib.error
import uuid
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from tests.e2e.stack import Airflow, aws, until
from tests.faults import ledger

EVERY = {"load_short": 20, "load_long": 45, "load_deferred": 30}
"""DAG -> seconds between two runs of it."""


class Ledger:
    """Where the tasks of a stack write: beside their logs, where its hosts may write."""

    def __init__(self, stack: str) -> None:
        buckets = [each["Name"] for each in aws("s3").list_buckets()["Buckets"]]
        (self.bucket,) = [each for each in buckets if each.startswith(f"{stack}-logs-")]
        self.prefix = f"{stack}/tasks/ledger/"

    @property
    def place(self) -> str:
        """The place as a run's conf names it."""
        return f"{self.bucket}/{self.prefix.rstrip('/')}"

    def read(self, run: str = "") -> ledger.Attempts:
        """Return the attempts, of one run if it is named as `DAG/run`."""
        s3 = aws("s3")
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self.prefix + run)
        keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
        with ThreadPoolExecutor(8) as pool:
            texts = pool.map(lambda key: s3.get_object(Bucket=self.bucket, Key=key)["Body"].read(), keys)
            said = {key.removeprefix(self.prefix): float(text) for key, text in zip(keys, texts, strict=True)}
        return ledger.attempts(said)


class Load:
    """Starts runs from now on; every run is asked for until Airflow has it."""

    def __init__(self, airflow: Airflow, book: Ledger) -> None:
        self.airflow, self.book, self.over = airflow, book, threading.Event()
        self.queued_at_most = math.inf  # seconds
        self.runs: list[tuple[str, str]] = []
        self.threads = [threading.Thread(target=self._repeat, args=each, daemon=True) for each in EVERY.items()]
        for thread in self.threads:
            thread.start()

    def _repeat(self, dag: str, every: float) -> None:
        while not self.over.is_set():
            self.start(dag)
            self.over.wait(every)

    def start(self, dag: str) -> str:
        """Start a run, however often that must be asked for, and return its name."""
        run = uuid.uuid4().hex
        body = {"dag_run_id": run, "logical_date": None, "conf": {"ledger": self.book.place}}
        while True:
            try:
                self.airflow.request(f"/api/v2/dags/{dag}/dagRuns", body)
                break
            except urllib.error.HTTPError as error:
                if error.code == 409:  # an earlier request was heard after all
                    break
            except OSError:
                pass
            time.sleep(1)
        self.runs.append((dag, run))
        return run

    def running(self) -> list[tuple[str, str]]:
        """Return the long runs whose task lives now, from the ledger."""
        found = self.book.read("load_long/")
        alive = time.time() - 5
        return [(dag, run) for (dag, run, _), (*_, last) in found.items() if not last.end and last.last > alive]

    def hosts_since(self, moment: float) -> set[str]:
        """Return the hosts on which an attempt started after a moment, in seconds since 1970."""
        found = self.book.read("load_short/")
        return {each.host for mine in found.values() for each in mine if (each.start or 0) > moment}

    def state(self, run: tuple[str, str]) -> str:
        """Return the state of a run."""
        return self.airflow.request("/api/v2/dags/{}/dagRuns/{}".format(*run))["state"]

    def queued(self, run: tuple[str, str]) -> float:
        """Return for how many seconds a task of this run was queued, at most."""
        rows = self.airflow.request("/api/v2/dags/{}/dagRuns/{}/taskInstances".format(*run))["task_instances"]
        stamps = [(row["queued_when"], row["start_date"]) for row in rows if row["queued_when"] and row["start_date"]]
        moments = [[datetime.fromisoformat(each).timestamp() for each in pair] for pair in stamps]
        return max((start - queued for queued, start in moments), default=0.0)

    def stop(self, seconds: float) -> dict[str, float]:
        """Start no more, wait until all runs have ended, and return what was seen.

        Raises AssertionError for any that failed, was queued for too long, or that the ledger tells of.
        """
        self.over.set()
        for thread in self.threads:
            thread.join(120)
        left, states = set(self.runs), defaultdict(list)

        def all_ended() -> bool:
            for run in list(left):
                if (state := self.state(run)) in ("success", "failed"):
                    states[state].append(run)
                    left.discard(run)
            return not left

        try:
            until(all_ended, seconds, f"{len(self.runs)} runs end", every=3)
        except AssertionError as error:
            raise AssertionError(f"{error}; left: {sorted(left)}") from None
        found = self.book.read()
        wrong = ledger.problems(found, self.runs) + [f"failed: {run}" for run in states["failed"]]
        queued = max(map(self.queued, self.runs))
        if queued > self.queued_at_most:
            wrong.append(f"a task was queued for {queued:.0f} s")
        retried = sum(len(found.get((dag, run, task), [])) > 1 for dag, run in self.runs for task in ledger.TASKS[dag])
        print(f"{len(self.runs)} runs, {retried} tasks retried, queued for {queued:.0f} s at most: {wrong or 'good'}")
        assert not wrong, "\n".join(wrong)
        return {"runs": len(self.runs), "retried": retried, "queued": queued}
