"""Service Quotas: those of EC2, load balancers and RDS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.servicequotas.models import ServiceQuotasBackend

from local_region.patches._tools import replace

if TYPE_CHECKING:
    from local_region.region import Region

# Service and code -> name, and the value that an account begins with. A new account's vCPUs are fewer, and AWS adds to
# them as they are used.
QUOTAS = {
    ("ec2", "L-0263D0A3"): ("EC2-VPC Elastic IPs", 5),
    ("ec2", "L-1216C47A"): ("Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances", 128),
    ("elasticloadbalancing", "L-53DA6B97"): ("Application Load Balancers per Region", 50),
    ("rds", "L-7B6409FD"): ("DB instances", 40),
}


def apply(_region: Region) -> None:
    """Patch moto's quotas."""

    @replace(ServiceQuotasBackend, "get_service_quota")
    def quota(original: Any, backend: Any, service_code: str, quota_code: str) -> dict[str, Any]:
        """Gap: only quotas of VPCs are known, and their ARNs are those of another region."""
        if (service_code, quota_code) in QUOTAS:
            name, value = QUOTAS[service_code, quota_code]
            found = {"QuotaName": name, "Value": float(value), "Adjustable": True, "GlobalQuota": False, "Unit": "None"}
        else:
            found = original(service_code, quota_code)
        place = f"arn:{backend.partition}:servicequotas:{backend.region_name}:{backend.account_id}"
        codes = {"ServiceCode": service_code, "QuotaCode": quota_code}
        return {**found, **codes, "QuotaArn": f"{place}:{service_code}/{quota_code}"}
