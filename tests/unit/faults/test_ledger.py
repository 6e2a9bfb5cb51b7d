"""The checker finds what it is there to find."""

import pytest

from tests.faults import ledger

RUN = [("load_long", "r1")]


def said(*events):
    return {f"load_long/r1/long.-1/{event}": time for event, time in events}


GOOD = [("1/a/start", 1), ("1/a/beat", 60), ("1/a/end", 61)]


@pytest.mark.parametrize(
    "events",
    [
        GOOD,
        [
            ("1/a/start", 1),
            ("1/a/beat", 20),
            *[(f"2/b/{event}", time + 40) for event, time in (("start", 1), ("end", 9))],
        ],
    ],
)
def test_one_end_is_right_after_whatever_tries(events):
    assert ledger.problems(ledger.attempts(said(*events)), RUN) == []


@pytest.mark.parametrize(
    ("events", "problem"),
    [
        ([], "lost, 0 attempts"),
        (GOOD[:2], "lost, 1 attempts"),
        ([*GOOD, ("1/b/start", 70), ("1/b/end", 80)], "done 2 times"),
        ([*GOOD[:2], ("2/b/start", 50), ("2/b/end", 80)], "2/b began 10.0 s before 1/a ended"),
    ],
)
def test_what_is_wrong_is_found(events, problem):
    (found,) = ledger.problems(ledger.attempts(said(*events)), RUN)
    assert problem in found
