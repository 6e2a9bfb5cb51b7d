#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E402 (Ansible wants the documentation before the imports)
"""Ansible module: an ECS cluster for tasks on Fargate is as declared."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ecs_cluster
version_added: 0.1.0
short_description: Manage an ECS cluster
description:
  - Creates, changes and deletes an ECS cluster, with its capacity providers, Container Insights and tags. Of these
    M(community.aws.ecs_cluster) knows the capacity providers only.
  - When it goes, the tasks that run on it are stopped.
  - Options that are left out are not managed.
options:
  name:
    description: Name of the cluster.
    required: true
    type: str
  container_insights:
    description: Whether CloudWatch gets metrics of the cluster's tasks, which CloudWatch bills.
    choices: [disabled, enabled, enhanced]
    type: str
  capacity_providers:
    description: What tasks run on, for example C(FARGATE) and C(FARGATE_SPOT).
    type: list
    elements: str
  default_capacity_provider_strategy:
    description: Where tasks run that name neither a launch type nor a strategy.
    type: list
    elements: dict
    suboptions:
      capacity_provider:
        description: One of O(capacity_providers).
        required: true
        type: str
      weight:
        description: Its share of the tasks.
        default: 0
        type: int
      base:
        description: How many tasks run on it before the shares count.
        default: 0
        type: int
extends_documentation_fragment:
  - graviflow.airflow.resource
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - amazon.aws.tags
"""

EXAMPLES = r"""
- name: Cluster runs tasks on spare capacity
  graviflow.airflow.ecs_cluster:
    name: airflow-demo-offload
    container_insights: disabled
    capacity_providers: [FARGATE, FARGATE_SPOT]
    default_capacity_provider_strategy:
      - {capacity_provider: FARGATE_SPOT, weight: 1}

- name: Cluster is gone, and what runs on it is stopped
  graviflow.airflow.ecs_cluster:
    name: airflow-demo-offload
    state: absent
"""

RETURN = r"""
cluster:
  description: The cluster. Empty when there is none. In check mode, what it would be.
  returned: always
  type: dict
  contains:
    name:
      description: Name.
      type: str
    arn:
      description: ARN.
      type: str
    status:
      description: Status, for example C(ACTIVE).
      type: str
operations:
  description: The calls that were made, or would be, in their order.
  returned: always
  type: list
  elements: str
  sample: [create_cluster]
"""

from functools import partial
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.botocore import paginated_query_with_retries
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry
from ansible_collections.graviflow.airflow.plugins.module_utils.ecs_cluster import current_state, plan
from ansible_collections.graviflow.airflow.plugins.module_utils.resource_module import (
    COMMON,
    ResourceApi,
    make_so,
)

STRATEGY = {
    "capacity_provider": {"required": True},
    "weight": {"type": "int", "default": 0},
    "base": {"type": "int", "default": 0},
}
ARGUMENT_SPEC = {
    **COMMON,
    "name": {"required": True},
    "container_insights": {"choices": ["disabled", "enabled", "enhanced"]},
    "capacity_providers": {"type": "list", "elements": "str"},
    "default_capacity_provider_strategy": {"type": "list", "elements": "dict", "options": STRATEGY},
}
# A change of capacity providers takes some seconds, and so does the end of a task: what comes next is tried again.
PASSING = ["UpdateInProgressException", "ClusterContainsTasksException"]


class ClusterApi(ResourceApi):
    """The calls to ECS."""

    def read(self) -> dict[str, Any] | None:
        """Return the cluster, None when there is none, with its tasks if it is to go."""
        name = self.params["name"]
        found = self.client.describe_clusters(clusters=[name], include=["SETTINGS", "TAGS"], aws_retry=True)["clusters"]
        current = current_state(next(iter(found), None), [])
        if current and self.params["state"] == "absent":
            return {
                **current,
                "tasks": paginated_query_with_retries(self.client, "list_tasks", cluster=name)["taskArns"],
            }
        return current


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    retries = AWSRetry.jittered_backoff(retries=12, catch_extra_error_codes=PASSING)
    api = ClusterApi(module.client("ecs", retry_decorator=retries), module.params)
    outcome = make_so(module, api, partial(plan, module.params), what=f"Cluster {module.params['name']}")
    module.exit_json(**outcome.result("cluster"))


if __name__ == "__main__":
    main()
