"""CloudWatch Logs: retention is one of its numbers, keys can be exchanged, tags go with their group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.logs import exceptions, models
from moto.logs.responses import LogsResponse

from local_region.patches._tools import replace

if TYPE_CHECKING:
    from local_region.region import Region

RETENTION = {
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
}


def apply(_region: Region) -> None:
    """Patch moto's CloudWatch Logs."""
    _keys()

    @replace(models.LogsBackend, "put_retention_policy")
    def retention(original: Any, backend: Any, name: str, days: int) -> None:
        """Gap: any number of days is taken."""
        if int(days) not in RETENTION:
            members = ", ".join(map(str, sorted(RETENTION)))
            raise exceptions.InvalidParameterException(
                constraint=f"Member must satisfy enum value set: [{members}]", parameter="retentionInDays", value=days
            )
        original(name, days)

    @replace(models.LogsBackend, "delete_log_group")
    def delete(original: Any, backend: Any, name: str) -> None:
        """Gap: tags outlive their group."""
        if name in backend.groups:
            backend.tagger.delete_all_tags_for_resource(backend.groups[name].arn)
        original(name)


def _keys() -> None:
    def group(response: Any) -> Any:
        found = response.logs_backend.groups.get(response._get_param("logGroupName"))
        if found is None:
            raise exceptions.ResourceNotFoundException()
        return found

    @replace(LogsResponse, "associate_kms_key")
    def associate(_original: Any, response: Any) -> str:
        """Gap: missing."""
        group(response).kms_key_id = response._get_param("kmsKeyId")
        return ""

    @replace(LogsResponse, "disassociate_kms_key")
    def disassociate(_original: Any, response: Any) -> str:
        """Gap: missing."""
        group(response).kms_key_id = None
        return ""
