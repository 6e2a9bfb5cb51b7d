"""The parts that make an image agree with one another."""

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
IMAGE = yaml.safe_load((ROOT / "roles/image/vars/main.yml").read_text())
INSTALL = yaml.safe_load((ROOT / "roles/airflow_install/vars/main.yml").read_text())
VARIABLES = re.findall(r'^variable "(\w+)"', (ROOT / "packer/variables.pkr.hcl").read_text(), re.MULTILINE)
ROOMS = ("packer", "roles/airflow_install", "roles/image", "roles/image_seal")


def bake_roles() -> list[str]:
    (play,) = yaml.safe_load((ROOT / "playbooks/bake.yml").read_text())
    return [role["role"].removeprefix("graviflow.airflow.") for role in play["roles"]]


def test_whatever_bakes_is_part_of_the_hash():
    assert {f"roles/{role}" for role in bake_roles()} < set(IMAGE["__image_content"])


def test_sealing_comes_last():
    assert bake_roles()[-1] == "image_seal"


def test_the_template_knows_each_variable_that_it_is_given():
    assert set(IMAGE["__image_stack_variables"]) <= set(VARIABLES)


def test_variables_that_do_not_count_for_the_hash_exist():
    assert set(IMAGE["__image_transport_variables"]) <= set(VARIABLES)


def test_directories_of_the_image_belong_to_root_only():
    template = (ROOT / "roles/airflow_install/templates/tmpfiles.conf.j2").read_text()
    assert re.findall(r"^d .*", template, re.MULTILINE) == ["d {{ directory }} 0755 root root"]
    assert {"/etc/airflow", "/var/lib/airflow", "/var/log/airflow"} < set(INSTALL["__airflow_install_directories"])


def test_where_packages_come_from_is_left_to_the_machine_that_bakes():
    """Mirrors and proxies are configured on machines; the only address here is that of AWS's own authorities."""
    texts = (path for room in ROOMS for path in (ROOT / room).rglob("*") if path.is_file() and path.suffix != ".pyc")
    hosts = {host for path in texts for host in re.findall(r"https?://([a-z][a-z0-9.-]+)", path.read_text())}
    assert hosts == {"truststore.pki.rds.amazonaws.com", "rds-truststore.s3.cn-north-1.amazonaws.com.cn"}
