"""The services behind the API, in the order in which the loop visits them."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from local_region.region import Region

SERVICES = {
    "ec2": "Instances",
    "images": "Images",
    "rds": "Databases",
    "elasticache": "ReplicationGroups",
    "efs": "FileSystems",
    "elbv2": "LoadBalancers",
    "route53": "HostedZones",
    "truststore": "TrustStore",
    "autoscaling": "AutoScaling",
}


class Service(Protocol):
    """What the reconciler asks of a service."""

    name: str

    def reconcile(self) -> None:
        """Compare the API with what runs, and start the jobs that make them agree."""

    def known(self) -> set[tuple[str, str]]:
        """Return (kind, id) of the containers that shall exist."""


def create_all(region: Region) -> list[Service]:
    """Return every service, made for this region."""
    return [getattr(importlib.import_module(f"{__name__}.{module}"), cls)(region) for module, cls in SERVICES.items()]
