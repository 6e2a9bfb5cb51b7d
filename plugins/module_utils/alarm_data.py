"""How a stack's alarms and dashboard are made of data. Pure: no calls, no files.

A subject is what is watched: a namespace, and one set of dimensions for each thing that has its metrics (a replication
group has several nodes). Alarms and dashboards name subjects, so they hold for every stack.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

# What an override may change. `enabled` is not CloudWatch's: an alarm that is not enabled does not exist.
CHANGEABLE = ("threshold", "period", "evaluation_periods", "datapoints_to_alarm", "enabled")
COMPARISONS = {
    ">": "GreaterThanThreshold",
    ">=": "GreaterThanOrEqualToThreshold",
    "<": "LessThanThreshold",
    "<=": "LessThanOrEqualToThreshold",
}
WIDTH, COLUMNS, HEIGHT = 24, 3, 6


def stack_alarms(
    alarms: Mapping[str, Mapping[str, Any]],
    subjects: Mapping[str, Mapping[str, Any]],
    features: Iterable[str],
    overrides: Mapping[str, Mapping[str, Any]] | None = None,
    actions: Mapping[str, list[str]] | None = None,
) -> list[dict[str, Any]]:
    """Return the alarms of a stack with these features, as the module cloudwatch_alarms takes them."""
    given = {name: {**alarm, **(overrides or {}).get(name, {})} for name, alarm in alarms.items()}
    return [
        {**_alarm(name, alarm, subjects), **_told(alarm, actions or {})}
        for name, alarm in given.items()
        if _applies(alarm, subjects, features) and alarm.get("enabled", True)
    ]


def _applies(entry: Mapping[str, Any], subjects: Mapping[str, Any], features: Iterable[str]) -> bool:
    return entry["subject"] in subjects and set(entry.get("needs", [])) <= set(features)


def _told(alarm: Mapping[str, Any], actions: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Return whom the alarm tells. What falls silent is told; what never said anything is not, as no state changes."""
    silence = {"insufficient_data_actions": actions.get("alarm_actions", [])} if alarm.get("tells_silence") else {}
    return {**actions, **silence}


def _alarm(name: str, alarm: Mapping[str, Any], subjects: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "description": f"{alarm['why'].strip()} {alarm['remedy'].strip()}",
        "comparison_operator": COMPARISONS[alarm["comparison"]],
        "threshold": alarm["threshold"],
        "evaluation_periods": alarm["evaluation_periods"],
        # Fewer periods mean fewer data points; how many of them is a matter of the default.
        "datapoints_to_alarm": min(
            alarm.get("datapoints_to_alarm", alarm["evaluation_periods"]), alarm["evaluation_periods"]
        ),
        "treat_missing_data": alarm["missing"],
        **_watched(alarm, subjects[alarm["subject"]]),
    }


def _watched(alarm: Mapping[str, Any], subject: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metric, or the expression over the metrics of several things."""

    def metric(name: str, dimensions: Mapping[str, str]) -> dict[str, Any]:
        given = {"namespace": subject["namespace"], "metric_name": name, "dimensions": dict(dimensions)}
        return {**given, "statistic": alarm["statistic"], "period": alarm["period"]}

    if "expression" in alarm:
        [dimensions] = subject["dimensions"]
        parts = [{"id": each, **metric(name, dimensions)} for each, name in alarm["metrics"].items()]
        return {"metrics": [{"id": "watched", "expression": alarm["expression"], "return_data": True}, *parts]}
    if len(subject["dimensions"]) == 1:
        return metric(alarm["metric"], subject["dimensions"][0])
    # The worst of them decides, so a failover that swaps their roles needs no other alarm.
    worst = "MAX" if alarm["comparison"].startswith(">") else "MIN"
    parts = [
        {"id": f"m{number}", **metric(alarm["metric"], dimensions)}
        for number, dimensions in enumerate(subject["dimensions"], 1)
    ]
    return {"metrics": [{"id": "watched", "expression": f"{worst}(METRICS())", "return_data": True}, *parts]}


def stack_dashboard(
    sections: Iterable[Mapping[str, Any]],
    subjects: Mapping[str, Mapping[str, Any]],
    features: Iterable[str],
    alarms: Iterable[Mapping[str, Any]],
    alarm_arns: Iterable[str],
    region: str,
) -> dict[str, Any]:
    """Return the body of a dashboard: every alarm's state, then a row for each section, thresholds drawn in."""
    arns, thresholds = list(alarm_arns), {alarm["name"]: alarm["threshold"] for alarm in alarms}
    widgets = [_alarm_states(arns)] if arns else []
    for section in sections:
        shown = [each for each in section["widgets"] if _applies(each, subjects, features)]
        if not shown:
            continue
        heading = {"markdown": f"## {section['title']}"}
        widgets.append({"type": "text", "width": WIDTH, "height": 1, "properties": heading})
        widgets += [_widget(widget, subjects, thresholds, region) for widget in shown]
    return {"widgets": list(_placed(widgets))}


def _alarm_states(arns: list[str]) -> dict[str, Any]:
    # A row of the widget shows about six alarms.
    height = 2 + -(-len(arns) // 6)
    return {"type": "alarm", "width": WIDTH, "height": height, "properties": {"title": "Alarms", "alarms": arns}}


def _widget(
    widget: Mapping[str, Any], subjects: Mapping[str, Any], thresholds: Mapping[str, float], region: str
) -> dict[str, Any]:
    subject = subjects[widget["subject"]]
    lines = [{"label": name, "value": thresholds[name]} for name in widget.get("thresholds", []) if name in thresholds]
    properties = {
        "title": widget["title"],
        "region": region,
        "view": "timeSeries",
        "stat": widget["statistic"],
        "period": widget.get("period", 60),
        "metrics": [
            [subject["namespace"], metric, *(word for pair in dimensions.items() for word in pair)]
            for metric in widget["metrics"]
            for dimensions in subject["dimensions"]
        ],
        "yAxis": {"left": {"min": 0}},
        **({"annotations": {"horizontal": lines}} if lines else {}),
    }
    return {"type": "metric", "width": WIDTH // COLUMNS, "height": HEIGHT, "properties": properties}


def _placed(widgets: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the widgets with their places: side by side while there is room, then below."""
    x = y = row = 0
    for widget in widgets:
        if x + widget["width"] > WIDTH:
            x, y, row = 0, y + row, 0
        yield {**widget, "x": x, "y": y}
        x, row = x + widget["width"], max(row, widget["height"])
