"""What the AWS modules of this collection share: arguments, client, and how an outcome or an error is told."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

with suppress(ImportError):  # AnsibleAWSModule says what is missing
    from botocore.exceptions import BotoCoreError, ClientError, WaiterError

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry
from ansible_collections.graviflow.airflow.plugins.module_utils.reconcile import (
    Api,
    Call,
    Outcome,
    Plan,
    Refusal,
    reconcile,
)

# Beside the module's own arguments, documented in the fragments `resource` and `resource.wait`.
COMMON = {
    "state": {"choices": ["present", "absent"], "default": "present"},
    "tags": {"type": "dict", "aliases": ["resource_tags"]},
    "purge_tags": {"type": "bool", "default": True},
}
WAIT = {"wait": {"type": "bool", "default": True}, "wait_timeout": {"type": "int", "default": 2400}}


class ResourceApi:
    """The calls for one resource, or one set of them. Subclasses say how it is read, and what must be waited for."""

    def __init__(self, client: Any, params: dict[str, Any]) -> None:
        self.client, self.params = client, params

    def apply(self, call: Call) -> None:
        """Make one call."""
        getattr(self.client, call.operation)(**call.arguments, aws_retry=True)

    def settle(self, current: dict[str, Any] | None) -> dict[str, Any] | None:
        """Return at once: most resources are what was declared as soon as AWS was told."""
        return current


def client(module: AnsibleAWSModule, service: str) -> Any:
    """Return a client that retries what AWS asks to be retried, calls that are made with `aws_retry=True` that is."""
    return module.client(service, retry_decorator=AWSRetry.jittered_backoff(retries=10))


def make_so(
    module: AnsibleAWSModule,
    api: Api,
    plan: Callable[[dict[str, Any] | None], Plan],
    *,
    what: str,
    rounds: int = 1,
) -> Outcome:
    """Bring the resource to its declared state, or end the module with a message. `what` is its kind and name."""
    try:
        return reconcile(
            api,
            plan,
            check_mode=module.check_mode,
            wait=module.params.get("wait", False),
            rounds=rounds,
        )
    except Refusal as refusal:
        module.fail_json(msg=str(refusal))
    except (BotoCoreError, ClientError, WaiterError) as error:
        module.fail_json_aws(error, msg=f"{what} could not be made {module.params['state']}")
