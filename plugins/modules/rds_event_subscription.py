#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E402 (Ansible wants the documentation before the imports)
"""Ansible module: a subscription to RDS events is as declared."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rds_event_subscription
version_added: 0.1.0
short_description: Manage a subscription to events of RDS
description:
  - Creates, changes and deletes a subscription that has RDS tell its events to an SNS topic.
  - Options that are left out are not managed.
options:
  name:
    description: Name of the subscription, 1 to 255 letters, digits and hyphens.
    required: true
    type: str
  topic_arn:
    description: SNS topic, in the same region. Required when the subscription is created.
    type: str
  source_type:
    description: What the events are about. Cannot be changed.
    choices: [db-instance, db-cluster, db-parameter-group, db-security-group, db-snapshot, db-cluster-snapshot]
    type: str
  source_ids:
    description: Resources that the events are about. Empty for every one of the account.
    type: list
    elements: str
  categories:
    description: Categories of events, for example C(failure). Empty for every one that the type has.
    type: list
    elements: str
  enabled:
    description: Whether events are told.
    type: bool
extends_documentation_fragment:
  - graviflow.airflow.resource
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - amazon.aws.tags
"""

EXAMPLES = r"""
- name: Failures of the database are told
  graviflow.airflow.rds_event_subscription:
    name: airflow-demo-database-instance
    topic_arn: arn:aws:sns:us-east-1:123456789012:airflow-demo
    source_type: db-instance
    source_ids: [airflow-demo-database]
    categories: [configuration change, failure, maintenance]
    enabled: true

- name: Nothing is told any more
  graviflow.airflow.rds_event_subscription:
    name: airflow-demo-database-instance
    state: absent
"""

RETURN = r"""
event_subscription:
  description: The subscription, in the module's own terms. Empty when it is absent. In check mode, what it would be.
  returned: always
  type: dict
  contains:
    arn:
      description: ARN.
      type: str
    status:
      description: Status as RDS tells it.
      type: str
      sample: active
    topic_arn:
      description: SNS topic.
      type: str
    source_type:
      description: What the events are about.
      type: str
    source_ids:
      description: Resources that the events are about. Empty for every one.
      type: list
      elements: str
    categories:
      description: Categories. Empty for every one.
      type: list
      elements: str
    enabled:
      description: Whether events are told.
      type: bool
    tags:
      description: Tags.
      type: dict
operations:
  description: The calls that were made, or would be, in their order.
  returned: always
  type: list
  elements: str
  sample: [modify_event_subscription]
"""

from functools import partial
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.botocore import is_boto3_error_code
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.amazon.aws.plugins.module_utils.tagging import boto3_tag_list_to_ansible_dict
from ansible_collections.graviflow.airflow.plugins.module_utils.event_subscription import current_state, plan
from ansible_collections.graviflow.airflow.plugins.module_utils.resource_module import (
    COMMON,
    ResourceApi,
    client,
    make_so,
)

SOURCE_TYPES = [
    "db-instance",
    "db-cluster",
    "db-parameter-group",
    "db-security-group",
    "db-snapshot",
    "db-cluster-snapshot",
]
ARGUMENT_SPEC = {
    **COMMON,
    "name": {"required": True},
    "topic_arn": {},
    "source_type": {"choices": SOURCE_TYPES},
    "source_ids": {"type": "list", "elements": "str"},
    "categories": {"type": "list", "elements": "str"},
    "enabled": {"type": "bool"},
}


class EventSubscriptionApi(ResourceApi):
    """The calls to RDS."""

    def __init__(self, client: Any, name: str) -> None:
        self.client = client
        self.identity = {"SubscriptionName": name}

    def read(self) -> dict[str, Any] | None:
        """Return the subscription as options, None when there is none."""
        try:
            found = self.client.describe_event_subscriptions(**self.identity, aws_retry=True)["EventSubscriptionsList"]
        except is_boto3_error_code(["SubscriptionNotFound", "SubscriptionNotFoundFault"]):
            return None
        if not found:
            return None
        tags = self.client.list_tags_for_resource(ResourceName=found[0]["EventSubscriptionArn"], aws_retry=True)
        return current_state(found[0], boto3_tag_list_to_ansible_dict(tags["TagList"]))


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    api = EventSubscriptionApi(client(module, "rds"), module.params["name"])
    what = f"Event subscription {module.params['name']}"
    outcome = make_so(module, api, partial(plan, module.params), what=what)
    module.exit_json(**outcome.result("event_subscription"))


if __name__ == "__main__":
    main()
