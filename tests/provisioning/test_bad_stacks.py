"""Every bad setting is refused with value, rule and fix, and nothing was created."""

import json

import pytest
import yaml

from tests.playbook import ROOT, run
from tests.provisioning import region
from tests.provisioning.observed import READING

BAD = yaml.safe_load((ROOT / "tests/bad_stacks.yml").read_text())


def stacks():
    """Bad stacks, each with as many bad settings as it can have at once: preflight tells all of them."""
    found = {}
    for bad in BAD:
        number = sum(bad["variable"] in stack for stack in found.values())
        found.setdefault(f"bad-{number}", {"compute_ssh_public_key": ""})[bad["variable"]] = bad["value"]
    return found


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """What preflight said of each stack, all of them in one run."""
    directory = tmp_path_factory.mktemp("said")
    inventory = directory / "inventory.json"
    inventory.write_text(json.dumps({"bad": {"hosts": stacks()}}))
    region.control("DELETE", "calls")
    inventories = ["-i", "inventories/local", "-i", str(inventory)]
    region.playbook("tests/provisioning/bad_stacks.yml", "us-east-1", *inventories, "-e", f"said_directory={directory}")
    return [path.read_text() for path in directory.glob("bad-*")]


def test_each_stack_is_refused(said):
    assert len(said) == len(stacks())
    assert all(text.startswith(("Nothing was created", "Action failed: Nothing was created")) for text in said)


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: f"{bad['variable']}={bad['value']}")
def test_the_rule_is_told(said, bad):
    told = [paragraph for text in said for paragraph in text.split("\n- ") if bad["variable"] in paragraph]
    assert any(bad["rule"] in paragraph for paragraph in told), told


def test_the_playbook_refuses_before_it_creates():
    refused = region.playbook("playbooks/provision.yml", "us-east-1", "-e", "compute_instance_type=m7i.large")
    assert refused.returncode != 0
    assert "Graviton" in refused.output


@pytest.mark.parametrize("example", ["example", "example-cn"])
def test_the_examples_can_be_made(example):
    key = json.dumps({"compute_ssh_public_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGexample"})
    aws = {
        "AWS_ENDPOINT_URL": region.URL,
        "AWS_ACCESS_KEY_ID": "AKIAOPERATOR00000000",
        "AWS_SECRET_ACCESS_KEY": "local",
    }
    command = ["ansible-playbook", "-i", f"inventories/{example}", "playbooks/provision.yml", "--tags", "preflight"]
    finished = run([*command, "-e", key], aws)
    assert finished.returncode == 0, finished.tail


def test_nothing_was_created():
    calls = region.control("GET", "calls")
    assert calls
    assert [call for call in calls if not READING.match(call.split(":")[1])] == []
