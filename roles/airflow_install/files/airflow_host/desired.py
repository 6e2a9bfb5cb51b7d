"""Every file that a stack asks of a host."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from airflow_host import credentials, environment, pgbouncer, units
from airflow_host.files import File
from airflow_host.layout import SYSTEM_CERTIFICATE_AUTHORITIES, Layout
from airflow_host.model import WEB_SERVICES, Stack
from airflow_host.source import POOLED

AUTHORITY_GLOB = "graviflow-*.crt"


def _environment_files(stack: Stack, layout: Layout) -> Iterable[File]:
    document, authorities = stack.document, layout.database_authorities()
    # The migration has locks of its session.
    direct = environment.settings(stack, document.database, authorities)
    pooled = environment.settings(stack, document.sessions, authorities)
    for service in ("database", *document.services):
        names = environment.SETTINGS[document.airflow][service]
        values = direct if service == "database" else pooled
        more = {**document.environment, **environment.sign_in(stack, service), **environment.task_role(stack, service)}
        content = environment.environment_file(names, values, more)
        yield File(layout.runtime / f"{service}.env", content, mode=0o400, secret=True)
    if document.task_role:
        content = environment.environment_file((), {}, {credentials.TOKEN_VARIABLE: environment.task_token(stack)})
        yield File(layout.runtime / "credentials.env", content, mode=0o400, secret=True)


def _deploy_key(stack: Stack, layout: Layout) -> Iterable[File]:
    if "dags" in stack.secrets:
        # OpenSSH takes no key whose last line does not end.
        content = stack.secrets["dags"]["deploy_key"].strip() + "\n"
        yield File(layout.deploy_key, content, mode=0o400, secret=True)


def _pgbouncer(stack: Stack, layout: Layout) -> Iterable[File]:
    if pool := stack.document.pgbouncer:
        text = pgbouncer.configuration(stack.document, pool.pool_size, layout.database_authorities())
        yield File(layout.pgbouncer, text)
        users = pgbouncer.users(stack.secrets[name] for name in POOLED)
        yield File(layout.pgbouncer_users, users, mode=0o400, secret=True)


def _authorities(stack: Stack, layout: Layout) -> Iterable[File]:
    for certificate in stack.document.certificate_authorities:
        # Named by content, so that the order in the document means nothing.
        name = hashlib.sha256(certificate.strip().encode()).hexdigest()[:16]
        yield File(layout.certificate_authorities / f"graviflow-{name}.crt", certificate.strip() + "\n")


def _units(stack: Stack, layout: Layout) -> Iterable[File]:
    for unit, content in units.drop_ins(stack.document, layout.deploy_key).items():
        yield File(layout.units / f"{unit}.d" / units.DROP_IN, content)
    if storage := stack.document.shared_storage:
        yield File(layout.storage_tunnel, units.storage_tunnel(storage, SYSTEM_CERTIFICATE_AUTHORITIES))
        yield File(layout.units / units.mount_unit(storage.mount_point), units.mount(storage))


def files(stack: Stack, layout: Layout) -> list[File]:
    """Return the files of the stack on this host."""
    return [
        File(layout.airflow_cfg, stack.airflow_cfg),
        File(layout.webserver_config, stack.webserver_config),
        File(layout.document, stack.document_text),
        *_environment_files(stack, layout),
        *_deploy_key(stack, layout),
        *_pgbouncer(stack, layout),
        *_authorities(stack, layout),
        *_units(stack, layout),
    ]


def stale(wanted: Iterable[File], layout: Layout) -> list[Path]:
    """Return files of an earlier document that the present one no longer asks for."""
    ours = (
        *(path for path in (layout.pgbouncer, layout.pgbouncer_users) if path.exists()),
        *layout.runtime.glob("*.env"),
        *layout.runtime.glob("*.key"),
        *layout.certificate_authorities.glob(AUTHORITY_GLOB),
        *layout.units.glob(f"airflow*.d/{units.DROP_IN}"),
    )
    return sorted(set(ours) - {file.path for file in wanted})


def digests(wanted: Iterable[File], services: Iterable[str], layout: Layout) -> Mapping[str, str]:
    """Return, for each unit, a digest of all that it reads when it starts or is reloaded."""
    by_path = {file.path: file.content for file in wanted}
    image = layout.manifest.read_text() if layout.manifest.exists() else ""
    authorities = sorted(by_path[path] for path in by_path if path.parent == layout.certificate_authorities)

    def digest(*parts: str) -> str:
        return hashlib.sha256("\0".join([image, *authorities, *parts]).encode()).hexdigest()

    def of_service(service: str) -> str:
        unit = units.service_unit(service)
        own = (layout.airflow_cfg, layout.runtime / f"{service}.env", layout.units / f"{unit}.d" / units.DROP_IN)
        web = (layout.webserver_config,) if service in WEB_SERVICES else ()
        return digest(*(by_path.get(path, "") for path in (*own, *web)))

    result = {units.service_unit(service): of_service(service) for service in services}
    if layout.pgbouncer in by_path:
        result[units.PGBOUNCER] = digest(by_path[layout.pgbouncer], by_path[layout.pgbouncer_users])
    return result
