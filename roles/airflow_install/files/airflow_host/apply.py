"""Compare this host with its stack, and change what differs."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airflow_host import database, desired, environment, state, systemd, units
from airflow_host.errors import HostError
from airflow_host.files import File
from airflow_host.layout import Layout
from airflow_host.model import SERVICES, Stack

Compare = Callable[[], list[str]]
DRIFT_SECONDS = 20.0
ALL_SERVICES = dict.fromkeys(service for services in SERVICES.values() for service in services)


@dataclass(frozen=True)
class Plan:
    """What differs between the host and its stack."""

    write: list[File]
    remove: list[Path]
    restart: list[str]
    reload: list[str]
    stop: list[str]
    prepare_database: bool
    state: list[str]
    digests: Mapping[str, str]

    def report(self) -> dict[str, Any]:
        """Return the plan without secrets, ready for JSON."""
        return {
            "changed": [str(path) for path in (*(file.path for file in self.write), *self.remove)],
            "restart": self.restart,
            "reload": self.reload,
            "stop": self.stop,
            "prepare_database": self.prepare_database,
            "state": self.state,
            "diff": {str(file.path): file.diff() for file in self.write},
        }


def _applied(layout: Layout) -> dict[str, str]:
    return json.loads(layout.applied.read_text()) if layout.applied.exists() else {}


def drift(stack: Stack, layout: Layout) -> list[str]:
    """Return what Airflow has otherwise than the stack declares."""
    resolved, _ = state.resolve(stack.document.state, stack.secrets)
    settings = environment.settings(stack, stack.document.database, layout.database_authorities())
    with closing(database.connect(settings["sql_alchemy_conn"], seconds=DRIFT_SECONDS)) as opened:
        declared = state.Declared(resolved, settings["fernet_key"])
        return [str(difference) for difference in declared.differences(opened)]


def plan(
    stack: Stack, layout: Layout, compare: Compare, more: Sequence[File] = (), run: systemd.Run = systemd.run
) -> Plan:
    """Return what differs, in the stack's files, in `more` and, by `compare`, in Airflow; changes nothing."""
    wanted = [*desired.files(stack, layout), *more]
    digests = desired.digests(wanted, ("database", *stack.document.services), layout)
    before = _applied(layout)
    known = [*map(units.service_unit, ALL_SERVICES), units.PGBOUNCER, units.DATABASE, *units.OPTIONAL]
    states = systemd.properties(known, ("ActiveState", "Job"), run)
    # While it is not, it is about to compare by itself.
    is_prepared = states.pop(units.DATABASE)["ActiveState"] == "active"
    differences = compare() if is_prepared else []
    services = [units.service_unit(service) for service in stack.document.services]
    staying = {*digests, *units.helpers(stack.document)}

    def due(names: Iterable[str]) -> list[str]:
        return [unit for unit in names if systemd.is_idle(states[unit]) or before.get(unit) != digests[unit]]

    return Plan(
        write=[file for file in wanted if not file.is_right()],
        remove=desired.stale(wanted, layout),
        restart=due(services),
        reload=due([units.PGBOUNCER] if stack.document.pgbouncer else []),
        stop=[unit for unit, state in states.items() if unit not in staying and not systemd.is_idle(state)],
        prepare_database=bool(differences) or before.get(units.DATABASE) != digests[units.DATABASE],
        state=differences,
        digests=digests,
    )


def _refresh(changed: list[Path], layout: Layout, run: systemd.Run) -> None:
    """Tell the system about files that it has read already."""
    if any(path.parent == layout.certificate_authorities for path in changed):
        # Without --fresh, certificates that were removed stay in the store.
        run(["update-ca-certificates", "--fresh"])
    below_units = [path for path in changed if path.is_relative_to(layout.units)]
    if below_units:
        run(["systemctl", "daemon-reload"])
    for path in below_units:
        if path.suffix == ".mount":
            run(["systemctl", "restart", "--no-block", path.name])
        elif (unit := path.parent.name.removesuffix(".d")) in units.RESTARTED:
            run(["systemctl", "try-restart", unit])


def _write(plan: Plan, layout: Layout, run: systemd.Run) -> None:
    for file in plan.write:
        file.write()
    for path in plan.remove:
        path.unlink()
    _refresh([*(file.path for file in plan.write), *plan.remove], layout, run)


def _restart(plan: Plan, layout: Layout, run: systemd.Run) -> None:
    if plan.stop:
        run(["systemctl", "stop", *plan.stop])
    if plan.prepare_database:
        # A running unit is reloaded: restarting it would restart all that requires it. `execute` looks what came of it.
        wait = [] if plan.state else ["--no-block"]
        with suppress(subprocess.CalledProcessError):
            run(["systemctl", "reload-or-restart", *wait, units.DATABASE])
    if plan.reload:
        # Before the services, which would be refused with a password that PgBouncer does not know yet. Open sessions
        # stay. If it fails at its start, systemd tries again and `status` shows it.
        with suppress(subprocess.CalledProcessError):
            run(["systemctl", "reload-or-restart", *plan.reload])
    states = systemd.properties(plan.restart, ("ActiveState", "Job"), run) if plan.restart else {}
    running = [unit for unit, state in states.items() if not systemd.is_idle(state)]
    if running:
        # One that fails at its start is tried again by systemd and shown by `status`; the rest are restarted anyway.
        with suppress(subprocess.CalledProcessError):
            run(["systemctl", "restart", *running])
    run(["systemctl", "start", "--no-block", units.TARGET])
    applied = File(layout.applied, json.dumps(plan.digests, indent=1, sort_keys=True), mode=0o600)
    if not applied.is_right():
        applied.write()


def execute(plan: Plan, layout: Layout, compare: Compare, restart: bool = True, run: systemd.Run = systemd.run) -> None:
    """Make the plan true; without `restart`, units stay due until the next time.

    Raises HostError when Airflow still has something otherwise than the stack declares.
    """
    _write(plan, layout, run)
    if not restart:
        return
    _restart(plan, layout, run)
    if plan.state and (left := compare()):
        raise HostError(f"{'; '.join(left)}: could not be made so. journalctl --unit={units.DATABASE} tells why")
