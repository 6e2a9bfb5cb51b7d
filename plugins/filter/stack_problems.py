"""Filter that finds what is wrong with a stack's variables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.graviflow.airflow.plugins.module_utils.stack_rules import problems
from ansible_collections.graviflow.airflow.plugins.module_utils.stack_rules.problem import Facts

DOCUMENTATION = r"""
name: stack_problems
short_description: Find what is wrong with a stack's variables
version_added: 0.1.0
author: The graviflow team
description:
  - Applies every rule to the variables, and returns all problems at once. Values of secrets are not in them.
positional: _input
options:
  _input:
    description: The stack's variables by name. Those that are missing have their role's default.
    type: dict
    required: true
  facts:
    description: >-
      What was found on the controller and at AWS: C(partition), C(caller_arn), C(caller_error), C(zones), C(locks),
      C(missing_tools), C(allow_open_internet), C(network), C(airflow_options), C(own_sections),
      C(options) (from P(graviflow.airflow.role_options#filter)).
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Problems are shown
  ansible.builtin.debug:
    msg: "{{ stack | graviflow.airflow.stack_problems(facts={'partition': 'aws', 'locks': []}) }}"
"""

RETURN = r"""
_value:
  description: Problems, an empty list when there are none.
  type: list
  elements: dict
  sample:
    - {variable: network_zones, value: [us-east-1a], rule: Two zones are wanted., fix: Name two different zones.}
"""


def stack_problems(stack: Mapping[str, Any], facts: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """Return the problems of a stack as dictionaries."""
    # Values stay as they are: asdict copies them, and Ansible's own lists cannot be copied that way.
    return [dict(vars(problem)) for problem in problems(stack, Facts(**(facts or {})))]


class FilterModule:
    """Filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Return the filters by name."""
        return {"stack_problems": stack_problems}
