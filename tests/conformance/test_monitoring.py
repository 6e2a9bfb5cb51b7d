"""CloudWatch, its logs and SNS keep what they are told as AWS does: in China and in the global partition."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

ALARM = {
    "AlarmName": "conformance/cpu",
    "Namespace": "AWS/RDS",
    "MetricName": "CPUUtilization",
    "Statistic": "Maximum",
    "Period": 60,
    "EvaluationPeriods": 5,
    "Threshold": 80,
    "ComparisonOperator": "GreaterThanThreshold",
}
TAGS = [{"Key": "stack", "Value": "conformance"}]


@pytest.fixture(scope="module", params=["cn-north-1", "us-east-1"])
def aws_region(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def client(cloud: Any, aws_region: str) -> Callable[[str], Any]:
    return lambda service: cloud.client(service, aws_region)


@pytest.fixture
def cloudwatch(client: Callable[[str], Any]) -> Iterator[Any]:
    made = client("cloudwatch")
    yield made
    made.delete_alarms(AlarmNames=["conformance/cpu"])


@pytest.fixture
def group(client: Callable[[str], Any]) -> Iterator[dict[str, str]]:
    logs, name = client("logs"), {"logGroupName": "/conformance/tasks"}
    logs.create_log_group(**name, tags={"stack": "conformance"})
    yield name
    logs.delete_log_group(**name)


@pytest.fixture
def topic(client: Callable[[str], Any]) -> Iterator[dict[str, str]]:
    made = {"TopicArn": client("sns").create_topic(Name="conformance")["TopicArn"]}
    yield made
    client("sns").delete_topic(**made)


def described(cloudwatch: Any) -> dict[str, Any]:
    [alarm] = cloudwatch.describe_alarms(AlarmNamePrefix="conformance/")["MetricAlarms"]
    return alarm


def tags(cloudwatch: Any, arn: str) -> list[dict[str, str]]:
    return cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"]


def test_a_new_alarm_has_no_data_and_one_that_is_put_again_keeps_state_and_tags(cloudwatch: Any) -> None:
    cloudwatch.put_metric_alarm(**ALARM, Tags=TAGS)
    assert described(cloudwatch)["StateValue"] == "INSUFFICIENT_DATA"
    cloudwatch.set_alarm_state(AlarmName=ALARM["AlarmName"], StateValue="ALARM", StateReason="tried")
    cloudwatch.put_metric_alarm(**{**ALARM, "Threshold": 90, "Tags": [{"Key": "other", "Value": "x"}]})
    alarm = described(cloudwatch)
    assert (alarm["StateValue"], alarm["Threshold"]) == ("ALARM", 90)
    assert tags(cloudwatch, alarm["AlarmArn"]) == TAGS


def test_tags_go_with_their_alarm(cloudwatch: Any) -> None:
    cloudwatch.put_metric_alarm(**ALARM, Tags=TAGS)
    cloudwatch.delete_alarms(AlarmNames=[ALARM["AlarmName"]])
    cloudwatch.put_metric_alarm(**ALARM)
    assert tags(cloudwatch, described(cloudwatch)["AlarmArn"]) == []


@pytest.mark.parametrize("periods", [{"Period": 90}, {"Period": 300, "EvaluationPeriods": 289}])
def test_periods_that_cloudwatch_does_not_take_are_refused(cloudwatch: Any, periods: dict[str, int]) -> None:
    with pytest.raises(ClientError, match="ValidationError"):
        cloudwatch.put_metric_alarm(**{**ALARM, **periods})


def test_dashboards_have_tags_and_are_seen_in_every_region_of_the_partition(cloud: Any, cloudwatch: Any) -> None:
    cloudwatch.put_dashboard(DashboardName="conformance", DashboardBody='{"widgets": []}', Tags=TAGS)
    arn = cloudwatch.get_dashboard(DashboardName="conformance")["DashboardArn"]
    assert tags(cloudwatch, arn) == TAGS
    neighbour = {"cn-north-1": "cn-northwest-1", "us-east-1": "eu-west-1"}[cloudwatch.meta.region_name]
    assert cloud.client("cloudwatch", neighbour).get_dashboard(DashboardName="conformance")["DashboardArn"] == arn
    cloudwatch.delete_dashboards(DashboardNames=["conformance"])


def test_log_groups_are_kept_for_days_that_there_are_and_change_keys(
    client: Callable[[str], Any], group: dict[str, str]
) -> None:
    logs = client("logs")
    logs.put_retention_policy(**group, retentionInDays=30)
    with pytest.raises(ClientError, match="InvalidParameterException"):
        logs.put_retention_policy(**group, retentionInDays=31)
    logs.associate_kms_key(**group, kmsKeyId="arn:key")
    [told] = logs.describe_log_groups(logGroupNamePrefix=group["logGroupName"])["logGroups"]
    assert (told["retentionInDays"], told["kmsKeyId"]) == (30, "arn:key")
    logs.disassociate_kms_key(**group)
    [told] = logs.describe_log_groups(logGroupNamePrefix=group["logGroupName"])["logGroups"]
    assert "kmsKeyId" not in told


def test_a_subscription_waits_until_it_is_confirmed(client: Callable[[str], Any], topic: dict[str, str]) -> None:
    sns, endpoint = client("sns"), "operators@example.org"
    sns.subscribe(**topic, Protocol="email", Endpoint=endpoint)
    assert [each["SubscriptionArn"] for each in listed(sns, topic)] == ["PendingConfirmation"]
    assert sns.get_topic_attributes(**topic)["Attributes"]["SubscriptionsPending"] == "1"
    sns.confirm_subscription(**topic, Token=endpoint)
    [confirmed] = listed(sns, topic)
    assert confirmed["SubscriptionArn"].startswith(topic["TopicArn"])
    sns.unsubscribe(SubscriptionArn=confirmed["SubscriptionArn"])
    assert listed(sns, topic) == []


def listed(sns: Any, topic: dict[str, str]) -> list[dict[str, str]]:
    return sns.list_subscriptions_by_topic(**topic)["Subscriptions"]
