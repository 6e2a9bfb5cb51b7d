"""The stack under test: how its playbooks are run, how it is reached as a user and as an operator of AWS."""

import base64
import json
import os
import re
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from email.message import Message

import boto3

import tests.playbook
from tests.playbook import ROOT, Finished

STACK = "airflow-test"
REGION = os.environ.get("E2E_REGION", "us-east-1")
ENDPOINT = "http://127.0.0.1:5590"
VARIABLES = "@tests/e2e/stack.yml"


def run(command: list[str]) -> Finished:
    """Runs a command on the stack under test."""
    return tests.playbook.run(command, {"STACK_NAME": STACK, "STACK_REGION": REGION})


def playbook(name: str, *arguments: str) -> Finished:
    """Runs one of the collection's playbooks on the stack under test."""
    return run(["ansible-playbook", f"playbooks/{name}.yml", "-e", VARIABLES, *arguments])


def aws(service: str):
    """A client of the region."""
    return boto3.client(
        service, REGION, endpoint_url=ENDPOINT, aws_access_key_id="local", aws_secret_access_key="local"
    )


def instances(stack: str = STACK) -> dict[str, dict]:
    """Instance id -> instance, of a stack's running hosts."""
    filters = [
        {"Name": "tag:graviflow:stack", "Values": [stack]},
        {"Name": "tag:graviflow:role", "Values": ["host"]},
        {"Name": "instance-state-name", "Values": ["running"]},
    ]
    pages = aws("ec2").describe_instances(Filters=filters)["Reservations"]
    return {i["InstanceId"]: i for page in pages for i in page["Instances"]}


def permissions(kind: str) -> list[str]:
    """Patterns of the actions that the stack's role allows on whatever resource: `host` or `task`."""
    iam, role, patterns = aws("iam"), f"{STACK}-{kind}-{REGION}", []
    documents = [
        iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
    ]
    for policy in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        version = iam.get_policy(PolicyArn=policy["PolicyArn"])["Policy"]["DefaultVersionId"]
        found = iam.get_policy_version(PolicyArn=policy["PolicyArn"], VersionId=version)
        documents.append(found["PolicyVersion"]["Document"])
    for statement in (each for document in documents for each in document["Statement"]):
        if statement["Effect"] == "Allow":
            actions = statement["Action"]
            patterns += [actions] if isinstance(actions, str) else actions
    return patterns


def calls_of(kind: str) -> set[str]:
    """Actions that were called as the stack's role, in IAM's words, from the call log; denied ones are marked."""
    prefix = {"efs": "elasticfilesystem", "elbv2": "elasticloadbalancing"}
    # What S3 calls otherwise than IAM does.
    permission = {"HeadObject": "GetObject", "ListObjects": "ListBucket", "ListObjectsV2": "ListBucket"}
    lines = (ROOT / ".local/graviflow/calls.jsonl").read_text().splitlines()
    calls = [json.loads(line) for line in lines if f"assumed-role/{STACK}-{kind}-{REGION}/" in line]
    return {
        f"{prefix.get(call['service'], call['service'])}:{permission.get(call['action'], call['action'])}"
        + (" DENIED" if call["status"] == 403 else "")
        for call in calls
    }


def target_health(stack: str = STACK) -> dict[str, str]:
    """Target -> state, as the load balancer sees it."""
    elb = aws("elbv2")
    groups = elb.describe_target_groups(Names=[f"{stack}-web"])["TargetGroups"]
    rows = elb.describe_target_health(TargetGroupArn=groups[0]["TargetGroupArn"])["TargetHealthDescriptions"]
    return {row["Target"]["Id"]: row["TargetHealth"]["State"] for row in rows}


def until(condition: Callable[[], object], seconds: float, what: str, every: float = 1) -> object:
    """Waits until the condition is truthy and returns it; the last answer or error is in the failure."""
    end, last = time.monotonic() + seconds, None
    while time.monotonic() < end:
        try:
            last = condition()
            if last:
                return last
        except (OSError, KeyError) as error:
            last = error
        time.sleep(every)
    raise AssertionError(f"{what}: not within {seconds} s, last seen {last!r}")


def login(secret: str, stack: str = STACK) -> dict[str, str]:
    """A login among a stack's secrets: `admin` or `flower`."""
    found = aws("secretsmanager").get_secret_value(SecretId=f"/graviflow/{stack}/{secret}")
    return json.loads(found["SecretString"])


class Airflow:
    """Airflow's REST API as a user reaches it: over HTTPS through the load balancer, its certificate verified."""

    def __init__(self, stack: str = STACK) -> None:
        with urllib.request.urlopen(f"{ENDPOINT}/_region/state") as answer:
            self.url = json.load(answer)["endpoints"][f"{stack}-web"]["url"].rstrip("/")
        secret = aws("secretsmanager").get_secret_value(SecretId=f"/graviflow/{stack}/web_certificate")
        self.tls = ssl.create_default_context(cadata=json.loads(secret["SecretString"])["certificate_authority"])
        self.login = login("admin", stack)
        self.token = ""

    def request(self, path: str, body: dict | None = None, timeout: float = 10) -> dict:
        """GET, or POST of a JSON body; signs in first where that was not done yet."""
        if not self.token and path != "/auth/token":
            self.token = self.request("/auth/token", {k: self.login[k] for k in ("username", "password")})[
                "access_token"
            ]
        request = urllib.request.Request(self.url + path, data=json.dumps(body).encode() if body is not None else None)
        request.add_header("Content-Type", "application/json")
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
        with urllib.request.urlopen(request, context=self.tls, timeout=timeout) as answer:
            return json.load(answer)

    def sign_in(self) -> str:
        """Fills in the login form as a browser does, and returns the name that the UI then greets."""
        tls, cookies = urllib.request.HTTPSHandler(context=self.tls), urllib.request.HTTPCookieProcessor()
        browser, form = urllib.request.build_opener(tls, cookies), f"{self.url}/auth/login/?next=%2F"
        with browser.open(form, timeout=10) as page:
            csrf_token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.read().decode())[1]
        fields = {**self.login, "csrf_token": csrf_token}
        answer = urllib.request.Request(form, urllib.parse.urlencode(fields).encode(), {"Referer": form})
        browser.open(answer, timeout=10).close()
        with browser.open(f"{self.url}/ui/auth/me", timeout=10) as me:
            return json.load(me)["username"]

    def headers(self, path: str) -> Message:
        """The headers of a page that needs no login."""
        with urllib.request.urlopen(self.url + path, context=self.tls, timeout=5) as answer:
            return answer.headers

    def flower(self, path: str) -> dict:
        """GET of Flower, which has a login of its own."""
        user = login("flower")
        given = base64.b64encode(f"{user['username']}:{user['password']}".encode()).decode()
        request = urllib.request.Request(f"{self.url}/flower{path}", headers={"Authorization": f"Basic {given}"})
        with urllib.request.urlopen(request, context=self.tls, timeout=10) as answer:
            return json.load(answer)

    def status(self, path: str) -> int:
        """The status of a page that needs no login."""
        try:
            with urllib.request.urlopen(self.url + path, context=self.tls, timeout=5) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code
