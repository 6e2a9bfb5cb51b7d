"""Values of filters have wildcards, as on EC2."""

import pytest

from local_region.patches.ec2_filters import matches


@pytest.mark.parametrize(
    ("value", "patterns", "found"),
    [
        ("packer_0a1b", ["packer_*"], True),
        ("packer_0a1b", ["operators", "packer_????"], True),
        ("packer_0a1b", ["packer_"], False),
        ("packer.0a1b", ["packer_*"], False),
        ("running", ["pending", "running"], True),
        (None, ["packer_*"], False),
        (True, ["true"], True),
        (["sg-1", "sg-2"], ["sg-2"], True),
        ([], ["sg-2"], False),
    ],
)
def test_a_value_matches_what_ec2_says_it_does(value, patterns, found):
    assert matches(value, patterns) is found
