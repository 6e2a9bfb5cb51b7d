"""SNS: nobody confirms an e-mail or HTTPS subscription by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.sns.responses import SNSResponse

from local_region.patches._tools import replace

if TYPE_CHECKING:
    from local_region.region import Region

CONFIRMED_BY_PEOPLE = ("email", "email-json", "http", "https")


def apply(_region: Region) -> None:
    """Patch moto's SNS."""
    for name in ("list_subscriptions", "list_subscriptions_by_topic"):

        @replace(SNSResponse, name)
        def listed(original: Any, response: Any) -> Any:
            """Gap: subscriptions are confirmed at once; where SNS waits for it, their ARN is not told."""
            answer = original()
            answer.result["Subscriptions"] = [_as_told(each) for each in answer.result["Subscriptions"]]
            return answer

    @replace(SNSResponse, "confirm_subscription")
    def confirm(original: Any, response: Any) -> Any:
        """Gap: nothing is confirmed. Tokens are not sent here, so the endpoint stands for one."""
        topic, token = response._get_param("TopicArn"), response._get_param("Token")
        for each in response.backend.subscriptions.values():
            if each.topic.arn == topic and each.endpoint == token:
                each.confirmed = True
        return original()

    @replace(SNSResponse, "get_topic_attributes")
    def counted(original: Any, response: Any) -> Any:
        """Gap: subscriptions are not counted."""
        answer = original()
        topic = response._get_param("TopicArn")
        pending = [_pending(each) for each in response.backend.subscriptions.values() if each.topic.arn == topic]
        answer.result["Attributes"] |= {
            "SubscriptionsPending": str(sum(pending)),
            "SubscriptionsConfirmed": str(len(pending) - sum(pending)),
        }
        return answer


def _pending(subscription: Any) -> bool:
    return subscription.protocol in CONFIRMED_BY_PEOPLE and not subscription.confirmed


def _as_told(subscription: Any) -> dict[str, str]:
    return {
        "SubscriptionArn": "PendingConfirmation" if _pending(subscription) else subscription.arn,
        "Owner": subscription.owner,
        "Protocol": subscription.protocol,
        "Endpoint": subscription.endpoint,
        "TopicArn": subscription.topic_arn,
    }
