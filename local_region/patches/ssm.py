"""Parameter Store: tiers and their limits are Systems Manager's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.ssm import models
from moto.ssm.exceptions import ValidationException

from local_region.patches._tools import replace

if TYPE_CHECKING:
    from local_region.region import Region

LIMITS = {"Standard": 4096, "Advanced": 8192}  # bytes


def resolve_tier(asked: str | None, size: int, policies: bool, before: str | None) -> str:
    """Return the tier that a parameter gets; ValidationException when it cannot have what was asked for.

    size: bytes of the value. before: the tier that it has. Intelligent-Tiering is a way to ask, not a tier.
    """
    if asked == "Standard" and before == "Advanced":
        raise ValidationException(
            "This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the "
            "advanced-parameter tier to the standard-parameter tier."
        )
    tier = asked or before or "Standard"
    if tier == "Intelligent-Tiering":
        tier = "Advanced" if size > LIMITS["Standard"] or policies or before == "Advanced" else "Standard"
    if size > LIMITS[tier]:
        raise ValidationException(
            f"{tier} tier parameters support a maximum parameter value of {LIMITS[tier]} characters."
        )
    return tier


def apply(_region: Region) -> None:
    """Patch moto's Systems Manager."""

    @replace(models.SimpleSystemManagerBackend, "put_parameter")
    def put(
        original: Any,
        backend: Any,
        name: str,
        description: str,
        value: str,
        *rest: Any,
        tier: str | None,
        policies: str | None,
    ) -> Any:
        """Gap: any size is taken in any tier, and Intelligent-Tiering is answered as a tier."""
        versions = backend._parameters.get(name) or []
        tier = resolve_tier(tier, len((value or "").encode()), bool(policies), versions[-1].tier if versions else None)
        return original(name, description, value, *rest, tier=tier, policies=policies)
