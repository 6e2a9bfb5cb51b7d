"""Filter that tells which programs the controller lacks."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from typing import Any

DOCUMENTATION = r"""
name: missing_tools
short_description: Tell which programs the controller lacks
version_added: 0.1.0
author: The graviflow team
description:
  - Looks for programs on the PATH of the controller.
options:
  _input:
    description: Names of programs.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Missing programs are shown
  ansible.builtin.debug:
    msg: "{{ ['ssh', 'packer'] | graviflow.airflow.missing_tools }}"
"""

RETURN = r"""
_value:
  description: Those that are not there.
  type: list
  elements: str
"""


def missing_tools(tools: Iterable[str]) -> list[str]:
    """Return the programs that are not on the controller's PATH."""
    return [tool for tool in tools if shutil.which(tool) is None]


class FilterModule:
    """Filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Return the filters by name."""
        return {"missing_tools": missing_tools}
