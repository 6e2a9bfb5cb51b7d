#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
"""Ansible module: documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: plan
version_added: 0.1.0
short_description: Make a resource an entry of the plan
description:
  - In check mode, says what would become of a resource. The callback
    P(graviflow.airflow.stages#callback) shows all entries as one plan when the playbook ends.
  - Outside check mode nothing is done.
author: The graviflow team (@graviflow)
options:
  kind:
    description: What the resource is, in AWS's words.
    required: true
    type: str
  name:
    description: Its name.
    required: true
    type: str
  result:
    description: What the resource's module returned. C(changed) decides whether it is kept, C(diff) shows what changes.
    required: true
    type: dict
  exists:
    description: Whether the resource exists already. Not needed for modules that return C(diff) with C(before).
    type: bool
  attributes:
    description: What matters about it, shown when it is created.
    type: dict
    default: {}
attributes:
  check_mode:
    support: full
    description: Is made for it.
"""

EXAMPLES = r"""
- name: Broker is in the plan
  graviflow.airflow.plan:
    kind: ElastiCache replication group
    name: airflow-demo-broker
    result: "{{ broker }}"
    attributes: {node: cache.m7g.large, nodes: 2}
"""

RETURN = r"""
plan:
  description: The entry.
  returned: in check mode
  type: dict
  sample: {fate: create, kind: ElastiCache replication group, name: airflow-demo-broker, details: "nodes 2"}
"""
