"""Filter that lets pass what can be declared of Airflow's own data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.graviflow.airflow.plugins.module_utils.stack_rules.state import problems

DOCUMENTATION = r"""
name: airflow_state
short_description: Check a declaration of connections, variables, pools, roles and users
version_added: 0.1.0
author: The graviflow team
description:
  - Returns the declaration as it is, or fails with everything that is wrong with it. Values are not shown.
  - Refuses what looks like a secret, so that none is published.
positional: _input
options:
  _input:
    description: The declaration, as docs/configuration.md has it.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Declaration is shown
  ansible.builtin.debug:
    msg: "{{ {'pools': {'warehouse': {'slots': 8}}} | graviflow.airflow.airflow_state }}"
"""

RETURN = r"""
_value:
  description: The declaration.
  type: dict
"""


def airflow_state(state: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the declaration; raise AnsibleFilterError when it cannot be made."""
    if found := [f"{each.variable}: {each.value}. {each.rule} {each.fix}" for each in problems(state)]:
        raise AnsibleFilterError(" ".join(found))
    return state


class FilterModule:
    """Filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Return the filters by name."""
        return {"airflow_state": airflow_state}
