"""What RDS's patches and the service behind them share: names, versions, parameters, rules."""

from __future__ import annotations

import functools
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moto.rds import exceptions

# The versions that the API offers; behind each of them is the PostgreSQL that Debian ships.
ENGINE_VERSIONS = ("15.12", "15.13", "15.14", "16.8", "16.9", "16.10", "17.4", "17.5", "17.6")
PARAMETERS_FILE = Path(__file__).parents[1] / "images" / "data" / "postgres-parameters.tsv"


@dataclass(frozen=True)
class Request:
    """An edge that the API's state does not show: modify, reboot, failover, stop, start, or delete."""

    action: str
    final_snapshot: str | None = None


def endpoint_hash(account: str, aws_region: str) -> str:
    """Return the part of RDS endpoint names that is the same for all instances of an account in a region."""
    return "c" + hashlib.sha256(f"{account}/{aws_region}".encode()).hexdigest()[:11]


def latest(version: str | None) -> str:
    """Return the full version that RDS makes of a major version, or of none; full versions stay."""
    if version is None:
        return ENGINE_VERSIONS[-1]
    if "." in version:
        return version
    return next((known for known in reversed(ENGINE_VERSIONS) if known.startswith(f"{version}.")), version)


def family(version: str) -> str:
    """Return the parameter group family of an engine version."""
    return f"postgres{version.split('.')[0]}"


def check_password(password: str | None) -> None:
    """Refuse what RDS refuses in a master password."""
    if password is not None and not re.fullmatch(r"[!#-.0-?A-~]{8,128}", password):
        raise exceptions.InvalidParameterValue(
            "The parameter MasterUserPassword is not a valid password. Only printable ASCII characters besides "
            "'/', '@', '\"', ' ' may be used, 8 to 128 of them."
        )


@functools.cache
def parameters() -> dict[str, dict[str, Any]]:
    """Return what PostgreSQL's parameter groups know, as DescribeDBParameters has it, by name."""
    rows = (line.split("\t") for line in PARAMETERS_FILE.read_text().splitlines() if not line.startswith("#"))
    return {
        name: {
            "ParameterName": name,
            "ApplyType": apply_type,
            "DataType": data_type,
            "AllowedValues": allowed or None,
            "IsModifiable": True,
            "Source": "engine-default",
            "ApplyMethod": "pending-reboot",
        }
        for name, apply_type, data_type, allowed in rows
    }
