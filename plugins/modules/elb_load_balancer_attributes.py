#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E402 (Ansible wants the documentation before the imports)
"""Ansible module: attributes of an application or network load balancer, or of a listener, are as declared."""

from __future__ import annotations

DOCUMENTATION = r"""
module: elb_load_balancer_attributes
version_added: 0.1.0
short_description: Set attributes of an application or network load balancer, or of a listener
description:
  - Sets the attributes that are listed and leaves the others alone.
  - It is for those that M(amazon.aws.elb_application_lb) does not know, the logs of connections for example.
  - In check mode a load balancer or listener that does not exist yet has no attributes. Otherwise it must exist.
options:
  name:
    description: Name of the load balancer.
    required: true
    type: str
  listener_port:
    description: Port of a listener, to set its attributes. Without one, they are the load balancer's own.
    type: int
  attributes:
    description:
      - Attributes by the key that AWS gives them, for example C(connection_logs.s3.enabled).
      - The bucket of a log must let AWS write when the log is switched on; AWS tries that.
    required: true
    type: dict
author: The graviflow team (@graviflow)
attributes:
  check_mode:
    support: full
    description: Reports what would change without changing it.
  diff_mode:
    support: full
    description: Shows what is declared before and after.
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Load balancer logs requests and connections
  graviflow.airflow.elb_load_balancer_attributes:
    name: airflow-demo-web
    attributes:
      access_logs.s3.enabled: true
      access_logs.s3.bucket: airflow-demo-logs
      connection_logs.s3.enabled: true
      connection_logs.s3.bucket: airflow-demo-logs

- name: Browsers come back by HTTPS alone
  graviflow.airflow.elb_load_balancer_attributes:
    name: airflow-demo-web
    listener_port: 443
    attributes:
      routing.http.response.strict_transport_security.header_value: max-age=31536000
"""

RETURN = r"""
load_balancer:
  description: The load balancer or listener with the attributes that were declared. In check mode, what they would be.
  returned: always
  type: dict
  contains:
    name:
      description: Name of the load balancer.
      type: str
    arn:
      description: ARN of whose attributes they are. Missing in check mode when there is nothing yet.
      type: str
    attributes:
      description: Attributes, each a text.
      type: dict
      sample: {connection_logs.s3.enabled: "true"}
operations:
  description: The calls that were made, or would be, in their order.
  returned: always
  type: list
  elements: str
  sample: [modify_load_balancer_attributes]
"""

from contextlib import suppress
from functools import partial
from typing import Any

with suppress(ImportError):  # AnsibleAWSModule says what is missing
    from botocore.exceptions import BotoCoreError, ClientError

from ansible_collections.amazon.aws.plugins.module_utils.botocore import is_boto3_error_code
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.graviflow.airflow.plugins.module_utils.load_balancer_attributes import (
    current_state,
    of_interest,
    owner,
    plan,
)
from ansible_collections.graviflow.airflow.plugins.module_utils.reconcile import Call, Outcome, Refusal, reconcile
from ansible_collections.graviflow.airflow.plugins.module_utils.resource_module import (
    ResourceApi,
    client,
)

ARGUMENT_SPEC = {
    "name": {"required": True},
    "listener_port": {"type": "int"},
    "attributes": {"type": "dict", "required": True},
}


class LoadBalancerAttributesApi(ResourceApi):
    """The calls to Elastic Load Balancing."""

    def __init__(self, client: Any, name: str, listener_port: int | None = None) -> None:
        self.client, self.name, self.listener_port = client, name, listener_port
        self.kind, self.identifier = owner({"listener_port": listener_port})

    def read(self) -> dict[str, Any] | None:
        """Return whose attributes are meant, with all of them; None when it does not exist."""
        arn = self._arn()
        if arn is None:
            return None
        describe = getattr(self.client, f"describe_{self.kind}_attributes")
        return current_state(self.name, arn, describe(**{self.identifier: arn}, aws_retry=True)["Attributes"])

    def _arn(self) -> str | None:
        try:
            found = self.client.describe_load_balancers(Names=[self.name], aws_retry=True)["LoadBalancers"]
        except is_boto3_error_code("LoadBalancerNotFound"):
            return None
        arn = found[0]["LoadBalancerArn"]
        if self.listener_port is None:
            return arn
        listeners = self.client.describe_listeners(LoadBalancerArn=arn, aws_retry=True)["Listeners"]
        return next((each["ListenerArn"] for each in listeners if each["Port"] == self.listener_port), None)

    def apply(self, call: Call) -> None:
        """Make one call. Raises Refusal when there is nothing that could have attributes."""
        if call.arguments[self.identifier] is None:
            what = f"{self.name}:{self.listener_port}" if self.listener_port else self.name
            raise Refusal("name", what, f"There is no {self.kind.replace('_', ' ')} of this name.", "Create it first.")
        super().apply(call)


def told(outcome: Outcome, declared: dict[str, Any]) -> dict[str, Any]:
    """Return the module's result, with the attributes that were declared."""
    before, after = of_interest(outcome.before, declared), of_interest(outcome.after, declared)
    return Outcome(outcome.changed, before, after, outcome.operations).result("load_balancer")


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    name, attributes = module.params["name"], module.params["attributes"]
    api = LoadBalancerAttributesApi(client(module, "elbv2"), name, module.params["listener_port"])
    try:
        outcome = reconcile(api, partial(plan, module.params), check_mode=module.check_mode, wait=False)
    except Refusal as refusal:
        module.fail_json(msg=str(refusal))
    except (BotoCoreError, ClientError) as error:
        module.fail_json_aws(error, msg=f"Attributes of load balancer {name} could not be set")
    module.exit_json(**told(outcome, attributes))


if __name__ == "__main__":
    main()
