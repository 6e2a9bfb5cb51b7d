import pytest
from ansible_collections.graviflow.airflow.plugins.module_utils.reconcile import (
    Call,
    Plan,
    Refusal,
    declared,
    differing,
    reconcile,
    tag_changes,
)


class FakeApi:
    """A resource that holds a size; `create` makes it of size 0."""

    def __init__(self, state=None):
        self.state, self.settled = state, 0

    def read(self):
        return None if self.state is None else dict(self.state)

    def apply(self, call):
        self.state = {"size": 0} if call.operation == "create" else {**self.state, **call.arguments}

    def settle(self, current):
        self.settled += 1
        return {**current, "settled": True}


def plan(current):
    if current is None:
        return Plan((Call("create", {}),), {"size": 3})
    calls = () if current["size"] == 3 else (Call("resize", {"size": 3}),)
    return Plan(calls, {**current, "size": 3})


def run(api, **options):
    return reconcile(api, plan, **{"check_mode": False, "wait": False, "rounds": 2, **options})


def test_absent_is_made_in_two_rounds():
    outcome = run(FakeApi())
    assert (outcome.changed, outcome.operations) == (True, ["create", "resize"])
    assert (outcome.before, outcome.after) == (None, {"size": 3})


def test_one_round_leaves_the_rest():
    assert run(FakeApi(), rounds=1).operations == ["create"]


def test_present_is_left_alone():
    outcome = run(FakeApi({"size": 3}))
    assert (outcome.changed, outcome.operations, outcome.before) == (False, [], outcome.after)


@pytest.mark.parametrize("state", [None, {"size": 1}])
def test_check_mode_changes_nothing_and_predicts(state):
    api = FakeApi(state)
    outcome = run(api, check_mode=True, wait=True)
    assert (api.state, api.settled) == (state, 0)
    assert (outcome.changed, outcome.before, outcome.after) == (True, state, {"size": 3})


def test_check_mode_of_a_present_resource_is_unchanged():
    assert not run(FakeApi({"size": 3}), check_mode=True).changed


def test_waits_only_when_asked():
    assert run(FakeApi(), wait=True).after == {"size": 3, "settled": True}
    assert run(FakeApi(), wait=False).after == {"size": 3}


def test_result_has_a_diff_and_no_none():
    assert run(FakeApi()).result("thing") == {
        "changed": True,
        "diff": {"before": {}, "after": {"size": 3}},
        "operations": ["create", "resize"],
        "thing": {"size": 3},
    }


def test_refusal_tells_value_rule_and_fix():
    assert str(Refusal("port", 1, "It is fixed.", "Keep 2.")) == "port: 1 is refused. It is fixed. Keep 2."


def test_differing_ignores_what_is_not_declared_or_not_told():
    wanted = {"a": 1, "b": 2, "c": None, "d": 4, "other": 9}
    assert differing(wanted, {"a": 1, "b": 3, "c": 5, "d": None, "other": 0}, "abcd") == {"b": 2}


def test_declared_keeps_false_and_empty():
    assert declared({"a": None, "b": False, "c": [], "d": 0}) == {"b": False, "c": [], "d": 0}


@pytest.mark.parametrize(
    ("wanted", "current", "purge", "changes"),
    [
        ({"a": "1"}, {"a": "1"}, True, ({}, [])),
        ({"a": "2"}, {"a": "1", "b": "1", "aws:x": "1"}, True, ({"a": "2"}, ["b"])),
        ({"a": "2"}, {"a": "1", "b": "1"}, False, ({"a": "2"}, [])),
        ({}, {"a": "1"}, True, ({}, ["a"])),
        (None, {"a": "1"}, True, ({}, [])),
        ({"a": "1"}, None, True, ({}, [])),
    ],
)
def test_tag_changes(wanted, current, purge, changes):
    assert tag_changes(wanted, current, purge) == changes
