#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E402 (Ansible wants the documentation before the imports)
"""Ansible module: an SNS topic that AWS's services publish to is as declared."""

from __future__ import annotations

DOCUMENTATION = r"""
module: sns_topic
version_added: 0.1.0
short_description: Manage an SNS topic that AWS's services publish to
description:
  - Creates a standard topic, its policy and its subscriptions, changes and deletes them.
  - The policy lets the given services publish for resources of this account, and refuses whoever does not use TLS.
  - Unlike M(community.aws.sns_topic) it sets the key, and can be planned before the topic exists.
options:
  name:
    description: Name of the topic.
    required: true
    type: str
  display_name:
    description: Sender of e-mails, 100 characters at most. Left out, it stays as it is.
    type: str
  publishers:
    description: Service principals that may publish. They are the same in every partition.
    type: list
    elements: str
    default: [cloudwatch.amazonaws.com]
  kms_key_id:
    description:
      - Key that encrypts messages at rest, an ARN, an id or an alias. Empty for SNS's own encryption. Left out, it
        stays as it is.
      - The key's policy must allow O(publishers) C(kms:Decrypt) and C(kms:GenerateDataKey*). That of C(alias/aws/sns)
        cannot, so that key is refused.
    type: str
  subscriptions:
    description:
      - Who gets the messages. Others are unsubscribed, unless they were never confirmed.
      - E-mail and HTTPS subscriptions must be confirmed by who gets them.
    type: list
    elements: dict
    default: []
    suboptions:
      protocol:
        description: Protocol, for example V(email) or V(https).
        required: true
        type: str
      endpoint:
        description: Address or URL. Paths of URLs are never shown.
        required: true
        type: str
extends_documentation_fragment:
  - graviflow.airflow.resource
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - amazon.aws.tags
"""

EXAMPLES = r"""
- name: Topic of the stack's alarms exists
  graviflow.airflow.sns_topic:
    name: airflow-demo-alarms
    publishers: [cloudwatch.amazonaws.com, events.rds.amazonaws.com]
    subscriptions:
      - {protocol: email, endpoint: operators@example.org}

- name: Topic is gone
  graviflow.airflow.sns_topic:
    name: airflow-demo-alarms
    state: absent
"""

RETURN = r"""
topic:
  description: The topic. Empty when it is absent. In check mode, what it would be.
  returned: always
  type: dict
  contains:
    arn:
      description: ARN.
      type: str
    display_name:
      description: Sender of e-mails.
      type: str
    kms_key_id:
      description: Key, empty for SNS's own encryption.
      type: str
    policy:
      description: Policy.
      type: dict
    subscriptions:
      description: Protocol and endpoint of each, without the path of a URL.
      type: list
      elements: str
      sample: ["https://events.example.org/..."]
    tags:
      description: Tags.
      type: dict
operations:
  description: The calls that were made, or would be, in their order.
  returned: always
  type: list
  elements: str
  sample: [create_topic, subscribe]
"""

from functools import partial
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.botocore import (
    is_boto3_error_code,
    paginated_query_with_retries,
)
from ansible_collections.amazon.aws.plugins.module_utils.iam import get_aws_account_info
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.amazon.aws.plugins.module_utils.tagging import boto3_tag_list_to_ansible_dict
from ansible_collections.graviflow.airflow.plugins.module_utils.reconcile import Outcome
from ansible_collections.graviflow.airflow.plugins.module_utils.resource_module import (
    COMMON,
    ResourceApi,
    client,
    make_so,
)
from ansible_collections.graviflow.airflow.plugins.module_utils.topic import current_state, plan, told

SUBSCRIPTION = {"protocol": {"required": True}, "endpoint": {"required": True, "no_log": True}}
ARGUMENT_SPEC = {
    **COMMON,
    "name": {"required": True},
    "display_name": {},
    "publishers": {"type": "list", "elements": "str", "default": ["cloudwatch.amazonaws.com"]},
    "kms_key_id": {"no_log": False},
    "subscriptions": {"type": "list", "elements": "dict", "default": [], "options": SUBSCRIPTION},
}


class TopicApi(ResourceApi):
    """The calls to SNS."""

    def __init__(self, client: Any, arn: str) -> None:
        self.client, self.identity = client, {"TopicArn": arn}

    def read(self) -> dict[str, Any] | None:
        """Return the topic as options, None when there is none."""
        try:
            found = self.client.get_topic_attributes(**self.identity, aws_retry=True)["Attributes"]
        except is_boto3_error_code("NotFound"):
            return None
        listed = paginated_query_with_retries(self.client, "list_subscriptions_by_topic", **self.identity)
        tags = self.client.list_tags_for_resource(ResourceArn=self.identity["TopicArn"], aws_retry=True)["Tags"]
        return current_state(found, listed["Subscriptions"], boto3_tag_list_to_ansible_dict(tags))


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    account, partition = get_aws_account_info(module)
    params = {**module.params, "arn": f"arn:{partition}:sns:{module.region}:{account}:{module.params['name']}"}
    api = TopicApi(client(module, "sns"), params["arn"])
    outcome = make_so(module, api, partial(plan, params), what=f"Topic {params['name']}")
    shown = Outcome(outcome.changed, told(outcome.before), told(outcome.after), outcome.operations)
    module.exit_json(**shown.result("topic"))


if __name__ == "__main__":
    main()
