"""What ElastiCache's patches and the service behind them share: names, versions, parameters, errors."""

from __future__ import annotations

import functools
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moto.elasticache import exceptions

# Engine -> its versions; behind them are the Redis and the Valkey that Debian ships.
ENGINE_VERSIONS = {"redis": ("6.2.6", "7.0.7", "7.1.0"), "valkey": ("7.2.6", "8.0.1", "8.1.0")}
FAMILIES = ("redis6.x", "redis7", "valkey7", "valkey8")
PARAMETERS_FILE = Path(__file__).parents[1] / "images" / "data" / "cache-parameters.tsv"
TOKEN = re.compile(r"[A-Za-z0-9!&#$^<>-]{16,128}")


@dataclass(frozen=True)
class Request:
    """An edge that the API's state does not show: modify, failover or delete."""

    action: str
    removed: tuple[str, ...] = ()


class NotFound(exceptions.ElastiCacheException):
    """A cache parameter group that is not there."""

    code = "CacheParameterGroupNotFound"

    def __init__(self, name: str) -> None:
        super().__init__(f"CacheParameterGroup {name} not found.")


class InUse(exceptions.ElastiCacheException):
    """A group that others still use; code differs by kind."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


class InvalidState(exceptions.ElastiCacheException):
    """A change to a replication group that is busy or not able to do it."""

    code = "InvalidReplicationGroupState"


def region_code(aws_region: str) -> str:
    """Return the short form of a region in ElastiCache's endpoint names: us-east-1 -> use1, cn-northwest-1 -> cnw1."""
    area, *rest = aws_region.split("-")
    number, direction = rest[-1], "".join(rest[:-1])
    words = re.findall("north|south|east|west|central", direction)
    if area == "cn" and len(words) > 1:
        words = words[-1:]
    return area + ("g" if "gov" in rest else "") + "".join(word[0] for word in words) + number


def family(engine: str, version: str) -> str:
    """Return the parameter group family of an engine version."""
    major = version.split(".")[0]
    return "redis6.x" if (engine, major) == ("redis", "6") else f"{engine}{major}"


def full_version(engine: str, version: str | None) -> str:
    """Return the version that ElastiCache makes of an abbreviated one, or of none."""
    known = ENGINE_VERSIONS[engine]
    if version is None:
        return known[-1]
    return next((each for each in reversed(known) if f"{each}.".startswith(f"{version}.")), version)


@dataclass(frozen=True)
class Endpoints:
    """The names of a replication group; they differ with TLS."""

    primary: str
    reader: str
    member: str

    @classmethod
    def of(cls, identifier: str, account: str, aws_region: str, suffix: str, tls: bool) -> Endpoints:
        """Return a group's names; member is a format string."""
        part = hashlib.sha256(f"{account}/{aws_region}".encode()).hexdigest()[:6]
        tail = f"{region_code(aws_region)}.cache.{suffix}"
        if tls:
            domain = f"{identifier}.{part}.{tail}"
            return cls(f"master.{domain}", f"replica.{domain}", "{}." + domain)
        return cls(
            f"{identifier}.{part}.ng.0001.{tail}",
            f"{identifier}-ro.{part}.ng.0001.{tail}",
            "{}." + f"{part}.0001.{tail}",
        )


@functools.cache
def parameters() -> dict[str, dict[str, Any]]:
    """Return what a parameter group knows, as DescribeCacheParameters has it, by name."""
    rows = (line.split("\t") for line in PARAMETERS_FILE.read_text().splitlines() if not line.startswith("#"))
    return {
        name: {
            "ParameterName": name,
            "ParameterValue": default or None,
            "DataType": data_type,
            "AllowedValues": allowed or None,
            "ChangeType": change_type,
            "IsModifiable": name != "cluster-enabled",
            "Source": "system",
        }
        for name, data_type, allowed, default, change_type in rows
    }


def arn(backend: Any, name: str, kind: str = "parametergroup") -> str:
    """Return the ARN of a resource in its backend's partition."""
    return f"arn:{backend.partition}:elasticache:{backend.region_name}:{backend.account_id}:{kind}:{name}"


@dataclass
class ParameterGroup:
    """A cache parameter group: its family and the values that differ from the family's."""

    name: str
    family: str
    description: str
    arn: str
    values: dict[str, str]

    def describe(self) -> dict[str, Any]:
        """Return it as DescribeCacheParameterGroups has it."""
        return {
            "CacheParameterGroupName": self.name,
            "CacheParameterGroupFamily": self.family,
            "Description": self.description,
            "IsGlobal": False,
            "ARN": self.arn,
        }


def parameter_group(backend: Any, name: str) -> ParameterGroup:
    """Return a parameter group, a family's default one too; raises NotFound."""
    groups: dict[str, ParameterGroup] = backend.__dict__.setdefault("parameter_groups", {})
    default = name.removeprefix("default.")
    if name.startswith("default.") and default in FAMILIES and name not in groups:
        groups[name] = ParameterGroup(name, default, f"Default parameter group for {default}", arn(backend, name), {})
    if name not in groups:
        raise NotFound(name)
    return groups[name]


def check_token(token: str | None, tls: bool) -> None:
    """Refuse what ElastiCache refuses in an AUTH token."""
    if token is None:
        return
    if not tls:
        raise exceptions.InvalidParameterCombinationException(
            "The AUTH token can be specified only when in-transit encryption is enabled."
        )
    if not TOKEN.fullmatch(token):
        raise exceptions.InvalidParameterValueException(
            "Invalid AuthToken provided. 16 to 128 printable characters; of those that are neither letters nor digits "
            "only ! & # $ ^ < > - may be used."
        )
