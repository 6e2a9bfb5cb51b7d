"""What a set of CloudWatch alarms is, and what it takes to change it. No AWS calls here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from ansible_collections.graviflow.airflow.plugins.module_utils.named_set import refuse_open_prefix, tags_after
from ansible_collections.graviflow.airflow.plugins.module_utils.reconcile import (
    Call,
    Plan,
    Refusal,
    declared,
    tag_calls,
    tag_list,
)

# Every other statistic, like p95, goes into another argument.
STATISTICS = ("Average", "Maximum", "Minimum", "SampleCount", "Sum")
# DeleteAlarms takes no more at once.
NAMES_PER_CALL = 100
# What PutMetricAlarm takes as evaluation time, with periods shorter than an hour and with others.
DAY, WEEK, HOUR = 86400, 604800, 3600

# Our option -> CloudWatch's, for what is written the same way in both.
PLAIN = {
    "description": "AlarmDescription",
    "comparison_operator": "ComparisonOperator",
    "threshold": "Threshold",
    "evaluation_periods": "EvaluationPeriods",
    "datapoints_to_alarm": "DatapointsToAlarm",
    "treat_missing_data": "TreatMissingData",
    "actions_enabled": "ActionsEnabled",
    "alarm_actions": "AlarmActions",
    "ok_actions": "OKActions",
    "insufficient_data_actions": "InsufficientDataActions",
}
SIGNS = {
    "GreaterThanOrEqualToThreshold": ">=",
    "GreaterThanThreshold": ">",
    "LessThanOrEqualToThreshold": "<=",
    "LessThanThreshold": "<",
}
METRIC = ("namespace", "metric_name", "dimensions", "statistic", "period", "unit")


def _complete(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings in one spelling: what has a default has it, what is unset is not there."""
    settings = {
        "description": given.get("description") or None,
        "comparison_operator": given["comparison_operator"],
        "threshold": float(given["threshold"]),
        "evaluation_periods": given["evaluation_periods"],
        "datapoints_to_alarm": given.get("datapoints_to_alarm") or given["evaluation_periods"],
        "treat_missing_data": given.get("treat_missing_data") or "missing",
        "actions_enabled": given.get("actions_enabled") is not False,
    }
    for actions in ("alarm_actions", "ok_actions", "insufficient_data_actions"):
        settings[actions] = sorted(given.get(actions) or [])
    if given.get("metrics"):
        settings["metrics"] = [
            _complete_query(query) for query in sorted(given["metrics"], key=lambda each: each["id"])
        ]
    else:
        settings |= {**{key: given.get(key) for key in METRIC}, "dimensions": given.get("dimensions") or {}}
    return declared(settings)


def _complete_query(given: Mapping[str, Any]) -> dict[str, Any]:
    query = {**given, "return_data": bool(given.get("return_data"))}
    if not given.get("expression"):
        query["dimensions"] = given.get("dimensions") or {}
    return declared(query)


def _dimensions(listed: Iterable[Mapping[str, str]]) -> dict[str, str]:
    return {each["Name"]: each["Value"] for each in listed}


def _query_from_aws(query: Mapping[str, Any]) -> dict[str, Any]:
    stat = query.get("MetricStat") or {}
    metric = stat.get("Metric") or {}
    return {
        "id": query["Id"],
        "expression": query.get("Expression"),
        "label": query.get("Label"),
        "return_data": query.get("ReturnData", True),
        "namespace": metric.get("Namespace"),
        "metric_name": metric.get("MetricName"),
        "dimensions": _dimensions(metric.get("Dimensions", [])) if stat else None,
        "statistic": stat.get("Stat"),
        "period": stat.get("Period") or query.get("Period"),
        "unit": stat.get("Unit"),
    }


def _from_aws(alarm: Mapping[str, Any]) -> dict[str, Any]:
    return _complete(
        {
            **{ours: alarm.get(theirs) for ours, theirs in PLAIN.items()},
            "namespace": alarm.get("Namespace"),
            "metric_name": alarm.get("MetricName"),
            "dimensions": _dimensions(alarm.get("Dimensions", [])),
            "statistic": alarm.get("Statistic") or alarm.get("ExtendedStatistic"),
            "period": alarm.get("Period"),
            "unit": alarm.get("Unit"),
            "metrics": [_query_from_aws(query) for query in alarm.get("Metrics", [])],
        }
    )


def current_state(
    prefix: str, alarms: Iterable[Mapping[str, Any]], tags: Mapping[str, Mapping[str, str]]
) -> dict[str, Any] | None:
    """Return the alarms whose names begin with the prefix, by the rest of their names, None when there are none."""
    found = {alarm["AlarmName"].removeprefix(prefix): alarm for alarm in alarms}
    if not found:
        return None
    return {
        "prefix": prefix,
        "alarms": {name: _from_aws(alarm) for name, alarm in sorted(found.items())},
        "arns": {name: alarm["AlarmArn"] for name, alarm in sorted(found.items())},
        "tags": dict(tags),
    }


def plan(wanted: Mapping[str, Any], current: Mapping[str, Any] | None) -> Plan:
    """Return what leads from `current` to `wanted` (module parameters). Raises Refusal for what CloudWatch refuses."""
    prefix, found = wanted["prefix"], (current or {}).get("alarms", {})
    refuse_open_prefix(prefix)
    if wanted["state"] == "absent":
        return Plan(tuple(_delete(prefix, found)))
    alarms = _declared_alarms(wanted["alarms"])
    known_tags = (current or {}).get("tags", {})
    puts = [
        _put(f"{prefix}{name}", settings, None if name in found else wanted.get("tags"))
        for name, settings in alarms.items()
        if found.get(name) != settings
    ]
    tags = [
        call
        for name in alarms
        if name in found
        for call in tag_calls(
            wanted.get("tags"),
            known_tags.get(name),
            purge=wanted["purge_tags"],
            resource={"ResourceARN": current["arns"][name]},
            operations=("tag_resource", "untag_resource"),
        )
    ]
    surplus = [name for name in found if name not in alarms]
    after = {
        "prefix": prefix,
        "alarms": alarms,
        "tags": {
            name: tags_after(wanted.get("tags"), known_tags.get(name), purge=wanted["purge_tags"]) for name in alarms
        },
    }
    return Plan((*puts, *tags, *_delete(prefix, surplus)), after)


def _declared_alarms(given: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    alarms: dict[str, Any] = {}
    for alarm in given:
        name = alarm["name"]
        if name in alarms:
            raise Refusal("alarms", name, "Two alarms have this name.", "Give each its own.")
        _refuse(name, alarm)
        alarms[name] = _complete(alarm)
    return dict(sorted(alarms.items()))


def _refuse(name: str, alarm: Mapping[str, Any]) -> None:
    if bool(alarm.get("metric_name")) == bool(alarm.get("metrics")):
        raise Refusal(
            f"alarms.{name}",
            alarm.get("metric_name") or "no metric",
            "An alarm watches one metric, or an expression over several.",
            "Give either metric_name, with namespace, statistic and period, or metrics.",
        )
    for query in alarm.get("metrics") or [alarm]:
        _refuse_period(name, query, alarm["evaluation_periods"])
    watched = [query["id"] for query in alarm.get("metrics") or [] if query.get("return_data")]
    if alarm.get("metrics") and len(watched) != 1:
        raise Refusal(
            f"alarms.{name}.metrics", watched, "An alarm watches one of its metrics.", "Say return_data: true in one."
        )
    points, periods = alarm.get("datapoints_to_alarm"), alarm["evaluation_periods"]
    if periods < 1 or (points and points > periods):
        raise Refusal(
            f"alarms.{name}.datapoints_to_alarm",
            f"{points} of {periods}",
            "An alarm looks at one period at least, and no more of them can exceed the threshold than it looks at.",
            "Lower datapoints_to_alarm, or raise evaluation_periods.",
        )


def _refuse_period(name: str, query: Mapping[str, Any], periods: int) -> None:
    if query.get("expression"):
        return
    missing = [key for key in ("namespace", "metric_name", "statistic", "period") if not query.get(key)]
    if missing:
        raise Refusal(f"alarms.{name}", ", ".join(missing), "A metric is not known without them.", "Give each of them.")
    period = query["period"]
    if period not in (10, 20, 30) and (period < 60 or period % 60):
        raise Refusal(
            f"alarms.{name}.period",
            period,
            "CloudWatch takes 10, 20, 30 and multiples of 60 seconds.",
            "Use 60 or 300, for example.",
        )
    if period * periods > (DAY if period < HOUR else WEEK):
        raise Refusal(
            f"alarms.{name}.evaluation_periods",
            periods,
            "Together the periods last a day at most, or a week with periods of an hour and more.",
            "Lower it, or the period.",
        )


def _put(name: str, settings: Mapping[str, Any], tags: Mapping[str, str] | None) -> Call:
    """Return the call that makes an alarm, or replaces all that it is. Tags are taken from new ones only."""
    arguments: dict[str, Any] = {"AlarmName": name}
    arguments |= {theirs: settings[ours] for ours, theirs in PLAIN.items() if ours in settings}
    if "metrics" in settings:
        arguments["Metrics"] = [_query_to_aws(query) for query in settings["metrics"]]
    else:
        statistic = settings["statistic"]
        arguments |= _metric_to_aws(settings)
        arguments |= {"Statistic" if statistic in STATISTICS else "ExtendedStatistic": statistic}
        arguments |= {"Period": settings["period"]}
        arguments |= {"Unit": settings["unit"]} if "unit" in settings else {}
    return Call("put_metric_alarm", {**arguments, "Tags": tag_list(tags)} if tags else arguments)


def _metric_to_aws(settings: Mapping[str, Any]) -> dict[str, Any]:
    dimensions = sorted((settings.get("dimensions") or {}).items())
    return {
        "Namespace": settings["namespace"],
        "MetricName": settings["metric_name"],
        "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions],
    }


def _query_to_aws(query: Mapping[str, Any]) -> dict[str, Any]:
    arguments = {"Id": query["id"], "ReturnData": query["return_data"]}
    arguments |= {"Label": query["label"]} if "label" in query else {}
    if "expression" in query:
        return {**arguments, "Expression": query["expression"]}
    stat = {"Metric": _metric_to_aws(query), "Period": query["period"], "Stat": query["statistic"]}
    return {**arguments, "MetricStat": {**stat, **({"Unit": query["unit"]} if "unit" in query else {})}}


def _delete(prefix: str, names: Iterable[str]) -> list[Call]:
    rest, calls = iter(sorted(names)), []
    while chunk := list(islice(rest, NAMES_PER_CALL)):
        calls.append(Call("delete_alarms", {"AlarmNames": [f"{prefix}{name}" for name in chunk]}))
    return calls


def line(settings: Mapping[str, Any]) -> str:
    """Return what an alarm watches in one line."""
    queries = settings.get("metrics", [])
    period = settings.get("period") or max((query["period"] for query in queries if "period" in query), default=0)
    if queries:
        names = sorted({query["metric_name"] for query in queries if "metric_name" in query})
        watched = next(query.get("expression", query["id"]) for query in queries if query["return_data"])
        what = f"{watched} of {', '.join(names)}"
    else:
        what = f"{settings['statistic']} of {settings['metric_name']}"
    threshold = settings["threshold"]
    limit = f"{SIGNS[settings['comparison_operator']]} {int(threshold) if threshold.is_integer() else threshold}"
    points = f"{settings['datapoints_to_alarm']} of {settings['evaluation_periods']} periods of {period} s"
    return f"{what} {limit} in {points}"
