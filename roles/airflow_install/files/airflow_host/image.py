"""What this host's image consists of, as its manifest says."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from airflow_host.errors import HostError


@dataclass(frozen=True)
class Image:
    """The version of Airflow, and by part of the schema the migration that it needs."""

    airflow: str
    migration_heads: dict[str, str]

    def require(self, airflow: int) -> None:
        """Raise HostError when the image has another major version of Airflow than a stack document is for."""
        if int(self.airflow.partition(".")[0]) != airflow:
            raise HostError(
                f"stack document: is for Airflow {airflow}, this image has {self.airflow}; "
                "replace the host by one of an image that fits, or publish a document that fits the image"
            )


def read(manifest: Path) -> Image:
    """Return what the manifest says; raise HostError when it says too little."""
    try:
        raw = json.loads(manifest.read_text())
        return Image(raw["airflow"], raw["migration_heads"])
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise HostError(f"{manifest}: {error!r}; the image is incomplete") from error
