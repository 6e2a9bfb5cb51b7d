"""What RunInstances takes from a launch template."""

from types import SimpleNamespace

import pytest
from moto.ec2.exceptions import EC2ClientError

from local_region.patches.ec2 import check_architecture, complete, in_subnet, spare_addresses

ZONES = {"cn-north-1a": SimpleNamespace(id="subnet-a"), "cn-north-1b": SimpleNamespace(id="subnet-b")}


def test_the_groups_subnet_completes_the_templates_interface():
    template = {"NetworkInterfaces": [{"Groups": ["sg-1"]}], "MetadataOptions": {"HttpTokens": "required"}}
    done = complete({"subnet_id": "subnet-1", "nics": []}, template)
    assert done["nics"] == [{"Groups": ["sg-1"], "DeviceIndex": 0, "SubnetId": "subnet-1"}]
    assert done["metadata_options"] == {"HttpTokens": "required"}
    assert template["NetworkInterfaces"] == [{"Groups": ["sg-1"]}], "the template was changed"


def test_the_request_beats_the_template():
    template = {"NetworkInterfaces": [{"SubnetId": "t"}], "MetadataOptions": {"HttpTokens": "required"}}
    asked = {"nics": [{"SubnetId": "r", "DeviceIndex": 0}], "metadata_options": {"HttpTokens": "optional"}}
    done = complete(asked, template)
    assert (done["nics"][0]["SubnetId"], done["metadata_options"]["HttpTokens"]) == ("r", "optional")


@pytest.mark.parametrize(("placement", "subnet"), [("cn-north-1b", "subnet-b"), (None, "subnet-a")])
def test_a_default_subnet(placement, subnet):
    assert in_subnet({"nics": [], "placement": placement}, ZONES)["subnet_id"] == subnet


def test_no_default_subnet_is_said():
    with pytest.raises(EC2ClientError):
        in_subnet({"nics": []}, {})
    assert in_subnet({"nics": [], "subnet_id": "s"}, {})["subnet_id"] == "s"


@pytest.mark.parametrize(
    ("architecture", "kind"), [("x86_64", "m7g.large"), ("arm64", "m5.large"), ("arm64", "m7g.none")]
)
def test_architectures_must_match(architecture, kind):
    with pytest.raises(EC2ClientError):
        check_architecture(SimpleNamespace(architecture=architecture), kind)


def test_an_arm_image_runs_on_graviton():
    check_architecture(SimpleNamespace(architecture="arm64"), "t4g.medium")


def test_public_addresses_are_nobodys():
    spare = spare_addresses(5590)
    assert {next(spare).rsplit(".", 1)[0] for _ in range(500)} == {"198.18.214"}
