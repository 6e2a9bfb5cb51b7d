"""Rules about what hosts tell of themselves, where to, and how long they keep it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from ipaddress import ip_network
from typing import Any

from ansible_collections.graviflow.airflow.plugins.module_utils.stack_rules.problem import Facts, Problem

LOG_DAYS, CLEAN_BELOW, HOLD_BELOW = 14, 15, 5  # the role's defaults
MOST_CLEAN_BELOW = 50
NAMESPACE = re.compile(r"(?!AWS/)[A-Za-z0-9._/#:-]{1,255}")
SERIES = re.compile(r"[A-Za-z0-9_.-]+(,[A-Za-z0-9_.-]+=[^\s,=|:'\"\\%$]+)*")


def log_groups(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """The log groups that hosts write to exist: they may not make any."""
    groups = stack.get("monitoring_log_groups")
    if not isinstance(groups, Mapping):
        return  # the role's own, or told by another rule
    written = ["airflow", "system"] if stack.get("stack_document_service_logs", True) else []
    if stack.get("stack_document_task_logs") == "cloudwatch":
        written.append("tasks")
    for group in written:
        if group not in groups:
            yield Problem(
                "monitoring_log_groups",
                ", ".join(map(str, groups)) or "none",
                f"Hosts write to the log group {group}, which is not among them.",
                f"Add {group}: 30, or change stack_document_service_logs or stack_document_task_logs.",
            )


def disk(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """Logs go first, and only when that does not help the worker waits."""
    days = int(stack.get("stack_document_disk_log_days", LOG_DAYS))
    if days < 1:
        rule = "Task logs stay on the host for a day at least: tasks that run still write theirs."
        yield Problem("stack_document_disk_log_days", days, rule, f"Use {LOG_DAYS}.")
    clean = int(stack.get("stack_document_disk_clean_below", CLEAN_BELOW))
    hold = int(stack.get("stack_document_disk_hold_below", HOLD_BELOW))
    if not 1 <= clean <= MOST_CLEAN_BELOW:
        rule = f"It is per cent of free disk space, 1 to {MOST_CLEAN_BELOW}."
        yield Problem("stack_document_disk_clean_below", clean, rule, f"Use {CLEAN_BELOW}.")
    if not 0 <= hold < clean:
        yield Problem(
            "stack_document_disk_hold_below",
            hold,
            f"It is per cent of free disk space, 0 or more and less than stack_document_disk_clean_below, {clean}: "
            "logs are removed before the worker has to wait.",
            f"Use {HOLD_BELOW}.",
        )


def published(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """What is published has a name that StatsD and CloudWatch know."""
    for series in stack.get("stack_document_metrics_published") or []:
        if not SERIES.fullmatch(str(series)):
            yield Problem(
                "stack_document_metrics_published",
                series,
                "It is a metric as Airflow's StatsD writes it: its name, then tags with their values.",
                "Write it as airflow.pool.open_slots,pool_name=default_pool.",
            )
    namespace = str(stack.get("monitoring_metrics_namespace", "Airflow"))
    if not NAMESPACE.fullmatch(namespace):
        yield Problem(
            "monitoring_metrics_namespace",
            namespace,
            "CloudWatch takes up to 255 letters, digits and . _ / # : -, and keeps AWS/ for itself.",
            "Use one like Airflow/demo.",
        )


def metrics_cidrs(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """Networks may see the metrics, not everybody: names of DAGs and tasks are in them, and nobody has to log in."""
    for each in stack.get("security_groups_metrics_cidrs") or []:
        try:
            network = ip_network(each)
        except ValueError as error:
            rule = f"It is no network: {error}."
            yield Problem("security_groups_metrics_cidrs", each, rule, "Write it as 10.0.0.0/24.")
            continue
        if network.prefixlen == 0:
            rule = "Everybody could read the names of DAGs and tasks: Prometheus asks without a login."
            yield Problem("security_groups_metrics_cidrs", each, rule, "Name the network of your Prometheus.")


RULES = (log_groups, disk, published, metrics_cidrs)
