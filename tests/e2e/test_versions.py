"""Each version of Airflow: hosts boot from its image and run a DAG; a second bake is the same; 2.11 moves to 3.3.

`make image` runs it, in about half an hour.
"""

import os

import pytest

from tests import playbook
from tests.e2e.stack import REGION, Airflow, aws, instances, target_health, until
from tests.playbook import ROOT

pytestmark = pytest.mark.skipif("E2E_VERSIONS" not in os.environ, reason="takes half an hour: make image")

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

    (image_id,) = {instance["ImageId"] for instance in instances(STACK).values()}
    (image,) = aws("ec2").describe_images(ImageIds=[image_id])["Images"]
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

    if version != "3.3.2":
        moved_to_3()


def moved_to_3():
    """docs/upgrade.md, from step 5 on: the history of 2.11 is there in 3.3."""
    before = set(instances(STACK))
    published = run(["ansible-playbook", "playbooks/provision.yml"], "moved")
    assert published.returncode == 0, published.tail
    assert set(instances(STACK)) == before
    aws("ec2").terminate_instances(InstanceIds=list(before))
    until(lambda: len(set(instances(STACK)) - before) == 2, 300, "Auto Scaling brings new hosts")
    until(lambda: sorted(target_health(STACK).values()) == ["healthy"] * 2, 600, "both targets are healthy")
    works = run(["ansible-playbook", "playbooks/site.yml"], "moved")
    assert works.returncode == 0, works.tail
    # One of each site.yml: with tools/up, again, and now.
    runs = Airflow(STACK).request("/api/v2/dags/graviflow_verify/dagRuns?order_by=start_date")["dag_runs"]
    assert [each["state"] for each in runs] == ["success"] * 3, runs
