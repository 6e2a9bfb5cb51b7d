import pytest
import yaml
from ansible_collections.graviflow.airflow.plugins.module_utils.stack_rules import telemetry
from ansible_collections.graviflow.airflow.plugins.module_utils.stack_rules.problem import Facts

from tests.playbook import ROOT


def found(**stack):
    return [problem for rule in telemetry.RULES for problem in rule(stack, Facts())]


GROUPS = {"airflow": 30, "system": 30, "tasks": 30}
GOOD = [
    {},
    {"monitoring_log_groups": GROUPS, "stack_document_task_logs": "cloudwatch"},
    {"monitoring_log_groups": {"tasks": 1}, "stack_document_service_logs": False},
    {"monitoring_log_groups": {"airflow": 1, "system": 1}, "stack_document_task_logs": "s3"},
    {"stack_document_disk_log_days": "1", "stack_document_disk_clean_below": "20", "stack_document_disk_hold_below": 0},
    {"stack_document_metrics_published": ["airflow.dagbag_size", "airflow.pool.open_slots,pool_name=a.b,x=y"]},
    {"monitoring_metrics_namespace": "Team-1/Airflow"},
    {"security_groups_metrics_cidrs": ["10.0.0.0/24", "fd00::/64"]},
]


@pytest.mark.parametrize("stack", GOOD)
def test_good_stacks_have_no_problem(stack):
    assert found(**stack) == []


BAD = [
    ({"monitoring_log_groups": {"airflow": 30}}, "monitoring_log_groups", "group system"),
    ({"monitoring_log_groups": {}}, "monitoring_log_groups", "group airflow"),
    (
        {"monitoring_log_groups": {"airflow": 30, "system": 30}, "stack_document_task_logs": "cloudwatch"},
        "monitoring_log_groups",
        "group tasks",
    ),
    ({"stack_document_disk_log_days": 0}, "stack_document_disk_log_days", "a day at least"),
    ({"stack_document_disk_clean_below": 0}, "stack_document_disk_clean_below", "1 to 50"),
    ({"stack_document_disk_hold_below": -1}, "stack_document_disk_hold_below", "0 or more"),
    ({"stack_document_disk_hold_below": 15}, "stack_document_disk_hold_below", "less than"),
    ({"stack_document_metrics_published": ["x,y"]}, "stack_document_metrics_published", "tags with their values"),
    ({"stack_document_metrics_published": ["a,b=$(id)"]}, "stack_document_metrics_published", "tags with their values"),
    ({"stack_document_metrics_published": ["a,b=c\n"]}, "stack_document_metrics_published", "tags with their values"),
    ({"monitoring_metrics_namespace": ""}, "monitoring_metrics_namespace", "up to 255"),
    ({"monitoring_metrics_namespace": "My metrics"}, "monitoring_metrics_namespace", "up to 255"),
    ({"security_groups_metrics_cidrs": ["prometheus"]}, "security_groups_metrics_cidrs", "no network"),
    ({"security_groups_metrics_cidrs": ["::/0"]}, "security_groups_metrics_cidrs", "without a login"),
]


@pytest.mark.parametrize(("stack", "variable", "rule"), BAD)
def test_bad_stacks_are_told_why(stack, variable, rule):
    problems = [problem for problem in found(**stack) if problem.variable == variable]
    assert problems and all(problem.fix for problem in problems)
    assert any(rule in problem.rule for problem in problems)


def test_the_defaults_are_the_roles():
    defaults = yaml.safe_load((ROOT / "roles/stack_document/defaults/main.yml").read_text())
    assert tuple(defaults[f"stack_document_disk_{name}"] for name in ("log_days", "clean_below", "hold_below")) == (
        telemetry.LOG_DAYS,
        telemetry.CLEAN_BELOW,
        telemetry.HOLD_BELOW,
    )
