import pytest
from ansible_collections.graviflow.airflow.plugins.module_utils.planned import Entry, entry, table

DIFF = {"before": {"node": "a", "nodes": 2, "tags": {"x": "1"}}, "after": {"node": "b", "nodes": 2, "tags": {"x": "1"}}}


@pytest.mark.parametrize(
    ("result", "exists", "fate", "details"),
    [
        ({"changed": True, "diff": {"before": {}, "after": {"node": "a"}}}, None, "create", "node a, on yes"),
        ({"changed": True, "diff": DIFF}, None, "change", "node a -> b"),
        ({"changed": False, "diff": DIFF}, None, "keep", ""),
        ({"changed": True}, False, "create", "node a, on yes"),
        ({"changed": True}, True, "change", "node a, on yes"),
        ({"changed": True, "diff": [{"before": "text", "after": "other"}]}, True, "change", "node a, on yes"),
        ({}, True, "keep", ""),
    ],
)
def test_what_becomes_of_a_resource(result, exists, fate, details):
    found = entry("thing", "demo", result, exists=exists, attributes={"node": "a", "on": True})
    assert (found.fate, found.details) == (fate, details)


def test_values_are_shown_as_people_write_them():
    attributes = {"zones": ["a", "b"], "none": [], "nothing": None, "off": False, "tags": {"k": "v"}}
    details = entry("thing", "demo", {"changed": True}, exists=False, attributes=attributes).details
    assert details == "zones a b, none none, nothing none, off no, tags {k: v}"


def test_the_plan_begins_with_what_is_created_and_ends_with_the_counts():
    entries = [Entry("keep", "VPC", "demo", ""), Entry("create", "EFS file system", "demo-fs", "throughput elastic")]
    assert table(entries) == [
        "  + EFS file system  demo-fs  throughput elastic",
        "  = VPC              demo",
        "  1 to create, 0 to change, 1 to keep",
    ]


def test_an_empty_plan_has_its_counts():
    assert table([]) == ["  0 to create, 0 to change, 0 to keep"]
