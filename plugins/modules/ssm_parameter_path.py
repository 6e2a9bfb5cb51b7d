#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E402 (Ansible wants the documentation before the imports)
"""Ansible module: the parameters below a path of Parameter Store are as declared."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ssm_parameter_path
version_added: 0.1.0
short_description: Manage the parameters below a path of Systems Manager Parameter Store
description:
  - Publishes a set of texts below one path, and shows as a diff what changes in them.
  - For texts that are no secrets. They are stored as C(String).
options:
  path:
    description: The path, with a leading slash and without a trailing one.
    required: true
    type: str
  parameters:
    description: Names, relative to the path, and their texts. A text has 8192 bytes at most. Required when present.
    type: dict
  purge:
    description: Whether parameters directly below the path that are not listed are removed.
    default: false
    type: bool
  tier:
    description: Storage tier.
    choices: [Standard, Advanced, Intelligent-Tiering]
    default: Intelligent-Tiering
    type: str
extends_documentation_fragment:
  - graviflow.airflow.resource
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - amazon.aws.tags
"""

EXAMPLES = r"""
- name: Stack document is published
  graviflow.airflow.ssm_parameter_path:
    path: /graviflow/airflow-demo
    parameters:
      document: '{"schema": 1}'
      airflow.cfg: |
        [core]
        executor = CeleryExecutor

- name: Nothing of the stack is published
  graviflow.airflow.ssm_parameter_path:
    path: /graviflow/airflow-demo
    state: absent
"""

RETURN = r"""
parameter_path:
  description: The parameters below the path. Empty when there are none. In check mode, what they would be.
  returned: always
  type: dict
  contains:
    path:
      description: The path.
      type: str
    parameters:
      description: Names, relative to the path, and texts.
      type: dict
operations:
  description: The calls that were made, or would be, in their order.
  returned: always
  type: list
  elements: str
  sample: [put_parameter]
"""

from functools import partial
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.botocore import paginated_query_with_retries
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.amazon.aws.plugins.module_utils.tagging import boto3_tag_list_to_ansible_dict
from ansible_collections.graviflow.airflow.plugins.module_utils.parameter_path import current_state, plan
from ansible_collections.graviflow.airflow.plugins.module_utils.reconcile import Outcome
from ansible_collections.graviflow.airflow.plugins.module_utils.resource_module import (
    COMMON,
    ResourceApi,
    client,
    make_so,
)

ARGUMENT_SPEC = {
    **COMMON,
    "path": {"required": True},
    "parameters": {"type": "dict"},
    "purge": {"type": "bool", "default": False},
    "tier": {"choices": ["Standard", "Advanced", "Intelligent-Tiering"], "default": "Intelligent-Tiering"},
}


class ParameterPathApi(ResourceApi):
    """The calls to Systems Manager."""

    def read(self) -> dict[str, Any] | None:
        """Return what is below the path, None when nothing is."""
        path = self.params["path"]
        found = paginated_query_with_retries(self.client, "get_parameters_by_path", Path=path)["Parameters"]
        managed = [each["Name"] for each in found if self._manages(each["Name"].removeprefix(f"{path}/"))]
        return current_state(path, found, {name.removeprefix(f"{path}/"): self._tags(name) for name in managed})

    def _manages(self, name: str) -> bool:
        return self.params["tags"] is not None and name in (self.params["parameters"] or {})

    def _tags(self, name: str) -> dict[str, str]:
        response = self.client.list_tags_for_resource(ResourceType="Parameter", ResourceId=name, aws_retry=True)
        return boto3_tag_list_to_ansible_dict(response["TagList"])


def texts(outcome: Outcome) -> dict[str, Any]:
    """Return the module's result, with one diff for each text that changes."""
    result = outcome.result("parameter_path")
    before, after = ((state or {}).get("parameters", {}) for state in (outcome.before, outcome.after))
    result["diff"] = [
        {"before": before.get(name, ""), "after": after.get(name, ""), "before_header": name, "after_header": name}
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    ]
    return result


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(
        argument_spec=ARGUMENT_SPEC, supports_check_mode=True, required_if=[("state", "present", ["parameters"])]
    )
    params = {**module.params, "path": module.params["path"].rstrip("/")}
    api = ParameterPathApi(client(module, "ssm"), params)
    outcome = make_so(module, api, partial(plan, params), what=f"Parameters below {params['path']}")
    module.exit_json(**texts(outcome))


if __name__ == "__main__":
    main()
