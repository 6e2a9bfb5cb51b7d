from types import SimpleNamespace

import pytest
from moto.ec2.models.security_groups import SecurityGroupRule

from local_region.security_groups import Address, Permission, permissions, read


def rule(protocol="tcp", first=443, last=443, **given):
    """Return a rule as moto keeps it; given: ip_range, source_group or prefix_list_id."""
    return SecurityGroupRule(None, protocol, "sg-self", first, last, given.pop("ip_range", None), **given)


def group(name, ingress=(), egress=()):
    return SimpleNamespace(id=name, ingress_rules=list(ingress), egress_rules=list(egress))


def interface(ip, *groups, state=None, vpc_id="vpc-1", **more):
    instance = SimpleNamespace(state=state) if state else None
    return SimpleNamespace(private_ip_address=ip, group_set=list(groups), instance=instance, vpc_id=vpc_id, **more)


def backend(*interfaces, prefix_lists=()):
    return SimpleNamespace(
        enis={str(number): each for number, each in enumerate(interfaces)},
        managed_prefix_lists={each.id: each for each in prefix_lists},
    )


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (rule(ip_range={"CidrIp": "10.0.0.7/24"}), [Permission("10.0.0.0/24", "tcp", 443, 443)]),
        (rule("-1", None, None, ip_range={"CidrIp": "0.0.0.0/0"}), [Permission()]),
        (rule("udp", 0, 65535, ip_range={"CidrIp": "0.0.0.0/0"}), [Permission(protocol="udp", first=0, last=65535)]),
        (rule("icmp", 8, -1, ip_range={"CidrIp": "0.0.0.0/0"}), [Permission(protocol="icmp", first=8)]),
        (rule("50", 0, 0, ip_range={"CidrIp": "0.0.0.0/0"}), [Permission(protocol="50")]),
        (rule(ip_range={"CidrIpv6": "::/0"}), []),
        (rule("icmpv6", -1, -1, ip_range={"CidrIp": "0.0.0.0/0"}), []),
        (rule(source_group={"GroupId": "sg-a"}), [Permission("10.0.0.4/32", "tcp", 443, 443)]),
        (rule(source_group={"GroupId": "sg-without-members"}), []),
        (rule(prefix_list_id={"PrefixListId": "pl-1"}), [Permission("52.0.0.0/8", "tcp", 443, 443)]),
    ],
)
def test_what_a_rule_lets_through(given, wanted):
    assert list(permissions([given], {"sg-a": {"10.0.0.4"}}, {"pl-1": ["52.0.0.0/8"]})) == wanted


def test_an_address_has_what_all_its_groups_let_through():
    everyone = {"CidrIp": "0.0.0.0/0"}
    web = group("sg-web", ingress=[rule(ip_range=everyone)], egress=[rule("-1", None, None, ip_range=everyone)])
    ssh = group("sg-ssh", ingress=[rule(first=22, last=22, ip_range=everyone), rule(ip_range=everyone)])
    assert read(backend(interface("10.0.0.4", web, ssh))) == [
        Address(
            "10.0.0.4",
            "vpc-1",
            ingress=(Permission(protocol="tcp", first=22, last=22), Permission(protocol="tcp", first=443, last=443)),
            egress=(Permission(),),
        )
    ]


def test_a_group_stands_for_the_addresses_of_its_members():
    clients = group("sg-clients")
    server = group("sg-server", ingress=[rule(source_group={"GroupId": "sg-clients"})])
    found = read(
        backend(
            interface("10.0.0.4", clients, state="running"),
            interface("10.0.0.5", clients, state="terminated"),
            interface("10.0.0.9", server),
        )
    )
    assert [each.ip for each in found] == ["10.0.0.4", "10.0.0.9"]
    assert found[1].ingress == (Permission("10.0.0.4/32", "tcp", 443, 443),)


def test_a_prefix_list_counts_with_its_newest_version():
    listed = SimpleNamespace(
        id="pl-1", address_family="IPv4", entries={1: [{"Cidr": "10.1.0.0/16"}], 2: [{"Cidr": "10.2.0.0/16"}]}
    )
    sixth = SimpleNamespace(id="pl-6", address_family="IPv6", entries={1: [{"Cidr": "fd00::/8"}]})
    rules = [rule(prefix_list_id={"PrefixListId": each}) for each in ("pl-1", "pl-6", "pl-absent")]
    (found,) = read(backend(interface("10.0.0.4", group("sg-a", ingress=rules)), prefix_lists=[listed, sixth]))
    assert [each.network for each in found.ingress] == ["10.2.0.0/16"]


def test_members_of_a_cluster_reach_each_other_without_a_rule():
    shut = group("sg-shut")
    one, two, other = read(
        backend(
            interface("10.0.0.4", shut, cluster="broker"),
            interface("10.0.0.5", shut, cluster="broker"),
            interface("10.0.0.6", shut, cluster=""),
        )
    )
    assert one.ingress == one.egress == (Permission("10.0.0.5/32"),)
    assert two.ingress == two.egress == (Permission("10.0.0.4/32"),)
    assert other.ingress == other.egress == ()
