import pytest

from local_region.metadata import Tokens, lifecycle_target, lookup, parse_ttl

TREE = {"instance-id": "i-1", "placement/region": "eu-west-1", "tags/instance/Name": "a", "tags/instance/Role": ""}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("/instance-id", "i-1"),
        ("/", "instance-id\nplacement/\ntags/"),
        ("", "instance-id\nplacement/\ntags/"),
        ("/placement/", "region"),
        ("/tags/instance", "Name\nRole"),
        ("/tags/instance/Role", ""),
        ("/tags/instance/None", None),
        ("/place", None),
    ],
)
def test_lookup(path, value):
    assert lookup(TREE, path) == value


@pytest.mark.parametrize(
    ("header", "ttl"),
    [("60", 60), ("21600", 21600), ("0", None), ("21601", None), ("x", None), (None, None), ("-1", None)],
)
def test_ttl(header, ttl):
    assert parse_ttl(header) == ttl


def test_a_token_is_one_hosts_and_ends():
    tokens = Tokens()
    token = tokens.issue("i-1", 60, now=100)
    assert tokens.valid(token, "i-1", now=159)
    assert not tokens.valid(token, "i-1", now=160)
    assert not tokens.valid(token, "i-2", now=101)
    assert not tokens.valid("", "i-1", now=101)


def test_ended_tokens_are_forgotten():
    tokens = Tokens()
    tokens.issue("i-1", 1, now=0)
    tokens.issue("i-1", 1, now=10)
    assert len(tokens._tokens) == 1


@pytest.mark.parametrize(
    ("state", "target"),
    [
        ("Pending:Wait", "InService"),
        ("InService", "InService"),
        ("Terminating:Wait", "Terminated"),
        ("Standby", "Standby"),
    ],
)
def test_lifecycle_target(state, target):
    assert lifecycle_target(state) == target
