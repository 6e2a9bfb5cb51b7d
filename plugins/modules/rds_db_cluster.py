#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E402 (Ansible wants the documentation before the imports)
"""Ansible module: an RDS DB cluster is as declared."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rds_db_cluster
version_added: 0.1.0
short_description: Manage an RDS DB cluster for PostgreSQL, Aurora's or a Multi-AZ one
description:
  - Creates, changes in place and deletes an Aurora PostgreSQL cluster, or a Multi-AZ DB cluster of RDS for PostgreSQL.
  - The instances of an Aurora cluster are resources of their own (M(amazon.aws.rds_instance)); those of a Multi-AZ DB
    cluster come and go with it.
  - M(amazon.aws.rds_cluster) takes neither gp3, Performance Insights nor monitoring for Multi-AZ DB clusters, reports
    a change of their storage each time, and changes neither log exports nor IAM authentication of any cluster.
  - Options that are left out are not managed. Changes are made at once, and what waits to be changed counts as changed.
  - What RDS cannot change is refused before anything is done, with the value, the rule and the way out.
options:
  name:
    description: Identifier of the cluster. RDS keeps it in lower case.
    required: true
    type: str
    aliases: [db_cluster_identifier]
  engine:
    description: Engine, V(postgres) for a Multi-AZ DB cluster. Required when the cluster is created, cannot be changed.
    choices: [aurora-postgresql, postgres]
    type: str
  engine_version:
    description:
      - Version, as many parts of it as matter. A cluster that took a newer minor version keeps it.
      - Another major version is refused.
    type: str
  database_name:
    description: Database within the cluster. Cannot be changed.
    type: str
  master_username:
    description: Master user. Required when the cluster is created, cannot be changed.
    type: str
  master_user_password:
    description: Its password, used when the cluster is created. AWS does not give it back, so it is not compared.
    type: str
  port:
    description: TCP port. A Multi-AZ DB cluster keeps the one it was created with.
    type: int
  instance_class:
    description: Class of all instances of a Multi-AZ DB cluster, one with a local NVMe disk.
    type: str
  allocated_storage:
    description: Storage of a Multi-AZ DB cluster, in GiB for each instance.
    type: int
  storage_type:
    description: Kind of storage. AWS tells none for V(aurora).
    choices: [aurora, aurora-iopt1, gp3, io1, io2]
    type: str
  iops:
    description: Operations per second of the storage of a Multi-AZ DB cluster. RDS wants it with O(storage_type).
    type: int
  serverless:
    description: Limits between which instances of class C(db.serverless) of an Aurora cluster scale.
    type: dict
    suboptions:
      min_capacity:
        description: Least capacity, in Aurora capacity units.
        required: true
        type: float
      max_capacity:
        description: Most capacity, in Aurora capacity units.
        required: true
        type: float
  parameter_group:
    description: DB cluster parameter group, of the engine version's family.
    type: str
  subnet_group:
    description: DB subnet group, with three zones for a Multi-AZ DB cluster. Cannot be changed.
    type: str
  security_group_ids:
    description: VPC security groups.
    type: list
    elements: str
  storage_encrypted:
    description: Whether data on disk is encrypted. Cannot be changed.
    type: bool
  kms_key_id:
    description: Key for encryption, as id, ARN or alias (an alias is not compared). Cannot be changed.
    type: str
  backup_retention_period:
    description: Days that automatic backups are kept, 1 to 35.
    type: int
  copy_tags_to_snapshot:
    description: Whether snapshots bear the cluster's tags.
    type: bool
  deletion_protection:
    description: Whether AWS refuses to delete the cluster. With O(state=absent), V(false) lifts it first.
    type: bool
  iam_database_authentication:
    description: Whether database users may log in by IAM.
    type: bool
  log_exports:
    description: Logs that go to CloudWatch. One that is not listed no longer does.
    type: list
    elements: str
  performance_insights:
    description: Whether query load is recorded. For Aurora declare it on the instances.
    type: bool
  performance_insights_kms_key_id:
    description: KMS key of what is recorded. AWS takes it when it begins to record; here it counts for a new cluster.
    type: str
  monitoring_interval:
    description:
      - Seconds between measurements of enhanced monitoring, V(0) for none. For Aurora declare it on the instances.
    choices: [0, 1, 5, 10, 15, 30, 60]
    type: int
  monitoring_role_arn:
    description: IAM role that enhanced monitoring acts as.
    type: str
  auto_minor_version_upgrade:
    description: Whether minor versions are taken in the maintenance window.
    type: bool
  final_snapshot_identifier:
    description: Name of the snapshot that is taken before the cluster is deleted. Without it none is taken.
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
- name: Aurora cluster exists, its instances scale between half a unit and eight
  graviflow.airflow.rds_db_cluster:
    name: airflow-demo-database
    engine: aurora-postgresql
    engine_version: "17"
    database_name: airflow
    master_username: airflow
    master_user_password: "{{ database_password }}"
    serverless: {min_capacity: 0.5, max_capacity: 8}
    subnet_group: airflow-demo-database
    security_group_ids: [sg-0123456789abcdef0]
    storage_encrypted: true
    deletion_protection: true
    wait: false

- name: Multi-AZ DB cluster exists
  graviflow.airflow.rds_db_cluster:
    name: airflow-demo-database
    engine: postgres
    engine_version: "17"
    instance_class: db.m6gd.large
    allocated_storage: 100
    storage_type: gp3
    iops: 3000
    master_username: airflow
    master_user_password: "{{ database_password }}"

- name: Cluster is gone, a snapshot of it is kept
  graviflow.airflow.rds_db_cluster:
    name: airflow-demo-database
    state: absent
    deletion_protection: false
    final_snapshot_identifier: airflow-demo-database-final
"""

RETURN = r"""
db_cluster:
  description: The cluster, in the module's own terms. Empty when it is absent. In check mode, what it would be.
  returned: always
  type: dict
  contains:
    arn:
      description: ARN.
      type: str
    status:
      description: Status as RDS tells it.
      type: str
      sample: available
    endpoint:
      description: Name that leads to the writer.
      type: str
      sample: airflow-demo-database.cluster-abc123def456.us-east-1.rds.amazonaws.com
    reader_endpoint:
      description: Name that leads to the readers.
      type: str
    members:
      description: The instances, and which of them takes writes.
      type: list
      elements: dict
      sample: [{id: airflow-demo-database-1, writer: true}]
    tags:
      description: Tags.
      type: dict
operations:
  description: The calls that were made, or would be, in their order.
  returned: always
  type: list
  elements: str
  sample: [modify_db_cluster]
"""

from functools import partial
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.botocore import is_boto3_error_code
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.graviflow.airflow.plugins.module_utils.db_cluster import (
    AVAILABLE,
    DELETED,
    current_state,
    plan,
)
from ansible_collections.graviflow.airflow.plugins.module_utils.reconcile import Call
from ansible_collections.graviflow.airflow.plugins.module_utils.resource_module import (
    COMMON,
    WAIT,
    ResourceApi,
    client,
    make_so,
)

POLL_SECONDS = 5
ARGUMENT_SPEC = {
    **COMMON,
    "name": {"required": True, "aliases": ["db_cluster_identifier"]},
    "engine": {"choices": ["aurora-postgresql", "postgres"]},
    "engine_version": {},
    "database_name": {},
    "master_username": {},
    "master_user_password": {"no_log": True},
    "port": {"type": "int"},
    "instance_class": {},
    "allocated_storage": {"type": "int"},
    "storage_type": {"choices": ["aurora", "aurora-iopt1", "gp3", "io1", "io2"]},
    "iops": {"type": "int"},
    "serverless": {
        "type": "dict",
        "options": {
            "min_capacity": {"type": "float", "required": True},
            "max_capacity": {"type": "float", "required": True},
        },
    },
    "parameter_group": {},
    "subnet_group": {},
    "security_group_ids": {"type": "list", "elements": "str"},
    "storage_encrypted": {"type": "bool"},
    "kms_key_id": {},
    "backup_retention_period": {"type": "int"},
    "copy_tags_to_snapshot": {"type": "bool"},
    "deletion_protection": {"type": "bool"},
    "iam_database_authentication": {"type": "bool"},
    "log_exports": {"type": "list", "elements": "str"},
    "performance_insights": {"type": "bool"},
    "performance_insights_kms_key_id": {},
    "monitoring_interval": {"type": "int", "choices": [0, 1, 5, 10, 15, 30, 60]},
    "monitoring_role_arn": {},
    "auto_minor_version_upgrade": {"type": "bool"},
    "final_snapshot_identifier": {},
    **WAIT,
}


class DbClusterApi(ResourceApi):
    """The calls to RDS."""

    def __init__(self, client: Any, params: dict[str, Any]) -> None:
        super().__init__(client, params)
        self.identity = {"DBClusterIdentifier": params["name"]}

    def read(self) -> dict[str, Any] | None:
        """Return the cluster as options, None when there is none."""
        try:
            found = self.client.describe_db_clusters(**self.identity, aws_retry=True)["DBClusters"]
        except is_boto3_error_code("DBClusterNotFoundFault"):
            return None
        return current_state(found[0]) if found else None

    def apply(self, call: Call) -> None:
        """Make one call, when the cluster is ready for it."""
        if call.ready:
            self._wait(call.ready)
        super().apply(call)

    def settle(self, current: dict[str, Any] | None) -> dict[str, Any] | None:
        """Wait until the cluster is available, or gone."""
        absent = self.params["state"] == "absent"
        if (current is None) if absent else (current and current["status"] == "available"):
            return current
        self._wait(DELETED if absent else AVAILABLE)
        return self.read()

    def _wait(self, name: str) -> None:
        attempts = max(1, self.params["wait_timeout"] // POLL_SECONDS)
        config = {"Delay": POLL_SECONDS, "MaxAttempts": attempts}
        self.client.get_waiter(name).wait(**self.identity, WaiterConfig=config)


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    # RDS stores identifiers in lower case.
    params = {**module.params, "name": module.params["name"].lower()}
    api = DbClusterApi(client(module, "rds"), params)
    outcome = make_so(module, api, partial(plan, params), what=f"DB cluster {params['name']}")
    module.exit_json(**outcome.result("db_cluster"))


if __name__ == "__main__":
    main()
