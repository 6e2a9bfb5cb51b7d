#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E402 (Ansible wants the documentation before the imports)
"""Ansible module: the ECS task definitions whose families begin alike are as declared."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ecs_task_definitions
version_added: 0.1.0
short_description: Manage the ECS task definitions whose families begin alike
description:
  - Registers a revision where the newest one of a family is not as declared, and takes the one before it out of use.
  - M(community.aws.ecs_taskdefinition) looks neither at sizes nor at tags, and is content with an older revision
    that is as declared, though ECS runs the newest one.
  - Tasks that run keep the revision that they were started with.
  - Families of the prefix that are not declared go out of use. O(state=absent) deletes every revision of the prefix.
  - Reads with one call, and one more for each family. Calls only for what differs.
options:
  prefix:
    description:
      - What the names of all families begin with, and of no others.
      - It ends with an underscore, which stacks have not in their names.
    required: true
    type: str
  task_definitions:
    description:
      - Names, without the prefix, and what RegisterTaskDefinition takes beside family and tags, in its spelling.
      - Required when present.
    type: dict
extends_documentation_fragment:
  - graviflow.airflow.resource
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - amazon.aws.tags
"""

EXAMPLES = r"""
- name: Task definitions exist
  graviflow.airflow.ecs_task_definitions:
    prefix: airflow-demo_
    task_definitions:
      crunch:
        requiresCompatibilities: [FARGATE]
        networkMode: awsvpc
        cpu: "256"
        memory: "512"
        containerDefinitions:
          - name: crunch
            image: public.ecr.aws/docker/library/python:3.13-slim
            command: [python, -c, "print('crunched')"]

- name: Task definitions are gone, all revisions of them
  graviflow.airflow.ecs_task_definitions:
    prefix: airflow-demo_
    state: absent
"""

RETURN = r"""
task_definition_set:
  description: The task definitions of the prefix. Empty when there are none. In check mode, what they would be.
  returned: always
  type: dict
  contains:
    prefix:
      description: The prefix.
      type: str
    task_definitions:
      description: Names, without the prefix, and definitions, without what ECS fills in.
      type: dict
    tags:
      description: Names, without the prefix, and tags.
      type: dict
operations:
  description: The calls that were made, or would be, in their order.
  returned: always
  type: list
  elements: str
  sample: [register_task_definition, deregister_task_definition]
"""

from functools import partial
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.botocore import paginated_query_with_retries
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.graviflow.airflow.plugins.module_utils.ecs_tags import tag_dict
from ansible_collections.graviflow.airflow.plugins.module_utils.reconcile import Outcome
from ansible_collections.graviflow.airflow.plugins.module_utils.resource_module import (
    COMMON,
    ResourceApi,
    client,
    make_so,
)
from ansible_collections.graviflow.airflow.plugins.module_utils.task_definitions import (
    current_state,
    differences,
    plan,
)

ARGUMENT_SPEC = {**COMMON, "prefix": {"required": True}, "task_definitions": {"type": "dict"}}


class TaskDefinitionsApi(ResourceApi):
    """The calls to ECS."""

    def read(self) -> dict[str, Any] | None:
        """Return the task definitions of the prefix, None when there are none."""
        prefix = self.params["prefix"]
        if self.params["state"] == "absent":
            families = self._list("list_task_definition_families", "families", prefix, "ALL")
            return current_state(
                prefix, {}, {}, {status: self._revisions(families, status) for status in ("ACTIVE", "INACTIVE")}
            )
        families = self._list("list_task_definition_families", "families", prefix, "ACTIVE")
        found = {family.removeprefix(prefix): self._newest(family) for family in families}
        definitions = {name: each["taskDefinition"] for name, each in found.items()}
        return current_state(
            prefix, definitions, {name: tag_dict(each.get("tags")) for name, each in found.items()}, {}
        )

    def _newest(self, family: str) -> dict[str, Any]:
        return self.client.describe_task_definition(taskDefinition=family, include=["TAGS"], aws_retry=True)

    def _revisions(self, families: list[str], status: str) -> list[str]:
        lists = (self._list("list_task_definitions", "taskDefinitionArns", family, status) for family in families)
        return [arn for arns in lists for arn in arns]

    def _list(self, operation: str, key: str, prefix: str, status: str) -> list[str]:
        return paginated_query_with_retries(self.client, operation, familyPrefix=prefix, status=status)[key]


def told(outcome: Outcome) -> dict[str, Any]:
    """Return the module's result, with a diff for each family."""
    result = outcome.result("task_definition_set")
    for key in ("arns", "revisions"):
        result["task_definition_set"].pop(key, None)
    result["diff"] = differences(outcome.before, outcome.after)
    return result


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(
        argument_spec=ARGUMENT_SPEC, supports_check_mode=True, required_if=[("state", "present", ["task_definitions"])]
    )
    api = TaskDefinitionsApi(client(module, "ecs"), module.params)
    what = f"Task definitions that begin with {module.params['prefix']}"
    module.exit_json(**told(make_so(module, api, partial(plan, module.params), what=what)))


if __name__ == "__main__":
    main()
