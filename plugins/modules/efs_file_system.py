#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E402 (Ansible wants the documentation before the imports)
"""Ansible module: an EFS file system, with its mount targets, is as declared."""

from __future__ import annotations

DOCUMENTATION = r"""
module: efs_file_system
version_added: 0.1.0
short_description: Manage an EFS file system and its mount targets
description:
  - Creates, changes and deletes a regional EFS file system together with its mount targets.
  - The file system is known by its creation token, which is its O(name).
  - When it goes, its mount targets go first, and its data with it.
  - Options that are left out are not managed.
  - What EFS cannot change is refused before anything is done, with the value, the rule and the way out.
options:
  name:
    description: Creation token of the file system, and its tag C(Name). 1 to 64 characters.
    required: true
    type: str
  encrypted:
    description: Whether data on disk is encrypted. Cannot be changed.
    type: bool
  kms_key_id:
    description:
      - Key for encryption, as id, ARN or alias (an alias is not compared). AWS's own for EFS when left out.
      - Cannot be changed.
    type: str
  performance_mode:
    description: Performance mode. Cannot be changed.
    choices: [generalPurpose, maxIO]
    type: str
  throughput_mode:
    description: Throughput mode. AWS lets it change, or the provisioned rate decrease, once in 24 hours.
    choices: [bursting, elastic, provisioned]
    type: str
  provisioned_throughput_in_mibps:
    description: Throughput in MiB/s. Belongs to O(throughput_mode=provisioned).
    type: float
  lifecycle_policy:
    description: When files move between storage classes. An empty dictionary ends every transition.
    type: dict
    suboptions:
      transition_to_ia:
        description: When files move to Infrequent Access, for example C(AFTER_30_DAYS).
        type: str
      transition_to_archive:
        description: When files move to Archive, for example C(AFTER_90_DAYS).
        type: str
      transition_to_primary_storage_class:
        description: When files come back, C(AFTER_1_ACCESS).
        type: str
  backup:
    description: Whether AWS Backup keeps automatic backups.
    type: bool
  policy:
    description:
      - Resource policy of the file system, as a dictionary. An empty one removes it.
      - Written as EFS gives it back, so with C(Resource) being the file system's ARN.
    type: dict
  mount_targets:
    description: One per zone. A mount target that is not listed is deleted.
    type: list
    elements: dict
    suboptions:
      subnet_id:
        description: Subnet.
        required: true
        type: str
      security_groups:
        description: Security groups, at most 5. The VPC's default one when left out.
        type: list
        elements: str
      ip_address:
        description: Address, only used when the mount target is created.
        type: str
extends_documentation_fragment:
  - graviflow.airflow.resource
  - graviflow.airflow.resource.wait
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - amazon.aws.tags
"""

EXAMPLES = r"""
- name: Shared storage exists
  graviflow.airflow.efs_file_system:
    name: airflow-demo
    encrypted: true
    throughput_mode: elastic
    backup: true
    lifecycle_policy: {transition_to_ia: AFTER_30_DAYS, transition_to_primary_storage_class: AFTER_1_ACCESS}
    mount_targets:
      - {subnet_id: subnet-0aaaaaaaaaaaaaaaa, security_groups: [sg-0123456789abcdef0]}
      - {subnet_id: subnet-0bbbbbbbbbbbbbbbb, security_groups: [sg-0123456789abcdef0]}
    wait: false

- name: Shared storage is gone
  graviflow.airflow.efs_file_system:
    name: airflow-demo
    state: absent
"""

RETURN = r"""
file_system:
  description: The file system, in the module's own terms. Empty when it is absent. In check mode, what it would be.
  returned: always
  type: dict
  contains:
    id:
      description: Id. Absent in check mode when the file system does not exist yet.
      type: str
      sample: fs-0123456789abcdef0
    arn:
      description: ARN.
      type: str
    status:
      description: Life cycle state as EFS tells it.
      type: str
      sample: available
    dns_name:
      description: Name under which hosts of the VPC mount it. Absent when O(ignore:id) is.
      type: str
      sample: fs-0123456789abcdef0.efs.us-east-1.amazonaws.com
    mount_targets:
      description: Mount targets.
      type: list
      elements: dict
      sample:
        - {id: fsmt-01, status: available, subnet_id: subnet-01, ip_address: 10.0.1.5, security_groups: [sg-01]}
    tags:
      description: Tags.
      type: dict
operations:
  description: The calls that were made, or would be, in their order.
  returned: always
  type: list
  elements: str
  sample: [create_file_system, create_mount_target]
"""

from contextlib import suppress
from functools import partial
from typing import Any

with suppress(ImportError):  # AnsibleAWSModule says what is missing
    import botocore.session

from ansible_collections.amazon.aws.plugins.module_utils.botocore import is_boto3_error_code
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.graviflow.airflow.plugins.module_utils.efs import current_state, plan
from ansible_collections.graviflow.airflow.plugins.module_utils.reconcile import Call
from ansible_collections.graviflow.airflow.plugins.module_utils.resource_module import (
    COMMON,
    WAIT,
    ResourceApi,
    client,
    make_so,
)
from ansible_collections.graviflow.airflow.plugins.module_utils.waiters import wait_until

LIFECYCLE_POLICY = {"transition_to_ia": {}, "transition_to_archive": {}, "transition_to_primary_storage_class": {}}
MOUNT_TARGET = {
    "subnet_id": {"required": True},
    "security_groups": {"type": "list", "elements": "str"},
    "ip_address": {},
}
ARGUMENT_SPEC = {
    **COMMON,
    "name": {"required": True},
    "encrypted": {"type": "bool"},
    "kms_key_id": {},
    "performance_mode": {"choices": ["generalPurpose", "maxIO"]},
    "throughput_mode": {"choices": ["bursting", "elastic", "provisioned"]},
    "provisioned_throughput_in_mibps": {"type": "float"},
    "lifecycle_policy": {"type": "dict", "options": LIFECYCLE_POLICY},
    "backup": {"type": "bool"},
    "policy": {"type": "dict"},
    "mount_targets": {"type": "list", "elements": "dict", "options": MOUNT_TARGET},
    **WAIT,
}


class FileSystemApi(ResourceApi):
    """The calls to EFS."""

    def __init__(self, client: Any, params: dict[str, Any]) -> None:
        super().__init__(client, params)
        self.identity: dict[str, str] = {}

    def read(self) -> dict[str, Any] | None:
        """Return the file system as options, None when there is none."""
        found = self.client.describe_file_systems(CreationToken=self.params["name"], aws_retry=True)["FileSystems"]
        if not found or found[0]["LifeCycleState"] == "deleted":
            return None
        self.identity = {"FileSystemId": found[0]["FileSystemId"]}
        if found[0]["LifeCycleState"] == "deleting":
            return current_state(found[0], targets=[], lifecycle=[], backup="", policy=None)
        return current_state(
            found[0],
            targets=self._targets(),
            lifecycle=self.client.describe_lifecycle_configuration(**self.identity, aws_retry=True)[
                "LifecyclePolicies"
            ],
            backup=self._backup(),
            policy=self._policy(),
        )

    def _targets(self) -> list[dict[str, Any]]:
        # A zone has one at most, so one page holds them all.
        targets = self.client.describe_mount_targets(**self.identity, aws_retry=True)["MountTargets"]
        return [{**target, "SecurityGroups": self._security_groups(target)} for target in targets]

    def _security_groups(self, target: dict[str, Any]) -> list[str]:
        if target["LifeCycleState"] in ("deleting", "deleted"):
            return []
        response = self.client.describe_mount_target_security_groups(
            MountTargetId=target["MountTargetId"], aws_retry=True
        )
        return response.get("SecurityGroups") or []

    def _backup(self) -> str:
        try:
            return self.client.describe_backup_policy(**self.identity, aws_retry=True)["BackupPolicy"]["Status"]
        except is_boto3_error_code("PolicyNotFound"):
            return "DISABLED"

    def _policy(self) -> str | None:
        try:
            return self.client.describe_file_system_policy(**self.identity, aws_retry=True)["Policy"]
        except is_boto3_error_code("PolicyNotFound"):
            return None

    def apply(self, call: Call) -> None:
        """Make one call, when the file system is ready for it."""
        if call.ready:
            self._wait(call.ready)
        super().apply(call)

    def _wait(self, waiter: str) -> None:
        wait_until(self.client, waiter, self.params["wait_timeout"], **self.identity)

    def settle(self, current: dict[str, Any] | None) -> dict[str, Any] | None:
        """Wait until the file system and its mount targets are available, or gone."""
        if current is None:
            return None
        if self.params["state"] == "absent":
            self._wait("file_system_deleted")
            return self.read()
        states = [current["status"], *(target["status"] for target in current["mount_targets"])]
        if any(state != "available" for state in states):
            self._wait("file_system_available")
            self._wait("mount_targets_available")
            return self.read()
        return current


def dns_suffix(region: str) -> str:
    """Return the domain of the region's partition, amazonaws.com.cn for cn-north-1."""
    session = botocore.session.get_session()
    partition = session.get_partition_for_region(region)
    known = session.get_data("partitions")["partitions"]
    return next(each["outputs"]["dnsSuffix"] for each in known if each["id"] == partition)


def with_dns_name(result: dict[str, Any], region: str) -> dict[str, Any]:
    """Return the module's result with the name under which hosts mount the file system, which EFS does not tell."""
    file_system = result["file_system"]
    if "id" in file_system:
        suffix = dns_suffix(region)
        file_system["dns_name"] = f"{file_system['id']}.efs.{region}.{suffix}"
    return result


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    api = FileSystemApi(client(module, "efs"), module.params)
    what = f"File system {module.params['name']}"
    # Mount targets and policies are declared on a file system that has an id, hence the second round.
    outcome = make_so(module, api, partial(plan, module.params), what=what, rounds=2)
    module.exit_json(**with_dns_name(outcome.result("file_system"), module.region))


if __name__ == "__main__":
    main()
