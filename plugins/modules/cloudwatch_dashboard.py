#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E402 (Ansible wants the documentation before the imports)
"""Ansible module: a CloudWatch dashboard is as declared."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cloudwatch_dashboard
version_added: 0.1.0
short_description: Manage a CloudWatch dashboard
description:
  - Puts, changes and deletes a dashboard. What CloudWatch finds odd in it comes as a warning.
  - A dashboard belongs to the account, not to a region. Two stacks of one name in two regions need two names.
options:
  name:
    description: Name, up to 255 letters, digits, hyphens and underscores.
    required: true
    type: str
  body:
    description:
      - What the dashboard shows, in CloudWatch's own structure of a dashboard body. Required when present.
      - Compared as data, so the order of keys does not matter.
    type: dict
extends_documentation_fragment:
  - graviflow.airflow.resource
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - amazon.aws.tags
notes:
  - Tags need a botocore that knows them for dashboards, as 1.44 does.
"""

EXAMPLES = r"""
- name: Dashboard shows the database
  graviflow.airflow.cloudwatch_dashboard:
    name: airflow-demo
    body:
      widgets:
        - type: metric
          width: 8
          height: 6
          properties:
            title: Processor
            region: us-east-1
            stat: Maximum
            period: 60
            metrics: [[AWS/RDS, CPUUtilization, DBInstanceIdentifier, airflow-demo-database]]

- name: Dashboard is gone
  graviflow.airflow.cloudwatch_dashboard:
    name: airflow-demo
    state: absent
"""

RETURN = r"""
dashboard:
  description: The dashboard. Empty when it is absent. In check mode, what it would be.
  returned: always
  type: dict
  contains:
    name:
      description: Name.
      type: str
    arn:
      description: ARN.
      type: str
    body:
      description: What it shows.
      type: dict
    tags:
      description: Tags, if they are declared.
      type: dict
operations:
  description: The calls that were made, or would be, in their order.
  returned: always
  type: list
  elements: str
  sample: [put_dashboard]
"""

from functools import partial
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.botocore import is_boto3_error_code
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.amazon.aws.plugins.module_utils.tagging import boto3_tag_list_to_ansible_dict
from ansible_collections.graviflow.airflow.plugins.module_utils.dashboard import current_state, difference, plan
from ansible_collections.graviflow.airflow.plugins.module_utils.reconcile import Call
from ansible_collections.graviflow.airflow.plugins.module_utils.resource_module import (
    COMMON,
    ResourceApi,
    client,
    make_so,
)

ARGUMENT_SPEC = {**COMMON, "name": {"required": True}, "body": {"type": "dict"}}


class DashboardApi(ResourceApi):
    """The calls to CloudWatch."""

    def __init__(self, client: Any, params: dict[str, Any]) -> None:
        super().__init__(client, params)
        self.remarks: list[str] = []

    def read(self) -> dict[str, Any] | None:
        """Return the dashboard as options, None when there is none."""
        try:
            answer = self.client.get_dashboard(DashboardName=self.params["name"], aws_retry=True)
        except is_boto3_error_code("ResourceNotFound"):
            return None
        return current_state(answer, self._tags(answer["DashboardArn"]))

    def _tags(self, arn: str) -> dict[str, str] | None:
        if self.params["tags"] is None:
            return None
        response = self.client.list_tags_for_resource(ResourceARN=arn, aws_retry=True)
        return boto3_tag_list_to_ansible_dict(response["Tags"])

    def apply(self, call: Call) -> None:
        """Make one call, and keep what CloudWatch remarks."""
        answer = getattr(self.client, call.operation)(**call.arguments, aws_retry=True)
        self.remarks += [
            f"{each['DataPath']}: {each['Message']}" for each in answer.get("DashboardValidationMessages", [])
        ]


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(
        argument_spec=ARGUMENT_SPEC, supports_check_mode=True, required_if=[("state", "present", ["body"])]
    )
    api = DashboardApi(client(module, "cloudwatch"), module.params)
    outcome = make_so(module, api, partial(plan, module.params), what=f"Dashboard {module.params['name']}")
    for remark in api.remarks:
        module.warn(f"CloudWatch on dashboard {module.params['name']}: {remark}")
    module.exit_json(**{**outcome.result("dashboard"), "diff": difference(outcome.before, outcome.after)})


if __name__ == "__main__":
    main()
