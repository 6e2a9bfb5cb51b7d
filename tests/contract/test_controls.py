"""The page of controls says what the tests check."""

from tests.playbook import ROOT
from tests.provisioning import controls


def test_the_page_is_current():
    assert (ROOT / "docs/controls.md").read_text() == controls.page(), "run: python -m tests.provisioning.controls"


def test_a_control_is_checked_or_an_exception_with_a_reason():
    both = [name for name, each in controls.CONTROLS.items() if bool(each.offenders) == bool(each.exception)]
    assert both == []
