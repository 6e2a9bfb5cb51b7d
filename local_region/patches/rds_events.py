"""RDS: subscriptions to events. Nothing is told to the topic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.core.responses import ActionResult
from moto.rds import exceptions, models
from moto.rds.responses import RDSResponse

from local_region.patches._tools import after, replace

if TYPE_CHECKING:
    from local_region.region import Region

CATEGORIES = {
    "db-instance": {
        "availability", "backtrack", "backup", "configuration change", "creation", "deletion", "failover", "failure",
        "low storage", "maintenance", "notification", "read replica", "recovery", "restoration", "security",
        "security patching",
    },
    "db-cluster": {
        "configuration change", "creation", "deletion", "failover", "failure", "global-failover", "maintenance",
        "migration", "notification", "serverless",
    },
    "db-parameter-group": {"configuration change"},
    "db-security-group": {"configuration change", "failure"},
}  # fmt: skip


def apply(_region: Region) -> None:
    """Patch moto's event subscriptions."""

    @after(models.EventSubscription, "__init__")
    def create(subscription: Any, *_: Any, **given: Any) -> None:
        """Gap: categories are not checked, and a new subscription tells nothing."""
        _check(subscription.source_type, subscription.event_categories)
        subscription.enabled = given.get("enabled") is not False

    @replace(RDSResponse, "modify_event_subscription")
    def modify(_original: Any, response: Any) -> ActionResult:
        """Gap: missing."""
        subscription = _subscription(response)
        source_type = response.params.get("SourceType") or subscription.source_type
        categories = response.params.get("EventCategories")
        _check(source_type, categories)
        subscription.source_type = source_type
        for key, value in (
            ("event_categories", categories),
            ("sns_topic_arn", response.params.get("SnsTopicArn")),
            ("enabled", response.params.get("Enabled")),
        ):
            if value is not None:
                setattr(subscription, key, value)
        return ActionResult({"EventSubscription": subscription})

    @replace(RDSResponse, "add_source_identifier_to_subscription")
    def add(_original: Any, response: Any) -> ActionResult:
        """Gap: missing."""
        subscription, source = _subscription(response), response.params["SourceIdentifier"]
        subscription.source_ids = sorted({*subscription.source_ids, source})
        return ActionResult({"EventSubscription": subscription})

    @replace(RDSResponse, "remove_source_identifier_from_subscription")
    def remove(_original: Any, response: Any) -> ActionResult:
        """Gap: missing."""
        subscription, source = _subscription(response), response.params["SourceIdentifier"]
        if source not in subscription.source_ids:
            raise exceptions.RDSClientError("SourceNotFound", f"Source {source} is not in the subscription.")
        subscription.source_ids = [each for each in subscription.source_ids if each != source]
        return ActionResult({"EventSubscription": subscription})


def _subscription(response: Any) -> Any:
    return response.backend.describe_event_subscriptions(response.params["SubscriptionName"])[0]


def _check(source_type: str | None, categories: list[str] | None) -> None:
    known = CATEGORIES.get(source_type or "")
    if unknown := set(categories or []) - (known if known is not None else set(categories or [])):
        raise exceptions.RDSClientError(
            "SubscriptionCategoryNotFound", f"{source_type} has no category {', '.join(sorted(unknown))}."
        )
