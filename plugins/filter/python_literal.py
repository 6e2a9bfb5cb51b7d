"""Filter that prints a value as Python."""

from __future__ import annotations

import json
from typing import Any

DOCUMENTATION = r"""
name: python_literal
short_description: Print a value as Python
version_added: 0.1.0
author: The graviflow team
description:
  - Prints what JSON can express as a Python literal, dictionaries sorted by their keys, so that the same value gives
    the same text.
  - Whatever a text has in it, it stays a text.
positional: _input
options:
  _input:
    description: Texts, numbers, booleans, V(null), and lists and dictionaries of them.
    type: raw
    required: true
"""

EXAMPLES = r"""
- name: Mapping is shown
  ansible.builtin.debug:
    msg: "AUTH_ROLES_MAPPING = {{ {'data-team': ['Op']} | graviflow.airflow.python_literal }}"
"""

RETURN = r"""
_value:
  description: The literal, in one line.
  type: str
"""


def python_literal(value: Any) -> str:
    """Return the literal."""
    # Through JSON, because Ansible's own texts are of a type with a representation of its own.
    return repr(json.loads(json.dumps(value, sort_keys=True, default=list)))


class FilterModule:
    """Filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Return the filters by name."""
        return {"python_literal": python_literal}
