import pytest
from ansible_collections.graviflow.airflow.plugins.module_utils.cache_parameter_group import current_state, plan, text
from ansible_collections.graviflow.airflow.plugins.module_utils.reconcile import Refusal

GROUP = {
    "CacheParameterGroupName": "demo",
    "ARN": "arn:demo",
    "CacheParameterGroupFamily": "redis7",
    "Description": "d",
}


def parameter(name, value, source="system", modifiable=True):
    return {"ParameterName": name, "ParameterValue": value, "Source": source, "IsModifiable": modifiable}


CURRENT = current_state(
    GROUP,
    [
        parameter("maxmemory-policy", "noeviction", "user"),
        parameter("timeout", "0"),
        parameter("tcp-keepalive", "300", "user"),
        parameter("databases", "16", modifiable=False),
    ],
    {"a": "1"},
)
DEFAULTS = {
    "state": "present",
    "name": "demo",
    "family": None,
    "description": None,
    "values": None,
    "purge_values": True,
    "tags": None,
    "purge_tags": True,
}
SAME = {"maxmemory-policy": "noeviction", "tcp-keepalive": 300}


def calls(current=CURRENT, **options):
    return [(call.operation, dict(call.arguments)) for call in plan({**DEFAULTS, **options}, current).calls]


def setting(operation, *names_and_values):
    return (operation, {"CacheParameterGroupName": "demo", "ParameterNameValues": list(names_and_values)})


def test_reads_only_what_was_set():
    assert CURRENT["values"] == {"maxmemory-policy": "noeviction", "tcp-keepalive": "300"}


@pytest.mark.parametrize(("value", "spelled"), [(True, "yes"), (False, "no"), (60, "60"), ("x", "x")])
def test_values_are_spelled_as_elasticache_does(value, spelled):
    assert text(value) == spelled


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"values": SAME},
        {"values": {**SAME, "timeout": 0}},
        {"values": {**SAME, "databases": 16}},
        {"family": "redis7"},
    ],
)
def test_declaring_what_is_does_nothing(options):
    assert calls(**options) == []


def test_values_are_set_and_those_left_out_are_reset():
    assert calls(values={"maxmemory-policy": "volatile-lru"}) == [
        setting(
            "modify_cache_parameter_group", {"ParameterName": "maxmemory-policy", "ParameterValue": "volatile-lru"}
        ),
        setting("reset_cache_parameter_group", {"ParameterName": "tcp-keepalive"}),
    ]


def test_values_left_out_stay_without_purge():
    assert calls(values={"maxmemory-policy": "noeviction"}, purge_values=False) == []


def test_many_values_are_set_in_calls_of_twenty():
    current = {**CURRENT, "known": {f"p{number}": parameter(f"p{number}", "0") for number in range(45)}, "values": {}}
    made = calls(current, values={f"p{number}": 1 for number in range(45)})
    assert [len(arguments["ParameterNameValues"]) for _, arguments in made] == [20, 20, 5]


def test_creation():
    made = plan({**DEFAULTS, "family": "valkey8", "values": {"timeout": 1}, "tags": {"a": "1"}}, None)
    [call] = made.calls
    assert call.operation == "create_cache_parameter_group"
    assert call.arguments == {
        "CacheParameterGroupName": "demo",
        "CacheParameterGroupFamily": "valkey8",
        "Description": "demo",
        "Tags": [{"Key": "a", "Value": "1"}],
    }
    assert made.after["values"] == {"timeout": "1"}


def test_tags():
    assert [operation for operation, _ in calls(tags={"b": "2"})] == [
        "remove_tags_from_resource",
        "add_tags_to_resource",
    ]


@pytest.mark.parametrize(
    ("current", "options", "message"),
    [
        (CURRENT, {"family": "valkey8"}, "redis7"),
        (CURRENT, {"description": "other"}, "cannot change"),
        (CURRENT, {"values": {"maxmemory_policy": "x"}}, "no such parameter"),
        (CURRENT, {"values": {"databases": 32}}, "does not let"),
        (None, {}, "family"),
    ],
)
def test_what_cannot_be_is_refused(current, options, message):
    with pytest.raises(Refusal, match=message):
        calls(current, **options)


def test_deletion():
    assert calls(state="absent") == [("delete_cache_parameter_group", {"CacheParameterGroupName": "demo"})]
    assert calls(None, state="absent") == []
