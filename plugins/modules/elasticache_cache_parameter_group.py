#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E402 (Ansible wants the documentation before the imports)
"""Ansible module: an ElastiCache cache parameter group is as declared."""

from __future__ import annotations

DOCUMENTATION = r"""
module: elasticache_cache_parameter_group
version_added: 0.1.0
short_description: Manage an ElastiCache cache parameter group of any family
description:
  - Creates a cache parameter group, sets and resets its parameters, and deletes it.
  - Any family that ElastiCache knows is taken, the C(redis7), C(valkey7) and C(valkey8) ones included.
options:
  name:
    description: Name of the group. ElastiCache keeps it in lower case.
    required: true
    type: str
  family:
    description: Family, for example C(redis7). Required when the group is created, cannot be changed.
    type: str
  description:
    description: What the group is for. Defaults to O(name) when the group is created, cannot be changed.
    type: str
  values:
    description:
      - Parameter names and values. Booleans are written as C(yes) and C(no), as ElastiCache spells them.
      - When this is left out, no parameter is managed.
    type: dict
  purge_values:
    description: Whether parameters that were set, and are not in O(values), go back to the family's default.
    default: true
    type: bool
extends_documentation_fragment:
  - graviflow.airflow.resource
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - amazon.aws.tags
"""

EXAMPLES = r"""
- name: Broker's parameters keep every message
  graviflow.airflow.elasticache_cache_parameter_group:
    name: airflow-demo-broker
    family: valkey8
    values:
      maxmemory-policy: noeviction
      tcp-keepalive: 60

- name: Broker's parameters are gone
  graviflow.airflow.elasticache_cache_parameter_group:
    name: airflow-demo-broker
    state: absent
"""

RETURN = r"""
cache_parameter_group:
  description: The group, in the module's own terms. Empty when it is absent. In check mode, what it would be.
  returned: always
  type: dict
  contains:
    name:
      description: Name.
      type: str
    arn:
      description: ARN.
      type: str
    family:
      description: Family.
      type: str
      sample: redis7
    values:
      description: Parameters that were set, others have the family's default.
      type: dict
      sample: {maxmemory-policy: noeviction}
    tags:
      description: Tags.
      type: dict
operations:
  description: The calls that were made, or would be, in their order.
  returned: always
  type: list
  elements: str
  sample: [create_cache_parameter_group, modify_cache_parameter_group]
"""

from functools import partial
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.botocore import (
    is_boto3_error_code,
    paginated_query_with_retries,
)
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.amazon.aws.plugins.module_utils.tagging import boto3_tag_list_to_ansible_dict
from ansible_collections.graviflow.airflow.plugins.module_utils.cache_parameter_group import current_state, plan
from ansible_collections.graviflow.airflow.plugins.module_utils.reconcile import Outcome
from ansible_collections.graviflow.airflow.plugins.module_utils.resource_module import (
    COMMON,
    ResourceApi,
    client,
    make_so,
)

ARGUMENT_SPEC = {
    **COMMON,
    "name": {"required": True},
    "family": {},
    "description": {},
    "values": {"type": "dict"},
    "purge_values": {"type": "bool", "default": True},
}


class CacheParameterGroupApi(ResourceApi):
    """The calls to ElastiCache."""

    def __init__(self, client: Any, name: str) -> None:
        self.client = client
        self.identity = {"CacheParameterGroupName": name}

    def read(self) -> dict[str, Any] | None:
        """Return the group as options, None when there is none."""
        try:
            found = self.client.describe_cache_parameter_groups(**self.identity, aws_retry=True)
        except is_boto3_error_code("CacheParameterGroupNotFound"):
            return None
        groups = found["CacheParameterGroups"]
        if not groups:
            return None
        parameters = paginated_query_with_retries(self.client, "describe_cache_parameters", **self.identity)
        return current_state(groups[0], parameters["Parameters"], self._tags(groups[0]))

    def _tags(self, group: dict[str, Any]) -> dict[str, str]:
        response = self.client.list_tags_for_resource(ResourceName=group["ARN"], aws_retry=True)
        return boto3_tag_list_to_ansible_dict(response["TagList"])


def told(outcome: Outcome) -> Outcome:
    """Return the outcome without the parameters that nobody set: they are some hundred."""

    def short(state: Any) -> dict[str, Any] | None:
        return {key: value for key, value in state.items() if key != "known"} if state else None

    return Outcome(outcome.changed, short(outcome.before), short(outcome.after), outcome.operations)


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    # ElastiCache stores identifiers in lower case.
    params = {**module.params, "name": module.params["name"].lower()}
    api = CacheParameterGroupApi(client(module, "elasticache"), params["name"])
    # Values are set on a group that exists, hence the second round.
    outcome = make_so(module, api, partial(plan, params), what=f"Cache parameter group {params['name']}", rounds=2)
    module.exit_json(**told(outcome).result("cache_parameter_group"))


if __name__ == "__main__":
    main()
