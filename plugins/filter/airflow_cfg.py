"""Filter that prints options as airflow.cfg."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.graviflow.airflow.plugins.module_utils.airflow_secrets import why_secret

DOCUMENTATION = r"""
name: airflow_cfg
short_description: Print options as airflow.cfg
version_added: 0.1.0
author: The graviflow team
description:
  - Prints sections and options sorted, under a header without a date, so that the same options give the same text.
  - V(true) and V(false) become C(True) and C(False), lists of plain values are joined with commas, dictionaries and
    other lists become JSON, V(null) leaves the option out. Each C(%) is doubled, which airflow.cfg undoes.
  - Refuses values of more than one line, and options that bear secrets. A refused secret's value is not shown.
positional: _input
options:
  _input:
    description: Section names, each with option names and values.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Configuration is shown
  ansible.builtin.debug:
    msg: "{{ {'core': {'executor': 'CeleryExecutor', 'load_examples': false}} | graviflow.airflow.airflow_cfg }}"
"""

RETURN = r"""
_value:
  description: The text of the file.
  type: str
"""

HEADER = "# Managed by Ansible (graviflow.airflow). Changes made here are lost.\n"
NAME = re.compile(r"[A-Za-z0-9_.-]+")


def value_text(value: Any) -> str:
    """Return a value as Airflow reads it, `%` not doubled yet."""
    if isinstance(value, bool):
        return "True" if value else "False"
    if isinstance(value, Mapping):
        return json.dumps(value, sort_keys=True)
    if isinstance(value, list | tuple):
        if any(isinstance(item, Mapping | list | tuple) for item in value):
            return json.dumps(value, sort_keys=True)
        return ",".join(value_text(item) for item in value)
    return str(value)


def _option(section: str, name: str, value: Any) -> tuple[str, str]:
    where = f"airflow.cfg option [{section}] {name}"
    if not NAME.fullmatch(name):
        raise AnsibleFilterError(f"{where} is refused. Names have letters, digits, `_`, `.` and `-`. Correct the name.")
    option, text = name.lower(), value_text(value)
    if rule := why_secret(section, option, text):
        raise AnsibleFilterError(f"{where} is refused. {rule} Take it out, and give it as secrets_given instead.")
    if "\n" in text or "\r" in text:
        raise AnsibleFilterError(f"{where} is refused. A value is one line, and this has more. Write it as one line.")
    return option, text.strip().replace("%", "%%")


def _section(name: str, options: Any) -> str:
    if not NAME.fullmatch(name):
        raise AnsibleFilterError(
            f"airflow.cfg section [{name}] is refused. Names have letters, digits, `_`, `.` and `-`. Correct the name."
        )
    if not isinstance(options, Mapping):
        raise AnsibleFilterError(
            f"airflow.cfg section [{name}]: {options!r} is refused. A section is a dictionary of options. "
            "Indent its options below it."
        )
    lines: dict[str, str] = {}
    for key, value in options.items():
        if value is None:
            continue
        option, text = _option(name, str(key), value)
        if option in lines:
            raise AnsibleFilterError(
                f"airflow.cfg option [{name}] {option} is refused. It is given twice, in different cases. Keep one."
            )
        lines[option] = f"{option} = {text}".rstrip()
    return "".join(f"{lines[option]}\n" for option in sorted(lines))


def airflow_cfg(options: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the text of airflow.cfg; raise AnsibleFilterError for what does not belong into it."""
    sections = {str(name): _section(str(name), content) for name, content in options.items() if content is not None}
    return HEADER + "".join(f"\n[{name}]\n{sections[name]}" for name in sorted(sections) if sections[name])


class FilterModule:
    """Filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Return the filters by name."""
        return {"airflow_cfg": airflow_cfg}
