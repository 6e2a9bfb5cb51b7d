from dataclasses import dataclass

import pytest

from local_region.scaling import Hook, LifecycleAction, health, next_subnet, next_victim, pause

SUBNETS = [("s-a1", "a"), ("s-b1", "b"), ("s-a2", "a")]


@pytest.mark.parametrize(
    ("used", "expected"),
    [
        ([], "s-a1"),
        (["s-a1"], "s-b1"),
        (["s-b1"], "s-a1"),
        (["s-a1", "s-b1"], "s-a2"),
        (["s-a1", "s-a2"], "s-b1"),
        (["s-x"], "s-a1"),
    ],
)
def test_the_emptiest_zone_is_next(used, expected):
    assert next_subnet(SUBNETS, used) == expected


@dataclass(frozen=True)
class Member:
    availability_zone: str
    launched: float


def test_the_oldest_of_the_fullest_zone_goes():
    members = [Member("a", 1), Member("b", 3), Member("b", 2)]
    assert next_victim(members) == Member("b", 2)
    assert next_victim(members[:2]) == Member("a", 1)


def action():
    return LifecycleAction([Hook("one", 10, "ABANDON"), Hook("two", 20, "CONTINUE")], started=0)


def test_every_hook_is_waited_for():
    waiting = action()
    assert waiting.outcome(1) is None
    waiting.complete("one", "CONTINUE")
    assert waiting.outcome(1) is None
    waiting.complete("two", "CONTINUE")
    assert waiting.outcome(1) == "CONTINUE"


def test_one_refusal_is_enough():
    waiting = action()
    waiting.complete("two", "ABANDON")
    assert waiting.outcome(1) == "ABANDON"


def test_a_timeout_takes_the_default_and_a_heartbeat_puts_it_off():
    waiting = action()
    waiting.heartbeat("one", now=9)
    assert waiting.outcome(18) is None
    assert waiting.outcome(19) == "ABANDON"


def test_a_hook_that_is_not_waited_for():
    with pytest.raises(KeyError):
        action().complete("three", "CONTINUE")


def test_pauses_grow_and_end():
    assert [pause(n) for n in (1, 2, 3, 10)] == [5, 10, 20, 60]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (("running", "passed", "Healthy", [], False, False), None),
        (("stopped", "passed", "Healthy", [], False, True), "not running"),
        (("running", "failed", "Healthy", [], False, True), "status checks"),
        (("running", "passed", "Unhealthy", [], False, True), "user"),
        (("running", "passed", "Unhealthy", [], False, False), "user"),
        (("running", "passed", "Healthy", ["healthy", "unhealthy"], True, False), "ELB"),
        (("running", "passed", "Healthy", ["unhealthy"], True, True), None),
        (("running", "passed", "Healthy", ["unhealthy"], False, False), None),
        (("running", "passed", "Healthy", ["initial", "draining"], True, False), None),
    ],
)
def test_health(given, reason):
    found = health(*given)
    assert (found is None) if reason is None else reason in found
