"""What the Packer template's files say, as far as roles need to know it before Packer runs. Pure."""

from __future__ import annotations

import json
import re
from typing import Any

VARIABLE = re.compile(r'^variable "(\w+)" \{\n(.*?)^\}', re.MULTILINE | re.DOTALL)
DEFAULT = re.compile(r"^  default += (.+)$", re.MULTILINE)
# An assignment is one line, or a map of one entry a line.
ASSIGNMENT = re.compile(r"^(\w+) += (\{$.*?^\}$|[^\n]+)$", re.MULTILINE | re.DOTALL)
ENTRY = re.compile(r'^\s*"?([\w.-]+)"? *= *"([^"]*)"', re.MULTILINE)


def variable_names(template: str) -> list[str]:
    """Return the names of the variables that a template declares."""
    return [name for name, _ in VARIABLE.findall(template)]


def variable_values(template: str, release: str) -> dict[str, Any]:
    """Return the values that variables have by default or by the release file; those that have neither are missing."""
    defaults = {name: DEFAULT.search(body) for name, body in VARIABLE.findall(template)}
    found = {name: _literal(match[1]) for name, match in defaults.items() if match}
    return found | {name: _literal(value) for name, value in ASSIGNMENT.findall(release)}


def _literal(text: str) -> Any:
    """Return a string, a number, a list of them, or a map of strings."""
    if text.startswith("{"):
        return dict(ENTRY.findall(text.strip("{}")))
    return json.loads(text)
