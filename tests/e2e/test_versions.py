"""Each version of Airflow: hosts boot from its image, run a DAG and need no change; it can be baked again.

`make image` runs it, in about twenty minutes.
"""

import os

import pytest

from tests import playbook
from tests.e2e.stack import REGION, aws
from tests.playbook import ROOT

pytestmark = pytest.mark.skipif("E2E_VERSIONS" not in os.environ, reason="takes twenty minutes: make image")

VERSIONS = {"3.3.2": "stack", "2.11.2": "airflow2"}
STACK = "airflow-versions"
OTHER_REGION = "eu-west-1"


def run(command, variables, **environment):
    environment = {"STACK_NAME": STACK, "STACK_REGION": REGION, **environment}
    return playbook.run([*command, "-e", f"@tests/e2e/{variables}.yml"], environment)


@pytest.fixture(params=VERSIONS)
def version(request):
    yield request.param
    teardown = ["ansible-playbook", "playbooks/teardown.yml", "-e", f"teardown_confirm={STACK}"]
    gone = run(teardown, VERSIONS[request.param])
    assert gone.returncode == 0, gone.tail


def test_hosts_of_its_image_run_a_dag_and_a_second_bake_has_the_same_packages(version):
    made = run(["tools/up"], VERSIONS[version])
    assert made.returncode == 0, made.tail

    ec2 = aws("ec2")
    of_stack = [
        {"Name": "tag:graviflow:stack", "Values": [STACK]},
        {"Name": "tag:graviflow:role", "Values": ["host"]},
        {"Name": "instance-state-name", "Values": ["running"]},
    ]
    pages = ec2.describe_instances(Filters=of_stack)["Reservations"]
    (image_id,) = {instance["ImageId"] for page in pages for instance in page["Instances"]}
    (image,) = ec2.describe_images(ImageIds=[image_id])["Images"]
    assert {tag["Key"]: tag["Value"] for tag in image["Tags"]}["graviflow:airflow"] == version

    (bill,) = ROOT.glob(f".local/image/{image['Name']}.cdx.json")
    first = bill.read_bytes()
    assert b'"purl": "pkg:pypi/apache-airflow@' + version.encode() in first
    elsewhere = run(["ansible-playbook", "playbooks/image.yml"], VERSIONS[version], STACK_REGION=OTHER_REGION)
    assert elsewhere.returncode == 0, elsewhere.tail
    assert bill.read_bytes() == first, "two bakes of the same content have other packages"

    again = run(["ansible-playbook", "playbooks/site.yml"], VERSIONS[version])
    assert again.returncode == 0, again.tail
    assert set(again.changed.values()) == {0}, again.changed
