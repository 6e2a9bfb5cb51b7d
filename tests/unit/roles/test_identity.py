"""What the hosts' role allows, as the template renders it: the local region does not enforce policies."""

import fnmatch
import json
from pathlib import Path

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

ROLE = Path(__file__).parents[3] / "roles/identity"
ACCOUNT = "123456789012"


def statements(**variables):
    loader = DataLoader()
    paths = (str(ROLE / name / "main.yml") for name in ("defaults", "vars"))
    defaults, internal = (loader.load_from_file(path, trusted_as_template=True) for path in paths)
    given = {
        "stack_name": "demo",
        "stack_region": "cn-north-1",
        "stack_tags": {},
        "__identity_caller": {"account": ACCOUNT, "arn": f"arn:aws-cn:iam::{ACCOUNT}:user/x"},
    }
    templar = Templar(loader=loader, variables={**defaults, **internal, **given, **variables})
    text = (ROLE / "templates/host_policy.json.j2").read_text()
    policy = templar.template(trust_as_template(text), convert_data=False)
    return {each["Sid"]: each for each in json.loads(policy)["Statement"]}


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
