"""Filter that makes a stack's CloudWatch dashboard of data."""

from __future__ import annotations

from typing import Any

from ansible_collections.graviflow.airflow.plugins.module_utils.alarm_data import stack_dashboard

DOCUMENTATION = r"""
name: stack_dashboard
short_description: Make a stack's CloudWatch dashboard of data
version_added: 0.1.0
author: The graviflow team
description:
  - Gives the body of a dashboard for M(graviflow.airflow.cloudwatch_dashboard). The state of every alarm comes first,
    then the sections, three graphs in a row.
positional: _input
options:
  _input:
    description: >-
      Sections, with C(title) and C(widgets): C(title), C(subject), C(metrics), C(statistic), and if needed C(period),
      the names of alarms whose C(thresholds) are drawn, and the features that it C(needs).
    type: list
    elements: dict
    required: true
  subjects:
    description: What is shown, by name, with C(namespace), and C(dimensions) as a list with an entry for each thing.
    type: dict
    required: true
  features:
    description: What the stack has. Graphs that need something else are left out.
    type: list
    elements: str
    required: true
  alarms:
    description: The stack's alarms, for their thresholds.
    type: list
    elements: dict
    required: true
  alarm_arns:
    description: ARNs of the alarms whose states are shown.
    type: list
    elements: str
    required: true
  region:
    description: Region of the metrics.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Dashboard is shown
  ansible.builtin.debug:
    msg: >-
      {{ sections | graviflow.airflow.stack_dashboard(subjects=subjects, features=[], alarms=[], alarm_arns=[],
                                                      region='us-east-1') }}
"""

RETURN = r"""
_value:
  description: Body of the dashboard.
  type: dict
"""


class FilterModule:
    """Filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Return the filters by name."""
        return {"stack_dashboard": stack_dashboard}
