"""Rules about the database: what a stack may say, and what it is told otherwise."""

import pytest
from ansible_collections.graviflow.airflow.plugins.module_utils.stack_rules import database, problems
from ansible_collections.graviflow.airflow.plugins.module_utils.stack_rules.problem import Facts

STACK = {
    "stack_name": "airflow-demo",
    "stack_region": "us-east-1",
    "high_availability": True,
    "network_zones": ["us-east-1a", "us-east-1b"],
    "database_instance_class": "db.m7g.large",
}
THREE_ZONES = ["us-east-1a", "us-east-1b", "us-east-1c"]
CLUSTER = {
    "database_engine": "postgres-cluster",
    "database_instance_class": "db.m6gd.large",
    "network_zones": THREE_ZONES,
}
AURORA = {"database_engine": "aurora-postgresql", "database_instance_class": "db.r7g.large"}
SERVERLESS = {
    "database_engine": "aurora-postgresql",
    "database_instance_class": "",
    "database_serverless_capacity": {"minimum": 0.5, "maximum": 8},
}
MYSQL = {"database_engine": "mysql", "database_engine_version": "8.4"}
EXISTING = {
    "database_instance_class": "",
    "database_existing": {
        "host": "db.example.org",
        "port": 5432,
        "name": "airflow",
        "engine": "postgresql",
    },
    "secrets_given": {"database": {"username": "airflow", "password": "hunter2 hunter2"}},
}
TOPIC = "arn:aws:sns:us-east-1:123456789012:airflow-demo"


def found(*changes):
    """What the rules say, but for the one that refuses MySQL: what the others say of it must be right, too."""
    stack = {**STACK}
    for change in changes:
        stack |= change
    rules = [rule for rule in database.RULES if rule is not database.driver]
    return [problem for rule in rules for problem in rule(stack, Facts())]


def serverless(minimum, maximum):
    return {**SERVERLESS, "database_serverless_capacity": {"minimum": minimum, "maximum": maximum}}


GOOD = [
    {},
    {"database_engine_version": "17"},
    {"database_engine_version": 16.8},
    {"database_instance_class": "db.t4g.micro"},
    {"database_instance_class": "db.r8g.48xlarge"},
    {"database_instance_class": "db.x2g.16xlarge"},
    {"database_instance_class": "db.m6gd.large"},
    {"database_allocated_storage": 100, "database_max_allocated_storage": 110},
    {"database_allocated_storage": 50, "database_max_allocated_storage": 50},
    {"database_max_allocated_storage": 65536},
    {"database_backup_days": 35},
    {"high_availability": False, "database_backup_days": 0},
    {"database_port": 5433},
    {"database_parameters": {"rds.force_ssl": "1", "work_mem": "8192"}},
    {"database_monitoring_interval": 60, "database_monitoring_role_arn": "arn:aws:iam::123456789012:role/monitoring"},
    {"database_kms_key_id": "alias/airflow"},
    {"database_kms_key_id": "arn:aws:kms:us-east-1:123456789012:key/1234"},
    {"database_event_topic_arn": TOPIC},
    {"database_event_topic_arn": ""},
    CLUSTER,
    {**CLUSTER, "network_zones": STACK["network_zones"], "network_existing": {"vpc_id": "vpc-1"}},
    {**CLUSTER, "database_max_allocated_storage": 1},
    AURORA,
    {**AURORA, "database_instance_class": "db.t4g.medium", "high_availability": False},
    {**AURORA, "database_allocated_storage": 1},
    SERVERLESS,
    serverless(0, 256),
    serverless(1.5, 1.5),
    MYSQL,
    {**MYSQL, "database_engine_version": "8.0.42"},
    {**MYSQL, "database_instance_class": "db.t4g.small", "database_performance_insights": False},
    EXISTING,
    {**EXISTING, "database_deletion_protection": True, "database_engine": "postgres"},
]


@pytest.mark.parametrize("change", GOOD)
def test_good_databases_have_no_problem(change):
    assert found(change) == []


BAD = [
    ({}, "database_engine", "oracle", "no such engine"),
    ({}, "database_engine", "aurora-mysql", "no such engine"),
    ({}, "database_engine_version", "8.4", "no version of postgres"),
    ({}, "database_engine_version", "9.6", "no version of postgres"),
    ({}, "database_engine_version", "latest", "no version of postgres"),
    (MYSQL, "database_engine_version", "17", "no version of mysql"),
    (MYSQL, "database_engine_version", "5.7", "no version of mysql"),
    (AURORA, "database_engine_version", "8.0.mysql_aurora.3.08.0", "no version of aurora-postgresql"),
    ({}, "database_instance_class", "", "needs a class"),
    ({}, "database_instance_class", "m7g.large", "size"),
    ({}, "database_instance_class", "cache.m7g.large", "size"),
    ({}, "database_instance_class", "db.m7i.large", "Graviton"),
    ({}, "database_instance_class", "db.t3.medium", "Graviton"),
    ({}, "database_instance_class", "db.m5d.large", "Graviton"),
    (AURORA, "database_instance_class", "db.serverless", "not known"),
    (SERVERLESS, "database_instance_class", "db.r7g.large", "no other class"),
    (MYSQL, "database_instance_class", "db.t4g.micro", "Performance Insights"),
    (CLUSTER, "database_instance_class", "db.m7g.large", "NVMe"),
    (CLUSTER, "database_instance_class", "db.t4g.medium", "NVMe"),
    (AURORA, "database_instance_class", "db.m7g.large", "Aurora takes"),
    (AURORA, "database_instance_class", "db.t4g.micro", "Aurora takes"),
    (
        {"database_instance_class": ""},
        "database_serverless_capacity",
        {"minimum": 1, "maximum": 2},
        "Only aurora-postgresql",
    ),
    (SERVERLESS, "database_serverless_capacity", {"minimum": 1}, "minimum and a maximum"),
    (SERVERLESS, "database_serverless_capacity", [1, 2], "minimum and a maximum"),
    ({}, "database_allocated_storage", 19, "20 to 65536"),
    ({}, "database_allocated_storage", 65537, "20 to 65536"),
    ({}, "database_allocated_storage", "big", "20 to 65536"),
    ({}, "database_max_allocated_storage", 49, "a tenth above"),
    ({}, "database_max_allocated_storage", 54, "a tenth above"),
    ({}, "database_max_allocated_storage", 65537, "65536 at most"),
    (CLUSTER, "database_allocated_storage", 50, "60 to 65536"),
    ({}, "database_backup_days", 36, "0 to 35"),
    ({}, "database_backup_days", -1, "0 to 35"),
    ({}, "database_backup_days", 1.5, "0 to 35"),
    ({}, "database_backup_days", 0, "high_availability is true"),
    ({**AURORA, "high_availability": False}, "database_backup_days", 0, "always has them"),
    (CLUSTER, "high_availability", False, "three instances"),
    (CLUSTER, "network_zones", ["us-east-1a", "us-east-1b"], "three zones"),
    ({}, "database_identifier", "Airflow", "lower case"),
    ({}, "database_identifier", "airflow-", "lower case"),
    ({}, "database_identifier", "a" * 64, "63 at most"),
    (CLUSTER, "database_identifier", "a" * 53, "52 at most"),
    ({}, "database_name", "air-flow", "letters, digits"),
    ({}, "database_name", "postgres", "engine's own"),
    (MYSQL, "database_name", "sys", "engine's own"),
    ({}, "database_port", 80, "1150 to 65535"),
    ({}, "database_port", 65536, "1150 to 65535"),
    ({}, "database_port", "pg", "1150 to 65535"),
    ({}, "database_parameters", {"rds.force_ssl": 0}, "TLS"),
    (MYSQL, "database_parameters", {"require_secure_transport": False}, "TLS"),
    ({}, "database_monitoring_interval", 2, "1, 5, 10"),
    ({}, "database_monitoring_interval", 60, "IAM role"),
    ({}, "database_kms_key_id", "arn:aws:kms:eu-west-1:123456789012:key/1234", "own region"),
    ({}, "database_kms_key_id", "arn:aws:s3:::bucket", "no ARN"),
    ({}, "database_event_topic_arn", "topic", "ARN"),
    ({}, "database_event_topic_arn", TOPIC.replace("us-east-1", "us-west-2"), "own region"),
]
# What a rule is about is not always the variable that was changed.
TOLD_AS = {"high_availability": "database_engine"}


@pytest.mark.parametrize(("stack", "variable", "value", "rule"), BAD)
def test_bad_values_are_found_with_rule_and_fix(stack, variable, value, rule):
    [problem] = found(stack, {variable: value})
    assert problem.variable.startswith(TOLD_AS.get(variable, variable))
    assert rule in problem.rule
    assert problem.fix.endswith(".")


BAD_EXISTING = [
    ({"host": ""}, "database_existing", "each of them"),
    ({"password": "x"}, "database_existing", "nothing else"),
    ({"host": "postgresql://db.example.org"}, "database_existing.host", "no name"),
    ({"port": 0.5}, "database_existing.port", "1 to 65535"),
    ({"port": 70000}, "database_existing.port", "1 to 65535"),
    ({"engine": "postgres"}, "database_existing.engine", "PostgreSQL or MySQL"),
]


@pytest.mark.parametrize(("change", "variable", "rule"), BAD_EXISTING)
def test_a_given_database_is_described_in_full(change, variable, rule):
    [problem] = found(EXISTING, {"database_existing": {**EXISTING["database_existing"], **change}})
    assert (problem.variable, rule in problem.rule, problem.fix[-1]) == (variable, True, ".")


@pytest.mark.parametrize(
    ("given", "missing"), [({}, ["username", "password"]), ({"username": "airflow"}, ["password"])]
)
def test_a_given_database_has_its_login(given, missing):
    told = found(EXISTING, {"secrets_given": {"database": given}})
    assert [problem.variable for problem in told] == [f"secrets_given.database.{each}" for each in missing]


@pytest.mark.parametrize(
    ("minimum", "maximum", "variable", "rule"),
    [
        (-1, 8, "minimum", "0 to 256"),
        (0.7, 8, "minimum", "steps of a half"),
        ("much", 8, "minimum", "0 to 256"),
        (0.5, 257, "maximum", "1 to 256"),
        (0, 0.5, "maximum", "1 to 256"),
        (16, 8, "minimum", "above the maximum"),
    ],
)
def test_capacities_are_such_as_aurora_takes(minimum, maximum, variable, rule):
    [problem] = found(serverless(minimum, maximum))
    assert (problem.variable, rule in problem.rule) == (f"database_serverless_capacity.{variable}", True)


@pytest.mark.parametrize(
    ("stack", "variable"),
    [
        (MYSQL, "database_engine"),
        (
            {**EXISTING, "database_existing": {**EXISTING["database_existing"], "engine": "mysql"}},
            "database_existing.engine",
        ),
    ],
)
def test_mysql_is_refused_while_hosts_have_no_driver(stack, variable):
    [problem] = database.driver({**STACK, **stack}, Facts())
    assert (problem.variable, problem.value) == (variable, "mysql")


@pytest.mark.parametrize("stack", [{}, CLUSTER, AURORA, EXISTING])
def test_hosts_talk_to_postgresql(stack):
    assert list(database.driver({**STACK, **stack}, Facts())) == []


def test_a_given_database_is_not_made_anew():
    [problem] = found(EXISTING, {"database_engine": "mysql", "database_instance_class": "db.m7g.large"})
    assert problem.value == "database_engine, database_instance_class"


def test_a_given_database_is_a_dictionary():
    [problem] = found(EXISTING, {"database_existing": "db.example.org"})
    assert "dictionary" in problem.rule


@pytest.mark.parametrize("stack", [CLUSTER, AURORA, MYSQL])
def test_logins_that_only_rds_for_postgresql_takes_are_found_and_not_shown(stack):
    long = {"username": "hunter2hunter2hunter2", "password": "hunter2" * 6}
    told = found(stack, {"secrets_given": {"database": long}})
    assert [problem.variable for problem in told] == [
        "secrets_given.database.username",
        "secrets_given.database.password",
    ]
    assert "hunter2" not in str(told)
    assert found({"secrets_given": {"database": long}}) == []


def test_the_rules_are_in_force():
    bad = {**STACK, "database_engine": "oracle"}
    whole = {
        "stack_tags": {},
        "aws_connection": {"region": "us-east-1"},
        "network_cidr": "10.20.0.0/16",
        "compute_instance_type": "m7g.large",
        "airflow_version": "1",
        "airflow_python": "1",
    }
    told = problems({**bad, **whole}, Facts(locks=["airflow-1-python-1.txt"]))
    assert [problem.variable for problem in told] == ["database_engine"]
