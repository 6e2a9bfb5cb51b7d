"""Rules about the entry: what a stack may say, and what it is told otherwise."""

import pytest
from ansible_collections.graviflow.airflow.plugins.module_utils.stack_rules import entry, problems
from ansible_collections.graviflow.airflow.plugins.module_utils.stack_rules.problem import Facts

STACK = {
    "stack_name": "airflow-demo",
    "stack_region": "us-east-1",
    "dns_zone_name": "airflow-demo.internal",
    "load_balancer_scheme": "internal",
    "load_balancer_allowed_cidrs": ["10.0.0.0/8"],
}
PUBLIC = {"load_balancer_scheme": "internet-facing", "load_balancer_allowed_cidrs": ["198.51.100.0/24"]}
FLOWER = {"load_balancer_flower": True}
EXISTING = {"database_existing": {"host": "db.example.org"}}


def found(*changes):
    stack = {**STACK}
    for change in changes:
        stack |= change
    return [problem for rule in entry.RULES for problem in rule(stack, Facts())]


def networks(count):
    return [f"198.51.100.{number}/32" for number in range(count)]


GOOD = [
    {},
    PUBLIC,
    {**PUBLIC, "load_balancer_allowed_cidrs": ["10.0.0.0/8", "198.51.100.7/32"]},
    {"load_balancer_allowed_cidrs": networks(29)},
    {"load_balancer_allowed_cidrs": networks(59), "load_balancer_http_redirect": False},
    {"load_balancer_idle_timeout": 4000, "load_balancer_deregistration_delay": 0},
    {"load_balancer_idle_timeout": "120"},
    {"load_balancer_health_check_interval": 30, "load_balancer_health_check_timeout": 29},
    {"load_balancer_health_check_timeout": 9},
    {"load_balancer_ssl_policy": "ELBSecurityPolicy-TLS13-1-3-2021-06"},
    {"load_balancer_ssl_policy": "ELBSecurityPolicy-TLS13-1-2-Res-FIPS-2023-04"},
    {"load_balancer_ssl_policy": "ELBSecurityPolicy-FS-1-2-Res-2020-10"},
    {"load_balancer_response_headers": {"x_frame_options": "DENY", "strict_transport_security": ""}},
    {"load_balancer_name": "airflow", "load_balancer_api_name": "airflow-x"},
    {"log_bucket_existing": "logs.example.org", "log_bucket_retention_days": 365},
    {"log_bucket_prefix": "a" * 40},
    {"secrets_web_certificate_names": ["localhost", "airflow.example.org", "*.example.org"]},
    {**FLOWER, "dns_flower_name": "flower.airflow-demo.internal"},
    {"dns_record_name": "web.airflow-demo.internal"},
    {"dns_public_name": "airflow.example.org"},
    {**PUBLIC, "dns_public_name": "airflow.example.org", "dns_public_zone_id": "Z0123456789ABCDEFGHIJ"},
    {**EXISTING, "security_groups_database_cidrs": ["10.9.0.0/24"]},
]


@pytest.mark.parametrize("change", GOOD)
def test_good_entries_have_no_problem(change):
    assert found(change) == []


BAD = [
    ({}, "load_balancer_idle_timeout", 0, "1 to 4000"),
    ({}, "load_balancer_idle_timeout", 4001, "1 to 4000"),
    ({}, "load_balancer_deregistration_delay", 3601, "0 to 3600"),
    ({}, "load_balancer_health_check_interval", 4, "5 to 300"),
    ({}, "load_balancer_health_check_timeout", 1, "2 to 120"),
    ({}, "load_balancer_health_check_timeout", 10, "before the next one"),
    ({"load_balancer_health_check_interval": 60}, "load_balancer_health_check_timeout", 60, "before the next one"),
    ({}, "load_balancer_healthy_threshold", 1, "2 to 10"),
    ({}, "load_balancer_unhealthy_threshold", 11, "2 to 10"),
    ({}, "log_bucket_retention_days", 0, "1 to 36500"),
    ({}, "load_balancer_ssl_policy", "ELBSecurityPolicy-2016-08", "TLS 1.2"),
    ({}, "load_balancer_ssl_policy", "ELBSecurityPolicy-TLS13-1-0-2021-06", "TLS 1.2"),
    ({}, "load_balancer_ssl_policy", "ELBSecurityPolicy-FS-2018-06", "TLS 1.2"),
    ({}, "load_balancer_ssl_policy", "TLSv1.2", "TLS 1.2"),
    ({}, "load_balancer_name", "airflow_web", "letters, digits and hyphens"),
    ({}, "load_balancer_name", "internal-web", "does not begin"),
    ({}, "load_balancer_name", "a" * 33, "up to 32"),
    ({"load_balancer_name": "web"}, "load_balancer_api_name", "web", "Another load balancer"),
    ({}, "log_bucket_existing", "arn:aws:s3:::logs", "3 to 63"),
    ({}, "log_bucket_existing", "Logs", "3 to 63"),
    ({}, "log_bucket_prefix", "airflow_logs", "<prefix>-<account>-<region>"),
    ({}, "log_bucket_prefix", "a" * 41, "<prefix>-<account>-<region>"),
    ({}, "secrets_web_certificate_names", ["https://airflow.example.org"], "lower case"),
    ({}, "secrets_web_certificate_names", ["a.*.example.org"], "wildcard"),
    ({}, "load_balancer_allowed_cidrs", ["10.0.0.0/8", "2001:db8::/32"], "IPv4 addresses only"),
    ({}, "load_balancer_allowed_cidrs", networks(30), "29 networks at most"),
    (PUBLIC, "load_balancer_allowed_cidrs", ["10.20.0.0/16"], "nobody could reach it"),
    (PUBLIC, "load_balancer_allowed_cidrs", ["10.20.0.0/16", "192.168.0.0/24"], "nobody could reach it"),
    ({}, "dns_flower_name", "flower.airflow-demo.internal", "load_balancer_flower is false"),
    (FLOWER, "dns_flower_name", "airflow.airflow-demo.internal", "that of the web side"),
    (FLOWER, "dns_flower_name", "api.airflow-demo.internal", "that of the web side"),
    (FLOWER, "dns_flower_name", "flower.example.org", "in the private zone"),
    ({}, "dns_record_name", "airflow", "in the private zone"),
    ({}, "dns_record_name", "airflow-demo.internal", "in the private zone"),
    ({"dns_public_name": "airflow.example.org"}, "dns_public_zone_id", "/hostedzone/Z01", "id of a hosted zone"),
    ({}, "dns_public_zone_id", "Z0123456789", "which name"),
    ({}, "dns_public_name", "https://airflow.example.org", "two or more labels"),
    ({}, "dns_public_name", "airflow.example.org.", "two or more labels"),
    ({}, "dns_public_name", "airflow.airflow-demo.internal", "hides every public name"),
    (EXISTING, "security_groups_database_cidrs", [], "known addresses only"),
    (EXISTING, "security_groups_database_cidrs", ["db.example.org"], "no IPv4 network"),
    ({}, "security_groups_database_cidrs", ["2001:db8::/32"], "no IPv4 network"),
]


@pytest.mark.parametrize(("stack", "variable", "value", "rule"), BAD)
def test_bad_entries_are_found_with_rule_and_fix(stack, variable, value, rule):
    [problem] = found(stack, {variable: value})
    assert problem.variable == variable
    assert rule in problem.rule
    assert problem.fix.endswith(".")


def test_the_name_of_flowers_target_group_is_looked_at_when_there_is_one():
    long = {"stack_name": "a" * 28, "dns_zone_name": "a.internal"}
    assert found(long) == []
    [problem] = found(long, FLOWER)
    assert (problem.variable, problem.value) == ("load_balancer_flower_name", f"{'a' * 28}-flower")
    assert found(long, FLOWER, {"load_balancer_flower_name": "flower"}) == []


@pytest.mark.parametrize("value", ["soon", None, [1]])
def test_what_is_no_number_is_left_to_others(value):
    assert found({"load_balancer_idle_timeout": value, "load_balancer_health_check_timeout": value}) == []


def test_every_rule_is_applied():
    assert "load_balancer_ssl_policy" in {
        problem.variable
        for problem in problems(
            {
                **STACK,
                "stack_tags": {},
                "aws_connection": {"region": "us-east-1"},
                "network_zones": ["us-east-1a", "us-east-1b"],
                "network_cidr": "10.20.0.0/16",
                "compute_instance_type": "m7g.large",
                "compute_ssh_public_key": "",
                "airflow_version": "3.3.2",
                "airflow_python": "3.13",
                "load_balancer_ssl_policy": "old",
            },
            Facts(),
        )
    }


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("x_powered_by", "us", "The load balancer sets"),
        ("x_frame_options", "NEVER", "not what AWS takes"),
        ("strict_transport_security", "for ever", "not what AWS takes"),
        ("content_security_policy", "x" * 1025, "not what AWS takes"),
    ],
)
def test_bad_headers_of_responses_are_found(name, value, rule):
    [problem] = found({"load_balancer_response_headers": {name: value}})
    assert problem.variable == f"load_balancer_response_headers.{name}"
    assert rule in problem.rule
