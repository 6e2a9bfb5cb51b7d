"""Rules about the controller and how it reaches AWS."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.graviflow.airflow.plugins.module_utils.stack_rules.problem import Facts, Problem


def tools(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """Programs are there."""
    for tool in facts.missing_tools:
        yield Problem("preflight_tools", tool, "It is not on the controller's PATH.", f"Install {tool}.")


def region(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """The region exists, and is the one that is talked to."""
    wanted, talked_to = stack["stack_region"], stack["aws_connection"].get("region")
    if facts.partition is None:
        yield Problem(
            "stack_region",
            wanted,
            "No partition of AWS has a region of this name, as far as botocore knows.",
            "Correct it, for example us-east-1 or cn-north-1. For a new region install a newer boto3.",
        )
    if talked_to != wanted:
        yield Problem(
            "aws_connection.region",
            talked_to,
            f"It differs from stack_region, {wanted}: the stack would be made in another place than it is named for.",
            'Set it to "{{ stack_region }}".',
        )


def credentials(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """AWS knows who asks, and it is somebody of the region's partition."""
    if facts.caller_error is not None:
        yield Problem(
            "aws_connection",
            facts.caller_error.splitlines()[0] if facts.caller_error else "no answer",
            "AWS does not say who asks (sts:GetCallerIdentity).",
            "Give credentials, as a profile in aws_connection or as AWS_PROFILE, and see that they have not expired.",
        )
    if facts.caller_arn and facts.partition:
        partition = facts.caller_arn.split(":")[1]
        if partition != facts.partition:
            yield Problem(
                "stack_region",
                stack["stack_region"],
                f"It is in partition {facts.partition}, and the credentials are of partition {partition}.",
                "Use credentials of an account in that partition, or a region of theirs.",
            )
