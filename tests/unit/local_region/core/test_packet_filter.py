import pytest

from local_region.packet_filter import (
    chain,
    chains,
    forward_chain,
    render_groups,
    render_jumps,
    render_removal,
    render_rules,
)
from local_region.security_groups import Address, Permission


def test_the_door_is_open_to_loopback_and_own_bridges_only():
    rules = render_rules("demo", 5590, ["lrbbb", "lraaa"], {}, []).splitlines()
    door = [line for line in rules[rules.index("*filter") :] if line.startswith("-A LR_demo ")]
    assert door == [
        "-A LR_demo -i lo -j RETURN",
        "-A LR_demo -i lraaa -j RETURN",
        "-A LR_demo -i lrbbb -j RETURN",
        "-A LR_demo -j DROP",
    ]


def test_metadata_dns_and_trust_store_are_redirected():
    rules = render_rules("demo", 5590, ["lraaa"], {}, []).splitlines()
    for wanted in (
        "-p tcp --dport 80 -j REDIRECT --to-ports 5590",
        "-p tcp --dport 443 -j REDIRECT --to-ports 5591",
        "-p udp --dport 53 -j REDIRECT --to-ports 5590",
    ):
        assert f"-A LR_demo -i lraaa {wanted}" in rules


def test_a_public_address_is_one_to_one():
    assert "-A LR_demo_EIP -d 198.18.1.10/32 -j DNAT --to-destination 10.0.0.4" in render_rules(
        "demo", 5590, [], {"198.18.1.10": "10.0.0.4"}, []
    )


def test_chain_names_fit_the_kernel():
    assert all(len(each) <= 28 for each in chains("a-very-long-name-for-a-region"))
    assert chain("a.b-c") == "LR_a_b_c"


def test_removal_takes_own_chains_and_jumps_and_no_others():
    listing = (
        "# made by iptables-save\n*filter\n:INPUT ACCEPT [0:0]\n:LR_demo - [0:0]\n:LR_demo2 - [0:0]\n"
        "-A INPUT -p udp -m udp --dport 5590 -j LR_demo\n-A INPUT -j LR_demo2\n-A LR_demo -j DROP\nCOMMIT\n"
        "*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -j DOCKER\nCOMMIT\n"
    )
    assert render_removal("demo", listing).splitlines() == [
        "*filter",
        "-F LR_demo",
        "-D INPUT -p udp -m udp --dport 5590 -j LR_demo",
        "-X LR_demo",
        "COMMIT",
    ]


def test_removal_of_nothing_is_nothing():
    assert render_removal("demo", "*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n") == ""


def test_removal_leaves_out_the_rules_that_go_with_their_chain():
    listing = (
        "*filter\n:LR_demo_GRP - [0:0]\n:LR_demo_OUT - [0:0]\n-A DOCKER-USER -j LR_demo_GRP\n"
        "-A LR_demo_GRP -i lraaa -j LR_demo_OUT\n-A LR_demo_OUT -j DROP\nCOMMIT\n"
    )
    assert render_removal("demo", listing).splitlines() == [
        "*filter",
        "-F LR_demo_GRP",
        "-F LR_demo_OUT",
        "-D DOCKER-USER -j LR_demo_GRP",
        "-X LR_demo_GRP",
        "-X LR_demo_OUT",
        "COMMIT",
    ]


def test_every_jump_leads_into_a_chain_that_is_rendered():
    rendered = render_rules("demo", 1, [], {}, [])
    made = {line.split()[0][1:] for line in rendered.splitlines() if line.startswith(":")}
    jumps = {line.split()[-1] for line in render_jumps("demo", 1, "FORWARD").splitlines() if line.startswith("-I")}
    assert made == chains("demo")
    assert jumps == made - {"LR_demo_OUT", "LR_demo_IN"}


def test_forwarded_packets_come_by_before_docker_accepts_them():
    assert forward_chain("*filter\n:FORWARD DROP [0:0]\n:DOCKER-USER - [0:0]\nCOMMIT\n") == "DOCKER-USER"
    assert forward_chain("*filter\n:FORWARD ACCEPT [0:0]\nCOMMIT\n") == "FORWARD"


def test_answers_metadata_and_dns_pass_before_any_group_is_asked():
    lines = [line for line in render_groups("demo", ["lraaa"], []) if line.startswith("-A LR_demo_GRP ")]
    assert lines == [
        "-A LR_demo_GRP -m conntrack --ctstate ESTABLISHED,RELATED -j RETURN",
        "-A LR_demo_GRP -m conntrack --ctorigdst 169.254.169.254 -j RETURN",
        "-A LR_demo_GRP -m conntrack --ctorigdst 169.254.169.253 -j RETURN",
        "-A LR_demo_GRP -i lraaa -j LR_demo_OUT",
        "-A LR_demo_GRP -o lraaa -j LR_demo_IN",
    ]


def test_what_no_group_lets_through_is_dropped():
    lines = render_groups("demo", ["lraaa"], [Address("10.0.0.4", "vpc-1")])
    assert lines[-2:] == ["-A LR_demo_OUT -j DROP", "-A LR_demo_IN -j DROP"]
    assert not [line for line in lines if "10.0.0.4" in line]


def test_ingress_is_asked_for_the_source_and_egress_for_the_destination():
    web = Permission("10.0.1.0/24", "tcp", 80, 80)
    address = Address("10.0.0.4", "vpc-1", ingress=(web,), egress=(web, Permission()))
    lines = [line for line in render_groups("demo", ["lraaa"], [address]) if "10.0.0.4" in line]
    assert lines == [
        "-A LR_demo_OUT -s 10.0.0.4/32 -d 10.0.1.0/24 -p tcp --dport 80 -j RETURN",
        "-A LR_demo_OUT -s 10.0.0.4/32 -j RETURN",
        "-A LR_demo_IN -d 10.0.0.4/32 -s 10.0.1.0/24 -p tcp --dport 80 -j RETURN",
    ]


@pytest.mark.parametrize(
    ("permission", "words"),
    [
        (Permission(protocol="tcp", first=8000, last=8080), " -p tcp --dport 8000:8080"),
        (Permission(protocol="udp", first=0, last=0), " -p udp --dport 0"),
        (Permission(protocol="tcp", first=0, last=65535), " -p tcp"),
        (Permission(protocol="tcp"), " -p tcp"),
        (Permission(protocol="icmp"), " -p icmp"),
        (Permission(protocol="icmp", first=8), " -p icmp --icmp-type 8"),
        (Permission(protocol="icmp", first=3, last=4), " -p icmp --icmp-type 3/4"),
        (Permission(protocol="50"), " -p 50"),
    ],
)
def test_a_permission_in_the_words_of_iptables(permission, words):
    lines = render_groups("demo", [], [Address("10.0.0.4", "vpc-1", ingress=(permission,))])
    assert f"-A LR_demo_IN -d 10.0.0.4/32{words} -j RETURN" in lines
