import pytest
from ansible_collections.graviflow.airflow.plugins.modules.region_offers_info import (
    QUOTAS,
    STANDARD,
    RegionOffers,
    told,
)

ZONES = ["us-east-1a", "us-east-1b"]
DATABASE = {"engine": "postgres", "engine_version": "17", "instance_class": "db.m7g.large"}
TYPE = [{"Name": "instance-type", "Values": ["m7g.large"]}]
LOCATION = [{"Name": "location", "Values": ZONES}]
STACK = [{"Name": "key", "Values": ["graviflow:stack"]}, {"Name": "value", "Values": ["demo"]}]


@pytest.fixture
def aws(stubbed):
    """Give the stub of each service; `read` asks them."""
    clients, stubs = {}, {}

    class Aws:
        def __getitem__(self, service):
            if service not in clients:
                clients[service], stubs[service] = stubbed(service)
            return stubs[service]

        def read(self, **options):
            params = {
                "stack_name": "demo",
                "zones": ZONES,
                "instance_types": ["m7g.large"],
                "database": None,
                "broker_engine": None,
                **options,
            }
            self.offers = RegionOffers(lambda service: self[service] and clients[service], params)
            return self.offers.read()

    return Aws()


def offered(aws, filters, *rows):
    answer = [{"InstanceType": name, "Location": zone} for name, zones in rows for zone in zones]
    arguments = {"LocationType": "availability-zone", "Filters": filters}
    aws["ec2"].add_response("describe_instance_type_offerings", {"InstanceTypeOfferings": answer}, arguments)


def tagged(aws, *kinds):
    tags = [{"Key": "graviflow:stack", "ResourceType": kind, "ResourceId": "id", "Value": "demo"} for kind in kinds]
    aws["ec2"].add_response("describe_tags", {"Tags": tags}, {"Filters": STACK})


def instance(kind, **other):
    return {"InstanceType": kind, "Placement": {"Tenancy": "default"}, **other}


def running(aws, *instances):
    wanted = {"Filters": [{"Name": "instance-state-name", "Values": ["pending", "running"]}]}
    aws["ec2"].add_response("describe_instances", {"Reservations": [{"Instances": list(instances)}]}, wanted)


def vcpus(aws, **each):
    rows = [{"InstanceType": f"{name}.large", "VCpuInfo": {"DefaultVCpus": count}} for name, count in each.items()]
    asked = {"InstanceTypes": [f"{name}.large" for name in each]}
    aws["ec2"].add_response("describe_instance_types", {"InstanceTypes": rows}, asked)


def limit(aws, name, value):
    service, code = QUOTAS[name]
    wanted = {"ServiceCode": service, "QuotaCode": code}
    aws["service-quotas"].add_response("get_service_quota", {"Quota": {"Value": value}}, wanted)


def no_quotas(aws):
    for _ in QUOTAS:
        aws["service-quotas"].add_client_error("get_service_quota", "AccessDeniedException", "No.", 400)


def new(aws):
    """A new stack, of which nothing else is asked."""
    offered(aws, TYPE, ("m7g.large", ZONES))
    tagged(aws, "image", "snapshot")  # what a stack that is gone may leave
    running(aws)
    vcpus(aws, m7g=2)
    no_quotas(aws)


@pytest.mark.parametrize("kind", ["vpc", "security-group"])
def test_a_stack_that_exists_is_asked_for_nothing_that_could_refuse_it(aws, kind):
    offered(aws, TYPE, ("m7g.large", [*ZONES, "us-east-1c"]))
    tagged(aws, kind)
    found = aws.read(database=DATABASE, broker_engine="redis")
    assert found["exists"] and found["instance_types"] == {"m7g.large": [*ZONES, "us-east-1c"]}
    assert {found[each] for each in ("database_options", "broker_versions", "quotas", "vcpus")} == {None}
    assert told(aws.offers.unanswered) == []


def test_others_are_asked_for_where_a_type_is_missing(aws):
    offered(aws, TYPE, ("m7g.large", ZONES[:1]))
    offered(aws, LOCATION, ("m6g.large", ZONES), ("m7g.large", ZONES[:1]))
    tagged(aws, "vpc")
    assert aws.read()["instance_types"] == {"m6g.large": ZONES, "m7g.large": ZONES[:1]}


def test_a_type_that_nobody_offers_has_no_zones(aws):
    offered(aws, TYPE)
    offered(aws, LOCATION, ("m6g.large", ZONES))
    tagged(aws, "vpc")
    assert aws.read()["instance_types"] == {"m6g.large": ZONES, "m7g.large": []}


def orderable(aws, wanted, *rows):
    options = [
        {
            "EngineVersion": version,
            "DBInstanceClass": size,
            "StorageType": storage,
            "AvailabilityZones": [{"Name": zone}],
            "SupportsClusters": False,
        }
        for version, size in rows
        for storage, zone in (("gp2", "us-east-1a"), ("gp3", "us-east-1b"))
    ]
    operation = "describe_orderable_db_instance_options"
    wanted = {"Engine": "postgres", "MaxRecords": 1000, **wanted}
    aws["rds"].add_response(operation, {"OrderableDBInstanceOptions": options}, wanted)


def option(version, size):
    return {"version": version, "class": size, "zones": ZONES, "clusters": False}


def test_a_class_is_asked_for_once(aws):
    new(aws)
    orderable(aws, {"DBInstanceClass": "db.m7g.large"}, ("16.8", "db.m7g.large"), ("17.5", "db.m7g.large"))
    found = aws.read(database=DATABASE)
    assert found["database_options"] == [option("16.8", "db.m7g.large"), option("17.5", "db.m7g.large")]


@pytest.mark.parametrize(
    ("version", "asked"), [("17", {"EngineVersion": "17"}), ("", {"DefaultOnly": True})], ids=["given", "default"]
)
def test_classes_of_the_version_are_asked_for_where_one_is_missing(aws, version, asked):
    new(aws)
    orderable(aws, {"DBInstanceClass": "db.m7g.large"})
    versions = [{"EngineVersion": "17.4"}, {"EngineVersion": "17.5"}]
    answer = {"DBEngineVersions": versions}
    aws["rds"].add_response("describe_db_engine_versions", answer, {"Engine": "postgres", **asked})
    orderable(aws, {"EngineVersion": "17.5"}, ("17.5", "db.m6g.large"))
    found = aws.read(database={**DATABASE, "engine_version": version})
    assert found["database_options"] == [option("17.5", "db.m6g.large")]


def test_a_version_that_is_not_offered_either_leads_to_the_default(aws):
    new(aws)
    orderable(aws, {"DBInstanceClass": "db.m7g.large"})
    for answer, asked in (([], {"EngineVersion": "17.99"}), ([{"EngineVersion": "17.5"}], {"DefaultOnly": True})):
        asked = {"Engine": "postgres", **asked}
        aws["rds"].add_response("describe_db_engine_versions", {"DBEngineVersions": answer}, asked)
    orderable(aws, {"EngineVersion": "17.5"}, ("17.5", "db.m6g.large"))
    found = aws.read(database={**DATABASE, "engine_version": "17.99"})
    assert found["database_options"] == [option("17.5", "db.m6g.large")]


def test_a_class_that_rds_has_never_heard_of_is_not_offered(aws):
    new(aws)
    operation, message = "describe_orderable_db_instance_options", "Invalid DB instance class: db.m7g.large"
    aws["rds"].add_client_error(operation, "InvalidParameterValue", message)
    aws["rds"].add_client_error("describe_db_engine_versions", "AccessDenied")
    assert aws.read(database=DATABASE)["database_options"] == []
    assert any("other classes" in warning for warning in told(aws.offers.unanswered))


def test_another_value_that_rds_refuses_says_nothing_of_the_class(aws):
    new(aws)
    aws["rds"].add_client_error("describe_orderable_db_instance_options", "InvalidParameterValue", "MaxRecords")
    assert aws.read(database=DATABASE)["database_options"] is None


def test_versions_of_the_broker(aws):
    new(aws)
    rows = [{"Engine": "valkey", "EngineVersion": version} for version in ("7.2", "8.0")]
    aws["elasticache"].add_response(
        "describe_cache_engine_versions", {"CacheEngineVersions": rows}, {"Engine": "valkey"}
    )
    assert aws.read(broker_engine="valkey")["broker_versions"] == ["7.2", "8.0"]


def test_quotas_and_what_is_used_of_them(aws):
    offered(aws, TYPE, ("m7g.large", ZONES))
    tagged(aws)
    running(
        aws,
        instance("c6g.large"),
        instance("c6g.large"),
        instance("c6g.large", InstanceLifecycle="spot"),
        instance("c6g.large", Placement={"Tenancy": "host"}),
        instance("g5g.large"),
    )
    vcpus(aws, c6g=4, m7g=2)
    for name, value in zip(QUOTAS, (5.0, 6.0, 7.0, 50.0, 40.0, 128.0), strict=True):
        limit(aws, name, value)
    ec2 = aws["ec2"]
    ec2.add_response("describe_vpcs", {"Vpcs": [{}, {}]})
    ec2.add_response("describe_addresses", {"Addresses": [{}, {}, {}]})
    wanted = {"Filters": [{"Name": "state", "Values": ["pending", "available", "deleting"]}]}
    gateways = {"NatGateways": [{"SubnetId": "subnet-1"}, {"SubnetId": "subnet-2"}, {"SubnetId": "subnet-1"}]}
    ec2.add_response("describe_nat_gateways", gateways, wanted)
    subnets = [{"SubnetId": f"subnet-{n}", "AvailabilityZone": f"us-east-1{zone}"} for n, zone in ((1, "a"), (2, "b"))]
    ec2.add_response("describe_subnets", {"Subnets": subnets}, {"SubnetIds": ["subnet-1", "subnet-2"]})
    balancers = {"LoadBalancers": [{"Type": "application"}, {"Type": "network"}]}
    aws["elbv2"].add_response("describe_load_balancers", balancers)
    aws["rds"].add_response("describe_db_instances", {"DBInstances": [{}]})
    found = aws.read()
    assert found["vcpus"] == {"c6g.large": 4, "m7g.large": 2}
    assert {name: (each["limit"], each["used"]) for name, each in found["quotas"].items()} == {
        "vpcs": (5, {"": 2}),
        "elastic_ips": (6, {"": 3}),
        "nat_gateways": (7, {"us-east-1a": 2, "us-east-1b": 1}),
        "load_balancers": (50, {"": 1}),
        "database_instances": (40, {"": 1}),
        "vcpus": (128, {"": 8}),
    }
    assert told(aws.offers.unanswered) == []


def test_a_quota_that_nobody_changed_may_have_a_default_only(aws):
    offered(aws, TYPE, ("m7g.large", ZONES))
    tagged(aws)
    running(aws)
    vcpus(aws, m7g=2)
    quotas = aws["service-quotas"]
    quotas.add_client_error("get_service_quota", "NoSuchResourceException")
    quotas.add_response("get_aws_default_service_quota", {"Quota": {"Value": 5.0}})
    aws["ec2"].add_response("describe_vpcs", {"Vpcs": []})
    for _ in list(QUOTAS)[1:]:
        quotas.add_client_error("get_service_quota", "AccessDeniedException")
    assert aws.read()["quotas"] == {"vpcs": {"code": "L-F678F1CE", "limit": 5, "used": {"": 0}}}


def test_what_may_not_be_read_is_told_once_and_fails_nothing(aws):
    new(aws)
    aws["rds"].add_client_error("describe_orderable_db_instance_options", "AccessDenied", "Not you.", 403)
    aws["elasticache"].add_client_error("describe_cache_engine_versions", "AccessDenied", "Not you.", 403)
    found = aws.read(database=DATABASE, broker_engine="redis")
    assert (found["database_options"], found["broker_versions"], found["quotas"]) == (None, None, {})
    database, broker, quotas = told(aws.offers.unanswered)
    assert "database" in database and "DescribeOrderableDBInstanceOptions" in database
    assert "version of the broker" in broker
    assert "quota of vpcs, quota of elastic ips" in quotas and "GetServiceQuota" in quotas


def test_without_an_answer_whether_the_stack_exists_it_is_treated_as_if(aws):
    offered(aws, TYPE, ("m7g.large", ZONES))
    aws["ec2"].add_client_error("describe_tags", "UnauthorizedOperation", "Not you.", 403)
    found = aws.read(database=DATABASE)
    assert (found["exists"], found["quotas"], found["database_options"]) == (None, None, None)
    [warning] = told(aws.offers.unanswered)
    assert "DescribeTags" in warning


def test_instance_types_that_may_not_be_read(aws):
    aws["ec2"].add_client_error("describe_instance_type_offerings", "UnauthorizedOperation")
    tagged(aws, "vpc")
    assert aws.read()["instance_types"] is None


@pytest.mark.parametrize("kind", ["m7g", "a1", "im4gn", "is4gen", "t4g", "c8gn", "r6gd", "i4g"])
def test_types_that_count_as_standard(kind):
    assert STANDARD.match(f"{kind}.large")


@pytest.mark.parametrize("kind", ["g5g", "hpc7g", "x2gd", "inf2", "trn1", "mac2", "u7i", "p5", "vt1"])
def test_types_that_have_a_quota_of_their_own(kind):
    assert not STANDARD.match(f"{kind}.large")
