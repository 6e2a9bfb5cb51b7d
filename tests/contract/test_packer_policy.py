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
    found = re.search(r'regex_replace\([^"]*(?:"," *, [^"]*)?, "(.+?)", "valid"\)', variable(name))
    assert found, f"variable {name} has no pattern"
    return re.compile(found[1].replace("\\\\", "\\"))


def test_the_baking_instance_asks_for_imdsv2_tokens():
    assert settings(TEMPLATE, "metadata_options") == {
        "http_endpoint": '"enabled"',
        "http_tokens": '"required"',
        "http_put_response_hop_limit": "1",
    }


def marked() -> str:
    """Return what only Packer 1.7 and later knows of the template."""
    blocks = re.findall(r"# BEGIN packer>=1\.7\n(.*?)# END packer>=1\.7", TEMPLATE, re.DOTALL)
    assert blocks
    return "".join(blocks)


def setting(name: str) -> str:
    """Return the value of the one setting of this name in the source."""
    found = re.findall(rf"^  {name} += (.+)$", TEMPLATE, re.MULTILINE)
    assert len(found) == 1, f"{name}: {found}"
    return found[0]


def default(name: str) -> str | None:
    found = re.search(r"^  default +=  *(.+)$", variable(name), re.MULTILINE)
    return found[1] if found else None


def test_instances_of_the_image_ask_for_imdsv2_tokens():
    assert re.search(r'^ *imds_support +=.*"v2\.0"$', TEMPLATE, re.MULTILINE)


def test_the_disk_is_encrypted_gp3_and_goes_with_the_instance():
    disk = settings(TEMPLATE, "launch_block_device_mappings")
    assert disk["encrypted"] == disk["delete_on_termination"] == "true"
    assert disk["volume_type"] == '"gp3"'
    assert int(disk["iops"]) >= 3000 and int(disk["throughput"]) >= 125
    assert (disk["device_name"], disk["volume_size"]) == ("var.root_device_name", "var.root_volume_size")
    assert disk["kms_key_id"] == "var.kms_key_id"


def test_there_is_one_disk():
    assert len(re.findall(r"^ *(launch|ami)_block_device_mappings", TEMPLATE, re.MULTILINE)) == 1


def test_nothing_switches_encryption_off():
    assert not re.search(r"encrypt\w* *= *false", TEMPLATE)
    assert setting("encrypt_boot") == "local.by_copying ? true : null"


def test_the_image_is_deprecated_when_its_time_comes():
    assert re.search(r"^ *deprecate_at += var\.deprecate_at$", marked(), re.MULTILINE)


@pytest.mark.parametrize("name", ["ami_users", "ami_org_arns", "ami_ou_arns", "ami_regions"])
def test_nobody_else_gets_the_image_unless_asked(name):
    assert setting(name) == f"var.{name}"
    assert default(name) == "[]"


def test_the_image_is_never_public():
    assert not re.search(r"ami_groups|snapshot_groups|snapshot_users", TEMPLATE)


def test_the_source_is_one_exact_arm64_image_of_a_named_owner():
    assert settings(TEMPLATE, "filters")["architecture"] == '"arm64"'
    assert "most_recent" not in TEMPLATE
    assert re.search(r"owners = \[var\.source_image_owners\[local\.partition\]\]", TEMPLATE)
    names = re.findall(r'^  "3\.\d+" = "(debian-.+)"$', RELEASE, re.MULTILINE)
    assert names and all(pattern("source_image_name").fullmatch(name) for name in names)


@pytest.mark.parametrize("partition", ["aws", "aws-cn"])
def test_the_release_names_an_owner_in_each_partition(partition):
    assert re.search(rf'^ +{partition} += "[0-9]{{12}}"$', RELEASE, re.MULTILINE)


@pytest.mark.parametrize("type", ["t4g.small", "m6g.large", "m7gd.2xlarge", "c7gn.16xlarge", "r8g.metal", "m8g.xlarge"])
def test_graviton_instance_types_are_accepted(type):
    assert pattern("instance_type").fullmatch(type)


def test_the_instance_that_bakes_by_default_is_of_the_images_architecture():
    given = default("instance_type")
    assert given and pattern("instance_type").fullmatch(given.strip('"'))


@pytest.mark.parametrize("type", ["m5.large", "t3.small", "m7i.large", "c7a.large", "g4dn.xlarge", "t4g.nano", "m7g"])
def test_other_instance_types_are_refused(type):
    assert not pattern("instance_type").fullmatch(type)


@pytest.mark.parametrize("key", ["", "alias/airflow", "0a1b2c3d-0a1b-4a1b-8a1b-0a1b2c3d4e5f", "mrk-0a1b2c3d"])
def test_keys_are_given_by_alias_or_id(key):
    assert pattern("kms_key_id").fullmatch(key)


@pytest.mark.parametrize(
    "key", ["arn:aws-cn:kms:cn-north-1:123456789012:key/0a1b", "arn:aws:kms:eu-west-1:1:alias/a", "airflow", "alias/"]
)
def test_other_names_of_keys_are_refused(key):
    assert not pattern("kms_key_id").fullmatch(key)
    assert not pattern("region_kms_key_ids").fullmatch(key)


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("ami_users", "123456789012,210987654321", "12345678901"),
        ("ami_org_arns", "arn:aws:organizations::123456789012:organization/o-a1b2c3d4e5", "o-a1b2c3d4e5"),
        ("ami_ou_arns", "arn:aws-cn:organizations::123456789012:ou/o-a1b2c3d4e5/ou-a1b2-c3d4e5f6", "ou-a1b2-c3d4e5f6"),
        ("ami_regions", "eu-west-1,eu-central-1", "us-gov-west-1"),
        ("deprecate_at", "2027-11-21T00:00:00Z", "2027-11-21"),
        ("lock_hash", "0" * 64, "0" * 63),
        ("ssh_source_cidrs", "203.0.113.7/32,10.0.0.0/8", "203.0.113.7"),
        ("subnet_id", "subnet-0a1b", "sn-1"),
    ],
)
def test_forms_of_values(name, good, bad):
    assert pattern(name).fullmatch(good)
    assert not pattern(name).fullmatch(bad)


@pytest.mark.parametrize("region", ["us-gov-west-1", "us-iso-east-1", "cn_north_1", "moon-north-1"])
def test_regions_of_other_partitions_are_refused(region):
    assert not pattern("region").fullmatch(region)


@pytest.mark.parametrize("name", ["debian-13-arm64-*", "debian-13-amd64-20260901-2200"])
def test_inexact_or_foreign_source_images_are_refused(name):
    assert not pattern("source_image_name").fullmatch(name)


@pytest.mark.parametrize("name", variables())
def test_each_variable_is_typed_described_and_used(name):
    assert re.search(r"^  type +=", variable(name), re.MULTILINE)
    assert re.search(r'^  description += ".{20,}"$', variable(name), re.MULTILINE)
    assert f"var.{name}" in TEMPLATE


# Paths on the controller, which Packer reads or says what is wrong with.
UNCHECKED = {"bill_path", "collection_root", "manifest_path"}


@pytest.mark.parametrize("name", [name for name in variables() if name not in UNCHECKED])
def test_each_variable_is_checked_with_a_message_that_names_it(name):
    validation = settings(variable(name), "validation")
    assert f"var.{name}" in validation["condition"]
    assert re.fullmatch(rf'"The {name} must .+\."', validation["error_message"])


# What a bake cannot do without; everything else has a default that fits a default account.
REQUIRED = {"airflow_version", "airflow_python", "image_hash", "source_image_names", "source_image_owners", "region"}


def test_only_what_differs_from_bake_to_bake_is_required():
    assert {name for name in variables() if default(name) is None} == REQUIRED


def test_the_image_its_snapshot_and_the_baking_instance_can_be_told_by_tags():
    for setting in ("tags", "snapshot_tags", "run_tags", "run_volume_tags"):
        assert re.search(rf"^  {setting} += (merge\()?local\.tags", TEMPLATE, re.MULTILINE), setting


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        ("graviflow:image", "var.image_hash"),
        ("graviflow:airflow", "var.airflow_version"),
        ("graviflow:python", "var.airflow_python"),
        ("graviflow:lock", "var.lock_hash"),
        ("graviflow:commit", "var.commit"),
        ("graviflow:base", "local.source_image_name"),
    ],
)
def test_an_image_says_what_it_is_made_of(tag, value):
    """These come last in merge(), so nobody's own tags can replace them."""
    assert re.search(rf'^  tags = merge\(var\.tags, {{\n(    .+\n)*    "{tag}" += {value}$', TEMPLATE, re.MULTILINE)


def test_plugins_are_pinned_exactly():
    versions = re.findall(r'^ +version = "(.+)"$', (PACKER / "plugins.pkr.hcl").read_text(), re.MULTILINE)
    assert len(versions) == 2 and all(re.fullmatch(r"= \d+\.\d+\.\d+", version) for version in versions)


def test_no_credential_can_be_written_into_the_template():
    assert not re.search(r"access_key|secret_key|token *=|password", TEMPLATE + VARIABLES + RELEASE)
