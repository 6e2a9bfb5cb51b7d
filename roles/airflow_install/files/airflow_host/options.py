"""Which options of airflow.cfg this host's Airflow knows."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from configparser import ConfigParser, Error
from pathlib import Path
from typing import Any

from airflow_host.errors import HostError


def _read(known: Path) -> Mapping[str, Any]:
    try:
        return json.loads(known.read_text())
    except (OSError, ValueError) as error:
        raise HostError(f"{known}: {error!r}; the image is incomplete") from error


def _problems(airflow_cfg: str, known: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong; sections that no package describes are somebody's own."""
    sections = {name.partition(".")[0] for name in known["options"]} - {*known["open"]}
    parser = ConfigParser(interpolation=None)
    try:
        parser.read_string(airflow_cfg)
    except Error as error:
        raise HostError(f"airflow.cfg: {error}") from error
    for name in (f"{section}.{option}" for section in parser.sections() for option in parser[section]):
        if name in known["renamed"]:
            yield f"{name} is {known['renamed'][name]} now"
        elif name in known["removed"] or (name.partition(".")[0] in sections and name not in known["options"]):
            yield f"{name} is unknown"


def require(airflow_cfg: str, known: Path) -> None:
    """Raise HostError when the text of an airflow.cfg has options that the Airflow of this image does not know."""
    if problems := list(_problems(airflow_cfg, _read(known))):
        raise HostError(
            f"airflow.cfg: the Airflow of this image does not take it: {'; '.join(problems)}. "
            "The file on this host stays as it is; correct airflow_config, and publish again"
        )
