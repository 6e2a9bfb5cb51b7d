"""Filter that finds what is wrong with a bake, before Packer makes anything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.graviflow.airflow.plugins.module_utils.bake_rules import Bake, problems

DOCUMENTATION = r"""
name: bake_problems
short_description: Find what is wrong with a bake
version_added: 0.1.0
author: The graviflow team
description:
  - Applies every rule to what would be baked, and returns all problems at once.
positional: _input
options:
  _input:
    description: >-
      What would be baked: C(airflow_version), C(airflow_python), C(region), C(partition), the template's variables as
      they are C(given), as they are C(known) and with their C(values), C(locks) and C(made_locks) (SHA-256 by file
      name), and C(sources), the images of the source image's family.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Problems are shown
  ansible.builtin.debug:
    msg: "{{ bake | graviflow.airflow.bake_problems }}"
"""

RETURN = r"""
_value:
  description: Problems, an empty list when there are none.
  type: list
  elements: dict
  sample:
    - {variable: image_packer_variables.instance_type, value: m5.large, rule: The image is arm64., fix: Use m7g.large.}
"""


def bake_problems(bake: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the problems of a bake as dictionaries."""
    return [dict(vars(problem)) for problem in problems(Bake(**bake))]


class FilterModule:
    """Filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Return the filters by name."""
        return {"bake_problems": bake_problems}
