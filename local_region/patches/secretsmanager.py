"""Secrets Manager: what it says of a secret that waits for its deletion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.secretsmanager.exceptions import InvalidRequestException
from moto.secretsmanager.models import SecretsManagerBackend

from local_region.patches._tools import replace

if TYPE_CHECKING:
    from local_region.region import Region


def apply(_region: Region) -> None:
    """Patch moto's secrets."""

    @replace(SecretsManagerBackend, "get_secret_value")
    def value(original: Any, backend: Any, secret_id: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Gap: the message is not AWS's, by which clients tell that such a secret is there."""
        if secret_id in backend.secrets and backend.secrets[secret_id].is_deleted():
            raise InvalidRequestException(
                "You can't perform this operation on the secret because it was marked for deletion."
            )
        found: dict[str, Any] = original(secret_id, *args, **kwargs)
        return found
