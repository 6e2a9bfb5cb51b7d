import gzip
import ipaddress
import json

import pytest

from local_region.guest import SEED, environment_file, forwarded, is_cloud_init, manager_configuration, network, seed


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"#!/bin/bash\n", True),
        (b"#cloud-config\n", True),
        (b"\n#cloud-boothook\n", True),
        (b"Content-Type: multipart/mixed", True),
        (gzip.compress(b"#cloud-config"), True),
        (b'{"stack": "demo"}', False),
        (b"# a comment", False),
        (b"", False),
    ],
)
def test_what_cloud_init_reads(data, expected):
    assert is_cloud_init(data) is expected


def test_other_user_data_do_not_reach_cloud_init():
    files = seed("i-1", "ip-10-0-0-1.ec2.internal", "ssh-ed25519 AAAA me", b'{"stack": "demo"}')
    assert files[f"{SEED}/user-data"][0].startswith(b"#cloud-config")
    meta = json.loads(files[f"{SEED}/meta-data"][0])
    assert meta["public-keys"] == ["ssh-ed25519 AAAA me"]
    assert files[f"{SEED}/user-data"][1] == 0o600


def test_what_is_forwarded():
    given = {
        "PIP_INDEX_URL": "https://index.example/simple",
        "PIP_FIND_LINKS": "/opt/wheels",
        "UV_FIND_LINKS": "file:///opt/wheels",
        "https_proxy": "http://proxy:3128",
        "SSL_CERT_FILE": "/etc/ssl/certs/ca-certificates.crt",
        "AWS_SECRET_ACCESS_KEY": "no",
        "PIP_EXTRA": "",
    }
    assert set(forwarded(given)) == {"PIP_INDEX_URL", "https_proxy", "SSL_CERT_FILE"}


def test_quoting():
    assert environment_file({"B": "two words", "A": "1"}) == b'A="1"\nB="two words"\n'
    made = manager_configuration({"A": '50% "x" \\'}).decode()
    assert made == '[Manager]\nDefaultEnvironment="A=50%% \\"x\\" \\\\"\n'


def test_a_virtual_machine_is_told_what_dhcp_tells_on_ec2():
    files = network("ip-10-0-0-9.ec2.internal", "10.0.0.9", ipaddress.IPv4Network("10.0.0.0/16"))
    assert files["/etc/hostname"][0] == b"ip-10-0-0-9\n"
    assert b"10.0.0.9 ip-10-0-0-9.ec2.internal ip-10-0-0-9\n" in files["/etc/hosts"][0]
    assert files["/etc/resolv.conf"][0] == b"search ec2.internal\nnameserver 169.254.169.253\n"
    assert b"Address=10.0.0.9/16\nGateway=10.0.0.1\n" in files["/etc/systemd/network/10-vpc.network"][0]
