import json
from pathlib import Path

import pytest
import yaml
from ansible_collections.graviflow.airflow.plugins.filter.role_options import role_options
from ansible_collections.graviflow.airflow.plugins.filter.stack_problems import stack_problems

ROOT = Path(__file__).parents[4]
ROLES = yaml.safe_load((ROOT / "roles/preflight/vars/main.yml").read_text())["__preflight_roles"]
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
    "database_instance_class": "db.t4g.large",
    "broker_node_type": "cache.m7g.large",
    "load_balancer_scheme": "internal",
    "load_balancer_certificate_arn": "",
    "load_balancer_allowed_cidrs": ["10.0.0.0/8"],
    "dns_zone_name": "airflow-demo.internal",
    "secrets_given": {},
    "airflow_config": {"core": {"parallelism": 64}},
}
BUNDLES = [
    {
        "name": "team",
        "classpath": "airflow.providers.git.bundles.git.GitDagBundle",
        "kwargs": {"git_conn_id": "team", "tracking_ref": "main", "subdir": "dags"},
    }
]
FACTS = {
    "partition": "aws",
    "caller_arn": "arn:aws:iam::123456789012:user/operator",
    "zones": ["us-east-1a", "us-east-1b", "us-east-1c"],
    "locks": ["airflow-3.3.2-python-3.13.txt"],
    "options": role_options(ROLES, root=str(ROOT / "roles")),
    "airflow_options": json.loads((ROOT / "roles/airflow_install/files/options/airflow-3.3.2.json").read_text()),
}


def found(stack=None, facts=None):
    return stack_problems({**STACK, **(stack or {})}, {**FACTS, **(facts or {})})


BIG = {"name": "big", "queues": ["big"], "instance_type": "r7g.xlarge"}
GOOD = [
    {"stack_name": "a" * 28},
    {"compute_instance_type": "t4g.medium"},
    {"compute_instance_type": "c8gn.48xlarge", "database_instance_class": "db.r7g.16xlarge"},
    {"database_instance_class": "db.t4g.micro", "database_parameters": {"max_connections": "400"}},
    {
        "database_engine": "aurora-postgresql",
        "database_instance_class": "",
        "database_serverless_capacity": {"minimum": 0.5, "maximum": 2},
    },
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
    {"airflow_config_healthy_seconds": 600, "airflow_config_restart": False},
    {
        "airflow_config": {
            "core": {"parallelism": "64", "load_examples": False, "LAZY_LOAD_PLUGINS": True},
            "smtp": None,
        }
    },
    {"airflow_config": {"celery_broker_transport_options": {"any_of_kombu": 1}}},
    {"airflow_config": {"dag_processor": {"dag_bundle_config_list": BUNDLES, "refresh_interval": 60}}},
    {"airflow_config": {"dag_processor": {"dag_bundle_config_list": json.dumps(BUNDLES)}}},
    {"airflow_config": {"core": {"parallelism": None}, "logging": {"logging_level": "DEBUG"}}},
    {"stack_document_pgbouncer": True},
    {"stack_document_pgbouncer": True, "stack_document_pgbouncer_pool_size": 8},
    {"stack_document_pgbouncer": True, "database_instance_class": "db.t4g.medium"},
    {"compute_worker_groups": [BIG, {"name": "spare", "queues": ["spare"], "instance_type": "t4g.large", "hosts": 0}]},
    {"compute_worker_groups": [BIG], "airflow_config": {"operators": {"default_queue": "big"}}},
]


@pytest.mark.parametrize("change", [{}, *GOOD])
def test_good_stacks_have_no_problem(change):
    assert found(change) == []


def test_what_the_region_offers_is_no_problem():
    assert found(facts={"offers": OFFERS}) == []


def test_optional_variables_may_be_missing():
    optional = ("dns_zone_name", "secrets_given", "airflow_config", "compute_desired_capacity", "broker_node_type")
    assert stack_problems({key: value for key, value in STACK.items() if key not in optional}, FACTS) == []


BAD = yaml.safe_load((ROOT / "tests/bad_stacks.yml").read_text())
# What region_offers_info would find.
OFFERS = {
    "exists": False,
    "zones": STACK["network_zones"],
    "instance_types": {"m7g.large": FACTS["zones"], "m7g.3xlarge": [], "hpc7g.4xlarge": FACTS["zones"][2:]},
    "database_options": [
        {"version": "17.6", "class": STACK["database_instance_class"], "zones": FACTS["zones"], "clusters": False}
    ],
    "broker_versions": ["7.0.7", "7.1.0"],
    "vcpus": {"m7g.large": 2},
    "quotas": {"vcpus": {"code": "L-1216C47A", "limit": 128, "used": {"": 0}}},
}


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: f"{bad['variable']}={bad['value']}")
def test_bad_values_are_found_with_rule_and_fix(bad):
    stack = {bad["variable"]: bad["value"]}
    problems = [each for each in found(stack, {"offers": OFFERS}) if bad["variable"] in each["variable"]]
    assert bad["rule"] in " ".join(problem["rule"] for problem in problems)
    assert all(problem["fix"][-1] in ".?" for problem in problems)


@pytest.mark.parametrize(
    ("variable", "value", "rule"),
    [
        ("stack_tags", {"owner": "x" * 257}, "256"),
        ("stack_tags", {str(number): "" for number in range(41)}, "40"),
    ],
)
def test_long_values_are_found(variable, value, rule):
    [problem] = found({variable: value})
    assert rule in problem["rule"]


def test_a_secret_of_the_wrong_type_is_not_shown():
    problems = found({"secrets_given": "hunter2"})
    assert {problem["variable"] for problem in problems} == {"secrets_given"}
    assert "hunter2" not in str(problems)


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


def test_the_connections_of_a_stack_are_those_of_its_options():
    small = {"database_instance_class": "db.t4g.micro", "compute_desired_capacity": 1, "high_availability": False}
    [problem] = found(small)
    assert problem["rule"].endswith("may hold 267 connections, and it takes 101.")
    assert problem["fix"].startswith("Use a database with 4 GiB of memory")
    fewer = {
        "database": {"sql_alchemy_pool_size": 2, "sql_alchemy_max_overflow": 1},
        "celery": {"worker_concurrency": 8},
    }
    assert found({**small, "airflow_config": fewer}) == []


def test_with_pgbouncer_the_budget_is_that_of_its_pools():
    small = {"database_instance_class": "db.t4g.small"}
    [unpooled] = found(small)
    assert "may hold 393 connections" in unpooled["rule"]
    assert unpooled["fix"].endswith("or set stack_document_pgbouncer to true.")
    pooled = {**small, "stack_document_pgbouncer": True}
    [problem] = found(pooled)
    assert (problem["variable"], problem["value"]) == ("database_instance_class", "db.t4g.small")
    assert problem["rule"].endswith("may hold 213 connections, and it takes 202.")
    assert problem["fix"] == "Use a database with 4 GiB of memory, or lower stack_document_pgbouncer_pool_size."
    assert found({**pooled, "stack_document_pgbouncer_pool_size": 40}) == []


def test_hosts_of_worker_groups_are_part_of_the_budget():
    groups = {"compute_worker_groups": [{**BIG, "max_hosts": 4}]}
    small = {"database_instance_class": "db.t4g.micro", "stack_document_pgbouncer": True}
    [problem] = found({**small, **groups})
    assert problem["rule"].startswith("6 hosts, one more")
    assert "may hold 245 connections" in problem["rule"]
    assert "may hold 521 connections" in found({"database_instance_class": "db.t4g.micro", **groups})[0]["rule"]


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"database_engine": "mysql", "database_engine_version": "8.0"}, "database_engine is mysql"),
        ({"airflow_python": "3.11"}, "Debian 12's, whose PgBouncer has no prepared statements"),
        ({"stack_document_pgbouncer_pool_size": 7}, "fewer than 8 sessions"),
    ],
)
def test_pgbouncer_where_it_is_of_no_use_is_refused(change, rule):
    locks = {"locks": ["airflow-3.3.2-python-3.13.txt", "airflow-3.3.2-python-3.11.txt"]}
    rules = [problem["rule"] for problem in found({"stack_document_pgbouncer": True, **change}, locks)]
    assert any(rule in each for each in rules)
    without = [problem["rule"] for problem in found({"stack_document_pgbouncer": False, **change}, locks)]
    assert not any(rule in each for each in without)


def test_airflow_2_takes_the_pgbouncer_of_debian_12():
    versions = {"airflow_version": "2.11.2", "airflow_python": "3.11", "stack_document_pgbouncer": True}
    known = json.loads((ROOT / "roles/airflow_install/files/options/airflow-2.11.2.json").read_text())
    assert found(versions, {"locks": ["airflow-2.11.2-python-3.11.txt"], "airflow_options": known}) == []


@pytest.mark.parametrize(
    ("groups", "own", "rule"),
    [
        ([BIG, {**BIG, "queues": ["other"]}], ["default"], "Two groups have this name"),
        ([BIG, {**BIG, "name": "other"}], ["default"], "compute_worker_groups.big.queues has it already"),
        ([BIG], ["default", "big"], "stack_document_worker_queues has it already"),
        ([{**BIG, "queues": ["big", "big"]}], ["default"], "compute_worker_groups.big.queues has it already"),
        ([{**BIG, "queues": []}], ["default"], "without a queue takes no tasks"),
        ([], [], "one without a queue takes no tasks"),
        ([BIG], ["other"], "go to default, and no worker"),
        ([{**BIG, "queues": ["a,b"]}], ["default"], "letters, digits and . _ -"),
        ([{**BIG, "name": "Big_1"}], ["default"], "Hosts are named after it"),
        ([{**BIG, "name": "host"}], ["default"], "-worker would call hosts of its own so"),
        ([{**BIG, "name": "worker-big"}], ["default"], "-worker would call hosts of its own so"),
        ([{**BIG, "instance_type": "m7i.large"}], ["default"], "no instance type of Graviton"),
        ([{**BIG, "hosts": -1}], ["default"], "a number of hosts"),
        ([{**BIG, "hosts": 3, "max_hosts": 2}], ["default"], "at most fewer"),
        ([{**BIG, "concurrency": 0}], ["default"], "without a slot"),
        ([{"name": "big", "instance_type": "m7g.large"}], ["default"], "issing required arguments: queues"),
        ([{**BIG, "queue": "big"}], ["default"], "Supported parameters include"),
    ],
)
def test_queues_and_groups_that_cannot_work_are_refused(groups, own, rule):
    problems = found({"compute_worker_groups": groups, "stack_document_worker_queues": own})
    assert any(rule in problem["rule"] for problem in problems), problems
    assert all(problem["fix"][-1] in ".?" for problem in problems)


def test_groups_are_part_of_what_the_region_is_asked_for():
    offers = {**OFFERS, "vcpus": {"m7g.large": 2, "r7g.xlarge": 4}}
    offers["quotas"] = {"vcpus": {"code": "L-1216C47A", "limit": 11, "used": {"": 0}}}
    offers["instance_types"] = {**OFFERS["instance_types"], "r7g.xlarge": FACTS["zones"][:1]}
    problems = found({"compute_worker_groups": [{**BIG, "hosts": 2}]}, {"offers": offers})
    assert {problem["variable"] for problem in problems} == {
        "compute_worker_groups.big.instance_type",
        "compute_desired_capacity",
    }


def test_a_section_of_ones_own_is_taken_when_it_is_named():
    given = {"airflow_config": {"my_team": {"answer": 42}}}
    assert [problem["variable"] for problem in found(given)] == ["airflow_config.my_team.answer"]
    assert found(given, {"own_sections": ["my_team"]}) == []


def test_options_of_a_version_that_nobody_looked_into_are_taken():
    assert found({"airflow_config": {"core": {"newest": 1}}}, {"airflow_options": None}) == []


@pytest.mark.parametrize(
    ("option", "fix"),
    [
        (("core", "paralelism"), "Did you mean core.parallelism?"),
        (("webserver", "base_url"), "Give it as airflow_config.api.base_url."),
        (("celary", "worker_concurrency"), "Did you mean celery?"),
    ],
)
def test_a_wrong_name_of_an_option_gets_the_right_one(option, fix):
    section, name = option
    [problem] = found({"airflow_config": {section: {name: "x"}}})
    assert problem["fix"].startswith(fix)


def test_secrets_in_other_variables_are_found_and_not_shown():
    problems = found(
        {
            "airflow_config": {
                "core": {"fernet_key": "hunter2"},
                "smtp": {"smtp_host": "smtp://me:hunter2@mail", "smtp_port": "smtp://me:hunter2@mail"},
            },
            "compute_ssh_public_key": "-----BEGIN OPENSSH PRIVATE KEY-----\nhunter2",
        }
    )
    assert {problem["variable"] for problem in problems} == {
        "airflow_config.core.fernet_key",
        "airflow_config.smtp.smtp_host",
        "airflow_config.smtp.smtp_port",
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


@pytest.mark.parametrize(
    ("images", "rule"),
    [
        ([], "sees no such AMI"),
        ([{"architecture": "x86_64", "state": "available"}], "it is x86_64 and available"),
        ([{"architecture": "arm64", "state": "pending"}], "it is arm64 and pending"),
    ],
)
def test_an_image_that_is_given_must_serve(images, rule):
    [problem] = found({"image_existing_id": "ami-0123"}, {"images": images})
    assert rule in problem["rule"]
    assert found({"image_existing_id": "ami-0123"}, {"images": [{"architecture": "arm64", "state": "available"}]}) == []


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
