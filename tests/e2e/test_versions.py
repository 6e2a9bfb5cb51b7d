"""Each version of Airflow: its image is baked, hosts boot from it, run the DAG of verify.yml and need no change.

`make image` runs it, in about twenty minutes.
"""

import os

import pytest

from tests import playbook
from tests.e2e.stack import REGION, aws

pytestmark = pytest.mark.skipif("E2E_VERSIONS" not in os.environ, reason="takes twenty minutes: make image")

VERSIONS = {"3.3.2": "stack", "2.11.2": "airflow2"}
STACK = "airflow-versions"


def run(command, variables):
    return playbook.run([*command, "-e", f"@tests/e2e/{variables}.yml"], {"STACK_NAME": STACK, "STACK_REGION": REGION})


@pytest.fixture(params=VERSIONS)
def version(request):
    yield request.param
    teardown = ["ansible-playbook", "playbooks/teardown.yml", "-e", f"teardown_confirm={STACK}"]
    gone = run(teardown, VERSIONS[request.param])
    assert gone.returncode == 0, gone.tail


def test_hosts_of_its_image_run_a_dag(version):
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

    again = run(["ansible-playbook", "playbooks/site.yml"], VERSIONS[version])
    assert again.returncode == 0, again.tail
    assert set(again.changed.values()) == {0}, again.changed
