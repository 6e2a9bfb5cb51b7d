"""Filter that reads which variables roles take."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

DOCUMENTATION = r"""
name: role_options
short_description: Read which variables roles take
version_added: 0.1.0
author: The graviflow team
description:
  - Reads the argument specifications of roles, all entry points together.
positional: _input
options:
  _input:
    description: Names of roles.
    type: list
    elements: str
    required: true
  root:
    description: Folder that the roles are in.
    type: path
    required: true
"""

EXAMPLES = r"""
- name: Variables of the network role are shown
  ansible.builtin.debug:
    msg: "{{ ['network'] | graviflow.airflow.role_options(root='roles') }}"
"""

RETURN = r"""
_value:
  description: Specification of each variable, by the variable's name.
  type: dict
"""


def role_options(roles: Iterable[str], root: str) -> dict[str, dict[str, Any]]:
    """Return variable -> its specification. OSError when a role has no argument_specs.yml."""
    options: dict[str, dict[str, Any]] = {}
    for role in roles:
        content = yaml.safe_load((Path(root) / role / "meta" / "argument_specs.yml").read_text())
        for entry_point in content["argument_specs"].values():
            options.update(entry_point.get("options", {}))
    return options


class FilterModule:
    """Filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Return the filters by name."""
        return {"role_options": role_options}
