import pytest
from ansible_collections.graviflow.airflow.plugins.module_utils.stack_rules.existing_network import existing_network
from ansible_collections.graviflow.airflow.plugins.module_utils.stack_rules.problem import Facts

GIVEN = {
    "vpc_id": "vpc-1",
    "private_subnet_ids": ["subnet-a", "subnet-b"],
    "public_subnet_ids": ["subnet-c", "subnet-d"],
}
STACK = {"stack_region": "us-east-1", "network_existing": GIVEN, "load_balancer_scheme": "internet-facing"}


def subnet(id, zone, free=100):
    return {"subnet_id": id, "availability_zone": zone, "available_ip_address_count": free}


def table(*subnets, target="nat_gateway_id", id="nat-1", main=False, state="active"):
    routes = [{"destination_cidr_block": "10.0.0.0/16", "gateway_id": "local"}]
    routes += [{"destination_cidr_block": "0.0.0.0/0", target: id, "state": state}] if target else []
    return {
        "routes": routes,
        "associations": [{"subnet_id": each, "main": False} for each in subnets] + [{"main": main}],
    }


def network(**changes):
    return {
        "vpcs": [{"vpc_id": "vpc-1", "enable_dns_support": True, "enable_dns_hostnames": True}],
        "subnets": [
            subnet("subnet-a", "1a"),
            subnet("subnet-b", "1b"),
            subnet("subnet-c", "1a"),
            subnet("subnet-d", "1b"),
        ],
        "route_tables": [table("subnet-a", "subnet-b"), table("subnet-c", "subnet-d", target="gateway_id", id="igw-1")],
        **changes,
    }


def found(stack=None, **changes):
    return list(existing_network({**STACK, **(stack or {})}, Facts(network=network(**changes))))


def test_a_network_that_fits_has_no_problem():
    assert found() == []


def test_the_main_route_table_counts_for_subnets_without_their_own():
    tables = [table(main=True), table("subnet-c", "subnet-d", target="gateway_id", id="igw-1")]
    assert found(route_tables=tables) == []


def test_public_subnets_do_not_count_for_an_internal_load_balancer():
    assert found({"load_balancer_scheme": "internal", "network_existing": {**GIVEN, "public_subnet_ids": []}}) == []


def test_no_way_out_is_fine_where_none_is_wanted():
    tables = [table(main=True, target=""), table("subnet-c", "subnet-d", target="gateway_id", id="igw-1")]
    assert found({"network_nat": "none"}, route_tables=tables) == []


@pytest.mark.parametrize(
    ("given", "changes", "variable", "rule"),
    [
        ({"network_existing": {"vpc_id": "vpc-1"}}, {}, "network_existing", "lacks private_subnet_ids"),
        ({}, {"vpcs": []}, "network_existing.vpc_id", "no such VPC"),
        (
            {},
            {"vpcs": [{"enable_dns_support": True, "enable_dns_hostnames": False}]},
            "network_existing.vpc_id",
            "hostnames is off",
        ),
        ({}, {"subnets": [subnet("subnet-a", "1a")]}, "network_existing.private_subnet_ids", "no such subnet"),
        (
            {},
            {"subnets": [subnet(f"subnet-{each}", "1a") for each in "abcd"]},
            "network_existing.private_subnet_ids",
            "two zones",
        ),
        (
            {},
            {"subnets": [subnet("subnet-a", "1a", 15), *network()["subnets"][1:]]},
            "network_existing.private_subnet_ids",
            "15 free addresses, and 16",
        ),
        (
            {},
            {"route_tables": [table(main=True, target="gateway_id", id="igw-1")]},
            "network_existing.private_subnet_ids",
            "no public address",
        ),
        (
            {},
            {"route_tables": [table(main=True, target="")]},
            "network_existing.private_subnet_ids",
            "no default route",
        ),
        (
            {},
            {"route_tables": [table(main=True, state="blackhole")]},
            "network_existing.private_subnet_ids",
            "no default route",
        ),
        ({}, {"route_tables": [table(main=True)]}, "network_existing.public_subnet_ids", "internet gateway"),
    ],
)
def test_what_does_not_fit_is_told_with_a_way_out(given, changes, variable, rule):
    problem = next(each for each in found(given, **changes) if each.variable == variable and rule in each.rule)
    assert problem.fix
