#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E402 (Ansible wants the documentation before the imports)
"""Ansible module: the CloudWatch log groups of a path are as declared."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cloudwatch_log_groups
version_added: 0.1.0
short_description: Manage the CloudWatch log groups below some paths
description:
  - Creates log groups, and sets their retention, key and tags.
  - Reads those below a path with one call, however many there are, and one more for the tags of each.
  - Calls only for what differs.
  - Log groups below the paths that are not declared are kept, since removing one removes what was logged. Only
    O(state=absent) removes them, all of them.
options:
  prefixes:
    description: The paths, what the names of the log groups begin with, and of no others. Each ends with a slash.
    required: true
    type: list
    elements: str
  log_groups:
    description: The log groups. Required when present.
    type: list
    elements: dict
    suboptions:
      name:
        description: Name, beginning with one of O(prefixes).
        required: true
        type: str
      retention_days:
        description: >-
          Days that what was logged is kept: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827,
          2192, 2557, 2922, 3288 or 3653.
        required: true
        type: int
  kms_key_id:
    description:
      - ARN of the key that encrypts what is logged. CloudWatch Logs wants to be allowed to use it by the key's policy.
      - When this is left out, new log groups have AWS's own encryption, and others keep what they have.
    type: str
extends_documentation_fragment:
  - graviflow.airflow.resource
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - amazon.aws.tags
"""

EXAMPLES = r"""
- name: Log groups exist
  graviflow.airflow.cloudwatch_log_groups:
    prefixes: [/graviflow/airflow-demo/, /aws/rds/instance/airflow-demo-database/]
    log_groups:
      - {name: /graviflow/airflow-demo/tasks, retention_days: 90}
      - {name: /aws/rds/instance/airflow-demo-database/postgresql, retention_days: 30}

- name: Log groups are gone, and what was logged
  graviflow.airflow.cloudwatch_log_groups:
    prefixes: [/graviflow/airflow-demo/, /aws/rds/instance/airflow-demo-database/]
    state: absent
"""

RETURN = r"""
log_group_set:
  description: The log groups below the paths. Empty when there are none. In check mode, what they would be.
  returned: always
  type: dict
  contains:
    log_groups:
      description: Names, and retention and key of each.
      type: dict
      sample: {/graviflow/airflow-demo/tasks: {retention_days: 30}}
    tags:
      description: Names and tags. Only those of declared groups are read, if tags are declared.
      type: dict
operations:
  description: The calls that were made, or would be, in their order.
  returned: always
  type: list
  elements: str
  sample: [create_log_group, put_retention_policy]
"""

from functools import partial
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.botocore import paginated_query_with_retries
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.graviflow.airflow.plugins.module_utils.log_groups import arn, current_state, line, plan
from ansible_collections.graviflow.airflow.plugins.module_utils.named_set import told
from ansible_collections.graviflow.airflow.plugins.module_utils.resource_module import (
    COMMON,
    ResourceApi,
    client,
    make_so,
)

LOG_GROUP = {"name": {"required": True}, "retention_days": {"type": "int", "required": True}}
ARGUMENT_SPEC = {
    **COMMON,
    "prefixes": {"type": "list", "elements": "str", "required": True},
    "log_groups": {"type": "list", "elements": "dict", "options": LOG_GROUP},
    "kms_key_id": {"no_log": False},
}


class LogGroupsApi(ResourceApi):
    """The calls to CloudWatch Logs."""

    def read(self) -> dict[str, Any] | None:
        """Return the log groups below the paths, None when there are none."""
        groups = [
            group
            for prefix in self.params["prefixes"]
            for group in paginated_query_with_retries(self.client, "describe_log_groups", logGroupNamePrefix=prefix)[
                "logGroups"
            ]
        ]
        managed = {group["name"] for group in self.params["log_groups"] or [] if self.params["tags"] is not None}
        names = {group["logGroupName"]: arn(group) for group in groups}
        return current_state(groups, {name: self._tags(each) for name, each in names.items() if name in managed})

    def _tags(self, resource: str) -> dict[str, str]:
        return self.client.list_tags_for_resource(resourceArn=resource, aws_retry=True)["tags"]


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(
        argument_spec=ARGUMENT_SPEC, supports_check_mode=True, required_if=[("state", "present", ["log_groups"])]
    )
    api = LogGroupsApi(client(module, "logs"), module.params)
    what = f"Log groups that begin with {' or '.join(module.params['prefixes'])}"
    outcome = make_so(module, api, partial(plan, module.params), what=what)
    module.exit_json(**told(outcome, "log_group_set", "log_groups", line))


if __name__ == "__main__":
    main()
