import pytest
from ansible_collections.graviflow.airflow.plugins.module_utils.stack_rules.monitoring import RULES
from ansible_collections.graviflow.airflow.plugins.module_utils.stack_rules.problem import Facts

TOPIC = "arn:aws:sns:us-east-1:123456789012:on-call"


def found(**stack):
    return [problem for rule in RULES for problem in rule(stack, Facts())]


def override(**changes):
    return {"monitoring_alarm_overrides": {"database-cpu": changes}}


GOOD = [
    {},
    {"monitoring_log_retention_days": 3653},
    {"monitoring_log_retention_days": "30"},
    {"monitoring_log_groups": {"airflow": 30, "a/b": 1}},
    {"monitoring_existing_topic_arn": "arn:aws-cn:sns:cn-north-1:123456789012:on-call", "stack_region": "cn-north-1"},
    {"monitoring_key_arn": "arn:aws-cn:kms:cn-north-1:123456789012:key/0a1b"},
    {"monitoring_subscriptions": [{"protocol": "email", "endpoint": "operators@example.org"}]},
    {"monitoring_subscriptions": [{"protocol": "https", "endpoint": "https://events.example.org/x"}]},
    override(threshold=90.5, evaluation_periods=3, datapoints_to_alarm=2, period=300),
    override(threshold="90"),
    override(enabled=False),
]


@pytest.mark.parametrize("stack", GOOD)
def test_good_stacks_have_no_problem(stack):
    assert found(**stack) == []


BAD = [
    ({"monitoring_log_retention_days": 31}, "monitoring_log_retention_days", "30, 60"),
    ({"monitoring_log_retention_days": "long"}, "monitoring_log_retention_days", "30, 60"),
    ({"monitoring_log_retention_days": 0}, "monitoring_log_retention_days", "30, 60"),
    ({"monitoring_log_groups": ["airflow"]}, "monitoring_log_groups", "names of log groups"),
    ({"monitoring_log_groups": {"/airflow": 30}}, "monitoring_log_groups", "name of letters"),
    ({"monitoring_log_groups": {"tasks": 2}}, "monitoring_log_groups.tasks", "30, 60"),
    ({"monitoring_existing_topic_arn": "on-call"}, "monitoring_existing_topic_arn", "standard topic"),
    ({"monitoring_existing_topic_arn": f"{TOPIC}.fifo"}, "monitoring_existing_topic_arn", "standard topic"),
    (
        {"monitoring_existing_topic_arn": TOPIC, "stack_region": "eu-west-1"},
        "monitoring_existing_topic_arn",
        "own region",
    ),
    (
        {
            "monitoring_existing_topic_arn": TOPIC,
            "monitoring_subscriptions": [{"protocol": "https", "endpoint": "https://x.example.org/hunter2"}],
        },
        "monitoring_subscriptions",
        "names another",
    ),
    ({"monitoring_key_arn": "alias/aws/sns"}, "monitoring_key_arn", "tell nobody"),
    (
        {"monitoring_subscriptions": [{"protocol": "http", "endpoint": "http://x.example.org"}]},
        "monitoring_subscriptions.protocol",
        "over TLS",
    ),
    ({"monitoring_subscriptions": ["me@example.org"]}, "monitoring_subscriptions.protocol", "over TLS"),
    (
        {"monitoring_subscriptions": [{"protocol": "https", "endpoint": "http://hunter2.example.org"}]},
        "monitoring_subscriptions.endpoint",
        "https://",
    ),
    (
        {"monitoring_subscriptions": [{"protocol": "https", "endpoint": "https://[hunter2"}]},
        "monitoring_subscriptions.endpoint",
        "https://",
    ),
    (
        {"monitoring_subscriptions": [{"protocol": "email", "endpoint": "operators"}]},
        "monitoring_subscriptions.endpoint",
        "e-mail address",
    ),
    ({"monitoring_alarm_overrides": {"cpu": {"threshold": 1}}}, "monitoring_alarm_overrides.cpu", "database-cpu"),
    ({"monitoring_alarm_overrides": {"broker-cpu": 90}}, "monitoring_alarm_overrides.broker-cpu", "what differs"),
    (override(limit=90), "monitoring_alarm_overrides.database-cpu.limit", "threshold"),
    (override(threshold="90 %"), "monitoring_alarm_overrides.database-cpu.threshold", "a number"),
    (override(threshold=True), "monitoring_alarm_overrides.database-cpu.threshold", "a number"),
    (override(threshold="nan"), "monitoring_alarm_overrides.database-cpu.threshold", "a number"),
    (override(enabled="no"), "monitoring_alarm_overrides.database-cpu.enabled", "true or false"),
    (override(evaluation_periods=0), "monitoring_alarm_overrides.database-cpu.evaluation_periods", "1 or more"),
    (override(period=90), "monitoring_alarm_overrides.database-cpu.period", "multiples of 60"),
    (
        override(evaluation_periods=2, datapoints_to_alarm=3),
        "monitoring_alarm_overrides.database-cpu.datapoints_to_alarm",
        "looked at",
    ),
]


@pytest.mark.parametrize(("stack", "variable", "rule"), BAD)
def test_bad_values_are_found_with_rule_and_fix(stack, variable, rule):
    [problem] = found(**stack)
    assert problem.variable == variable
    assert rule in problem.rule
    assert problem.fix.endswith(".")
    assert "hunter2" not in str(problem)
