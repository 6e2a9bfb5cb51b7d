"""Whether a folder of DAGs may become current: what Python says of its files, and what Airflow says."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from airflow_host.errors import HostError

SOCKET = Path("/run/airflow-dags-check.socket")


def link_errors(folder: Path) -> Iterator[str]:
    """Yield every link that leads out of the folder, or nowhere: a release is complete in itself."""
    root = folder.resolve()
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() and not (path.exists() and path.resolve().is_relative_to(root)):
            yield f"{path.relative_to(folder)}: links to {path.readlink()}, which is not in this folder"


def syntax_errors(folder: Path) -> Iterator[str]:
    """Yield "file:line: message" for every module that this host's Python cannot compile."""
    for path in sorted(folder.rglob("*.py")):
        if not path.is_file():
            continue
        try:
            compile(path.read_bytes(), path, "exec", dont_inherit=True)
        except SyntaxError as error:
            yield f"{path.relative_to(folder)}:{error.lineno}: {error.msg}"
        except ValueError as error:
            yield f"{path.relative_to(folder)}: {error}"


def import_errors(folder: Path, seconds: int, address: Path = SOCKET) -> list[str]:
    """Return "file: message" for every file that Airflow cannot import.

    Another unit imports them, as a user who owns nothing: they are code that nobody has run yet.
    """
    with socket.socket(socket.AF_UNIX) as connection:
        # That unit ends by itself after these seconds.
        connection.settimeout(seconds + 10)
        try:
            connection.connect(str(address))
            connection.sendall(f"{folder}\n".encode())
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        except TimeoutError:
            answer = b""
        except OSError as error:
            raise HostError(f"{address}: {error.strerror}; airflow-dags-check.socket must be active") from error
    try:
        errors: list[str] = json.loads(answer)
        return errors
    except ValueError:
        return [f"Airflow did not read all files within {seconds} s, or one of them ended its process"]


def problems(folder: Path, check: str, seconds: int, address: Path = SOCKET) -> list[str]:
    """Return why a folder may not become current; `check` is one of DAG_CHECKS and includes those before it."""
    if check == "nothing":
        return []
    found = [*link_errors(folder), *syntax_errors(folder)]
    return found or (import_errors(folder, seconds, address) if check == "imports" else [])


def _dag_bag(folder: Path) -> Any:
    """Return Airflow's import errors by file. Runs users' code."""
    sys.path.append(str(folder))
    os.environ["AIRFLOW__CORE__DAGS_FOLDER"] = str(folder)
    try:
        from airflow.dag_processing.dagbag import DagBag
    except ImportError:  # Airflow 2
        from airflow.models.dagbag import DagBag

        return DagBag(folder, include_examples=False).import_errors
    return DagBag(folder, bundle_path=folder).import_errors


def answer(connection: socket.socket) -> None:
    """Import the files of the folder that is named on a connection, and send what is wrong with them."""
    with connection.makefile("r") as lines:
        folder = Path(lines.readline().rstrip("\n"))
    # The last line of a traceback says what is wrong; Airflow 2 names files by their whole path.
    errors = [
        f"{os.path.relpath(folder / path, folder)}: {(text.strip() or 'no reason told').splitlines()[-1]}"
        for path, text in sorted(_dag_bag(folder).items())
    ]
    connection.sendall(json.dumps(errors).encode())
