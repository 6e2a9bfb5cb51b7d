"""The command line of airflow-host, which `airflow-host --help` shows."""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

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


def _print(result: object) -> None:
    print(json.dumps(result, indent=1))


def _applied_document() -> Document:
    try:
        return parse_document(json.loads(LAYOUT.document.read_text()))
    except FileNotFoundError as error:
        raise HostError(f"{LAYOUT.document}: does not exist; airflow-host apply has not run yet") from error


def _apply(arguments: argparse.Namespace) -> int:
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
    return 0


def _variable(name: str) -> str:
    """Return a variable of the unit's environment file."""
    try:
        return os.environ[name]
    except KeyError as error:
        raise HostError(f"environment: {name} is missing; run this by airflow-database.service") from error


def _prepare_database(arguments: argparse.Namespace) -> int:
    url, keys = _variable("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"), _variable("AIRFLOW__CORE__FERNET_KEY")
    declared = state.Declared(json.loads(_variable("AIRFLOW_HOST_STATE")), keys)
    del os.environ["AIRFLOW_HOST_STATE"]  # no process that this one starts needs its passwords
    parts = [results.from_environment(), declared]
    _print({"changed": database.prepare(url, image.read(LAYOUT.manifest), parts, AIRFLOW)})
    return 0


def _downgrade_database(arguments: argparse.Namespace) -> int:
    url, installed = _variable("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"), image.read(LAYOUT.manifest)
    _print(database.take_back(url, installed, arguments.version, arguments.fab, AIRFLOW))
    return 0


def _sync_dags(arguments: argparse.Namespace) -> int:
    document = _applied_document()
    # Where AWS is, and how the network is left.
    os.environ.update(document.environment)
    dags.sync(document.dags, dag_sources.of(document), LAYOUT.dags, LAYOUT.image_dags)
    return 0


def _refresh_dags(arguments: argparse.Namespace) -> int:
    if not arguments.check:
        _print(dags.refresh(LAYOUT.dags))
        return 0
    # What a repository or a bucket has now, only the unit may ask: hosts follow it by themselves anyway.
    document, state = _applied_document(), dags.read_state(LAYOUT.dags)
    due = isinstance(document.dags.source, Efs) and dag_sources.of(document).revision() not in (None, state.revision)
    _print({"changed": due, **state.as_dict()})
    return 0


def _check_dags(arguments: argparse.Namespace) -> int:
    os.environ.update(_applied_document().environment)
    with socket.socket(fileno=os.dup(sys.stdin.fileno())) as connection:
        dag_check.answer(connection)
    return 0


def _codecommit_login(arguments: argparse.Namespace) -> int:
    import boto3

    if arguments.operation == "get":
        asked = dict(line.rstrip("\n").split("=", 1) for line in sys.stdin if "=" in line)
        role = boto3.session.Session().get_credentials()
        if role is None:
            raise HostError("CodeCommit: this host has no role to sign with")
        answer = codecommit.login(asked, role.get_frozen_credentials(), datetime.now(UTC))
        print("".join(f"{name}={value}\n" for name, value in answer.items()), end="")
    return 0


def _publish_dags(arguments: argparse.Namespace) -> int:
    keep = releases.Keep(arguments.keep, arguments.keep_seconds)
    # Every host's unit reads it, as a user of its own.
    os.umask(0o022)
    changed = dags.publish(arguments.archive, arguments.target, arguments.revision, keep, arguments.check)
    _print({"changed": changed, "revision": arguments.revision})
    return 0


def _status(arguments: argparse.Namespace) -> int:
    result = health.await_healthy(_applied_document().components, arguments.wait)
    state, time_of_day = dags.read_state(LAYOUT.dags), clock.read()
    if arguments.json:
        services = [item.as_dict() for item in result]
        told = {"dags": state.revision, "dags_problem": state.problem, "clock": time_of_day.as_dict()}
        worker = {"free_percent": disk.free_percent(LAYOUT.logs), "held": disk.held(LAYOUT)}
        _print({"services": services, **told, "disk": worker})
    else:
        if reason := disk.held(LAYOUT):
            print(f"disk: {reason}")
        for item in result:
            print(f"{item.service:15} {item.state:20} {item.reason or 'healthy'}")
        print(f"{'dags':15} {state.revision or 'none':20} {state.problem or 'as their source has them'}")
        print(f"{'clock':15} {time_of_day.state:20} {time_of_day.warning or 'within bounds'}")
    return 1 if any(item.reason for item in result) else 0


def _await_answer(arguments: argparse.Namespace) -> int:
    # What comes after the service may start in any case: whether it is sick, others find out.
    health.await_answer(arguments.service, arguments.process, arguments.seconds)
    return 0


def _watch_worker(arguments: argparse.Namespace) -> int:
    from redis import Redis, RedisError

    try:
        url = os.environ["AIRFLOW__CELERY__BROKER_URL"]
    except KeyError as error:
        raise HostError(f"environment: {error.args[0]} is missing; run this by airflow-watchdog.service") from error
    seconds = watchdog.BROKER_SECONDS
    try:
        with Redis.from_url(url, socket_timeout=seconds, socket_connect_timeout=seconds) as broker:
            queues = _applied_document().worker.queues
            watchdog.check(broker, queues, LAYOUT.watched, time.monotonic(), arguments.patience)
    except RedisError as error:
        # The worker is not to blame, and finds its broker again by itself.
        print(f"broker: {error}", file=sys.stderr)
    return 0


def _watch_web(arguments: argparse.Namespace) -> int:
    for service in WEB_SERVICES & {*_applied_document().services}:
        web_watchdog.check(service, LAYOUT.web_silent, time.monotonic())
    return 0


def _guard_disk(arguments: argparse.Namespace) -> int:
    document = _applied_document()
    disk.guard(LAYOUT, document.disk, "worker" in document.services, time.time())
    return 0


def _ship_journal(arguments: argparse.Namespace) -> int:
    journal.follow((arguments.airflow_group, arguments.system_group), arguments.state)
    return 0


def _serve_metrics(arguments: argparse.Namespace) -> int:
    metrics.serve(arguments.address, arguments.namespace, arguments.published, LAYOUT.logs)
    return 0


def _serve_credentials(arguments: argparse.Namespace) -> int:
    try:
        token = os.environ[credentials.TOKEN_VARIABLE]
    except KeyError as error:
        raise HostError(f"environment: {error.args[0]} is missing; run this by {units.CREDENTIALS}") from error
    credentials.serve(arguments.role, token)
    return 0


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    root = argparse.ArgumentParser(prog="airflow-host", description="Make this host what its stack says.")
    commands = root.add_subparsers(required=True)

    command = commands.add_parser("apply", help="write configuration and secrets, restart what has become outdated")
    command.add_argument("--check", action="store_true", help="change nothing, print what would change")
    command.add_argument(
        "--from",
        dest="source",
        metavar="DIR",
        help=f"read the stack here, not from AWS; - reads it from standard input and keeps it in {LAYOUT.given}",
    )
    command.add_argument("--no-restart", dest="restart", action="store_false", help="leave running services alone")
    command.set_defaults(run=_apply)

    command = commands.add_parser("prepare-database", help="migrate the database, and make right what it must have")
    command.set_defaults(run=_prepare_database)

    command = commands.add_parser(
        "downgrade-database", help="take the schema back to an older version's; see docs/rollback.md"
    )
    command.add_argument(
        "--to-version", dest="version", required=True, help="of the older image's Airflow, for instance 3.2.1"
    )
    command.add_argument("--fab-version", dest="fab", help="of the older image's apache-airflow-providers-fab")
    command.set_defaults(run=_downgrade_database)

    command = commands.add_parser("sync-dags", help="bring the DAGs that their source has; for airflow-dags.service")
    command.set_defaults(run=_sync_dags)

    command = commands.add_parser("refresh-dags", help="sync the DAGs now, and show what came of it")
    command.add_argument("--check", action="store_true", help="change nothing, print what would change")
    command.set_defaults(run=_refresh_dags)

    command = commands.add_parser("check-dags", help="import DAGs as Airflow does; for airflow-dags-check@.service")
    command.set_defaults(run=_check_dags)

    command = commands.add_parser("codecommit-login", help="sign in to CodeCommit with the host's role; for git")
    command.add_argument("operation", help="get; all others do nothing")
    command.set_defaults(run=_codecommit_login)

    command = commands.add_parser("publish-dags", help="unpack an archive as the current release")
    command.add_argument("--check", action="store_true", help="change nothing, print what would change")
    command.add_argument("--archive", type=Path, required=True)
    command.add_argument("--target", type=Path, required=True, help="directory that has releases/ and current")
    command.add_argument("--revision", required=True)
    command.add_argument("--keep", type=int, default=5, help="how many releases stay (default: 5)")
    command.add_argument(
        "--keep-seconds", type=float, default=3600, help="how long each stays after it was current (default: 3600)"
    )
    command.set_defaults(run=_publish_dags)

    command = commands.add_parser("status", help="show the health of this host's services; exit 1 if one is sick")
    command.add_argument("--json", action="store_true")
    command.add_argument("--wait", type=float, default=0, metavar="SECONDS", help="wait until all are healthy")
    command.set_defaults(run=_status)

    command = commands.add_parser("await-answer", help="wait for a service that starts; for its unit")
    command.add_argument("service", choices=health.ENDPOINTS)
    command.add_argument("--process", type=int, required=True, metavar="PID", help="do not outwait this process")
    command.add_argument("--seconds", type=float, default=60, help="wait no longer (default: 60)")
    command.set_defaults(run=_await_answer)

    command = commands.add_parser("watch-worker", help="restart a worker that takes nothing while there is work")
    command.add_argument(
        "--patience", type=float, default=30, metavar="SECONDS", help="that work may wait (default: 30)"
    )
    command.set_defaults(run=_watch_worker)

    command = commands.add_parser("watch-web", help="restart a web service that answers nobody")
    command.set_defaults(run=_watch_web)

    command = commands.add_parser("guard-disk", help="remove old logs; let the worker take tasks while there is room")
    command.set_defaults(run=_guard_disk)

    command = commands.add_parser("ship-journal", help="send the journal to CloudWatch Logs, for ever")
    command.add_argument("--airflow-group", required=True, help="log group of what Airflow's units say")
    command.add_argument("--system-group", required=True, help="log group of all else")
    command.add_argument("--state", type=Path, required=True, help="directory of the cursor")
    command.set_defaults(run=_ship_journal)

    command = commands.add_parser("serve-credentials", help="hand credentials of the task role to services, for ever")
    command.add_argument("--role", required=True, metavar="ARN")
    command.set_defaults(run=_serve_credentials)

    command = commands.add_parser("serve-metrics", help="take metrics by StatsD, show and publish them, for ever")
    command.add_argument("--address", required=True, help=f"where Prometheus asks, at port {metrics.PORT}")
    command.add_argument("--namespace", default="", help="of CloudWatch; without one nothing is published")
    command.add_argument("published", nargs="*", metavar="SERIES", help="what is published, as StatsD writes it")
    command.set_defaults(run=_serve_metrics)
    return root


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status."""
    arguments = parser().parse_args(argv)
    try:
        return arguments.run(arguments)
    except HostError as error:
        print(f"airflow-host: {error}", file=sys.stderr)
    except subprocess.CalledProcessError as error:
        print(f"airflow-host: {' '.join(map(str, error.cmd))} exited with {error.returncode}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
