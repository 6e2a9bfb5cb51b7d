#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E402 (Ansible wants the documentation before the imports)
"""Ansible module: an ElastiCache replication group is as declared."""

from __future__ import annotations

DOCUMENTATION = r"""
module: elasticache_replication_group
version_added: 0.1.0
short_description: Manage an ElastiCache replication group with cluster mode disabled
description:
  - Creates, changes in place, scales and deletes a Redis OSS or Valkey replication group of one shard.
  - Options that are left out are not managed. What AWS does not tell of a group that is being created is not compared.
  - What ElastiCache cannot change is refused before anything is done, with the value, the rule and the way out.
options:
  name:
    description: Identifier of the group. 1 to 40 letters, digits and hyphens; ElastiCache keeps it in lower case.
    required: true
    type: str
    aliases: [replication_group_id]
  description:
    description: What the group is for. Required when the group is created; defaults to O(name) then.
    type: str
  engine:
    description: Engine. A group goes from C(redis) to C(valkey) in place (with O(engine_version)), not back.
    choices: [redis, valkey]
    type: str
  engine_version:
    description: Version, as many parts of it as matter. C(7.1) is satisfied by 7.1.0, C(6.x) by 6.2.6.
    type: str
  node_type:
    description: Node type, for example C(cache.m7g.large). Required when the group is created.
    type: str
  num_cache_clusters:
    description: Number of nodes, the primary included, 1 to 6. Changed by adding or removing replicas.
    type: int
  port:
    description: TCP port. Cannot be changed.
    type: int
  parameter_group:
    description: Cache parameter group, of the engine version's family.
    type: str
  subnet_group:
    description: Cache subnet group. Cannot be changed. Compared once AWS tells it.
    type: str
  security_group_ids:
    description: VPC security groups.
    type: list
    elements: str
  transit_encryption_enabled:
    description: Whether clients talk TLS.
    type: bool
  transit_encryption_mode:
    description:
      - Whether TLS is only possible or the only way. AWS takes C(required) when this is left out at creation.
      - A group goes from no TLS to C(required), and back, only through C(preferred).
    choices: [preferred, required]
    type: str
  at_rest_encryption_enabled:
    description: Whether data on disk is encrypted. Cannot be changed.
    type: bool
  kms_key_id:
    description: Key for encryption at rest, as id, ARN or alias (an alias is not compared). Cannot be changed.
    type: str
  auth_token:
    description:
      - Password of the AUTH command, 16 to 128 printable characters, of the special ones only C(! & # $ ^ < > -).
      - Needs O(transit_encryption_enabled).
      - Used when the group is created. AWS does not give it back, so a later change is only made with
        O(auth_token_update).
    type: str
  auth_token_update:
    description: Whether to change the token of an existing group. Then the module reports a change every time.
    default: false
    type: bool
  auth_token_update_strategy:
    description:
      - V(ROTATE) adds O(auth_token) beside the one in use, V(SET) makes it the only one, V(DELETE) switches AUTH off.
    choices: [ROTATE, SET, DELETE]
    default: ROTATE
    type: str
  automatic_failover_enabled:
    description: Whether a replica is promoted when the primary fails. Needs at least two nodes.
    type: bool
  multi_az_enabled:
    description: Whether nodes are spread over zones. Needs O(automatic_failover_enabled).
    type: bool
  preferred_availability_zones:
    description: A zone for each node, the primary's first. Only used when the group is created.
    type: list
    elements: str
  preferred_maintenance_window:
    description: Weekly window in UTC, C(ddd:hh24:mi-ddd:hh24:mi), of at least 60 minutes.
    type: str
  snapshot_window:
    description: Daily window in UTC, C(hh24:mi-hh24:mi), of at least 60 minutes.
    type: str
  snapshot_retention_limit:
    description: Days to keep automatic snapshots, 0 to 35. C(0) takes none.
    type: int
  auto_minor_version_upgrade:
    description: Whether minor versions are taken in the maintenance window.
    type: bool
  log_delivery:
    description: Where logs go. A delivery that is not listed is switched off.
    type: list
    elements: dict
    suboptions:
      log_type:
        description: Which log.
        choices: [slow-log, engine-log]
        required: true
        type: str
      destination_type:
        description: Kind of destination.
        choices: [cloudwatch-logs, kinesis-firehose]
        default: cloudwatch-logs
        type: str
      destination:
        description: Name of the log group or delivery stream.
        required: true
        type: str
      log_format:
        description: Format.
        choices: [json, text]
        default: json
        type: str
  apply_immediately:
    description:
      - Whether changes are made now, or in the maintenance window. In that case a change which waits counts as made.
      - Scaling, TLS and tokens are always changed now.
    default: true
    type: bool
  final_snapshot_identifier:
    description: Name of the snapshot that is taken before the group is deleted. Without it none is taken.
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
- name: Broker exists
  graviflow.airflow.elasticache_replication_group:
    name: airflow-demo-broker
    engine: valkey
    engine_version: "8.0"
    node_type: cache.m7g.large
    num_cache_clusters: 2
    automatic_failover_enabled: true
    multi_az_enabled: true
    subnet_group: airflow-demo-broker
    security_group_ids: [sg-0123456789abcdef0]
    transit_encryption_enabled: true
    at_rest_encryption_enabled: true
    auth_token: "{{ broker_token }}"
    wait: false

- name: Broker accepts a second token beside the one in use
  graviflow.airflow.elasticache_replication_group:
    name: airflow-demo-broker
    auth_token: "{{ next_broker_token }}"
    auth_token_update: true
    auth_token_update_strategy: ROTATE

- name: Broker is gone, a snapshot of it is kept
  graviflow.airflow.elasticache_replication_group:
    name: airflow-demo-broker
    state: absent
    final_snapshot_identifier: airflow-demo-broker-final
"""

RETURN = r"""
replication_group:
  description: The group, in the module's own terms. Empty when it is absent. In check mode, what it would be.
  returned: always
  type: dict
  contains:
    arn:
      description: ARN.
      type: str
    status:
      description: Status as ElastiCache tells it.
      type: str
      sample: available
    primary_endpoint:
      description: Where to write. None while the group is being created.
      type: dict
      sample: {address: master.airflow-demo-broker.abc123.use1.cache.amazonaws.com, port: 6379}
    reader_endpoint:
      description: Where to read.
      type: dict
    members:
      description: The nodes with their roles and zones.
      type: list
      elements: dict
      sample: [{id: airflow-demo-broker-001, role: primary, availability_zone: us-east-1a}]
    auth_token_enabled:
      description: Whether clients must give a token.
      type: bool
    tags:
      description: Tags. None while the group cannot tell them.
      type: dict
operations:
  description: The calls that were made, or would be, in their order.
  returned: always
  type: list
  elements: str
  sample: [increase_replica_count, modify_replication_group]
"""

from functools import partial
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.botocore import is_boto3_error_code
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.amazon.aws.plugins.module_utils.tagging import boto3_tag_list_to_ansible_dict
from ansible_collections.graviflow.airflow.plugins.module_utils.reconcile import Call
from ansible_collections.graviflow.airflow.plugins.module_utils.replication_group import plan
from ansible_collections.graviflow.airflow.plugins.module_utils.replication_group_state import current_state
from ansible_collections.graviflow.airflow.plugins.module_utils.resource_module import (
    COMMON,
    WAIT,
    ResourceApi,
    client,
    make_so,
)
from ansible_collections.graviflow.airflow.plugins.module_utils.waiters import wait_until

LOG_DELIVERY = {
    "log_type": {"choices": ["slow-log", "engine-log"], "required": True},
    "destination_type": {"choices": ["cloudwatch-logs", "kinesis-firehose"], "default": "cloudwatch-logs"},
    "destination": {"required": True},
    "log_format": {"choices": ["json", "text"], "default": "json"},
}
ARGUMENT_SPEC = {
    **COMMON,
    "name": {"required": True, "aliases": ["replication_group_id"]},
    "description": {},
    "engine": {"choices": ["redis", "valkey"]},
    "engine_version": {},
    "node_type": {},
    "num_cache_clusters": {"type": "int"},
    "port": {"type": "int"},
    "parameter_group": {},
    "subnet_group": {},
    "security_group_ids": {"type": "list", "elements": "str"},
    "transit_encryption_enabled": {"type": "bool"},
    "transit_encryption_mode": {"choices": ["preferred", "required"]},
    "at_rest_encryption_enabled": {"type": "bool"},
    "kms_key_id": {},
    "auth_token": {"no_log": True},
    "auth_token_update": {"type": "bool", "default": False},
    "auth_token_update_strategy": {"choices": ["ROTATE", "SET", "DELETE"], "default": "ROTATE", "no_log": False},
    "automatic_failover_enabled": {"type": "bool"},
    "multi_az_enabled": {"type": "bool"},
    "preferred_availability_zones": {"type": "list", "elements": "str"},
    "preferred_maintenance_window": {},
    "snapshot_window": {},
    "snapshot_retention_limit": {"type": "int"},
    "auto_minor_version_upgrade": {"type": "bool"},
    "log_delivery": {"type": "list", "elements": "dict", "options": LOG_DELIVERY},
    "apply_immediately": {"type": "bool", "default": True},
    "final_snapshot_identifier": {},
    **WAIT,
}


class ReplicationGroupApi(ResourceApi):
    """The calls to ElastiCache."""

    def __init__(self, client: Any, params: dict[str, Any]) -> None:
        super().__init__(client, params)
        self.identity = {"ReplicationGroupId": params["name"]}

    def read(self) -> dict[str, Any] | None:
        """Return the group as options, None when there is none."""
        try:
            groups = self.client.describe_replication_groups(**self.identity, aws_retry=True)["ReplicationGroups"]
        except is_boto3_error_code("ReplicationGroupNotFoundFault"):
            return None
        if not groups:
            return None
        group = groups[0]
        return current_state(
            group, self._member(group), self._tags(group), pending=not self.params["apply_immediately"]
        )

    def _member(self, group: dict[str, Any]) -> dict[str, Any]:
        """Version, security groups and windows are told by the nodes only. A node may not exist yet, or no more."""
        for node in group.get("MemberClusters") or []:
            try:
                return self.client.describe_cache_clusters(CacheClusterId=node, aws_retry=True)["CacheClusters"][0]
            except is_boto3_error_code("CacheClusterNotFound"):
                continue
        return {}

    def _tags(self, group: dict[str, Any]) -> dict[str, str] | None:
        """ElastiCache tells tags only while the group is available."""
        if group["Status"] != "available":
            return None
        response = self.client.list_tags_for_resource(ResourceName=group["ARN"], aws_retry=True)
        return boto3_tag_list_to_ansible_dict(response["TagList"])

    def apply(self, call: Call) -> None:
        """Make one call, when the group is ready for it."""
        if call.ready:
            wait_until(self.client, call.ready, self.params["wait_timeout"], **self.identity)
        super().apply(call)

    def settle(self, current: dict[str, Any] | None) -> dict[str, Any] | None:
        """Wait until the group is available, or gone."""
        if self.params["state"] == "absent":
            if current is None:
                return None
            waiter = "replication_group_deleted"
        elif current and current["status"] == "available":
            return current
        else:
            waiter = "replication_group_available"
        wait_until(self.client, waiter, self.params["wait_timeout"], **self.identity)
        return self.read()


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    # ElastiCache stores identifiers in lower case.
    params = {**module.params, "name": module.params["name"].lower()}
    api = ReplicationGroupApi(client(module, "elasticache"), params)
    outcome = make_so(module, api, partial(plan, params), what=f"Replication group {params['name']}")
    module.exit_json(**outcome.result("replication_group"))


if __name__ == "__main__":
    main()
