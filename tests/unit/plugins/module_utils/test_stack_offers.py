import pytest
from ansible_collections.graviflow.airflow.plugins.module_utils.stack_rules import offers
from ansible_collections.graviflow.airflow.plugins.module_utils.stack_rules.problem import Facts

A, B, C = ZONES = ["us-east-1a", "us-east-1b", "us-east-1c"]
STACK = {
    "stack_name": "demo",
    "stack_region": "us-east-1",
    "high_availability": True,
    "network_zones": [A, B],
    "compute_instance_type": "m7g.large",
    "compute_desired_capacity": 2,
    "database_instance_class": "db.m7g.large",
    "broker_node_type": "cache.m7g.large",
}


def option(version, size="db.m7g.large", zones=ZONES, clusters=False):
    return {"version": version, "class": size, "zones": list(zones), "clusters": clusters}


def quota(limit, used=0, **zones):
    return {"code": "L-1", "limit": limit, "used": zones or {"": used}}


FOUND = {
    "exists": False,
    "zones": [A, B],
    "instance_types": {"m7g.large": ZONES},
    "database_options": [option("16.10"), option("17.5"), option("17.6")],
    "broker_versions": ["6.2", "7.0", "7.1"],
    "vcpus": {"m7g.large": 2, "t4g.nano": 2},
    "quotas": {},
}
# What is left is what STACK needs.
QUOTAS = {
    "vpcs": quota(5, 4),
    "elastic_ips": quota(5, 3),
    "nat_gateways": quota(5, **{A: 4, B: 0}),
    "load_balancers": quota(50, 49),
    "database_instances": quota(40, 39),
    "vcpus": quota(16, 12),
}


def problems(stack=None, **found):
    given, facts = {**STACK, **(stack or {})}, Facts(offers={**FOUND, **found})
    return [problem for rule in offers.RULES for problem in rule(given, facts)]


@pytest.mark.parametrize(
    "found",
    [
        {},
        dict.fromkeys(FOUND),  # nothing was answered
        {"quotas": QUOTAS},
    ],
)
def test_what_fits_or_is_not_known_is_no_problem(found):
    assert problems(**found) == []


def test_nothing_found_is_no_problem():
    assert [problem for rule in offers.RULES for problem in rule(STACK, Facts())] == []


TYPES = {
    "m7g.large": [A],
    "c7g.large": ZONES,
    "m7gd.large": ZONES,
    "m8g.large": ZONES,
    "m6g.large": [A, B],
    "r7g.large": ZONES,
    "m7i.large": ZONES,
    "m6g.xlarge": ZONES,
    "m9g.large": [B, C],
}


def test_a_type_that_a_zone_lacks():
    [problem] = problems(instance_types=TYPES)
    assert (problem.variable, problem.value) == ("compute_instance_type", "m7g.large")
    assert problem.rule == f"It is not offered in {B}."
    assert problem.fix == "Choose among m6g.large, m8g.large, m7gd.large, c7g.large."


def test_without_one_of_the_size_the_next_larger_and_smaller_are_near():
    found = {"m7g.3xlarge": [], "m7g.2xlarge": ZONES, "m7g.4xlarge": ZONES, "m7g.large": ZONES, "m7g.metal": ZONES}
    [problem] = problems({"compute_instance_type": "m7g.3xlarge"}, instance_types=found)
    assert problem.fix == "Choose among m7g.4xlarge, m7g.2xlarge."


def test_a_type_without_neighbours_is_offered_elsewhere_or_nowhere():
    [problem] = problems(instance_types={"m7g.large": [B, C]})
    assert problem.fix == f"Use zones that offer it: {B}, {C}."
    [problem] = problems({"compute_instance_type": "m99g.large"}, instance_types={"m99g.large": []})
    assert problem.fix == "Use another region."


def test_a_type_that_is_no_gravitons_is_told_once():
    assert problems({"compute_instance_type": "m7"}, instance_types={"m7": []}) == []


def test_the_bastion_needs_a_zone_too():
    found = {"m7g.large": ZONES, "t4g.nano": [C]}
    [problem] = problems({"bastion_enabled": True}, instance_types=found)
    assert (problem.variable, problem.value) == ("bastion_instance_type", "t4g.nano")


@pytest.mark.parametrize("version", [None, "17", "17.5", "16"])
def test_versions_that_rds_offers(version):
    assert problems({"database_engine_version": version}) == []


@pytest.mark.parametrize("version", ["17.7", "15", "17.50"])
def test_versions_that_rds_does_not_offer(version):
    [problem] = problems({"database_engine_version": version})
    assert (problem.variable, problem.value) == ("database_engine_version", version)
    assert problem.fix == "Choose among 17.6, 16.10."


def test_classes_that_rds_does_not_offer():
    others = [option("17.6", f"db.{size}") for size in ("m6g.large", "m6i.large", "r7g.large", "t4g.micro")]
    [problem] = problems(database_options=others)
    assert (problem.variable, problem.value) == ("database_instance_class", "db.m7g.large")
    assert problem.fix == "Choose among db.m6g.large, db.r7g.large."
    assert problems(database_options=[])[0].fix == "Use another class, or another region."


def test_a_version_that_is_none_is_left_alone_and_the_class_is_judged():
    assert problems({"database_engine_version": "9.6"}) == []
    assert len(problems({"database_engine_version": "9.6"}, database_options=[])) == 1


def test_a_standby_needs_a_second_zone():
    [problem] = problems(database_options=[option("17.6", zones=[B, C])])
    assert f"in {B} of the stack's zones, and 2" in problem.rule
    assert problems({"high_availability": False}, database_options=[option("17.6", zones=[B, C])]) == []
    assert problems(database_options=[option("17.6", zones=[])]) == []  # AWS did not tell


def test_a_multi_az_cluster_needs_classes_that_can():
    cluster = {
        "database_engine": "postgres-cluster",
        "database_instance_class": "db.m6gd.large",
        "network_zones": ZONES,
    }
    able = option("17.6", "db.m6gd.large", clusters=True)
    assert problems(cluster, zones=ZONES, database_options=[able]) == []
    [problem] = problems(
        cluster, zones=ZONES, database_options=[{**able, "clusters": False}, {**able, "class": "db.r6gd.large"}]
    )
    assert (problem.value, problem.fix) == ("db.m6gd.large", "Choose among db.r6gd.large.")


def test_serverless_has_a_class_too():
    stack = {
        "database_engine": "aurora-postgresql",
        "database_instance_class": "",
        "database_serverless_capacity": {"minimum": 0.5, "maximum": 4},
    }
    assert problems(stack, database_options=[option("17.4", "db.serverless")]) == []
    [problem] = problems(stack, database_options=[option("17.4", "db.r7g.large")])
    assert (problem.variable, problem.value) == ("database_serverless_capacity", "db.serverless")


@pytest.mark.parametrize(
    "stack",
    [
        {"database_existing": {"host": "db.example.org", "port": 5432, "name": "airflow", "engine": "postgresql"}},
        {"database_engine": "mysql"},
        {"database_engine": "oracle"},
        {"database_instance_class": "m7g.large"},
        {"database_instance_class": "db.m7i.large"},
    ],
)
def test_a_database_that_is_not_to_be_made_or_wrong_by_itself_is_left_alone(stack):
    assert problems(stack, database_options=[]) == []


@pytest.mark.parametrize("version", [None, "7.1", "7", "6.x", "7.0.7"])
def test_versions_that_elasticache_has(version):
    assert problems({"broker_engine_version": version}) == []


@pytest.mark.parametrize("version", ["7.2", "9.9", "5.x"])
def test_versions_that_elasticache_lacks(version):
    [problem] = problems({"broker_engine_version": version})
    assert (problem.value, problem.fix) == (version, "Choose among 7.1, 6.2.")


def test_a_node_that_the_region_lacks():
    found = {"m7g.large": ZONES, "m99g.large": [], "m6g.xlarge": [A], "m8g.large": [A]}
    [problem] = problems({"broker_node_type": "cache.m99g.large"}, instance_types=found)
    assert problem.rule.startswith("Its nodes are instances of m99g.large, and no zone")
    assert problem.fix == "Choose among cache.m7g.large, cache.m6g.xlarge."
    assert problems({"broker_node_type": "cache.m99g.large"}, instance_types=found, exists=True) == []


@pytest.mark.parametrize(
    ("name", "full", "variable", "more", "at_least"),
    [
        ("vpcs", quota(5, 5), "stack_region", 1, 6),
        ("elastic_ips", quota(5, 4), "network_nat", 2, 6),
        ("nat_gateways", quota(5, **{B: 5}), "network_nat", 1, 6),
        ("load_balancers", quota(50, 50), "load_balancer_scheme", 1, 51),
        ("database_instances", quota(40, 40), "database_engine", 1, 41),
        ("vcpus", quota(16, 13), "compute_desired_capacity", 4, 17),
    ],
)
def test_quotas_that_a_first_provision_would_break(name, full, variable, more, at_least):
    [problem] = problems(quotas={**QUOTAS, name: full})
    assert problem.variable == variable
    assert problem.rule.startswith(f"The stack needs {more} more of ")
    assert problem.fix.startswith(f"Ask Service Quotas for {at_least} or more (L-1)")


@pytest.mark.parametrize(
    "stack",
    [
        {"network_nat": "none"},
        {"network_existing": {"vpc_id": "vpc-1", "private_subnet_ids": ["subnet-1"]}},
    ],
)
def test_a_network_without_gateways_needs_none(stack):
    assert problems(stack, quotas={"elastic_ips": quota(5, 5), "nat_gateways": quota(5, **{A: 5, B: 5})}) == []


def test_one_gateway_is_in_the_first_zone():
    full = {"elastic_ips": quota(5, 4), "nat_gateways": quota(5, **{B: 5})}
    assert problems({"network_nat": "single"}, quotas=full) == []
    assert problems({"high_availability": False}, quotas=full) == []


@pytest.mark.parametrize(
    ("stack", "instances"),
    [
        ({"database_engine": "postgres-cluster"}, 3),
        ({"database_engine": "aurora-postgresql"}, 2),
        ({"database_engine": "aurora-postgresql", "high_availability": False}, 1),
        ({"database_existing": {"host": "db"}}, 0),
    ],
)
def test_instances_of_a_database(stack, instances):
    full = {"database_instances": quota(40, 40)}
    found = problems(stack, quotas=full, database_options=None)
    assert [f"{instances} more" in problem.rule for problem in found] == [True] * min(instances, 1)


def test_an_internet_facing_stack_has_two_load_balancers():
    [problem] = problems({"load_balancer_scheme": "internet-facing"}, quotas=QUOTAS)
    assert "needs 2 more of Application Load Balancers in us-east-1" in problem.rule


def test_hosts_and_bastion_share_a_quota():
    [problem] = problems({"bastion_enabled": True}, instance_types={}, quotas={"vcpus": quota(5)})
    assert "needs 6 more of vCPUs" in problem.rule
