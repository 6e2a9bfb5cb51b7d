"""What the roles allow, as they are rendered: the local region does not enforce policies."""

import fnmatch
import json
import re
from pathlib import Path

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

ROLE = Path(__file__).parents[3] / "roles/identity"
ACCOUNT = "123456789012"


def templar(**variables):
    loader = DataLoader()
    paths = (str(ROLE / name / "main.yml") for name in ("defaults", "vars"))
    defaults, internal = (loader.load_from_file(path, trusted_as_template=True) for path in paths)
    given = {
        "stack_name": "demo",
        "stack_region": "cn-north-1",
        "stack_tags": {},
        "__identity_caller": {"account": ACCOUNT, "arn": f"arn:aws-cn:iam::{ACCOUNT}:user/x"},
    }
    return Templar(loader=loader, variables={**defaults, **internal, **given, **variables})


def statements(**variables):
    """Of the hosts' role."""
    text = (ROLE / "templates/host_policy.json.j2").read_text()
    policy = templar(**variables).template(trust_as_template(text), convert_data=False)
    return {each["Sid"]: each for each in json.loads(policy)["Statement"]}


def task_statements(**variables):
    """Of the task role."""
    text = "{{ __identity_task_statements[identity_task_logs] }}"
    return {each["Sid"]: each for each in templar(**variables).template(trust_as_template(text))}


def allowed(statement, action, resource):
    actions, resources = (
        [each] if isinstance(each, str) else each for each in (statement["Action"], statement["Resource"])
    )
    return action in actions and any(fnmatch.fnmatchcase(resource, pattern) for pattern in resources)


@pytest.mark.parametrize(
    ("backend", "action", "resource"),
    [
        ("secrets_manager", "secretsmanager:GetSecretValue", "secretsmanager:{}:secret:/graviflow/demo/{}-a1B2c3"),
        ("parameter_store", "ssm:GetParameters", "ssm:{}:parameter/graviflow-secrets/demo/{}"),
    ],
)
def test_hosts_read_their_own_secrets(backend, action, resource):
    statement = statements(identity_secrets_backend=backend)["ReadSecrets"]
    place = f"cn-north-1:{ACCOUNT}"
    for secret, expected in {"database": True, "admin": True, "flower": True, "web_certificate": False}.items():
        arn = "arn:aws-cn:" + resource.format(place, secret)
        assert allowed(statement, action, arn) is expected, arn
        assert not allowed(statement, action, arn.replace("/demo/", "/other/"))


def test_hosts_pull_from_their_repository_of_codecommit_and_no_other():
    url = "https://git-codecommit.cn-northwest-1.amazonaws.com.cn/v1/repos/dags"
    statement = statements(identity_dags_repository=url)["PullDags"]
    arn = f"arn:aws-cn:codecommit:cn-northwest-1:{ACCOUNT}:dags"
    assert (statement["Action"], statement["Resource"]) == ("codecommit:GitPull", arn)
    assert "PullDags" not in statements(identity_dags_repository="https://github.com/team/dags.git")


def test_tasks_write_and_read_logs_in_s3_and_find_out_what_is_missing():
    policy = task_statements()
    bucket = f"arn:aws-cn:s3:::demo-logs-{ACCOUNT}-cn-north-1"
    log = "demo/tasks/dag_id=a/run_id=b/task_id=c/attempt=1.log"
    for action in ("s3:GetObject", "s3:PutObject"):
        assert allowed(policy["WriteAndReadTaskLogs"], action, f"{bucket}/{log}")
        assert not allowed(policy["WriteAndReadTaskLogs"], action, f"{bucket}/AWSLogs/x")
    # A request for a missing object has no prefix; without leave to list, the answer is "forbidden", not "missing".
    assert allowed(policy["FindTaskLogs"], "s3:ListBucket", bucket)
    assert policy["FindTaskLogs"]["Condition"] == {"StringLikeIfExists": {"s3:prefix": "demo/tasks/*"}}
    given = task_statements(identity_log_bucket_existing="ours")
    assert allowed(given["WriteAndReadTaskLogs"], "s3:PutObject", f"arn:aws-cn:s3:::ours/{log}")


def test_hosts_and_tasks_write_to_the_stacks_log_groups_and_no_others():
    policy = {**statements(), **task_statements(identity_task_logs="cloudwatch")}
    group = f"arn:aws-cn:logs:cn-north-1:{ACCOUNT}:log-group:/graviflow"
    for name, sid in {
        "airflow": "WriteServiceLogs",
        "system": "WriteServiceLogs",
        "tasks": "WriteAndReadTaskLogs",
    }.items():
        stream = f"/{name}:log-stream:ip-10-0-0-1"
        assert allowed(policy[sid], "logs:PutLogEvents", f"{group}/demo{stream}")
        assert not allowed(policy[sid], "logs:PutLogEvents", f"{group}/other{stream}")
    assert not any("s3:PutObject" in each["Action"] for each in policy.values())


def test_hosts_publish_metrics_in_their_own_namespace():
    condition = {"StringEquals": {"cloudwatch:namespace": "Airflow/demo"}}
    assert statements()["PublishMetrics"]["Condition"] == condition


def test_tasks_that_leave_their_logs_where_they_are_need_nothing():
    assert task_statements(identity_task_logs="none") == {}


@pytest.mark.parametrize("logs", ["s3", "cloudwatch"])
def test_tasks_read_no_secret_and_no_document(logs):
    actions = str([each["Action"] for each in task_statements(identity_task_logs=logs).values()])
    assert set(re.findall(r"\w+(?=:)", actions)) == {{"s3": "s3", "cloudwatch": "logs"}[logs]}


def test_hosts_of_this_stack_alone_hand_the_task_role_out():
    arn = f"arn:aws-cn:iam::{ACCOUNT}:role"
    assert statements()["ActAsTasks"]["Resource"] == f"{arn}/demo-task-cn-north-1"
    (trust,) = templar().template(trust_as_template("{{ __identity_task_trust }}"))
    assert trust["Principal"] == {"AWS": f"arn:aws-cn:iam::{ACCOUNT}:root"}
    assert trust["Condition"] == {"ArnEquals": {"aws:PrincipalArn": f"{arn}/demo-host-cn-north-1"}}


def test_hosts_read_no_other_bucket_unless_their_dags_are_in_it():
    assert not [each for each in statements().values() if "s3:" in str(each["Action"])]


@pytest.mark.parametrize(("prefix", "folder"), [("", ""), ("airflow/dags", "airflow/dags/")])
def test_hosts_read_their_dags_and_nothing_beside(prefix, folder):
    policy = statements(identity_dags={"bucket": "team-dags", "prefix": prefix})
    assert policy["ListDags"]["Resource"] == "arn:aws-cn:s3:::team-dags"
    assert policy["ListDags"]["Condition"] == {"StringEquals": {"s3:prefix": folder}}
    assert policy["ReadDags"]["Action"] == "s3:GetObject"
    assert policy["ReadDags"]["Resource"] == f"arn:aws-cn:s3:::team-dags/{folder}*"
    assert "DecryptDags" not in policy


def test_hosts_decrypt_their_dags_through_s3_alone():
    key = f"arn:aws-cn:kms:cn-north-1:{ACCOUNT}:key/0a1b"
    policy = statements(identity_dags={"bucket": "team-dags", "key_arn": key})
    assert policy["DecryptDags"]["Resource"] == key
    assert policy["DecryptDags"]["Condition"] == {"StringEquals": {"kms:ViaService": "s3.cn-north-1.amazonaws.com.cn"}}
