"""Filters of EC2's Describe calls."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import moto.ec2.utils as utils

if TYPE_CHECKING:
    from local_region.region import Region


def apply(region: Region) -> None:
    """Patch the filters of DescribeInstances."""
    utils.instance_value_in_filter_values = matches


def matches(value: Any, patterns: list[str]) -> bool:
    """Gap: a filter of instances takes no wildcards; EC2 takes * and ? in each value."""
    values = [str(each).lower() if isinstance(each, bool) else str(each) for each in _listed(value)]
    return any(re.fullmatch(_expression(pattern), each) for pattern in patterns for each in values)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _expression(pattern: str) -> str:
    return re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
