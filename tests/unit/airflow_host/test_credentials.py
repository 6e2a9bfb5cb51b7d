import json
import threading
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta

import pytest
from airflow_host import credentials
from botocore.credentials import ContainerProvider
from botocore.exceptions import ClientError, EndpointConnectionError

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ARN = "arn:aws-cn:iam::123456789012:role/demo-task-cn-north-1"
TOKEN = credentials.token("jwt-secret")


class Sts:
    def __init__(self):
        self.asked, self.error, self.now = [], None, NOW

    def assume_role(self, **asked):
        self.asked.append(asked)
        if self.error:
            raise self.error
        key, ends = f"ASIA{len(self.asked)}", self.now + timedelta(seconds=asked["DurationSeconds"])
        found = {"AccessKeyId": key, "SecretAccessKey": "s", "SessionToken": "t", "Expiration": ends}
        return {"Credentials": found}


@pytest.fixture
def sts():
    return Sts()


@pytest.fixture
def role(sts):
    return credentials.Role(lambda: sts, ARN, "ip-10-0-0-4")


@pytest.fixture
def url(sts, role):
    sts.now = datetime.now(UTC)
    server = credentials.server(role, TOKEN, ("127.0.0.1", 0))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def test_the_role_is_assumed_for_an_hour_in_the_hosts_name(sts, role):
    found = role.credentials(NOW)
    assert sts.asked == [{"RoleArn": ARN, "RoleSessionName": "ip-10-0-0-4", "DurationSeconds": 3600}]
    assert (found["AccessKeyId"], found["Token"], found["Expiration"]) == ("ASIA1", "t", "2026-11-22T13:00:00Z")


@pytest.mark.parametrize(("minutes", "key"), [(0, "ASIA1"), (39, "ASIA1"), (41, "ASIA2")])
def test_credentials_last_longer_than_sdks_ask_for(role, minutes, key):
    role.credentials(NOW)
    assert role.credentials(NOW + timedelta(minutes=minutes))["AccessKeyId"] == key


def test_sdks_understand_the_answer(url, monkeypatch):
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url)
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", TOKEN)
    found = ContainerProvider().load()
    assert (found.access_key, found.token, found.refresh_needed()) == ("ASIA1", "t", False)


@pytest.mark.parametrize("shown", ["", "wrong", "\u00fc"])
def test_without_the_token_there_is_nothing(url, sts, shown):
    request = urllib.request.Request(url, headers={"Authorization": shown})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    assert refused.value.code == 403
    assert sts.asked == []


@pytest.mark.parametrize(
    "error",
    [
        EndpointConnectionError(endpoint_url="https://sts"),
        ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "AssumeRole"),
    ],
)
def test_what_aws_refuses_is_told_and_tried_anew(url, sts, error):
    request = urllib.request.Request(url, headers={"Authorization": TOKEN})
    sts.error = error
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    assert (refused.value.code, json.load(refused.value)["message"]) == (503, str(error))
    sts.error = None
    assert json.load(urllib.request.urlopen(request))["RoleArn"] == ARN


def test_another_secret_makes_another_token():
    assert credentials.token("jwt-secret") != credentials.token("another")
    assert "jwt-secret" not in TOKEN
