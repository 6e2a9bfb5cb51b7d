"""KMS: keys are found by ARN wherever they are found by id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.kms import models

from local_region.patches._tools import replace

if TYPE_CHECKING:
    from local_region.region import Region

BY_ID_ONLY = ("disable_key", "enable_key", "schedule_key_deletion", "cancel_key_deletion")


def apply(_region: Region) -> None:
    """Patch moto's KMS."""
    for name in BY_ID_ONLY:

        @replace(models.KmsBackend, name)
        def call(original: Any, backend: Any, key_id: str, *args: Any, **kwargs: Any) -> Any:
            """Gap: an ARN, which is what kms_key hands over, is an internal error."""
            return original(backend.get_key_id(key_id), *args, **kwargs)
