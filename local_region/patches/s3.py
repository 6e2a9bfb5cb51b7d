"""S3: a bucket's policy says when it holds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.s3.models import FakeBucket

from local_region.patches._tools import replace

if TYPE_CHECKING:
    from local_region.region import Region


def apply(_region: Region) -> None:
    """Patch moto's S3."""

    @replace(FakeBucket, "get_permission")
    def permission(original: Any, bucket: Any, action: str, resource: str) -> Any:
        """Gap: conditions are not read, so what asks for TLS denies everything. Here they never hold."""
        if bucket.policy is None:
            return PermissionResult.NEUTRAL
        policy = json.loads(bucket.policy)
        held = [each for each in policy["Statement"] if "Condition" not in each]
        return IAMPolicy(json.dumps({**policy, "Statement": held})).is_action_permitted(action, resource)
