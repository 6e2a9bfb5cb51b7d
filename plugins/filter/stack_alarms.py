"""Filter that makes a stack's CloudWatch alarms of data."""

from __future__ import annotations

from typing import Any

from ansible_collections.graviflow.airflow.plugins.module_utils.alarm_data import stack_alarms

DOCUMENTATION = r"""
name: stack_alarms
short_description: Make a stack's CloudWatch alarms of data
version_added: 0.1.0
author: The graviflow team
description:
  - Applies a catalogue of alarms to what a stack is made of, for M(graviflow.airflow.cloudwatch_alarms).
  - An alarm over a subject of several things (nodes) watches the worst of them; one over a subject that is not given is
    left out.
positional: _input
options:
  _input:
    description: >-
      Name and settings of each alarm: C(subject), C(metric) or C(expression) with C(metrics), C(statistic), C(period),
      C(evaluation_periods), C(comparison), C(threshold), C(missing), C(why), C(remedy), the features that it C(needs),
      and C(tells_silence) if it tells when its metric has no data any more.
    type: dict
    required: true
  subjects:
    description: What is watched, by name, with C(namespace), and C(dimensions) as a list with an entry for each thing.
    type: dict
    required: true
  features:
    description: What the stack has. Alarms that need something else are left out.
    type: list
    elements: str
    required: true
  overrides:
    description: Other thresholds, periods and numbers of them by alarm, or V(enabled=false).
    type: dict
    default: {}
  actions:
    description: What is told, as C(alarm_actions), C(ok_actions) and C(insufficient_data_actions).
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Alarms are shown
  ansible.builtin.debug:
    msg: "{{ catalogue | graviflow.airflow.stack_alarms(subjects=subjects, features=['postgresql']) }}"
"""

RETURN = r"""
_value:
  description: Alarms, as the module takes them.
  type: list
  elements: dict
"""


class FilterModule:
    """Filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Return the filters by name."""
        return {"stack_alarms": stack_alarms}
