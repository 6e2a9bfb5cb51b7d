"""What the hosts' role may do, as the template writes it."""

import json

import pytest
from jinja2 import Environment, StrictUndefined

from tests.playbook import ROOT

BASE = {
    "stack_name": "demo",
    "stack_region": "cn-north-1",
    "identity_key_arn": "",
    "identity_dags": {},
    "__identity_partition": "aws-cn",
    "__identity_account": "123456789012",
    "__identity_dns_suffix": "amazonaws.com.cn",
    "__identity_secrets": {"action": "secretsmanager:GetSecretValue"},
    "__identity_secret_arns": ["arn"],
    "__identity_session_actions": ["ssm:UpdateInstanceInformation"],
}


def statements(**variables):
    environment = Environment(undefined=StrictUndefined)
    environment.filters["to_json"] = json.dumps
    text = (ROOT / "roles/identity/templates/host_policy.json.j2").read_text()
    policy = json.loads(environment.from_string(text).render({**BASE, **variables}))
    return {each["Sid"]: each for each in policy["Statement"]}


def test_hosts_read_no_bucket_unless_their_dags_are_in_it():
    assert not [each for each in statements().values() if "s3:" in str(each["Action"])]


@pytest.mark.parametrize("prefix", ["", "airflow/dags/"])
def test_hosts_read_their_dags_and_nothing_beside(prefix):
    found = statements(identity_dags={"bucket": "team-dags"}, __identity_dags_prefix=prefix)
    assert found["ListDags"]["Resource"] == "arn:aws-cn:s3:::team-dags"
    assert found["ListDags"]["Condition"] == {"StringEquals": {"s3:prefix": prefix}}
    assert found["ReadDags"]["Action"] == "s3:GetObject"
    assert found["ReadDags"]["Resource"] == f"arn:aws-cn:s3:::team-dags/{prefix}*"
    assert "DecryptDags" not in found


def test_hosts_decrypt_their_dags_through_s3_alone():
    key = "arn:aws-cn:kms:cn-north-1:123456789012:key/0a1b"
    found = statements(identity_dags={"bucket": "team-dags", "key_arn": key}, __identity_dags_prefix="")
    assert found["DecryptDags"]["Resource"] == key
    assert found["DecryptDags"]["Condition"] == {"StringEquals": {"kms:ViaService": "s3.cn-north-1.amazonaws.com.cn"}}
