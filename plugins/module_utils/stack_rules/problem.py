"""What a rule finds, and what it knows besides the stack's variables."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

# Stands for the value of a secret.
HIDDEN = "(not shown)"


@dataclass(frozen=True)
class Problem:
    """A value, the rule that it breaks, and the way out."""

    variable: str
    value: Any
    rule: str
    fix: str


@dataclass(frozen=True)
class Facts:
    """What was found on the controller and at AWS. None stands for what could not be asked."""

    partition: str | None = "aws"
    caller_arn: str | None = None
    caller_error: str | None = None
    zones: list[str] | None = None
    locks: list[str] = field(default_factory=list)
    missing_tools: list[str] = field(default_factory=list)
    allow_open_internet: bool = False
    # What Airflow knows, as the role airflow_install has it in files/options; None for a version that is not there.
    airflow_options: dict[str, Any] | None = None
    # Sections of airflow.cfg that others than Airflow and the lock's providers read.
    own_sections: list[str] = field(default_factory=list)
    # The VPC that is given, as amazon.aws's info modules tell it: vpcs, subnets, route_tables.
    network: dict[str, Any] | None = None
    # AMIs that have the ID that is given, as amazon.aws's info module tells them.
    images: list[dict[str, Any]] | None = None
    # What the region offers and the account's quotas leave, as region_offers_info tells it.
    offers: dict[str, Any] = field(default_factory=dict)
    # Variable -> its specification, of the roles' argument_specs.yml.
    options: dict[str, dict[str, Any]] = field(default_factory=dict)
