"""The command line of airflow-host, which `airflow-host --help` shows."""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from airflow_host import (
    apply,
    clock,
    codecommit,
    credentials,
    dag_check,
    dag_sources,
    dags,
    database,
    disk,
    health,
    image,
    journal,
    metrics,
    options,
    pgbouncer,
    releases,
    results,
    source,
    state,
    units,
    watchdog,
    web_watchdog,
)
from airflow_host.errors import HostError
from airflow_host.files import File
from airflow_host.layout import Layout
from airflow_host.model import WEB_SERVICES, Document, Efs, parse_document

LAYOUT = Layout()
AIRFLOW = Path("/opt/airflow/bin/airflow")

PARSER = argparse.ArgumentParser(prog="airflow-host", description="Make this host what its stack says.")
COMMANDS = PARSER.add_subparsers(required=True)
# A command returns its exit status, or nothing for 0.
Run = Callable[[argparse.Namespace], int | None]
Argument = Callable[[argparse.ArgumentParser], argparse.Action]


def argument(*names: str, **how: Any) -> Argument:
    """Describe an argument, as ArgumentParser.add_argument takes it."""
    return lambda parser: parser.add_argument(*names, **how)


def command(name: str, text: str, *arguments: Argument) -> Callable[[Run], Run]:
    """Make a function the command of that name."""

    def add(run: Run) -> Run:
        parser = COMMANDS.add_parser(name, help=text)
        for each in arguments:
            each(parser)
        parser.set_defaults(run=run)
        return run

    return add


def _print(result: object) -> None:
    print(json.dumps(result, indent=1))


def _variable(name: str, unit: str) -> str:
    """Return a variable of the environment that the unit has."""
    try:
        return os.environ[name]
    except KeyError as error:
        raise HostError(f"environment: {name} is missing; run this by {unit}") from error


def _applied_document() -> Document:
    try:
        return parse_document(json.loads(LAYOUT.document.read_text()))
    except FileNotFoundError as error:
        raise HostError(f"{LAYOUT.document}: does not exist; airflow-host apply has not run yet") from error


@command(
    "apply",
    "write configuration and secrets, restart what has become outdated",
    argument("--check", action="store_true", help="change nothing, print what would change"),
    argument(
        "--from",
        dest="source",
        metavar="DIR",
        help=f"read the stack here, not from AWS; - reads it from standard input and keeps it in {LAYOUT.given}",
    ),
    argument("--no-restart", dest="restart", action="store_false", help="leave running services alone"),
)
def _apply(arguments: argparse.Namespace) -> None:
    copies: list[File] = []
    match arguments.source:
        case None:
            stack = source.from_aws()
        case "-":
            stack = source.from_text(sys.stdin.read())
            copies = source.copies(stack, LAYOUT.given, LAYOUT.given_secrets)
        case directory:
            stack = source.from_directory(Path(directory), LAYOUT.given_secrets)
    image.read(LAYOUT.manifest).require(stack.document.airflow)
    options.require(stack.airflow_cfg, LAYOUT.options)
    if stack.document.pgbouncer:
        pgbouncer.require(stack.document.airflow)
    compare = partial(apply.drift, stack, LAYOUT)
    plan = apply.plan(stack, LAYOUT, compare, copies)
    report = plan.report()
    if not arguments.check:
        apply.execute(plan, LAYOUT, compare, restart=arguments.restart)
    _, problems = state.resolve(stack.document.state, stack.secrets)
    if problems:
        # The rest is done: a host that boots must not stay away for want of one secret.
        raise HostError(f"{'; '.join(problems)}. Correct airflow_state, or the secret")
    _print(report)


@command("prepare-database", "migrate the database, and make right what it must have")
def _prepare_database(arguments: argparse.Namespace) -> None:
    url = _variable("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", units.DATABASE)
    wanted = json.loads(_variable("AIRFLOW_HOST_STATE", units.DATABASE))
    declared = state.Declared(wanted, _variable("AIRFLOW__CORE__FERNET_KEY", units.DATABASE))
    del os.environ["AIRFLOW_HOST_STATE"]  # no process that this one starts needs its passwords
    parts = [results.from_environment(), declared]
    _print({"changed": database.prepare(url, image.read(LAYOUT.manifest), parts, AIRFLOW)})


@command(
    "downgrade-database",
    "take the schema back to an older version's; see docs/rollback.md",
    argument("--to-version", dest="version", required=True, help="of the older image's Airflow, for instance 3.2.1"),
    argument("--fab-version", dest="fab", help="of the older image's apache-airflow-providers-fab"),
)
def _downgrade_database(arguments: argparse.Namespace) -> None:
    url, installed = _variable("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", units.DATABASE), image.read(LAYOUT.manifest)
    _print(database.take_back(url, installed, arguments.version, arguments.fab, AIRFLOW))


@command("sync-dags", "bring the DAGs that their source has; for airflow-dags.service")
def _sync_dags(arguments: argparse.Namespace) -> None:
    document = _applied_document()
    # Where AWS is, and how the network is left.
    os.environ.update(document.environment)
    dags.sync(document.dags, dag_sources.of(document), LAYOUT.dags, LAYOUT.image_dags)


@command(
    "refresh-dags",
    "sync the DAGs now, and show what came of it",
    argument("--check", action="store_true", help="change nothing, print what would change"),
)
def _refresh_dags(arguments: argparse.Namespace) -> None:
    if not arguments.check:
        _print(dags.refresh(LAYOUT.dags))
        return
    # What a repository or a bucket has now, only the unit may ask: hosts follow it by themselves anyway.
    document, synced = _applied_document(), dags.read_state(LAYOUT.dags)
    due = isinstance(document.dags.source, Efs) and dag_sources.of(document).revision() not in (None, synced.revision)
    _print({"changed": due, **synced.as_dict()})


@command("check-dags", "import DAGs as Airflow does; for airflow-dags-check@.service")
def _check_dags(arguments: argparse.Namespace) -> None:
    os.environ.update(_applied_document().environment)
    with socket.socket(fileno=os.dup(sys.stdin.fileno())) as connection:
        dag_check.answer(connection)


@command(
    "codecommit-login",
    "sign in to CodeCommit with the host's role; for git",
    argument("operation", help="get; all others do nothing"),
)
def _codecommit_login(arguments: argparse.Namespace) -> None:
    import boto3

    if arguments.operation == "get":
        asked = dict(line.rstrip("\n").split("=", 1) for line in sys.stdin if "=" in line)
        role = boto3.session.Session().get_credentials()
        if role is None:
            raise HostError("CodeCommit: this host has no role to sign with")
        answer = codecommit.login(asked, role.get_frozen_credentials(), datetime.now(UTC))
        print("".join(f"{name}={value}\n" for name, value in answer.items()), end="")


@command(
    "publish-dags",
    "unpack an archive as the current release",
    argument("--check", action="store_true", help="change nothing, print what would change"),
    argument("--archive", type=Path, required=True),
    argument("--target", type=Path, required=True, help="directory that has releases/ and current"),
    argument("--revision", required=True),
    argument("--keep", type=int, default=5, help="how many releases stay (default: 5)"),
    argument(
        "--keep-seconds", type=float, default=3600, help="how long each stays after it was current (default: 3600)"
    ),
)
def _publish_dags(arguments: argparse.Namespace) -> None:
    keep = releases.Keep(arguments.keep, arguments.keep_seconds)
    # Every host's unit reads it, as a user of its own.
    os.umask(0o022)
    changed = dags.publish(arguments.archive, arguments.target, arguments.revision, keep, arguments.check)
    _print({"changed": changed, "revision": arguments.revision})


@command(
    "status",
    "show the health of this host's services; exit 1 if one is sick",
    argument("--json", action="store_true"),
    argument("--wait", type=float, default=0, metavar="SECONDS", help="wait until all are healthy"),
)
def _status(arguments: argparse.Namespace) -> int:
    result = health.await_healthy(_applied_document().components, arguments.wait)
    synced, time_of_day = dags.read_state(LAYOUT.dags), clock.read()
    if arguments.json:
        services = [item.as_dict() for item in result]
        told = {"dags": synced.revision, "dags_problem": synced.problem, "clock": time_of_day.as_dict()}
        worker = {"free_percent": disk.free_percent(LAYOUT.logs), "held": disk.held(LAYOUT)}
        _print({"services": services, **told, "disk": worker})
    else:
        if reason := disk.held(LAYOUT):
            print(f"disk: {reason}")
        for item in result:
            print(f"{item.service:15} {item.state:20} {item.reason or 'healthy'}")
        print(f"{'dags':15} {synced.revision or 'none':20} {synced.problem or 'as their source has them'}")
        print(f"{'clock':15} {time_of_day.state:20} {time_of_day.warning or 'within bounds'}")
    return 1 if any(item.reason for item in result) else 0


@command(
    "await-answer",
    "wait for a service that starts; for its unit",
    argument("service", choices=health.ENDPOINTS),
    argument("--process", type=int, required=True, metavar="PID", help="do not outwait this process"),
    argument("--seconds", type=float, default=60, help="wait no longer (default: 60)"),
)
def _await_answer(arguments: argparse.Namespace) -> None:
    # What comes after the service may start in any case: whether it is sick, others find out.
    health.await_answer(arguments.service, arguments.process, arguments.seconds)


@command(
    "watch-worker",
    "restart a worker that takes nothing while there is work",
    argument("--patience", type=float, default=30, metavar="SECONDS", help="that work may wait (default: 30)"),
)
def _watch_worker(arguments: argparse.Namespace) -> None:
    from redis import Redis, RedisError

    url = _variable("AIRFLOW__CELERY__BROKER_URL", units.WATCHDOG)
    seconds = watchdog.BROKER_SECONDS
    try:
        with Redis.from_url(url, socket_timeout=seconds, socket_connect_timeout=seconds) as broker:
            queues = _applied_document().worker.queues
            watchdog.check(broker, queues, LAYOUT.watched, time.monotonic(), arguments.patience)
    except RedisError as error:
        # The worker is not to blame, and finds its broker again by itself.
        print(f"broker: {error}", file=sys.stderr)


@command("watch-web", "restart a web service that answers nobody")
def _watch_web(arguments: argparse.Namespace) -> None:
    for service in WEB_SERVICES & {*_applied_document().services}:
        web_watchdog.check(service, LAYOUT.web_silent, time.monotonic())


@command("guard-disk", "remove old logs; let the worker take tasks while there is room")
def _guard_disk(arguments: argparse.Namespace) -> None:
    document = _applied_document()
    disk.guard(LAYOUT, document.disk, "worker" in document.services, time.time())


@command(
    "ship-journal",
    "send the journal to CloudWatch Logs, for ever",
    argument("--airflow-group", required=True, help="log group of what Airflow's units say"),
    argument("--system-group", required=True, help="log group of all else"),
    argument("--state", type=Path, required=True, help="directory of the cursor"),
)
def _ship_journal(arguments: argparse.Namespace) -> None:
    journal.follow((arguments.airflow_group, arguments.system_group), arguments.state)


@command(
    "serve-metrics",
    "take metrics by StatsD, show and publish them, for ever",
    argument("--address", required=True, help=f"where Prometheus asks, at port {metrics.PORT}"),
    argument("--namespace", default="", help="of CloudWatch; without one nothing is published"),
    argument("published", nargs="*", metavar="SERIES", help="what is published, as StatsD writes it"),
)
def _serve_metrics(arguments: argparse.Namespace) -> None:
    metrics.serve(arguments.address, arguments.namespace, arguments.published, LAYOUT.logs)


@command(
    "serve-credentials",
    "hand credentials of the task role to services, for ever",
    argument("--role", required=True, metavar="ARN"),
)
def _serve_credentials(arguments: argparse.Namespace) -> None:
    credentials.serve(arguments.role, _variable(credentials.TOKEN_VARIABLE, units.CREDENTIALS))


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status."""
    arguments = PARSER.parse_args(argv)
    try:
        return arguments.run(arguments) or 0
    except HostError as error:
        print(f"airflow-host: {error}", file=sys.stderr)
    except subprocess.CalledProcessError as error:
        print(f"airflow-host: {' '.join(map(str, error.cmd))} exited with {error.returncode}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
