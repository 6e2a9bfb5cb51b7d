"""Instance metadata as a host sees it."""

import json
import urllib.error
import urllib.request

import pytest

ADDRESS = "http://169.254.169.254"


@pytest.fixture(scope="module")
def host(launch, until, ssh, profile):
    host = launch(
        UserData=json.dumps({"stack": "demo"}),
        IamInstanceProfile={"Name": profile},
        MetadataOptions={"HttpTokens": "required", "InstanceMetadataTags": "enabled"},
        TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "Role", "Value": "host"}]}],
    )
    until(lambda: ssh(host.ip, "true").returncode == 0, what="ssh")
    return host


@pytest.fixture(scope="module")
def get(host, ssh):
    """Read a metadata path with a token; returns (status, body)."""

    def read(path):
        token = f'$(curl -s -X PUT -H "X-aws-ec2-metadata-token-ttl-seconds: 60" {ADDRESS}/latest/api/token)'
        command = f'curl -s -w "\\n%{{http_code}}" -H "X-aws-ec2-metadata-token: {token}" {ADDRESS}/latest/{path}'
        body, _, status = ssh(host.ip, command).stdout.rpartition("\n")
        return int(status), body

    return read


def test_without_a_token_nothing_is_told(host, ssh):
    command = f"curl -s -o /dev/null -w %{{http_code}} {ADDRESS}/latest/meta-data/instance-id"
    assert ssh(host.ip, command).stdout == "401"


def test_a_token_needs_a_lifetime_and_no_proxy(host, ssh):
    put = f"curl -s -o /dev/null -w %{{http_code}} -X PUT {ADDRESS}/latest/api/token"
    assert ssh(host.ip, put).stdout == "400"
    ttl = "-H 'X-aws-ec2-metadata-token-ttl-seconds: 60'"
    assert ssh(host.ip, f"{put} {ttl} -H 'X-Forwarded-For: 1.2.3.4'").stdout == "403"


def test_what_a_host_reads_about_itself(cloud, host, get):
    assert get("user-data") == (200, '{"stack": "demo"}')
    assert get("meta-data/instance-id") == (200, host.id)
    assert get("meta-data/placement/region") == (200, cloud.aws_region)
    assert get("meta-data/tags/instance/Role") == (200, "host")
    assert get("meta-data/services/domain") == (200, "amazonaws.com.cn")
    assert get("meta-data/spot/instance-action")[0] == 404
    assert get("meta-data/tags/instance/Missing")[0] == 404
    document = json.loads(get("dynamic/instance-identity/document")[1])
    assert (document["instanceId"], document["region"], document["architecture"]) == (
        host.id,
        cloud.aws_region,
        "arm64",
    )


def test_tags_follow_the_api(cloud, host, get, until):
    cloud.client("ec2").create_tags(Resources=[host.id], Tags=[{"Key": "Late", "Value": "tag"}])
    assert get("meta-data/tags/instance/Late") == (200, "tag")


def test_role_credentials_work_and_are_told_apart(cloud, host, get, profile):
    assert get("meta-data/iam/security-credentials/") == (200, profile)
    given = json.loads(get(f"meta-data/iam/security-credentials/{profile}")[1])
    sts = cloud.client(
        "sts",
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["Token"],
    )
    assert sts.get_caller_identity()["Arn"] == f"arn:aws-cn:sts::123456789012:assumed-role/{profile}/{host.id}"
    last = (cloud.home / cloud.name / "calls.jsonl").read_text().splitlines()[-1]
    assert json.loads(last)["principal"] == f"assumed-role/{profile}/{host.id}"


def test_no_host_answers_for_another(cloud):
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(f"{cloud.url}/latest/meta-data/", timeout=5)
    assert error.value.code == 404
