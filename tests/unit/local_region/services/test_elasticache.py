"""What a member of a replication group is configured with, and its names."""

import pytest
from moto.elasticache.exceptions import InvalidParameterCombinationException, InvalidParameterValueException

from local_region.patches._elasticache import Endpoints, check_token, family, full_version, region_code
from local_region.services.elasticache import configuration, digest, maxmemory, settings, user_rule


@pytest.mark.parametrize(
    ("region", "code"),
    [
        ("us-east-1", "use1"),
        ("cn-north-1", "cnn1"),
        ("cn-northwest-1", "cnw1"),
        ("ap-southeast-2", "apse2"),
        ("eu-central-1", "euc1"),
        ("us-gov-west-1", "usgw1"),
    ],
)
def test_region_codes(region: str, code: str) -> None:
    assert region_code(region) == code


def test_names_differ_with_tls() -> None:
    secure = Endpoints.of("broker", "1", "cn-north-1", "amazonaws.com.cn", tls=True)
    plain = Endpoints.of("broker", "1", "us-east-1", "amazonaws.com", tls=False)
    assert secure.primary.startswith("master.broker.") and secure.primary.endswith(".cnn1.cache.amazonaws.com.cn")
    assert secure.reader == "replica." + secure.primary.removeprefix("master.")
    assert secure.member.format("broker-001") == "broker-001." + secure.primary.removeprefix("master.")
    assert plain.primary.startswith("broker.") and ".ng.0001.use1." in plain.primary
    assert plain.reader.startswith("broker-ro.")


def test_versions_and_families() -> None:
    assert full_version("redis", "7.1") == "7.1.0" and full_version("redis", "7.0") == "7.0.7"
    assert full_version("valkey", None) == "8.1.0"
    assert (family("redis", "6.2.6"), family("redis", "7.1.0"), family("valkey", "8.0.1")) == (
        "redis6.x",
        "redis7",
        "valkey8",
    )


def test_tokens() -> None:
    check_token(None, tls=False)
    check_token("0123456789abcdef!&#$^<>-", tls=True)
    with pytest.raises(InvalidParameterCombinationException):
        check_token("0123456789abcdef", tls=False)
    for refused in ("short", "with@sign-0123456789", "x" * 129):
        with pytest.raises(InvalidParameterValueException):
            check_token(refused, tls=True)


def test_no_token_is_written_in_clear() -> None:
    tokens = ["first-token-0123456", "second-token-012345"]
    text = configuration({}, user_rule(tokens, False), 6379, True, "internal", None)
    assert not [token for token in tokens if token in text]
    assert all(digest(token) in text for token in tokens)


def test_open_groups_take_any_password() -> None:
    assert "nopass" in user_rule([], True)
    assert "nopass" not in user_rule(["token"], False)


def test_replicas_follow_and_tls_closes_the_plain_port() -> None:
    text = configuration({"timeout": "0"}, user_rule([], True), 6380, True, "internal", "10.0.0.4").splitlines()
    assert "replicaof 10.0.0.4 6380" in text
    assert {"tls-port 6380", "port 0", 'timeout "0"'} <= set(text)
    plain = configuration({}, user_rule([], True), 6380, False, "internal", None).splitlines()
    assert "port 6380" in plain and not [line for line in plain if line.startswith(("tls-", "replicaof"))]


def test_memory_of_a_node() -> None:
    assert maxmemory("cache.t4g.micro", 25) == int(0.5 * 1024**3 * 0.75)
    assert maxmemory("cache.unknown", 25) == 0


def test_settings_hold_the_groups_values_and_nothing_that_the_server_does_not_know() -> None:
    found = settings({"maxmemory-policy": "noeviction"}, "cache.t4g.micro")
    assert found["maxmemory-policy"] == "noeviction"
    assert found["timeout"] == "0"
    assert "reserved-memory-percent" not in found
