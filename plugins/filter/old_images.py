"""Filter that tells which images and snapshots are old, and which of those nobody can miss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.graviflow.airflow.plugins.module_utils.old_images import fates, orphans

DOCUMENTATION = r"""
name: old_images
short_description: Tell which images are old, and which of those nobody can miss
version_added: 0.1.0
author: The graviflow team
description:
  - Looks at images that bear the tag C(graviflow:image) and this project's name, and at no others.
  - An image is removed if it is older than O(days), is not among the newest O(keep) of its versions of Airflow and
    Python, is named by nothing that may launch it, has no tag C(graviflow:keep), is not protected, and is not shared.
  - A snapshot is removed if it bears the tag and is older than O(days), and no image is made of it.
positional: _input
options:
  _input:
    description: >-
      What the info modules of amazon.aws tell of the account: C(images), C(snapshots), C(launch_templates) with all
      versions, C(launch_configurations), C(groups), C(instances), and C(parameters) that templates name images by.
    type: dict
    required: true
  keep:
    description: Newest images of each version of Airflow and Python that are kept, 1 at least.
    type: int
    required: true
  days:
    description: Age in days up to which images are kept, 1 at least.
    type: int
    required: true
  now:
    description: The present time, in UTC, as ISO 8601 has it.
    type: str
    required: true
  permissions:
    description: Permissions to launch, by image id. Those that are missing have none.
    type: dict
    default: {}
  shared:
    description: Whether shared images are removed, too.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Images that can go are shown
  ansible.builtin.debug:
    msg: "{{ found | graviflow.airflow.old_images(keep=3, days=90, now='2026-11-21T00:00:00+00:00') }}"
"""

RETURN = r"""
_value:
  description: What becomes of everything.
  type: dict
  contains:
    images:
      description: This project's images, newest first.
      type: list
      elements: dict
      sample:
        - image_id: ami-0123456789abcdef0
          name: graviflow-airflow-3.3.2-0123456789ab
          created: "2026-09-01T22:00:00.000Z"
          remove: false
          why: named by launch template airflow-demo-host
    snapshots:
      description: Ids of snapshots that go although no image goes with them.
      type: list
      elements: str
"""


def old_images(
    found: Mapping[str, Any],
    keep: int,
    days: int,
    now: str,
    permissions: Mapping[str, Any] | None = None,
    shared: bool = False,
) -> dict[str, list[Any]]:
    """Return what becomes of each image, and the snapshots that no image is made of."""
    try:
        images = fates(found, keep=keep, days=days, now=now, permissions=permissions, shared=shared)
    except ValueError as error:
        raise AnsibleFilterError(f"old_images: {error}") from error
    return {"images": images, "snapshots": orphans(found, days=days, now=now)}


class FilterModule:
    """Filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Return the filters by name."""
        return {"old_images": old_images}
