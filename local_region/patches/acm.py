"""ACM: what was imported is what is returned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.acm import models

from local_region.patches._tools import after, replace

if TYPE_CHECKING:
    from local_region.region import Region


def apply(_region: Region) -> None:
    """Patch moto's ACM."""

    @after(models.CertBundle, "__init__")
    def chain(bundle: Any, *args: Any, chain: bytes | None = None, **_: Any) -> None:
        """Gap: Amazon's root is appended to every chain, and is the chain where none was given."""
        if bundle.type == "IMPORTED":
            bundle.chain = chain or b""

    @replace(models.AWSCertificateManagerBackend, "import_certificate")
    def keep(original: Any, backend: Any, *args: Any, **kwargs: Any) -> str:
        """Gap: importing to the same ARN loses tags, creation time and who uses it."""
        before = {arn: bundle for arn, bundle in backend._certificates.items()}
        arn: str = original(*args, **kwargs)
        if old := before.get(arn):
            new = backend._certificates[arn]
            new.created_at, new.in_use_by = old.created_at, old.in_use_by
            for key, value in old.tags.items():
                new.tags.setdefault(key, value)
        return arn
