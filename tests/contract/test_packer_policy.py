"""What the template promises on AWS. Emulators drop most of these settings, so the text is what is checked."""

import re
from pathlib import Path

import pytest

PACKER = Path(__file__).parents[2] / "packer"
TEMPLATE = (PACKER / "airflow.pkr.hcl").read_text()
VARIABLES = (PACKER / "variables.pkr.hcl").read_text()
RELEASE = (PACKER / "release.auto.pkrvars.hcl").read_text()


def settings(text: str, block: str) -> dict[str, str]:
    """Return the plain settings of the one block with this name."""
    bodies = re.findall(rf"^( *){block} (?:= )?{{\n(.*?)^\1}}", text, re.MULTILINE | re.DOTALL)
    assert len(bodies) == 1, f"{block}: {len(bodies)} blocks"
    return dict(re.findall(r"^ *(\w+) *= (.+)$", bodies[0][1], re.MULTILINE))


def variable(name: str) -> str:
    match = re.search(rf'^variable "{name}" {{\n(.*?)^}}', VARIABLES, re.MULTILINE | re.DOTALL)
    assert match, f"variable {name} is not declared"
    return match[1]


def variables() -> list[str]:
    return re.findall(r'^variable "(\w+)"', VARIABLES, re.MULTILINE)


def pattern(name: str) -> re.Pattern[str]:
    """Return the pattern that a variable's validation replaces."""
    found = re.search(r'regex_replace\(var\.\w+, "(.+?)", "valid"\)', variable(name))
    assert found, f"variable {name} has no pattern"
    return re.compile(found[1].replace("\\\\", "\\"))


def test_the_baking_instance_asks_for_imdsv2_tokens():
    assert settings(TEMPLATE, "metadata_options") == {
        "http_endpoint": '"enabled"',
        "http_tokens": '"required"',
        "http_put_response_hop_limit": "1",
    }


def test_instances_of_the_image_ask_for_imdsv2_tokens():
    assert re.search(r'^ *imds_support +=.*"v2\.0"$', TEMPLATE, re.MULTILINE)


def test_the_disk_is_encrypted_gp3_and_goes_with_the_instance():
    disk = settings(TEMPLATE, "launch_block_device_mappings")
    assert disk["encrypted"] == disk["delete_on_termination"] == "true"
    assert disk["volume_type"] == '"gp3"'
    assert int(disk["iops"]) >= 3000 and int(disk["throughput"]) >= 125


def test_the_source_is_one_exact_arm64_image_of_a_named_owner():
    assert settings(TEMPLATE, "filters")["architecture"] == '"arm64"'
    assert "most_recent" not in TEMPLATE
    assert re.search(r"owners = \[var\.source_image_owners\[local\.partition\]\]", TEMPLATE)
    name = re.search(r'^source_image_name = "(.+)"$', RELEASE, re.MULTILINE)
    assert name and pattern("source_image_name").match(name[1])


@pytest.mark.parametrize("partition", ["aws", "aws-cn"])
def test_the_release_names_an_owner_in_each_partition(partition):
    assert re.search(rf'^ +{partition} += "[0-9]{{12}}"$', RELEASE, re.MULTILINE)


@pytest.mark.parametrize("type", ["t4g.small", "m6g.large", "m7gd.2xlarge", "c7gn.16xlarge", "r8g.metal", "m8g.xlarge"])
def test_graviton_instance_types_are_accepted(type):
    assert pattern("instance_type").fullmatch(type)


@pytest.mark.parametrize("type", ["m5.large", "t3.small", "m7i.large", "c7a.large", "g4dn.xlarge", "t4g.nano", "m7g"])
def test_other_instance_types_are_refused(type):
    assert not pattern("instance_type").fullmatch(type)


@pytest.mark.parametrize("region", ["us-gov-west-1", "us-iso-east-1", "cn_north_1", "moon-north-1"])
def test_regions_of_other_partitions_are_refused(region):
    assert not pattern("region").fullmatch(region)


@pytest.mark.parametrize("name", ["debian-13-arm64-*", "debian-13-amd64-20260901-2200", ""])
def test_inexact_or_foreign_source_images_are_refused(name):
    assert not pattern("source_image_name").fullmatch(name)


@pytest.mark.parametrize("name", variables())
def test_each_variable_is_typed_described_and_used(name):
    assert re.search(r"^  type +=", variable(name), re.MULTILINE)
    assert re.search(r'^  description += ".{20,}"$', variable(name), re.MULTILINE)
    assert f"var.{name}" in TEMPLATE


def test_the_image_its_snapshot_and_the_baking_instance_can_be_told_by_tags():
    for setting in ("tags", "snapshot_tags", "run_tags", "run_volume_tags"):
        assert re.search(rf"^  {setting} += (merge\()?local\.tags", TEMPLATE, re.MULTILINE), setting
    assert '"graviflow:image"   = var.image_hash' in TEMPLATE


def test_plugins_are_pinned_exactly():
    versions = re.findall(r'^ +version = "(.+)"$', (PACKER / "plugins.pkr.hcl").read_text(), re.MULTILINE)
    assert len(versions) == 2 and all(re.fullmatch(r"= \d+\.\d+\.\d+", version) for version in versions)


def test_no_credential_can_be_written_into_the_template():
    assert not re.search(r"access_key|secret_key|token *=|password", TEMPLATE + VARIABLES + RELEASE)
