#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E402 (Ansible wants the documentation before the imports)
"""Ansible module: the CloudWatch alarms whose names begin alike are as declared."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cloudwatch_alarms
version_added: 0.1.0
short_description: Manage a set of CloudWatch metric alarms
description:
  - Makes the metric alarms whose names begin with a prefix what is declared. Others of that prefix are removed.
  - Reads them with one call, however many there are, and one more for the tags of each. Calls only for what differs.
  - Alarms that are changed keep their state until CloudWatch evaluates them again.
  - Composite alarms are left alone.
options:
  prefix:
    description:
      - What the names of all alarms of the set begin with, and of no others. It ends with a slash.
    required: true
    type: str
  alarms:
    description: The alarms. Required when present.
    type: list
    elements: dict
    suboptions:
      name:
        description: Name, without the prefix.
        required: true
        type: str
      description:
        description: What it means and what to do then. It is in the notification. 1024 characters at most.
        type: str
      namespace:
        description: Namespace of the metric, for example C(AWS/RDS).
        type: str
      metric_name:
        description: Name of the metric. Either this or O(alarms[].metrics) is required.
        type: str
      dimensions:
        description: Dimensions of the metric, names and values.
        type: dict
      statistic:
        description: V(Average), V(Maximum), V(Minimum), V(SampleCount), V(Sum), or one like V(p95).
        type: str
      period:
        description: Seconds of each data point, 10, 20, 30 or a multiple of 60.
        type: int
      unit:
        description: Unit that the metric's data must have. Left out, any is taken.
        type: str
      metrics:
        description: Metrics and expressions over them, when the alarm watches an expression.
        type: list
        elements: dict
        suboptions:
          id:
            description: Name in expressions, beginning with a lower case letter.
            required: true
            type: str
          expression:
            description: Metric math. Without it this is a metric.
            type: str
          label:
            description: Name for people.
            type: str
          return_data:
            description: Whether the alarm watches this one. Exactly one is watched.
            default: false
            type: bool
          namespace:
            description: Namespace of the metric.
            type: str
          metric_name:
            description: Name of the metric.
            type: str
          dimensions:
            description: Dimensions of the metric, names and values.
            type: dict
          statistic:
            description: Statistic of the metric.
            type: str
          period:
            description: Seconds of each data point.
            type: int
          unit:
            description: Unit that the metric's data must have.
            type: str
      comparison_operator:
        description: How a data point is compared with the threshold.
        choices:
          - GreaterThanOrEqualToThreshold
          - GreaterThanThreshold
          - LessThanOrEqualToThreshold
          - LessThanThreshold
        required: true
        type: str
      threshold:
        description: What data points are compared with, in the metric's unit.
        required: true
        type: float
      evaluation_periods:
        description: Number of latest periods that are looked at.
        required: true
        type: int
      datapoints_to_alarm:
        description: Number of them that must be beyond the threshold. Defaults to all.
        type: int
      treat_missing_data:
        description: What a period without data counts as.
        choices: [breaching, ignore, missing, notBreaching]
        default: missing
        type: str
      actions_enabled:
        description: Whether the actions are taken.
        default: true
        type: bool
      alarm_actions:
        description: ARNs of what is told when the alarm goes off, an SNS topic for example.
        type: list
        elements: str
        default: []
      ok_actions:
        description: ARNs of what is told when it is over.
        type: list
        elements: str
        default: []
      insufficient_data_actions:
        description: ARNs of what is told when the alarm has no data.
        type: list
        elements: str
        default: []
extends_documentation_fragment:
  - graviflow.airflow.resource
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - amazon.aws.tags
"""

EXAMPLES = r"""
- name: Database is watched
  graviflow.airflow.cloudwatch_alarms:
    prefix: airflow-demo/
    alarms:
      - name: database-cpu
        description: The database has no processor time left. Look at its load in Performance Insights.
        namespace: AWS/RDS
        metric_name: CPUUtilization
        dimensions: {DBInstanceIdentifier: airflow-demo-database}
        statistic: Maximum
        period: 60
        evaluation_periods: 15
        comparison_operator: GreaterThanOrEqualToThreshold
        threshold: 80
        alarm_actions: ["arn:aws:sns:us-east-1:123456789012:airflow-demo-alarms"]
      - name: hosts-in-service
        metrics:
          - {id: missing, expression: desired - present, return_data: true}
          - id: desired
            namespace: AWS/AutoScaling
            metric_name: GroupDesiredCapacity
            dimensions: {AutoScalingGroupName: airflow-demo-host}
            statistic: Average
            period: 60
          - id: present
            namespace: AWS/AutoScaling
            metric_name: GroupInServiceInstances
            dimensions: {AutoScalingGroupName: airflow-demo-host}
            statistic: Average
            period: 60
        evaluation_periods: 15
        comparison_operator: GreaterThanThreshold
        threshold: 0

- name: Nothing of the stack is watched
  graviflow.airflow.cloudwatch_alarms:
    prefix: airflow-demo/
    state: absent
"""

RETURN = r"""
alarm_set:
  description: The alarms of the prefix. Empty when there are none. In check mode, what they would be.
  returned: always
  type: dict
  contains:
    prefix:
      description: The prefix.
      type: str
    alarms:
      description: Names, without the prefix, and what was declared of each.
      type: dict
    tags:
      description: Names, without the prefix, and tags. Only those of declared alarms are read, if tags are declared.
      type: dict
operations:
  description: The calls that were made, or would be, in their order.
  returned: always
  type: list
  elements: str
  sample: [put_metric_alarm, delete_alarms]
"""

from functools import partial
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.botocore import paginated_query_with_retries
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.amazon.aws.plugins.module_utils.tagging import boto3_tag_list_to_ansible_dict
from ansible_collections.graviflow.airflow.plugins.module_utils.alarms import current_state, line, plan
from ansible_collections.graviflow.airflow.plugins.module_utils.named_set import told
from ansible_collections.graviflow.airflow.plugins.module_utils.resource_module import (
    COMMON,
    ResourceApi,
    client,
    make_so,
)

METRIC = {
    "namespace": {},
    "metric_name": {},
    "dimensions": {"type": "dict"},
    "statistic": {},
    "period": {"type": "int"},
    "unit": {},
}
QUERY = {
    **METRIC,
    "id": {"required": True},
    "expression": {},
    "label": {},
    "return_data": {"type": "bool", "default": False},
}
ACTIONS = {"type": "list", "elements": "str", "default": []}
ALARM = {
    **METRIC,
    "name": {"required": True},
    "description": {},
    "metrics": {"type": "list", "elements": "dict", "options": QUERY},
    "comparison_operator": {
        "required": True,
        "choices": [
            "GreaterThanOrEqualToThreshold",
            "GreaterThanThreshold",
            "LessThanOrEqualToThreshold",
            "LessThanThreshold",
        ],
    },
    "threshold": {"type": "float", "required": True},
    "evaluation_periods": {"type": "int", "required": True},
    "datapoints_to_alarm": {"type": "int"},
    "treat_missing_data": {"choices": ["breaching", "ignore", "missing", "notBreaching"], "default": "missing"},
    "actions_enabled": {"type": "bool", "default": True},
    "alarm_actions": ACTIONS,
    "ok_actions": ACTIONS,
    "insufficient_data_actions": ACTIONS,
}
ARGUMENT_SPEC = {
    **COMMON,
    "prefix": {"required": True},
    "alarms": {"type": "list", "elements": "dict", "options": ALARM},
}


class AlarmsApi(ResourceApi):
    """The calls to CloudWatch."""

    def read(self) -> dict[str, Any] | None:
        """Return the alarms of the prefix, None when there are none."""
        prefix = self.params["prefix"]
        answer = paginated_query_with_retries(
            self.client, "describe_alarms", AlarmNamePrefix=prefix, AlarmTypes=["MetricAlarm"]
        )
        arns = {alarm["AlarmName"].removeprefix(prefix): alarm["AlarmArn"] for alarm in answer["MetricAlarms"]}
        managed = {alarm["name"] for alarm in self.params["alarms"] or [] if self.params["tags"] is not None}
        tags = {name: self._tags(arn) for name, arn in arns.items() if name in managed}
        return current_state(prefix, answer["MetricAlarms"], tags)

    def _tags(self, arn: str) -> dict[str, str]:
        response = self.client.list_tags_for_resource(ResourceARN=arn, aws_retry=True)
        return boto3_tag_list_to_ansible_dict(response["Tags"])


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(
        argument_spec=ARGUMENT_SPEC, supports_check_mode=True, required_if=[("state", "present", ["alarms"])]
    )
    api = AlarmsApi(client(module, "cloudwatch"), module.params)
    what = f"Alarms that begin with {module.params['prefix']}"
    outcome = make_so(module, api, partial(plan, module.params), what=what)
    module.exit_json(**told(outcome, "alarm_set", "alarms", line))


if __name__ == "__main__":
    main()
