"""Filter that tells the options of Airflow that follow from the size of its hosts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.graviflow.airflow.plugins.module_utils import sizing

DOCUMENTATION = r"""
name: airflow_sizing
short_description: Tell the options of Airflow that follow from the size of its hosts
version_added: 0.1.0
author: The graviflow team
description:
  - Task slots as the memory and the processors of a host bear, processes of the web service and of the DAG processor,
    and limits that let one DAG and one scheduler fill the workers of all hosts. The table is in docs/configuration.md.
  - A type that is not in the tables gives no options, and Airflow's own defaults hold.
positional: _input
options:
  _input:
    description: Instance type of the hosts.
    type: str
    required: true
  hosts:
    description: Number of hosts.
    type: int
    required: true
  version:
    description: Version of Airflow, whose options have other names in Airflow 2.
    type: str
    required: true
  options:
    description: The user's options, which those of the filter are to fit.
    type: dict
    default: {}
  worker_groups:
    description: Hosts for queues of their own, as the role stack_document takes them. Their slots count.
    type: list
    elements: dict
    default: []
"""

EXAMPLES = r"""
- name: Options are shown
  ansible.builtin.debug:
    msg: "{{ 'm7g.large' | graviflow.airflow.airflow_sizing(hosts=2, version='3.3.2') }}"
"""

RETURN = r"""
_value:
  description: Sections, options and values.
  type: dict
  sample: {celery: {worker_concurrency: 16}}
"""


def airflow_sizing(
    instance_type: str,
    hosts: int,
    version: str,
    options: Mapping[str, Any] | None = None,
    worker_groups: Sequence[Mapping[str, Any]] = (),
) -> dict[str, dict[str, int]]:
    """Return the options by section."""
    size, groups = sizing.size_of(instance_type), sizing.worker_groups(worker_groups)
    return sizing.airflow_options(size, hosts, int(version.partition(".")[0]), options or {}, groups) if size else {}


class FilterModule:
    """Filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Return the filters by name."""
        return {"airflow_sizing": airflow_sizing}
