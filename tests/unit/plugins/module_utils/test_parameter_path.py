import pytest
from ansible_collections.graviflow.airflow.plugins.module_utils.parameter_path import current_state, plan
from ansible_collections.graviflow.airflow.plugins.module_utils.reconcile import Refusal

PATH = "/graviflow/demo"
DEFAULTS = {
    "state": "present",
    "path": PATH,
    "parameters": {},
    "purge": False,
    "tier": "Intelligent-Tiering",
    "tags": None,
    "purge_tags": True,
}
CURRENT = current_state(
    PATH, [{"Name": f"{PATH}/b", "Value": "2"}, {"Name": f"{PATH}/a", "Value": "1"}], {"a": {"t": "1"}}
)


def calls(current=CURRENT, **options):
    return [(call.operation, dict(call.arguments)) for call in plan({**DEFAULTS, **options}, current).calls]


def put(name, value, **more):
    return (
        "put_parameter",
        {"Name": f"{PATH}/{name}", "Value": value, "Type": "String", "Tier": "Intelligent-Tiering", **more},
    )


def test_nothing_below_a_path_is_no_state():
    assert current_state(PATH, [], {}) is None
    assert list(CURRENT["parameters"]) == ["a", "b"]


def test_declaring_what_is_does_nothing():
    assert calls(parameters={"a": "1", "b": 2}, tags={"t": "1"}) == []


def test_new_ones_are_tagged_and_known_ones_overwritten():
    made = calls(parameters={"a": "other", "c": "3"}, tags={"t": "1"})
    assert made == [put("a", "other", Overwrite=True), put("c", "3", Tags=[{"Key": "t", "Value": "1"}])]


def test_others_are_removed_only_with_purge():
    assert calls(parameters={"a": "1"}) == []
    assert calls(parameters={"a": "1"}, purge=True) == [("delete_parameters", {"Names": [f"{PATH}/b"]})]


def test_tags_of_known_ones_change():
    resource = {"ResourceType": "Parameter", "ResourceId": f"{PATH}/a"}
    assert calls(parameters={"a": "1"}, tags={"u": "2"}) == [
        ("remove_tags_from_resource", {**resource, "TagKeys": ["t"]}),
        ("add_tags_to_resource", {**resource, "Tags": [{"Key": "u", "Value": "2"}]}),
    ]


def test_absent_removes_ten_at_a_time():
    current = current_state(PATH, [{"Name": f"{PATH}/{number:02}", "Value": "x"} for number in range(12)], {})
    assert [len(arguments["Names"]) for _, arguments in calls(current, state="absent", parameters=None)] == [10, 2]
    assert calls(None, state="absent", parameters=None) == []


def test_size_is_counted_in_bytes():
    assert calls(None, parameters={"a": "x" * 8192}) == [put("a", "x" * 8192)]
    with pytest.raises(Refusal, match="8194 bytes"):
        calls(None, parameters={"a": "é" * 4097})
