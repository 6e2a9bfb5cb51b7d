"""Tiers of Parameter Store."""

import pytest
from moto.ssm.exceptions import ValidationException

from local_region.patches.ssm import resolve_tier


@pytest.mark.parametrize(
    ("asked", "size", "policies", "before", "expected"),
    [
        (None, 10, False, None, "Standard"),
        (None, 10, False, "Advanced", "Advanced"),
        ("Intelligent-Tiering", 4096, False, None, "Standard"),
        ("Intelligent-Tiering", 4097, False, None, "Advanced"),
        ("Intelligent-Tiering", 10, True, None, "Advanced"),
        ("Intelligent-Tiering", 10, False, "Advanced", "Advanced"),
        ("Advanced", 8192, False, "Standard", "Advanced"),
    ],
)
def test_tiers(asked: str | None, size: int, policies: bool, before: str | None, expected: str) -> None:
    assert resolve_tier(asked, size, policies, before) == expected


@pytest.mark.parametrize(
    ("asked", "size", "before"),
    [("Standard", 4097, None), (None, 4097, None), ("Intelligent-Tiering", 8193, None), ("Standard", 10, "Advanced")],
)
def test_refused(asked: str | None, size: int, before: str | None) -> None:
    with pytest.raises(ValidationException):
        resolve_tier(asked, size, False, before)
