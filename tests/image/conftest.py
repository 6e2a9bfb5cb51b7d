"""The image of this checkout, for all that looks at it.

IMAGE_REGION, IMAGE_PORT and IMAGE_HOME choose the local region, by default the end-to-end test's: one bake serves both.
IMAGE_VARIABLES is the file that says which image.
"""

import os
import re
import subprocess
import sys

import pytest

from tests.playbook import ROOT, run

NAME = os.environ.get("IMAGE_REGION", "graviflow")
PORT = os.environ.get("IMAGE_PORT", "5590")
HOME = os.environ.get("IMAGE_HOME", ".local")
VARIABLES = os.environ.get("IMAGE_VARIABLES", "tests/e2e/stack.yml")
AWS_REGION = os.environ.get("E2E_REGION", "us-east-1")


def region(command: str) -> int:
    place = ["--name", NAME, "--port", PORT, "--home", HOME]
    return subprocess.run([sys.executable, "-m", "local_region", command, *place], cwd=ROOT, check=False).returncode


@pytest.fixture(scope="session")
def home():
    """Where the authority is that the image trusts."""
    return ROOT / HOME


@pytest.fixture(scope="session")
def ami():
    """The Docker image of the AMI that fits this checkout: found, or baked."""
    was_up = region("status") == 0
    assert region("up") == 0
    where = {"STACK_REGION": AWS_REGION, "LOCAL_REGION_PORT": PORT}
    baked = run(["ansible-playbook", "playbooks/image.yml", "-e", f"@{VARIABLES}"], where)
    assert baked.returncode == 0, baked.tail
    yield f"{NAME}/ami:{re.search(r'(ami-[0-9a-f]{17}) has content', baked.output)[1]}"
    if not was_up:
        region("down")
