"""The catalogue of alarms, what is drawn of it, what preflight knows of it and what the docs say are one."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from airflow_host import metrics, statsd
from ansible_collections.graviflow.airflow.plugins.module_utils.alarm_data import stack_alarms, stack_dashboard
from ansible_collections.graviflow.airflow.plugins.module_utils.alarms import plan
from ansible_collections.graviflow.airflow.plugins.module_utils.stack_rules.monitoring import ALARMS

ROOT = Path(__file__).parents[3]
VARS = ROOT / "roles/monitoring/vars/main"


def variables(name: str) -> dict[str, Any]:
    return yaml.safe_load((VARS / name).read_text())


CATALOGUE = variables("alarms.yml")["__monitoring_alarms"]
SECTIONS = variables("dashboard.yml")["__monitoring_dashboard"]
STACK = variables("stack.yml")
SUBJECTS = {name: {"namespace": "AWS/X", "dimensions": [{}]} for name in ["database", *STACK["__monitoring_others"]]}
FEATURES = {each for alarm in CATALOGUE.values() for each in alarm.get("needs", [])}
MADE = stack_alarms(CATALOGUE, SUBJECTS, FEATURES)


def row(name: str, alarm: dict[str, Any]) -> str:
    what = alarm.get("metric") or alarm["expression"].replace("desired", "GroupDesiredCapacity").replace(
        "in_service", "GroupInServiceInstances"
    )
    periods = alarm["evaluation_periods"]
    points = alarm.get("datapoints_to_alarm", periods)
    when = f"{alarm['statistic']} of {what} {alarm['comparison']} {alarm['threshold']} {alarm['unit']}"
    silence = "alarm" if alarm["missing"] == "breaching" else "told" if alarm.get("tells_silence") else "nothing"
    return " | ".join(
        [
            f"| `{name}`",
            f"{when}, {points} of {periods} x {alarm['period']} s",
            ", ".join(alarm.get("needs", [])),
            silence,
            f"{alarm['why']} {alarm['remedy']} |",
        ]
    )


def test_preflight_knows_the_alarms():
    assert sorted(CATALOGUE) == list(ALARMS)


def test_cloudwatch_takes_all_of_them():
    wanted = {"state": "present", "prefix": "demo/", "alarms": MADE, "tags": None, "purge_tags": True}
    assert len(plan(wanted, None).calls) == len(CATALOGUE)
    assert max(len(each["description"]) for each in MADE) <= 1024


def test_the_dashboard_shows_every_subject_and_draws_alarms_that_exist():
    widgets = [widget for section in SECTIONS for widget in section["widgets"]]
    assert {each["subject"] for each in widgets} == {*SUBJECTS}
    assert {name for each in widgets for name in each.get("thresholds", [])} <= {*CATALOGUE}
    assert {need for each in widgets for need in each.get("needs", [])} <= FEATURES
    assert len(stack_dashboard(SECTIONS, SUBJECTS, FEATURES, MADE, [], "x")["widgets"]) == len(widgets) + len(SECTIONS)


@pytest.mark.parametrize("name", CATALOGUE)
def test_the_docs_have_a_row_for_it(name):
    assert row(name, CATALOGUE[name]) in (ROOT / "docs/monitoring.md").read_text().splitlines()


def test_hosts_publish_what_alarms_and_dashboard_show():
    document = yaml.safe_load((ROOT / "roles/stack_document/vars/main/document.yml").read_text())
    published = {statsd.series(text).flat for text in document["__stack_document_published"]} | {*metrics.HOST_METRICS}
    widgets = [widget for section in SECTIONS for widget in section["widgets"] if widget["subject"] == "airflow"]
    alarms = [alarm for alarm in CATALOGUE.values() if alarm["subject"] == "airflow"]
    assert {alarm["metric"] for alarm in alarms} | {name for each in widgets for name in each["metrics"]} == published
