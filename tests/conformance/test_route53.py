"""Private hosted zones: what they say is what hosts resolve."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

ZONE = "conformance.internal"


@pytest.fixture(scope="module")
def route53(cloud: Any) -> Any:
    return cloud.client("route53")


@pytest.fixture(scope="module")
def zone(cloud: Any, route53: Any, vpc: Any) -> Iterator[str]:
    created = route53.create_hosted_zone(
        Name=ZONE,
        CallerReference="conformance",
        VPC={"VPCRegion": cloud.aws_region, "VPCId": vpc.id},
        HostedZoneConfig={"PrivateZone": True},
    )
    yield created["HostedZone"]["Id"]


@pytest.fixture(scope="module")
def change(route53: Any, zone: str) -> Callable[..., None]:
    def run(action: str, name: str, kind: str, value: str | None = None, alias: dict[str, Any] | None = None) -> None:
        record: dict[str, Any] = {"Name": name, "Type": kind}
        record |= {"AliasTarget": alias} if alias else {"TTL": 60, "ResourceRecords": [{"Value": value}]}
        changes = [{"Action": action, "ResourceRecordSet": record}]
        route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})

    return run


def test_records_appear_change_and_vanish(cloud: Any, change: Callable[..., None], until: Any) -> None:
    names = lambda: cloud.control("GET", "state")["names"]  # noqa: E731
    change("CREATE", f"db.{ZONE}", "A", "10.9.9.9")
    change("CREATE", f"www.{ZONE}", "CNAME", f"db.{ZONE}")
    until(lambda: names().get(f"www.{ZONE}") == "10.9.9.9", what="CNAME")
    change("UPSERT", f"db.{ZONE}", "A", "10.9.9.10")
    until(lambda: names().get(f"www.{ZONE}") == "10.9.9.10", what="changed address")
    change("DELETE", f"www.{ZONE}", "CNAME", f"db.{ZONE}")
    change("DELETE", f"db.{ZONE}", "A", "10.9.9.10")
    until(lambda: f"db.{ZONE}" not in names() and f"www.{ZONE}" not in names(), what="gone")


def test_an_alias_follows_its_load_balancer(cloud: Any, vpc: Any, change: Callable[..., None], until: Any) -> None:
    elb = cloud.client("elbv2")
    created = elb.create_load_balancer(Name="conformance-alias", Subnets=vpc.private, Scheme="internal")
    balancer = created["LoadBalancers"][0]
    assert balancer["DNSName"].startswith("internal-conformance-alias-")
    alias = {
        "HostedZoneId": balancer["CanonicalHostedZoneId"],
        "DNSName": f"dualstack.{balancer['DNSName']}.",
        "EvaluateTargetHealth": True,
    }
    names = lambda: cloud.control("GET", "state")["names"]  # noqa: E731
    change("CREATE", f"web.{ZONE}", "A", alias=alias)
    until(lambda: names().get(f"web.{ZONE}"), what="alias")
    assert names()[f"web.{ZONE}"] == names()[balancer["DNSName"].lower()]
    elb.delete_load_balancer(LoadBalancerArn=balancer["LoadBalancerArn"])
    until(lambda: f"web.{ZONE}" not in names(), what="alias of nothing")


def test_a_host_resolves_them(
    launch: Callable[..., Any], ssh: Callable[..., Any], change: Callable[..., None], until: Any
) -> None:
    change("CREATE", f"seen.{ZONE}", "A", "10.9.9.11")
    host = launch()
    until(lambda: ssh(host.ip, "true").returncode == 0, what="ssh")
    until(lambda: ssh(host.ip, f"getent ahostsv4 seen.{ZONE}").stdout.startswith("10.9.9.11"), what="name in a host")
