"""Filter that tells what the hosts of each worker group run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.graviflow.airflow.plugins.module_utils import sizing

DOCUMENTATION = r"""
name: host_classes
short_description: Tell what the hosts of each worker group run
version_added: 0.1.0
author: The graviflow team
description:
  - Returns what the stack document says of each class of hosts, where that differs from the stack's own hosts.
positional: _input
options:
  _input:
    description: Worker groups, as the role stack_document takes them.
    type: list
    elements: dict
    required: true
  pgbouncer:
    description: Whether hosts have PgBouncer.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Classes are shown
  ansible.builtin.debug:
    msg: "{{ [{'name': 'big', 'queues': ['big'], 'instance_type': 'r7g.xlarge'}] | graviflow.airflow.host_classes }}"
"""

RETURN = r"""
_value:
  description: Parts of the stack document, by class.
  type: dict
  sample: {big: {services: [worker], worker: {queues: [big], concurrency: 32}}}
"""


def host_classes(groups: Sequence[Mapping[str, Any]], pgbouncer: bool = False) -> dict[str, dict[str, Any]]:
    """Return the parts of the stack document by class."""
    return {
        group.name: {
            "services": ["worker"],
            "worker": {"queues": group.queues, "concurrency": group.slots},
            **({"pgbouncer": {"pool_size": sizing.worker_pool_size(group.slots)}} if pgbouncer else {}),
        }
        for group in sizing.worker_groups(groups)
    }


class FilterModule:
    """Filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Return the filters by name."""
        return {"host_classes": host_classes}
