"""CloudWatch: alarms keep what CloudWatch keeps of them, dashboards have tags and span regions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.cloudwatch import exceptions, models
from moto.cloudwatch.responses import CloudWatchResponse
from moto.utilities.utils import get_partition

from local_region.patches._tools import after, replace

if TYPE_CHECKING:
    from local_region.region import Region

DAY, WEEK, HOUR = 86400, 604800, 3600


def why_refused(period: int | None, periods: int) -> str:
    """Return CloudWatch's objection to an alarm's periods, nothing if it has none."""
    if period is None:
        return ""
    if period not in (10, 20, 30) and (period < 60 or period % 60):
        return "Period must be 10, 20, 30 or a multiple of 60"
    if period * periods > (DAY if period < HOUR else WEEK):
        return "Metrics cannot be checked across more than a day (EvaluationPeriods * Period must be <= 86400)."
    return ""


def apply(_region: Region) -> None:
    """Patch moto's CloudWatch."""
    _alarms()
    _dashboards()


def _alarms() -> None:
    @replace(models.CloudWatchBackend, "put_metric_alarm")
    def put(original: Any, backend: Any, name: str, **settings: Any) -> Any:
        """Gap: periods are not checked, an alarm that is put again gets new tags, and a new one is OK at once."""
        queries = settings.get("metric_data_queries") or []
        stats = [query.metric_stat.period for query in queries if query.metric_stat]
        for period in stats or [settings.get("period")]:
            if why := why_refused(period and int(period), int(settings.get("evaluation_periods") or 1)):
                raise exceptions.ValidationError(why)
        before = backend.alarms.get(name)
        alarm = original(name=name, **{**settings, **({"tags": []} if before else {})})
        if before is None:
            alarm.state_value = "INSUFFICIENT_DATA"
        else:
            alarm.state_value, alarm.state_reason = before.state_value, before.state_reason
            alarm.state_reason_data, alarm.history = before.state_reason_data, before.history
            alarm.state_updated_timestamp = before.state_updated_timestamp
        return alarm

    @replace(models.CloudWatchBackend, "delete_alarms")
    def delete(original: Any, backend: Any, names: list[str]) -> None:
        """Gap: tags outlive their alarm."""
        for name in names:
            if name in backend.alarms:
                backend.tagger.delete_all_tags_for_resource(backend.alarms[name].alarm_arn)
        original(names)


def _dashboards() -> None:
    shared: dict[tuple[str, str], dict[str, Any]] = {}

    @after(models.CloudWatchBackend, "__init__")
    def global_ones(backend: Any, region_name: str, account_id: str) -> None:
        """Gap: each region has dashboards of its own; CloudWatch's are the account's, within a partition."""
        backend.dashboards = shared.setdefault((account_id, get_partition(region_name)), {})

    @replace(CloudWatchResponse, "put_dashboard")
    def put(original: Any, response: Any) -> Any:
        """Gap: tags are dropped."""
        name, backend = response._get_param("DashboardName"), response.cloudwatch_backend
        new, answer = name not in backend.dashboards, original()
        if new and (tags := response._get_param("Tags", [])):
            backend.tagger.tag_resource(backend.dashboards[name].arn, tags)
        return answer

    @replace(models.CloudWatchBackend, "delete_dashboards")
    def delete(original: Any, backend: Any, names: list[str]) -> Any:
        """Gap: tags outlive their dashboard."""
        for name in names:
            if name in backend.dashboards:
                backend.tagger.delete_all_tags_for_resource(backend.dashboards[name].arn)
        return original(names)
