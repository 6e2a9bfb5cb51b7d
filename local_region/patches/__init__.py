"""Patches of moto 5.2.5, one module per service; each function says which gap it fills."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from local_region.region import Region


def apply_all(region: Region) -> None:
    """Apply every patch module of this package, once per process."""
    for module in pkgutil.iter_modules(__path__):
        if not module.name.startswith("_"):
            importlib.import_module(f"{__name__}.{module.name}").apply(region)
