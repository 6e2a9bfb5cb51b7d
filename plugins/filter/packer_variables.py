"""Filter that reads the variables of a Packer template."""

from __future__ import annotations

from typing import Any

from ansible_collections.graviflow.airflow.plugins.module_utils.packer_text import variable_names, variable_values

DOCUMENTATION = r"""
name: packer_variables
short_description: Read the variables of a Packer template
version_added: 0.1.0
author: The graviflow team
description:
  - Tells which variables a template has, and which values they have by default or by a file of values.
positional: _input
options:
  _input:
    description: Text of the template's file of variables.
    type: str
    required: true
  release:
    description: Text of the file of values.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Source image of the release is shown
  ansible.builtin.debug:
    msg: "{{ (variables | graviflow.airflow.packer_variables(release=release)).values.source_image_name }}"
"""

RETURN = r"""
_value:
  description: C(names) of the variables, and C(values) of those that have one.
  type: dict
  sample: {names: [airflow_version, region], values: {airflow_version: 3.3.2}}
"""


def packer_variables(template: str, release: str) -> dict[str, Any]:
    """Return names and values."""
    return {"names": variable_names(template), "values": variable_values(template, release)}


class FilterModule:
    """Filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Return the filters by name."""
        return {"packer_variables": packer_variables}
