#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E402 (Ansible wants the documentation before the imports)
"""Ansible module: an EFS access point is as declared."""

from __future__ import annotations

DOCUMENTATION = r"""
module: efs_access_point
version_added: 0.1.0
short_description: Manage an EFS access point
description:
  - Creates and deletes an access point, and changes its tags. The rest of it is refused to change, since EFS cannot.
  - The access point is known by its creation token, which is its O(name).
  - When it goes, the files below its path stay.
options:
  name:
    description: Creation token of the access point, and its tag C(Name). 1 to 64 characters.
    required: true
    type: str
  file_system_id:
    description:
      - File system, required when present. Cannot be changed.
      - In check mode it may be one that does not exist yet.
    type: str
  path:
    description: Folder of the file system that clients see as its root. Cannot be changed.
    default: /
    type: str
  posix_user:
    description: Whom EFS takes every client for, whoever it says it is. Cannot be changed.
    type: dict
    suboptions:
      uid:
        description: User.
        required: true
        type: int
      gid:
        description: Group.
        required: true
        type: int
      secondary_gids:
        description: More groups.
        type: list
        elements: int
  creation_info:
    description: How EFS makes O(path) when it does not exist. Cannot be changed.
    type: dict
    suboptions:
      owner_uid:
        description: User that owns it.
        required: true
        type: int
      owner_gid:
        description: Group that owns it.
        required: true
        type: int
      permissions:
        description: Its mode in octal digits.
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
- name: Access point for offloaded tasks exists
  graviflow.airflow.efs_access_point:
    name: airflow-demo-offload
    file_system_id: fs-0123456789abcdef0
    path: /offload
    posix_user: {uid: 1000, gid: 1000}
    creation_info: {owner_uid: 1000, owner_gid: 1000, permissions: "0755"}
"""

RETURN = r"""
access_point:
  description: The access point. Empty when there is none. In check mode, what it would be.
  returned: always
  type: dict
  contains:
    id:
      description: Identifier. Not in check mode, before it exists.
      type: str
    arn:
      description: ARN. Not in check mode, before it exists.
      type: str
    status:
      description: Status, for example C(available).
      type: str
operations:
  description: The calls that were made, or would be, in their order.
  returned: always
  type: list
  elements: str
  sample: [create_access_point]
"""

from functools import partial
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.botocore import (
    is_boto3_error_code,
    paginated_query_with_retries,
)
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.graviflow.airflow.plugins.module_utils.access_point import current_state, plan
from ansible_collections.graviflow.airflow.plugins.module_utils.resource_module import (
    COMMON,
    ResourceApi,
    client,
    make_so,
)

USER = {
    "uid": {"type": "int", "required": True},
    "gid": {"type": "int", "required": True},
    "secondary_gids": {"type": "list", "elements": "int"},
}
CREATION = {
    "owner_uid": {"type": "int", "required": True},
    "owner_gid": {"type": "int", "required": True},
    "permissions": {"required": True},
}
ARGUMENT_SPEC = {
    **COMMON,
    "name": {"required": True},
    "file_system_id": {},
    "path": {"default": "/"},
    "posix_user": {"type": "dict", "options": USER},
    "creation_info": {"type": "dict", "options": CREATION},
}
# For a file system that does not exist, and for what was never the id of one, as in check mode before it exists.
NOWHERE = ["FileSystemNotFound", "BadRequest", "ValidationException"]


class AccessPointApi(ResourceApi):
    """The calls to EFS."""

    def read(self) -> dict[str, Any] | None:
        """Return the access point, None when there is none."""
        file_system = self.params["file_system_id"]
        scope = {"FileSystemId": file_system} if file_system else {}
        try:
            answer = paginated_query_with_retries(self.client, "describe_access_points", **scope)
        except is_boto3_error_code(NOWHERE):
            return None
        return current_state(self.params["name"], answer["AccessPoints"])


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(
        argument_spec=ARGUMENT_SPEC, supports_check_mode=True, required_if=[("state", "present", ["file_system_id"])]
    )
    api = AccessPointApi(client(module, "efs"), module.params)
    outcome = make_so(module, api, partial(plan, module.params), what=f"Access point {module.params['name']}")
    module.exit_json(**outcome.result("access_point"))


if __name__ == "__main__":
    main()
