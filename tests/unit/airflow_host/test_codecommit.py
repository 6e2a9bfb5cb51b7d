"""Logins for CodeCommit: what git asks, and what the host's role signs."""

import subprocess
from datetime import UTC, datetime

import pytest
from airflow_host import codecommit
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials

HOST, PATH = "git-codecommit.cn-north-1.amazonaws.com.cn", "v1/repos/dags"
ASKED = {"protocol": "https", "host": HOST, "path": PATH}
ROLE = ReadOnlyCredentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "token/of+role")
NOW = datetime(2026, 11, 22, 11, 5, 9, tzinfo=UTC)


def test_the_password_is_a_signature_as_the_sdk_makes_it():
    login = codecommit.login(ASKED, ROLE, NOW)
    sdk, request = SigV4Auth(ROLE, "codecommit", "cn-north-1"), AWSRequest("GIT", f"https://{HOST}/{PATH}")
    request.context["timestamp"] = "20261122T110509"
    text = sdk.string_to_sign(request, f"GIT\n/{PATH}\n\nhost:{HOST}\n\nhost\n")
    assert login == {
        "username": "AKIDEXAMPLE%token/of+role",
        "password": f"20261122T110509Z{sdk.signature(text, request)}",
    }


def test_a_role_without_a_token_signs_by_its_key_alone():
    assert codecommit.login(ASKED, ROLE._replace(token=None), NOW)["username"] == "AKIDEXAMPLE"


@pytest.mark.parametrize(
    "other",
    [{"host": f"{HOST}.example.org"}, {"host": "git-codecommit.amazonaws.com"}, {"protocol": "http"}, {"host": ""}],
)
def test_nobody_else_is_given_a_signature(other):
    assert codecommit.login({**ASKED, **other}, ROLE, NOW) == {}
    assert not codecommit.serves("{protocol}://{host}/{path}".format(**{**ASKED, **other}))


def test_git_asks_the_helper_for_the_repository_and_no_other_one(tmp_path):
    helper = tmp_path / "helper"
    helper.write_text(f"#!/bin/sh\ncat >{tmp_path}/asked\necho username=role\necho password=signature\n")
    helper.chmod(0o755)
    settings = [each.replace("/usr/local/bin/airflow-host", str(helper)) for each in codecommit.SETTINGS]
    words = [word for setting in ("credential.helper=!false", *settings) for word in ("-c", setting)]
    filled = subprocess.run(
        ["git", *words, "credential", "fill"],
        input=f"url=https://{HOST}/{PATH}\n\n",
        env={"PATH": "/usr/bin:/bin", "GIT_TERMINAL_PROMPT": "0", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert {"username=role", "password=signature"} <= set(filled.stdout.splitlines())
    asked = (tmp_path / "asked").read_text().splitlines()
    assert {f"{name}={value}" for name, value in ASKED.items()} <= set(asked)
