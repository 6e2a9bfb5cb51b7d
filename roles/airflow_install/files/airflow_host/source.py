"""Where a host's stack is read from: AWS, or a directory."""

from __future__ import annotations

import hashlib
import json
import sys
import urllib.request
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_host import state
from airflow_host.errors import HostError
from airflow_host.files import File
from airflow_host.model import (
    WEB_SERVICES,
    Git,
    Secrets,
    Stack,
    dag_source,
    of_class,
    parse_document,
    sign_in_secrets,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from botocore.client import BaseClient

    Clients = Callable[[str], BaseClient]

METADATA = "http://169.254.169.254/latest"
METADATA_TIMEOUT = 5.0
POOLED = ("database", "results")
"""Secrets with a login of the metadata database."""
SECRETS = (*POOLED, "broker", "airflow", "admin")
TEXTS = ("document", "airflow.cfg", "webserver_config.py")
"""Parameters that a host reads, verbatim."""


class Metadata:
    """The instance's metadata, by IMDSv2."""

    def __init__(self, address: str = METADATA) -> None:
        self._address = address
        # Metadata is link-local: a proxy from the environment could only break it.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        self._token = self._request("PUT", "/api/token", {"X-aws-ec2-metadata-token-ttl-seconds": "300"})

    def _request(self, method: str, path: str, headers: Mapping[str, str]) -> str:
        request = urllib.request.Request(self._address + path, method=method, headers=dict(headers))
        try:
            with self._opener.open(request, timeout=METADATA_TIMEOUT) as response:
                return response.read().decode()
        except OSError as error:
            raise HostError(f"instance metadata {path}: {error}") from error

    def get(self, path: str) -> str:
        """Return one item, for instance /meta-data/placement/region."""
        return self._request("GET", path, {"X-aws-ec2-metadata-token": self._token})


def secrets_of(document: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the secrets that the services and the DAGs of a document need."""
    source, services = dag_source(document), set(document.get("services", ()))
    needed = {
        "flower": "flower" in services,
        "dags": isinstance(source, Git) and source.by_ssh,
        "sign_in": services & WEB_SERVICES and sign_in_secrets(document),
    }
    return (*SECRETS, *(name for name in needed if needed[name]))


def _also_named(document: Mapping[str, Any]) -> list[str]:
    """Return the names of the secrets that the declared state names: without one, the rest of the host is right."""
    return sorted(state.secret_names(document.get("state", {})))


def place_of(user_data: str) -> tuple[str, str]:
    """Return the stack's name and the host's class, "" for none; raise HostError if the user data names no stack."""
    try:
        given = json.loads(user_data)
        return given["stack"], given.get("host_class", "")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise HostError('user data: expected JSON like {"stack": "airflow-demo"}') from error


def _parameters(ssm: BaseClient, path: str) -> dict[str, str]:
    pages = ssm.get_paginator("get_parameters_by_path").paginate(Path=path)
    return {item["Name"].removeprefix(f"{path}/"): item["Value"] for page in pages for item in page["Parameters"]}


def document_of(text: str, host_class: str) -> str:
    """Return the text of a stack's document as it is for the hosts of a class; raise HostError if there is no such."""
    return json.dumps(of_class(json.loads(text), host_class), indent=1, sort_keys=True) if host_class else text


def fingerprint(stack: str, key: str) -> str:
    """Return what tells one of Airflow's keys from another; roles/secrets puts it into the document."""
    return hashlib.sha256(f"{stack}:{key}".encode()).hexdigest()[:12]


def _stack(document_text: str, airflow_cfg: str, webserver_config: str, secrets: Secrets) -> Stack:
    document = parse_document(json.loads(document_text))
    for name, expected in document.fingerprints.items():
        found = fingerprint(document.stack, secrets["airflow"].get(name, ""))
        if found != expected:
            raise HostError(
                f"secrets: {name} has the fingerprint {found} here, the stack's is {expected}; nothing was changed."
                " All hosts must have one key. If the secret is meant to be another, run playbooks/provision.yml."
            )
    return Stack(document, document_text, airflow_cfg, webserver_config, secrets)


def _from_secrets_manager(client: Clients, ids: list[str]) -> dict[str, str]:
    manager = client("secretsmanager")
    return {each: manager.get_secret_value(SecretId=each)["SecretString"] for each in ids}


def _from_parameter_store(client: Clients, ids: list[str]) -> dict[str, str]:
    found = client("ssm").get_parameters(Names=ids, WithDecryption=True)
    if found["InvalidParameters"]:
        raise HostError(f"parameter {found['InvalidParameters'][0]} does not exist")
    return {each["Name"]: each["Value"] for each in found["Parameters"]}


READERS = {"secrets_manager": _from_secrets_manager, "parameter_store": _from_parameter_store}
"""Backend -> how the texts of secrets are read by their ids."""


def from_aws() -> Stack:
    """Return the stack of this instance, read with the instance's own role."""
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    metadata = Metadata()
    region = metadata.get("/meta-data/placement/region")
    name, host_class = place_of(metadata.get("/user-data"))
    session = boto3.session.Session(region_name=region)
    config = Config(connect_timeout=5, read_timeout=20, retries={"mode": "standard", "max_attempts": 5})
    try:
        parameters = _parameters(session.client("ssm", config=config), f"/graviflow/{name}")
        for key in TEXTS:
            if key not in parameters:
                raise HostError(f"parameter /graviflow/{name}/{key} does not exist yet")
        published = {**json.loads(parameters["document"]), "state": json.loads(parameters.get("state", "{}"))}
        text = document_of(json.dumps(published, indent=1, sort_keys=True), host_class)
        document = json.loads(text)
        location = document["secrets"]
        ids = {key: location["ids"][key] for key in secrets_of(document)}
        read = partial(READERS[location["backend"]], partial(session.client, config=config))
        texts = read(list(ids.values()))
        # They lie beside the stack's own.
        beside = {key: f"{ids['admin'].rpartition('/')[0]}/{key}" for key in _also_named(document)}
        also = {key: found for key, each in beside.items() if (found := _attempt(read, each))}
    except (BotoCoreError, ClientError) as error:
        raise HostError(f"stack {name}: {error}") from error
    except KeyError as error:
        raise HostError(f"stack {name}: its document names no place that this image can read {error} from") from error
    secrets = {key: json.loads(texts[each]) for key, each in ids.items()}
    return _stack(text, parameters["airflow.cfg"], parameters["webserver_config.py"], {**secrets, **also})


def _attempt(read: Callable[[list[str]], Mapping[str, str]], secret: str) -> dict[str, str] | None:
    """Return what a secret is, None with a word about why when it cannot be had."""
    from botocore.exceptions import ClientError

    try:
        found = json.loads(read([secret])[secret])
        if isinstance(found, dict):
            return found
        print(f"secret {secret}: is no JSON object", file=sys.stderr)
    except (ClientError, HostError) as error:
        print(f"secret {secret}: {error}", file=sys.stderr)
    except ValueError:
        print(f"secret {secret}: is no JSON", file=sys.stderr)
    return None


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError as error:
        raise HostError(f"{path}: {error.strerror}") from error


def from_text(text: str) -> Stack:
    """Return the stack of one JSON object: texts document, airflow_cfg and webserver_config, and the object secrets.

    A host of a class has its name as host_class.
    """
    try:
        given = json.loads(text)
        text = document_of(given["document"], given.get("host_class", ""))
        document, secrets = json.loads(text), given["secrets"]
        needed = {key: secrets[key] for key in secrets_of(document)}
        also = {key: secrets[key] for key in _also_named(document) if key in secrets}
        return _stack(text, given["airflow_cfg"], given["webserver_config"], {**needed, **also})
    except ValueError as error:
        # No words of the parser: they could quote the text, and that has secrets in it.
        raise HostError("standard input: is not the JSON of a stack") from error
    except KeyError as error:
        raise HostError(f"standard input: {error.args[0]!r} is missing") from error


def copies(stack: Stack, directory: Path, secrets_directory: Path) -> list[File]:
    """Return the files from which from_directory would read the same stack."""
    secrets = (
        File(secrets_directory / f"{key}.json", json.dumps(stack.secrets[key]), mode=0o400, secret=True)
        for key in stack.secrets
    )
    return [
        File(directory / "document.json", stack.document_text),
        File(directory / "airflow.cfg", stack.airflow_cfg),
        File(directory / "webserver_config.py", stack.webserver_config),
        *secrets,
    ]


def from_directory(directory: Path, secrets_directory: Path) -> Stack:
    """Return the stack whose document lies in one directory and whose secrets lie in another, on tmpfs."""
    document = _read(directory / "document.json")
    raw = json.loads(document)
    also = [key for key in _also_named(raw) if (secrets_directory / f"{key}.json").exists()]
    names = (*secrets_of(raw), *also)
    secrets: dict[str, Any] = {key: json.loads(_read(secrets_directory / f"{key}.json")) for key in names}
    return _stack(document, _read(directory / "airflow.cfg"), _read(directory / "webserver_config.py"), secrets)
