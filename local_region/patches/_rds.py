"""What RDS's patches and the service behind them share: names, versions, parameters, rules."""

from __future__ import annotations

import functools
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moto.rds import exceptions

# Engines with PostgreSQL behind them.
POSTGRES = ("postgres", "aurora-postgresql")
# The versions that the API offers. Behind each of PostgreSQL's is the one that Debian ships, behind MySQL's nothing.
ENGINE_VERSIONS = {
    "postgres": ("15.12", "15.13", "15.14", "16.8", "16.9", "16.10", "17.4", "17.5", "17.6"),
    "aurora-postgresql": ("15.12", "15.13", "16.8", "16.9", "17.4", "17.5"),
    "mysql": ("8.0.41", "8.0.42", "8.4.5", "8.4.6"),
}
DATA = Path(__file__).parents[1] / "images" / "data"
PARAMETERS_FILES = {"postgres": "postgres-parameters.tsv", "mysql": "mysql-parameters.tsv"}


@dataclass(frozen=True)
class Request:
    """An edge that the API's state does not show: modify, renew (a port), reboot, failover, stop, start, delete."""

    action: str
    final_snapshot: str | None = None


def endpoint_hash(account: str, aws_region: str) -> str:
    """Return the part of RDS endpoint names that is the same for all instances of an account in a region."""
    return "c" + hashlib.sha256(f"{account}/{aws_region}".encode()).hexdigest()[:11]


def latest(version: str | None, engine: str = "postgres") -> str:
    """Return the full version that RDS makes of the beginning of one, or of none; refuse what it does not offer."""
    offered = ENGINE_VERSIONS[engine]
    found = [known for known in offered if version is None or f"{known}.".startswith(f"{version}.")]
    if not found:
        raise exceptions.InvalidParameterCombination(f"Cannot find version {version} for {engine}")
    return found[-1]


def family(version: str, engine: str = "postgres") -> str:
    """Return the parameter group family of an engine version."""
    return engine + ".".join(version.split(".")[: 2 if engine == "mysql" else 1])


def families() -> list[str]:
    """Return every family of a version that is offered."""
    return sorted({family(version, engine) for engine, offered in ENGINE_VERSIONS.items() for version in offered})


def forces_tls(of_family: str) -> dict[str, str]:
    """Return the family's parameter that forces TLS, with its default."""
    if of_family.startswith("mysql"):
        return {"require_secure_transport": "1" if of_family == "mysql8.4" else "0"}
    first = 17 if of_family.startswith("aurora") else 15
    return {"rds.force_ssl": "1" if int(re.sub(r"\D", "", of_family)) >= first else "0"}


def check_password(password: str | None) -> None:
    """Refuse what RDS refuses in a master password."""
    if password is not None and not re.fullmatch(r"[!#-.0-?A-~]{8,128}", password):
        raise exceptions.InvalidParameterValue(
            "The parameter MasterUserPassword is not a valid password. Only printable ASCII characters besides "
            "'/', '@', '\"', ' ' may be used, 8 to 128 of them."
        )


@functools.cache
def parameters(of_family: str = "postgres") -> dict[str, dict[str, Any]]:
    """Return what the parameter groups of a family know, as DescribeDBParameters has it, by name."""
    path = DATA / PARAMETERS_FILES["mysql" if of_family.startswith("mysql") else "postgres"]
    rows = (line.split("\t") for line in path.read_text().splitlines() if not line.startswith("#"))
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


def described(group: Any) -> list[dict[str, Any]]:
    """Return the parameters of a group, those of instances or those of clusters, sorted by name."""
    of_family = getattr(group, "family", None) or group.db_parameter_group_family
    known = {parameter: dict(entry) for parameter, entry in parameters(of_family).items()}
    for parameter, value in forces_tls(of_family).items():
        known[parameter]["ParameterValue"] = value
    for parameter, entry in group.parameters.items():
        known.setdefault(parameter, {"ParameterName": parameter}).update(entry, Source="user")
    return sorted(known.values(), key=lambda entry: entry["ParameterName"])


def refuse_unknown(of_family: str, given: list[Any]) -> None:
    """Refuse parameters that the family does not have."""
    for parameter in given:
        if parameter["ParameterName"] not in parameters(of_family):
            raise exceptions.InvalidParameterValue(f"Could not find parameter: {parameter['ParameterName']}")
