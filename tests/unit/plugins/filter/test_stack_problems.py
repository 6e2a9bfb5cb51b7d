import pytest
from ansible_collections.graviflow.airflow.plugins.filter.stack_problems import stack_problems

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIG me@host"
ARN = "arn:aws:acm:us-east-1:123456789012:certificate/0a1b-2c"
STACK = {
    "stack_name": "airflow-demo",
    "stack_region": "us-east-1",
    "stack_tags": {"owner": "data team"},
    "aws_connection": {"region": "us-east-1"},
    "high_availability": True,
    "network_cidr": "10.20.0.0/16",
    "network_zones": ["us-east-1a", "us-east-1b"],
    "compute_instance_type": "m7g.large",
    "compute_desired_capacity": 2,
    "compute_ssh_public_key": KEY,
    "airflow_version": "3.3.2",
    "airflow_python": "3.13",
    "database_instance_class": "db.t4g.medium",
    "broker_node_type": "cache.m7g.large",
    "load_balancer_scheme": "internal",
    "load_balancer_certificate_arn": "",
    "load_balancer_allowed_cidrs": ["10.0.0.0/8"],
    "dns_zone_name": "airflow-demo.internal",
    "secrets_given": {},
    "airflow_config": {"core": {"parallelism": 64}},
}
FACTS = {
    "partition": "aws",
    "caller_arn": "arn:aws:iam::123456789012:user/operator",
    "zones": ["us-east-1a", "us-east-1b", "us-east-1c"],
    "locks": ["airflow-3.3.2-python-3.13.txt"],
}


def found(stack=None, facts=None):
    return stack_problems({**STACK, **(stack or {})}, {**FACTS, **(facts or {})})


GOOD = [
    {"stack_name": "a" * 28},
    {"compute_instance_type": "t4g.medium"},
    {"compute_instance_type": "c8gn.48xlarge"},
    {"compute_instance_type": "x2gd.metal"},
    {"compute_instance_type": "a1.xlarge"},
    {"network_cidr": "172.16.0.0/19"},
    {"load_balancer_certificate_arn": ARN},
    {"high_availability": False, "compute_desired_capacity": 1},
    {"compute_ssh_public_key": ""},
    {"secrets_given": {"database": {"username": "airflow", "password": "p#:%?'$\\;&=+[]!"}}},
    {"secrets_given": {"broker": {"auth_token": "0123456789abcdef!&#$^<>-"}}},
    {"secrets_given": {"admin": {"password": "p@ss: /#%?'\"$\\ word"}}},
    {"secrets_given": {"airflow": {"fernet_key": "A" * 43 + "="}}},
]


@pytest.mark.parametrize("change", [{}, *GOOD])
def test_good_stacks_have_no_problem(change):
    assert found(change) == []


def test_optional_variables_may_be_missing():
    optional = ("dns_zone_name", "secrets_given", "airflow_config", "compute_desired_capacity", "broker_node_type")
    assert stack_problems({key: value for key, value in STACK.items() if key not in optional}, FACTS) == []


BAD = [
    ("stack_name", "Airflow", "lower case"),
    ("stack_name", "1airflow", "beginning with a letter"),
    ("stack_name", "airflow--demo", "single hyphens"),
    ("stack_name", "airflow-", "not ending"),
    ("stack_name", "", "beginning with a letter"),
    ("stack_name", "a" * 29, "32 at most"),
    ("stack_name", "internal-airflow", "internal-"),
    ("stack_tags", {"aws:owner": "x"}, "reserved"),
    ("stack_tags", {"owner": "a&b"}, "ElastiCache"),
    ("stack_tags", {"owner": "x" * 257}, "256"),
    ("stack_tags", {"graviflow:stack": "other"}, "found"),
    ("stack_tags", {str(number): "" for number in range(41)}, "40"),
    ("dns_zone_name", "internal", "two or more labels"),
    ("dns_zone_name", "airflow.amazonaws.com", "hide AWS"),
    ("network_zones", ["us-east-1a"], "two zones"),
    ("network_zones", ["us-east-1a", "us-east-1a"], "two zones"),
    ("network_zones", ["us-east-1a", "us-east-1b", "us-east-1b"], "twice"),
    ("network_zones", ["us-east-1a", "us-east-1z"], "no such zone"),
    ("network_cidr", "10.20.0.0", "prefix"),
    ("network_cidr", "10.20.1.0/16", "no IPv4 network"),
    ("network_cidr", "ten", "no IPv4 network"),
    ("network_cidr", "10.0.0.0/8", "prefix"),
    ("network_cidr", "10.20.0.0/20", "prefix"),
    ("network_cidr", "8.8.0.0/16", "public or reserved"),
    ("network_cidr", "169.254.0.0/16", "public or reserved"),
    ("load_balancer_scheme", "public", "internet-facing"),
    ("load_balancer_allowed_cidrs", [], "Nobody"),
    ("load_balancer_allowed_cidrs", ["10.0.0.1/8"], "no network"),
    ("load_balancer_certificate_arn", "certificate", "ARN"),
    ("load_balancer_certificate_arn", ARN.replace("us-east-1", "us-west-2"), "own region"),
    ("load_balancer_certificate_arn", ARN.replace("arn:aws:", "arn:aws-cn:"), "own region"),
    ("compute_instance_type", "m7i.large", "Graviton"),
    ("compute_instance_type", "g4dn.xlarge", "Graviton"),
    ("compute_instance_type", "m7g", "Graviton"),
    ("compute_desired_capacity", 0, "a host at least"),
    ("compute_desired_capacity", 1, "high_availability"),
    ("compute_ssh_public_key", "ecdsa-sha2-nistp256 AAAA x", "ssh-ed25519"),
    ("database_instance_class", "m7g.large", "size"),
    ("broker_node_type", "m7g.large", "size"),
    ("broker_node_type", "cache.t2.micro", "generation"),
    ("airflow_version", "9.9", "none for these"),
    ("airflow_python", "3.9", "none for these"),
    ("airflow_config", {"core": "x"}, "dictionary"),
    ("airflow_config", {"core": {"executor": "LocalExecutor"}}, "workers"),
]


@pytest.mark.parametrize(("variable", "value", "rule"), BAD)
def test_bad_values_are_found_with_rule_and_fix(variable, value, rule):
    [problem] = found({variable: value})
    assert variable in problem["variable"]
    assert rule in problem["rule"]
    assert problem["fix"].endswith(".")


SECRET = "hunter2 @"
BAD_SECRETS = [
    ({"database": {"password": f"{SECRET}long enough"}}, "secrets_given.database.password"),
    ({"database": {"password": "hunter2"}}, "secrets_given.database.password"),
    ({"database": {"password": "hunter2/hunter2"}}, "secrets_given.database.password"),
    ({"database": {"password": "hunter2" * 20}}, "secrets_given.database.password"),
    ({"database": {"username": "admin"}}, "secrets_given.database.username"),
    ({"broker": {"auth_token": "hunter2"}}, "secrets_given.broker.auth_token"),
    ({"broker": {"auth_token": "hunter2@hunter2hunter2"}}, "secrets_given.broker.auth_token"),
    ({"admin": {"password": "hunter2"}}, "secrets_given.admin.password"),
    ({"admin": {"password": "hunter2\nhunter2"}}, "secrets_given.admin.password"),
    ({"airflow": {"fernet_key": "hunter2"}}, "secrets_given.airflow.fernet_key"),
    ({"airflow": {"jwt": "hunter2"}}, "secrets_given.airflow.jwt"),
    ({"databse": {"password": "hunter2hunter2"}}, "secrets_given.databse"),
]


@pytest.mark.parametrize(("given", "variable"), BAD_SECRETS)
def test_bad_secrets_are_found_and_not_shown(given, variable):
    problems = found({"secrets_given": given})
    assert [problem["variable"] for problem in problems] == [variable]
    assert "hunter2" not in str(problems)


def test_secrets_in_other_variables_are_found_and_not_shown():
    problems = found(
        {
            "airflow_config": {"core": {"fernet_key": "hunter2"}, "smtp": {"x": "smtp://me:hunter2@mail"}},
            "compute_ssh_public_key": "-----BEGIN OPENSSH PRIVATE KEY-----\nhunter2",
        }
    )
    assert {problem["variable"] for problem in problems} == {
        "airflow_config.core.fernet_key",
        "airflow_config.smtp.x",
        "compute_ssh_public_key",
    }
    assert "hunter2" not in str(problems)


@pytest.mark.parametrize(
    ("facts", "variable"),
    [
        ({"missing_tools": ["packer"]}, "preflight_tools"),
        ({"partition": None}, "stack_region"),
        ({"partition": "aws-cn"}, "stack_region"),
        ({"caller_arn": None, "caller_error": "Unable to locate credentials\nmore"}, "aws_connection"),
    ],
)
def test_what_was_found_outside_the_variables_counts(facts, variable):
    [problem] = found(facts=facts)
    assert problem["variable"] == variable
    assert "\n" not in problem["value"]


def test_contradictions_are_found():
    elsewhere = {"aws_connection": {"region": "us-west-2"}}
    assert [problem["variable"] for problem in found(elsewhere)] == ["aws_connection.region"]
    pem = {"certificate": "-----BEGIN CERTIFICATE-----\nx"}
    two = {"load_balancer_certificate_arn": ARN, "secrets_given": {"web_certificate": pem}}
    assert [problem["variable"] for problem in found(two)] == ["load_balancer_certificate_arn"]


def test_the_whole_internet_is_let_in_only_by_consent():
    world = {"load_balancer_scheme": "internet-facing", "load_balancer_allowed_cidrs": ["0.0.0.0/0", "::/0"]}
    assert [problem["value"] for problem in found(world)] == ["0.0.0.0/0", "::/0"]
    assert found(world, {"allow_open_internet": True}) == []


def test_all_problems_are_told_at_once():
    bad = {"stack_name": "X", "network_cidr": "x", "airflow_version": "1"}
    assert [problem["variable"] for problem in found(bad)] == [
        "stack_name",
        "network_cidr",
        "airflow_version, airflow_python",
    ]
