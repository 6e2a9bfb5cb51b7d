"""How long a host takes from its start until it works, against the floor, in one run on the stack that `make up` made.

The floor is Airflow itself: its API server and a Celery worker, started by hand on the same host, nothing beside them.
"""

import json
import os
import subprocess
import sys
import time

import boto3
from runs import ENDPOINT, ROOT

ROUNDS = 3
STACK = os.environ.get("STACK_NAME", "airflow-local")
REGION = os.environ.get("STACK_REGION", "cn-north-1")
EC2 = boto3.client("ec2", REGION, endpoint_url=ENDPOINT, aws_access_key_id="local", aws_secret_access_key="local")


def a_host() -> str:
    """Id of one of the stack's hosts."""
    tags = {"graviflow:stack": STACK, "graviflow:role": "host"}
    filters = [{"Name": f"tag:{key}", "Values": [value]} for key, value in tags.items()]
    filters.append({"Name": "instance-state-name", "Values": ["running"]})
    pages = EC2.describe_instances(Filters=filters)["Reservations"]
    found = sorted(instance["InstanceId"] for page in pages for instance in page["Instances"])
    return found[0] if found else sys.exit(f"stack {STACK} has no host in {REGION}: run `make up`")


def docker(*arguments: str, stdin: str = "") -> str:
    """What Docker's command line prints."""
    done = subprocess.run(["docker", *arguments], input=stdin, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"docker {' '.join(arguments[:3])}: {done.stderr[-2000:]}")
    return done.stdout.strip()


def measure(host: str, what: str) -> dict[str, float]:
    """Seconds until the API server is healthy and until the worker consumes."""
    program = (ROOT / "bench/floor/start.py").read_text()
    python = ["/opt/airflow/bin/python", "-", what]
    return json.loads(docker("exec", "--interactive", f"graviflow-instance-{host}", *python, stdin=program))


def reboot(host: str) -> None:
    """Reboots the host, and returns when it has started anew."""
    started = "{{.State.StartedAt}}"
    before = docker("inspect", f"graviflow-instance-{host}", "--format", started)
    EC2.reboot_instances(InstanceIds=[host])
    while docker("inspect", f"graviflow-instance-{host}", "--format", started) == before:
        time.sleep(0.1)


def main() -> None:
    """Prints the table."""
    host = a_host()
    best: dict[str, dict[str, float]] = {}
    for _ in range(ROUNDS):
        reboot(host)
        for what in ("boot", "floor"):
            took = measure(host, what)
            if max(took.values()) < max(best.get(what, {"": float("inf")}).values()):
                best[what] = took
    for what, took in best.items():
        print(f"{what:6} API server healthy {took['api-server']:5.1f} s, worker consumes {took['worker']:5.1f} s")
    print(f"ratio of the later ones {max(best['boot'].values()) / max(best['floor'].values()):.2f} (best of {ROUNDS})")
    print(docker("exec", f"graviflow-instance-{host}", "systemd-analyze", "critical-chain", "airflow.target"))


if __name__ == "__main__":
    main()
