from local_region.packet_filter import chain, render_jumps, render_removal, render_rules


def test_the_door_is_open_to_loopback_and_own_bridges_only():
    rules = render_rules("demo", 5590, ["lrbbb", "lraaa"], {}).splitlines()
    door = [line for line in rules[rules.index("*filter") :] if line.startswith("-A")]
    assert door == [
        "-A LR_demo -i lo -j RETURN",
        "-A LR_demo -i lraaa -j RETURN",
        "-A LR_demo -i lrbbb -j RETURN",
        "-A LR_demo -j DROP",
    ]


def test_metadata_dns_and_trust_store_are_redirected():
    rules = render_rules("demo", 5590, ["lraaa"], {}).splitlines()
    for wanted in (
        "-p tcp --dport 80 -j REDIRECT --to-ports 5590",
        "-p tcp --dport 443 -j REDIRECT --to-ports 5591",
        "-p udp --dport 53 -j REDIRECT --to-ports 5590",
    ):
        assert f"-A LR_demo -i lraaa {wanted}" in rules


def test_a_public_address_is_one_to_one():
    assert "-A LR_demo_EIP -d 198.18.1.10/32 -j DNAT --to-destination 10.0.0.4" in render_rules(
        "demo", 5590, [], {"198.18.1.10": "10.0.0.4"}
    )


def test_chain_names_fit_the_kernel():
    assert len(chain("a-very-long-name-for-a-region", "_EIP")) <= 28
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


def test_every_jump_leads_into_a_chain_that_is_rendered():
    chains = {line.split()[0][1:] for line in render_rules("demo", 1, [], {}).splitlines() if line.startswith(":")}
    assert {line.split()[-1] for line in render_jumps("demo", 1).splitlines() if line.startswith("-I")} == chains
