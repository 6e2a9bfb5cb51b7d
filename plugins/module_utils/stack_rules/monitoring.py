"""Rules about logs, alarms and whom they tell."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.graviflow.airflow.plugins.module_utils.alarm_data import CHANGEABLE
from ansible_collections.graviflow.airflow.plugins.module_utils.log_groups import RETENTION_DAYS
from ansible_collections.graviflow.airflow.plugins.module_utils.stack_rules.problem import HIDDEN, Facts, Problem
from ansible_collections.graviflow.airflow.plugins.module_utils.topic import MANAGED_KEY

# The role's catalogue. A test holds it equal with roles/monitoring/vars/main/alarms.yml.
ALARMS = (
    "airflow-import-errors",
    "airflow-queued-tasks",
    "airflow-scheduler-heartbeat",
    "broker-cpu",
    "broker-evictions",
    "broker-memory",
    "broker-replication-lag",
    "database-aurora-replica-lag",
    "database-connections",
    "database-cpu",
    "database-free-local-storage",
    "database-free-memory",
    "database-free-storage",
    "database-replica-lag",
    "database-transaction-ids",
    "hosts-disk",
    "hosts-in-service",
    "hosts-memory",
    "hosts-status-check",
    "storage-burst-credits",
    "storage-io-limit",
    "web-load-balancer-errors",
    "web-no-healthy-target",
    "web-response-time",
    "web-target-errors",
    "web-unhealthy-targets",
)
TOPIC = re.compile(r"arn:aws[a-z-]*:sns:(?P<region>[a-z0-9-]+):\d{12}:[A-Za-z0-9_-]{1,256}")
ADDRESS = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
LOG_GROUP = re.compile(r"[A-Za-z0-9._#-][A-Za-z0-9._/#-]*")
DAYS = ", ".join(map(str, RETENTION_DAYS))


def retention(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """Logs are kept for as long as CloudWatch Logs can be told."""
    days = stack.get("monitoring_log_retention_days")
    if days is not None and _whole(days) not in RETENTION_DAYS:
        yield _retention_problem("monitoring_log_retention_days", days)
    groups = stack.get("monitoring_log_groups") or {}
    if not isinstance(groups, Mapping):
        rule = "It is the names of log groups, and the days that each is kept."
        yield Problem("monitoring_log_groups", groups, rule, "Write it as {airflow: 30}.")
        return
    for name, group_days in groups.items():
        if not LOG_GROUP.fullmatch(str(name)):
            rule = "A log group has a name of letters, digits and . _ / # -, below monitoring_log_path."
            yield Problem("monitoring_log_groups", name, rule, "Correct it, for example airflow.")
        elif _whole(group_days) not in RETENTION_DAYS:
            yield _retention_problem(f"monitoring_log_groups.{name}", group_days)


def _retention_problem(variable: str, days: Any) -> Problem:
    return Problem(variable, days, f"CloudWatch Logs keeps for {DAYS} days.", "Use one of these numbers.")


def topic_key(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """The topic's key is one that CloudWatch and RDS can be let use."""
    key = str(stack.get("monitoring_key_arn") or "")
    if key.endswith(MANAGED_KEY):
        yield Problem(
            "monitoring_key_arn",
            key,
            "The policy of the key that AWS manages lets neither CloudWatch nor RDS use it: alarms would tell nobody.",
            "Give a key of your own whose policy does, or none.",
        )


def existing_topic(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """A topic that is given is one that alarms can notify, and nothing is declared of one of the stack's own."""
    variable, given = "monitoring_existing_topic_arn", str(stack.get("monitoring_existing_topic_arn") or "")
    if not given:
        return
    topic, region = TOPIC.fullmatch(given), stack.get("stack_region")
    if topic is None:
        yield Problem(
            variable,
            given,
            "It is the ARN of a standard topic: alarms notify no other.",
            "Write it as arn:aws:sns:us-east-1:123456789012:operators, with arn:aws-cn: in China.",
        )
    elif region and topic["region"] != region:
        yield Problem(
            variable, given, f"Alarms notify topics of their own region, {region}.", "Give one of that region, or none."
        )
    for other in ("monitoring_subscriptions", "monitoring_key_arn"):
        if stack.get(other):
            yield Problem(
                other,
                HIDDEN,
                "It is for a topic of the stack's own, and monitoring_existing_topic_arn names another.",
                "Leave one of the two out.",
            )


def subscriptions(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """SNS can reach whom alarms are told, and nobody reads along."""
    for subscription in stack.get("monitoring_subscriptions") or []:
        given = subscription if isinstance(subscription, Mapping) else {}
        protocol, endpoint = str(given.get("protocol", "")), str(given.get("endpoint", ""))
        if protocol not in ("email", "email-json", "https"):
            yield Problem(
                "monitoring_subscriptions.protocol",
                protocol,
                "Alarms are told by e-mail or over TLS: email, email-json or https.",
                "Write it as {protocol: email, endpoint: operators@example.org}.",
            )
        elif protocol == "https" and not _secure_url(endpoint):
            yield Problem(
                "monitoring_subscriptions.endpoint",
                HIDDEN,  # URLs of this kind often bear a key
                "With protocol https it is a URL that begins with https:// and has a host.",
                "Correct it, for example https://events.example.org/airflow.",
            )
        elif protocol != "https" and not ADDRESS.fullmatch(endpoint):
            yield Problem(
                "monitoring_subscriptions.endpoint",
                endpoint,
                f"With protocol {protocol} it is an e-mail address.",
                "Correct it, for example operators@example.org.",
            )


def _secure_url(endpoint: str) -> bool:
    try:
        url = urlsplit(endpoint)
    except ValueError:
        return False
    return url.scheme == "https" and bool(url.hostname)


def overrides(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """What is changed of an alarm exists and is a number."""
    for name, changes in (stack.get("monitoring_alarm_overrides") or {}).items():
        variable = f"monitoring_alarm_overrides.{name}"
        if name not in ALARMS:
            yield Problem(
                variable, name, f"There is no such alarm; there are {', '.join(ALARMS)}.", "Correct the name."
            )
        elif not isinstance(changes, Mapping):
            yield Problem(variable, changes, "It says what differs in the alarm.", "Write it as {threshold: 90}.")
        else:
            yield from _changes(variable, changes)


def _changes(variable: str, changes: Mapping[str, Any]) -> Iterator[Problem]:
    for key, value in changes.items():
        named = f"{variable}.{key}"
        if key not in CHANGEABLE:
            yield Problem(named, value, f"Of an alarm {', '.join(CHANGEABLE)} can differ.", "Correct the key.")
        elif key == "enabled":
            if not isinstance(value, bool):
                yield Problem(named, value, "It is true or false.", "Write false to have no such alarm.")
        elif key == "threshold":
            if _number(value) is None:
                yield Problem(named, value, "A threshold is a number, in the alarm's unit.", "Leave the unit out.")
        elif (_whole(value) or 0) < 1:
            yield Problem(named, value, "It is a whole number, 1 or more.", "Correct it.")
    period, periods = _whole(changes.get("period", 60)), _whole(changes.get("evaluation_periods", 1))
    if period and period not in (10, 20, 30) and period % 60:
        yield Problem(
            f"{variable}.period", period, "CloudWatch takes 10, 20, 30 and multiples of 60 seconds.", "Use 60 or 300."
        )
    points = _whole(changes.get("datapoints_to_alarm", 1))
    if "evaluation_periods" in changes and points and periods and points > periods:
        yield Problem(
            f"{variable}.datapoints_to_alarm",
            points,
            f"No more data points can exceed the threshold than are looked at, evaluation_periods, {periods}.",
            "Lower it, or raise evaluation_periods.",
        )


def _number(value: Any) -> float | None:
    try:
        number = None if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        return None
    return number if number is not None and isfinite(number) else None


def _whole(value: Any) -> int | None:
    number = _number(value)
    return int(number) if number is not None and number.is_integer() else None


RULES = (retention, topic_key, existing_topic, subscriptions, overrides)
