"""Filter that tells which partition of AWS has a region."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleFilterError

try:
    from botocore.session import get_session
except ImportError as error:
    MISSING: ImportError | None = error
else:
    MISSING = None

DOCUMENTATION = r"""
name: aws_partition
short_description: Tell which partition of AWS has a region
version_added: 0.1.0
author: The graviflow team
description:
  - Asks botocore's own data, so that a region which does not exist is found out without waiting for an answer from it.
options:
  _input:
    description: Name of the region.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Partition of Beijing is shown
  ansible.builtin.debug:
    msg: "{{ 'cn-north-1' | graviflow.airflow.aws_partition }}"
"""

RETURN = r"""
_value:
  description: Name of the partition, V(null) when botocore knows of no such region.
  type: str
  sample: aws-cn
"""


def aws_partition(region: str) -> str | None:
    """Return the partition that has the region, None when botocore knows of none."""
    if MISSING:
        raise AnsibleFilterError(f"botocore cannot be imported: {MISSING}. Install boto3 beside Ansible.")
    session = get_session()
    for partition in session.get_available_partitions():
        if region in session.get_available_regions("ec2", partition):
            return partition
    return None


class FilterModule:
    """Filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Return the filters by name."""
        return {"aws_partition": aws_partition}
