"""Callback: the default output, with waiting told in seconds, the stages' durations, and the plan of a check."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from ansible.plugins.callback.default import CallbackModule as DefaultCallback
from ansible_collections.graviflow.airflow.plugins.module_utils.planned import Entry, table

DOCUMENTATION = r"""
name: stages
type: stdout
short_description: Default output, with durations, waiting and the plan
version_added: 0.1.0
author: The graviflow team
description:
  - Shows what C(ansible.builtin.default) shows. A task that is tried again says every ten seconds what it waits for.
  - When the playbook ends, shows how long each play took and, of those with several hosts, each host.
  - After C(--check), shows the plan that tasks of M(graviflow.airflow.plan) made.
extends_documentation_fragment:
  - default_callback
  - result_format_callback
requirements:
  - Set as stdout in configuration.
"""

EVERY = 10  # seconds


@dataclass
class Running:
    """What a host is busy with, since when, and when that was told."""

    task: str
    since: float
    told: float


class CallbackModule(DefaultCallback):
    """Ansible's default output and a little more."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "graviflow.airflow.stages"

    def __init__(self) -> None:
        super().__init__()
        self._plays: list[tuple[str, float, dict[str, float]]] = []
        self._running: dict[str, Running] = {}
        self._plan: list[Entry] = []

    def v2_playbook_on_play_start(self, play: Any) -> None:
        """Begin a stage."""
        super().v2_playbook_on_play_start(play)
        self._plays.append((play.get_name(), time.monotonic(), {}))

    def v2_runner_on_start(self, host: Any, task: Any) -> None:
        """Remember since when a host is busy with what."""
        super().v2_runner_on_start(host, task)
        now = time.monotonic()
        self._running[host.get_name()] = Running(task.get_name(), now, now)

    def v2_runner_retry(self, result: Any) -> None:
        """Say what is waited for, now and then."""
        host, now = result.host.get_name(), time.monotonic()
        running = self._running[host]
        if now - running.told >= EVERY:
            running.told = now
            self._display.display(f"waiting: [{host}] {running.task}, {now - running.since:.0f} s", color="cyan")

    def v2_runner_on_async_poll(self, result: Any) -> None:
        """The same for a task in the background."""
        self.v2_runner_retry(result)

    def v2_runner_on_ok(self, result: Any) -> None:
        """Show the result, and keep what it says about the plan."""
        self._note(result)
        planned = [each["plan"] for each in result.result.get("results", [result.result]) if "plan" in each]
        self._plan += [Entry(**each) for each in planned]
        if not planned:
            super().v2_runner_on_ok(result)

    def v2_runner_item_on_ok(self, result: Any) -> None:
        """Show an item, unless it is of the plan."""
        if "plan" not in result.result:
            super().v2_runner_item_on_ok(result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """Show the failure."""
        self._note(result)
        super().v2_runner_on_failed(result, ignore_errors)

    def v2_runner_on_skipped(self, result: Any) -> None:
        """A plan outside check mode is nothing to tell."""
        self._note(result)
        super().v2_runner_on_skipped(result)

    def _note(self, result: Any) -> None:
        _, start, hosts = self._plays[-1]
        hosts[result.host.get_name()] = time.monotonic() - start

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Show the recap, the durations, and the plan."""
        super().v2_playbook_on_stats(stats)
        self._display.banner("DURATIONS")
        for name, _, hosts in self._plays:
            if hosts:
                longest_first = sorted(hosts.items(), key=lambda host: -host[1])
                branches = ", ".join(f"{host} {seconds:.0f}" for host, seconds in longest_first)
                line = f"{longest_first[0][1]:5.0f} s  {name}"
                self._display.display(line if len(hosts) == 1 else f"{line}: {branches}")
        if self._plan:
            self._display.banner("PLAN")
            for line in table(self._plan):
                self._display.display(line)
