"""Bad weather while a stack is made: AWS throttles, fails, denies; the run is killed.

`make weather` runs it, in about an hour. Whatever happened, the next run goes on from there, and the one after that
changes nothing.
"""

import json
import os
import re
import signal
import subprocess
import time

import pytest

from tests.playbook import ROOT
from tests.provisioning import region
from tests.provisioning.observed import READING
from tests.provisioning.test_stack import NAME, Stack, good, unchanged

pytestmark = pytest.mark.skipif("PROVISION_WEATHER" not in os.environ, reason="takes an hour: make weather")

CELL = {"stack_region": "us-east-1", "high_availability": True, "database_engine": "postgres", "network": "own"}
CALLS = ROOT / f".local/{region.NAME}/calls.jsonl"
CHANGING = f"[a-z0-9-]+:(?!{READING.pattern}).*"


@pytest.fixture
def stack(tmp_path):
    """A stack that does not exist yet, and that is gone afterwards."""
    stack = Stack(CELL, tmp_path)
    region.control("DELETE", "calls")
    yield stack
    region.control("PUT", "faults", [])
    good(stack.playbook("teardown", "-e", f"teardown_confirm={NAME}"))


@pytest.fixture(scope="module")
def actions(tmp_path_factory):
    """Every action of a first provision and a teardown."""
    stack = Stack(CELL, tmp_path_factory.mktemp("stack"))
    region.control("DELETE", "calls")
    good(stack.playbook("provision"))
    good(stack.playbook("teardown", "-e", f"teardown_confirm={NAME}"))
    return sorted(region.control("GET", "calls"))


def faults_since(position):
    """Actions that a fault was injected into, from the call log."""
    with CALLS.open() as log:
        log.seek(position)
        calls = [json.loads(line) for line in log]
    return {f"{call['service']}:{call['action']}" for call in calls if call["fault"]}


THROTTLED, UNAVAILABLE = {"code": "Throttling", "status": 400}, {"code": "ServiceUnavailable", "status": 503}
OF_SERVICE = {"s3": {"code": "SlowDown", "status": 503}}  # S3 has one answer for both


@pytest.mark.parametrize("fault", [THROTTLED, UNAVAILABLE], ids=lambda fault: fault["code"])
def test_what_passes_is_waited_out(stack, actions, fault):
    faults = {action: OF_SERVICE.get(action.split(":")[0], fault) for action in actions}
    rules = [{"match": re.escape(action), "times": 2, **fault} for action, fault in faults.items()]
    region.control("PUT", "faults", rules)
    start = CALLS.stat().st_size
    good(stack.playbook("provision"))
    assert len(faults_since(start)) > 60
    region.control("PUT", "faults", [])
    assert unchanged(stack.playbook("provision"))


def test_a_missing_permission_is_named_and_the_next_run_goes_on(stack):
    allowed, rounds = set(), 0
    while True:
        but = "".join(f"(?!{re.escape(action)}$)" for action in sorted(allowed))
        denial = {"match": but + CHANGING, "times": None, "code": "AccessDenied", "status": 403}
        region.control("PUT", "faults", [denial])
        start, rounds = CALLS.stat().st_size, rounds + 1
        finished = stack.playbook("provision")
        denied = faults_since(start)
        if finished.returncode == 0:
            break
        assert denied, finished.tail
        # Of each service one: a module that tidies up after a refusal may be refused that, too, and tells the first.
        named = {action.split(":")[0] for action in denied if names(finished.output, action)}
        assert {action for action in denied if action.split(":")[0] not in named} == set()
        allowed |= denied
        assert rounds < 60
    assert not denied
    assert unchanged(stack.playbook("provision"))


def names(output, action):
    """Whether an output says which action failed, if in words: "Failed to revoke security group ingress"."""
    return action.split(":")[1].lower() in re.sub("[^a-z]", "", output.lower())


def test_a_run_that_is_killed_goes_on_where_it_was(stack):
    kills = 0
    while not (ended := killed_after(stack, changes=4)):
        kills += 1
        assert kills < 60
    assert ended == "finished"
    assert kills > 5
    assert unchanged(stack.playbook("provision"))


def killed_after(stack, changes):
    """Starts a run and kills it, with all that it started, after so many changing calls; says if it finished before."""
    command = ["ansible-playbook", "playbooks/provision.yml", "-e", f"@{stack.variables}"]
    environment = {"STACK_NAME": NAME, "STACK_REGION": stack.region, "LOCAL_REGION_PORT": str(region.PORT)}
    before = changing_calls()
    with subprocess.Popen(command, cwd=ROOT, env={**os.environ, **environment}, start_new_session=True) as process:
        while process.poll() is None:
            if changing_calls() - before >= changes:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                return ""
            time.sleep(0.05)
    assert process.returncode == 0, "the run failed by itself"
    return "finished"


def changing_calls():
    """Number of calls since the region was made that change something."""
    counted = region.control("GET", "calls")
    return sum(count for action, count in counted.items() if not READING.match(action.split(":")[1]))
