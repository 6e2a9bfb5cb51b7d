"""Filter that tells what bakes that were broken off have left at AWS."""

from __future__ import annotations

from typing import Any

from ansible_collections.graviflow.airflow.plugins.module_utils.bake_leftovers import leftovers

DOCUMENTATION = r"""
name: bake_leftovers
short_description: Tell what bakes that were broken off have left at AWS
version_added: 0.1.0
author: The graviflow team
description:
  - Packer removes its instance, key pair and security group unless it is killed. What bears the tags of a bake that
    cannot run any more is left over, and so is what Packer's last log names.
positional: _input
options:
  _input:
    description: >-
      What the info modules of amazon.aws tell of C(instances) that are not terminated, C(key_pairs),
      C(security_groups), and C(images) of the image's name or of the log.
    type: dict
    required: true
  log:
    description: Packer's log of the last bake of this controller.
    type: str
    required: true
  baker:
    description: This controller as the tag C(graviflow:baker) names it. No bake runs on it.
    type: str
    required: true
  now:
    description: The present time, as the tag C(graviflow:bake-until) has it.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Leftovers are shown
  ansible.builtin.debug:
    msg: "{{ found | graviflow.airflow.bake_leftovers(log=log, baker='ci-1', now='2026-11-21T12:00:00Z') }}"
"""

RETURN = r"""
_value:
  description: >-
    Ids of C(instances), C(security_groups) and C(images), names of C(key_pairs), and the bakes of other controllers
    that may still be C(running).
  type: dict
  sample: {instances: [i-0123456789abcdef0], key_pairs: [], security_groups: [], images: [], running: []}
"""


class FilterModule:
    """Filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Return the filters by name."""
        return {"bake_leftovers": leftovers}
