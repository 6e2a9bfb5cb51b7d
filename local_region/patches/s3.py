"""S3: a bucket's policy says when it holds, and versions can be removed page by page."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from moto.core.utils import unix_time_millis
from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.s3.models import FakeBucket, S3Backend

from local_region.patches._tools import replace

if TYPE_CHECKING:
    from local_region.region import Region


def apply(_region: Region) -> None:
    """Patch moto's S3."""
    _versions()

    @replace(FakeBucket, "get_permission")
    def permission(original: Any, bucket: Any, action: str, resource: str) -> Any:
        """Gap: conditions are not read, so what asks for TLS denies everything. Here they never hold."""
        if bucket.policy is None:
            return PermissionResult.NEUTRAL
        policy = json.loads(bucket.policy)
        held = [each for each in policy["Statement"] if "Condition" not in each]
        return IAMPolicy(json.dumps({**policy, "Statement": held})).is_action_permitted(action, resource)


def _versions() -> None:
    @replace(S3Backend, "list_object_versions")
    def versions(original: Any, backend: Any, bucket_name: str, **asked: Any) -> Any:
        """Gap: after a page whose versions have been deleted, no other page comes."""
        if not asked.get("version_id_marker"):
            return original(bucket_name, **asked)
        kept = [version for _, each in backend.get_bucket(bucket_name).keys.iterlists() for version in each]
        last = asked["key_marker"], asked["version_id_marker"]
        if last not in {(version.name, version.version_id) for version in kept}:
            # What is left of that key has not been on a page yet.
            before = [version for version in kept if version.name < last[0]]
            before.sort(key=lambda version: (version.name, -unix_time_millis(version.last_modified)))
            last = (before[-1].name, before[-1].version_id) if before else (None, None)
        return original(bucket_name, **asked | {"key_marker": last[0], "version_id_marker": last[1]})
