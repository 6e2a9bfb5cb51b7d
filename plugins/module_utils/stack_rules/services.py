"""Rules about the managed services."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.graviflow.airflow.plugins.module_utils.stack_rules.problem import Facts, Problem

# Variable -> what its value looks like, and an example.
CLASSES = {
    "broker_node_type": (re.compile(r"cache\.[a-z0-9-]+\.[a-z0-9]+"), "cache.m7g.large"),
}
# Neither fails over automatically with encryption: nodes of the first generations.
OLD_NODES = re.compile(r"cache\.(t1|m1|m2|c1|r3|m3|t2)\.")


def classes(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """Sizes are of the service that they are for."""
    for variable, (pattern, example) in CLASSES.items():
        given = stack.get(variable)
        if given and not pattern.fullmatch(str(given)):
            yield Problem(variable, given, "It is not a size of this service.", f"Use one like {example}.")
    node = str(stack.get("broker_node_type") or "")
    if OLD_NODES.match(node) and stack.get("high_availability"):
        yield Problem(
            "broker_node_type",
            node,
            "Nodes of this generation lack encryption or automatic failover, and high_availability is true.",
            "Use one like cache.m7g.large or cache.t4g.medium.",
        )
