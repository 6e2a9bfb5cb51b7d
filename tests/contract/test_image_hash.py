"""An image is found again by what is in it, whoever bakes it, when, where and from which commit."""

from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
VARS = yaml.safe_load((ROOT / "roles/image/vars/main.yml").read_text())


@pytest.mark.parametrize("name", ["commit", "lock_hash", "deprecate_at", "run_tags", "region", "manifest_path"])
def test_what_the_role_tells_the_template_of_a_bake_does_not_count(name):
    assert name in VARS["__image_stack_variables"]
    assert set(VARS["__image_hash_values"]) == {"extra", "locks", "variables", "versions", "rehearsal"}
    assert "stack_variables" not in str(VARS["__image_hash_values"]) + VARS["__image_content_variables"]


@pytest.mark.parametrize("name", ["tags", "run_tags", "instance_type", "subnet_id"])
def test_what_users_say_of_a_bake_does_not_count(name):
    assert name in VARS["__image_transport_variables"]


@pytest.mark.parametrize("name", ["kms_key_id", "ami_users", "ami_regions", "root_volume_size", "source_image_name"])
def test_what_an_image_is_and_who_has_it_counts(name):
    """One that was baked before would not get it."""
    assert name not in VARS["__image_transport_variables"]
