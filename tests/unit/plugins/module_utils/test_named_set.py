from ansible_collections.graviflow.airflow.plugins.module_utils.named_set import tags_after, told
from ansible_collections.graviflow.airflow.plugins.module_utils.reconcile import Outcome

BEFORE = {"things": {"a": {"size": 1}, "b": {"size": 1, "hue": 1}, "c": {"size": 1}}, "tags": {"c": {"t": "1"}}}
AFTER = {"things": {"b": {"size": 2, "hue": 1}, "c": {"size": 1}, "d": {"size": 1}}, "arns": {}, "tags": {"c": None}}


def shown(before, after):
    return told(Outcome(True, before, after), "set", "things", lambda each: f"size {each['size']}")["diff"]


def test_tags_after():
    assert tags_after(None, {"a": "1"}, purge=True) is None
    assert tags_after({"b": "2"}, None, purge=True) == {"b": "2"}
    assert tags_after({"b": "2"}, {"a": "1", "aws:x": "1"}, purge=True) == {"aws:x": "1", "b": "2"}
    assert tags_after({"b": "2"}, {"a": "1"}, purge=False) == {"a": "1", "b": "2"}


def test_a_diff_has_lines_for_what_comes_and_goes_and_what_changes_of_others():
    assert shown(BEFORE, AFTER) == {
        "before": {"things": 3, "a": "size 1", "b": {"size": 1}, "c": {"tags": {"t": "1"}}, "d": None},
        "after": {"things": 3, "a": None, "b": {"size": 2}, "c": {}, "d": "size 1"},
    }
    assert shown(AFTER, AFTER) == {"before": {"things": 3}, "after": {"things": 3}}


def test_a_set_without_members_is_nothing():
    assert shown(None, {"things": {"a": {"size": 1}}}) == {"before": {}, "after": {"things": 1, "a": "size 1"}}
    assert shown({"things": {"a": {"size": 1}}}, None) == {"before": {"things": 1, "a": "size 1"}, "after": {}}


def test_arns_are_kept_to_the_module():
    assert "arns" not in told(Outcome(False, AFTER, AFTER), "set", "things", str)["set"]
