from local_region.network import chain, jumps, jumps_to, render_rules


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
    rules = render_rules("demo", 5590, ["lraaa"], {})
    for wanted in (
        "-p tcp --dport 80 -j REDIRECT --to-ports 5590",
        "--dport 443 -j REDIRECT --to-ports 5591",
        "-p udp --dport 53",
    ):
        assert f"-A LR_demo -i lraaa {wanted}" in rules or wanted in rules


def test_a_public_address_is_one_to_one():
    assert "-A LR_demo_EIP -d 198.18.1.10/32 -j DNAT --to-destination 10.0.0.4" in render_rules(
        "demo", 5590, [], {"198.18.1.10": "10.0.0.4"}
    )


def test_chain_names_fit_the_kernel():
    assert len(chain("a-very-long-name-for-a-region", "_EIP")) <= 28
    assert chain("a.b-c") == "LR_a_b_c"


def test_own_jumps_are_found_again_and_no_others():
    listing = (
        "-P INPUT ACCEPT\n-A INPUT -p udp -m udp --dport 5590 -j LR_demo\n-A INPUT -j LR_demo2\n-A INPUT -j ACCEPT\n"
    )
    assert jumps_to({"LR_demo"}, listing) == [["INPUT", "-p", "udp", "-m", "udp", "--dport", "5590", "-j", "LR_demo"]]
    assert all(rule[-1] in {"LR_demo", "LR_demo_EIP"} for rule in jumps("demo", 5590))
