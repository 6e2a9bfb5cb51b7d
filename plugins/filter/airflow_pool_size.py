"""Filter that tells how many sessions in the database a host needs behind PgBouncer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.graviflow.airflow.plugins.module_utils import sizing

DOCUMENTATION = r"""
name: airflow_pool_size
short_description: Tell how many sessions in the database a host needs behind PgBouncer
version_added: 0.1.0
author: The graviflow team
description:
  - Four for each process of the web service, and for scheduler, DAG processor and triggerer; one for four task slots.
positional: _input
options:
  _input:
    description: Sections, options and values of airflow.cfg. What is not in it has Airflow's own default.
    type: dict
    required: true
  version:
    description: Version of Airflow, whose options have other names in Airflow 2.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Size of the pool is shown
  ansible.builtin.debug:
    msg: "{{ {'celery': {'worker_concurrency': 16}} | graviflow.airflow.airflow_pool_size(version='3.3.2') }}"
"""

RETURN = r"""
_value:
  description: Number of sessions.
  type: int
  sample: 20
"""


def airflow_pool_size(options: Mapping[str, Any], version: str) -> int:
    """Return the number of sessions."""
    return sizing.pool_size(int(version.partition(".")[0]), options)


class FilterModule:
    """Filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Return the filters by name."""
        return {"airflow_pool_size": airflow_pool_size}
