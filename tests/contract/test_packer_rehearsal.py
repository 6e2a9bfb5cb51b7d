"""The copy for old Packer is the template without what is marked, and the installed Packer accepts it."""

import difflib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKER = ROOT / "packer"

needs_packer = pytest.mark.skipif(not shutil.which("packer"), reason="packer is not installed")


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rehearsal")
    subprocess.run([PACKER / "rehearse", folder], check=True)
    return folder


def packer(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # the provisioner asks for ansible-playbook's version
    return subprocess.run(
        ["packer", *arguments], cwd=ROOT, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=False
    )


def validate(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    given = {"region": "cn-north-1", "image_hash": "0" * 64} | variables
    return packer("validate", *(f"-var={name}={value}" for name, value in given.items()), folder)


def test_all_files_but_the_plugins_are_copied(rehearsal):
    names = {path.name for path in PACKER.glob("*.hcl")}
    assert {path.name for path in rehearsal.iterdir()} == names - {"plugins.pkr.hcl"}


@pytest.mark.parametrize("name", sorted(path.name for path in PACKER.glob("*.hcl") if path.name != "plugins.pkr.hcl"))
def test_a_copy_differs_by_the_marked_blocks_only(rehearsal, name):
    ours, copied = (PACKER / name).read_text(), (rehearsal / name).read_text()
    difference = [line for line in difflib.ndiff(ours.splitlines(), copied.splitlines()) if line[0] in "+-"]
    marked = "\n".join(re.findall(r"^ *# BEGIN packer>=1\.7$.*?# END packer>=1\.7$", ours, re.MULTILINE | re.DOTALL))
    assert difference == [f"- {line}" for line in marked.splitlines()]


def test_what_is_left_out_is_what_old_packer_does_not_know(rehearsal):
    template, copied = (PACKER / "airflow.pkr.hcl").read_text(), (rehearsal / "airflow.pkr.hcl").read_text()
    for setting in ("metadata_options", "imds_support", "temporary_key_pair_type", "deprecate_at", "ami_org_arns"):
        assert setting in template and setting not in copied


@needs_packer
def test_the_template_is_formatted():
    result = packer("fmt", "-check", "-diff", PACKER)
    assert result.returncode == 0, result.stdout


@needs_packer
def test_packer_accepts_the_copy(rehearsal):
    result = validate(rehearsal)
    assert result.returncode == 0, result.stdout + result.stderr


@needs_packer
def test_packer_accepts_sharing_and_copies_with_keys(rehearsal):
    shared = {
        "kms_key_id": "alias/airflow",
        "ami_users": '["123456789012", "210987654321"]',
        "ami_regions": '["cn-northwest-1"]',
        "region_kms_key_ids": '{"cn-northwest-1": "0a1b2c3d-0a1b-4a1b-8a1b-0a1b2c3d4e5f"}',
        "tags": '{"cost": "data-platform"}',
        "run_tags": '{"graviflow:baker": "ci-1"}',
        "deprecate_at": "2027-11-21T00:00:00Z",
    }
    result = validate(rehearsal, **shared)
    assert result.returncode == 0, result.stdout + result.stderr


@needs_packer
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("instance_type", "m5.large"),
        ("region", "us-gov-west-1"),
        ("source_image_name", "debian-13-arm64-*"),
        ("source_image_names", '{"3.13" = "debian-13-amd64-20260901-2200"}'),
        ("extra_packages", '["jq; reboot"]'),
        ("plugins", "plugins"),
        ("image_hash", "latest"),
        ("airflow_version", "3"),
        ("airflow_python", "2.7"),
        ("ssh_interface", "telepathy"),
        ("root_volume_size", "4"),
        ("kms_key_id", "arn:aws-cn:kms:cn-north-1:123456789012:key/0a1b2c3d"),
        ("ami_users", '["12345678901"]'),
        ("ami_org_arns", '["o-a1b2c3d4e5"]'),
        ("ami_regions", '["us-gov-west-1"]'),
        ("region_kms_key_ids", '{"cn-northwest-1": "arn:aws-cn:kms:cn-northwest-1:123456789012:key/0a1b"}'),
        ("deprecate_at", "tomorrow"),
        ("ssh_source_cidrs", "[]"),
        ("subnet_id", "private"),
    ],
)
def test_packer_refuses_bad_values(rehearsal, name, value):
    result = validate(rehearsal, **{name: value})
    assert result.returncode != 0
    assert f"The {name} must be" in " ".join((result.stdout + result.stderr).split())
