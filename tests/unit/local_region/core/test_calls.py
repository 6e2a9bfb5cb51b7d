import json

import pytest

from local_region.calls import Call, CallLog, identify, regions


def signed(service, region="cn-north-1"):
    return {
        "HTTP_AUTHORIZATION": f"AWS4-HMAC-SHA256 Credential=AKIA1/20260901/{region}/{service}/aws4_request, Signed..."
    }


FORM = {"CONTENT_TYPE": "application/x-www-form-urlencoded; charset=utf-8", "REQUEST_METHOD": "POST", "PATH_INFO": "/"}


@pytest.mark.parametrize(
    ("environ", "body", "expected"),
    [
        ({**signed("ec2"), **FORM}, b"Action=DescribeVpcs&Version=1", ("ec2", "DescribeVpcs", "ec2")),
        ({**signed("elasticloadbalancing"), **FORM}, b"Action=CreateRule", ("elbv2", "CreateRule", "query")),
        ({**signed("ssm"), "HTTP_X_AMZ_TARGET": "AmazonSSM.GetParameter"}, b"{}", ("ssm", "GetParameter", "json")),
        (
            {**signed("elasticfilesystem"), "REQUEST_METHOD": "GET", "PATH_INFO": "/2015-02-01/file-systems"},
            b"",
            ("efs", "DescribeFileSystems", "rest-json"),
        ),
        (
            {
                **signed("elasticfilesystem"),
                "REQUEST_METHOD": "PUT",
                "PATH_INFO": "/2015-02-01/file-systems/fs-1/policy",
            },
            b"",
            ("efs", "PutFileSystemPolicy", "rest-json"),
        ),
        (
            {**signed("route53"), "REQUEST_METHOD": "POST", "PATH_INFO": "/2013-04-01/hostedzone/Z1/rrset/"},
            b"",
            ("route53", "ChangeResourceRecordSets", "rest-xml"),
        ),
        ({**signed("s3"), "REQUEST_METHOD": "PUT", "PATH_INFO": "/bucket/a/b"}, b"", ("s3", "PutObject", "s3")),
        (
            {**signed("s3"), "REQUEST_METHOD": "PUT", "PATH_INFO": "/b/k", "HTTP_X_AMZ_COPY_SOURCE": "/b/o"},
            b"",
            ("s3", "CopyObject", "s3"),
        ),
        (
            {**signed("s3"), "REQUEST_METHOD": "GET", "PATH_INFO": "/b", "QUERY_STRING": "list-type=2"},
            b"",
            ("s3", "ListObjectsV2", "s3"),
        ),
        ({**signed("s3"), "REQUEST_METHOD": "GET", "PATH_INFO": "/"}, b"", ("s3", "ListBuckets", "s3")),
        (
            {**signed("monitoring"), "PATH_INFO": "/service/GraniteServiceVersion20100801/operation/ListMetrics"},
            b"",
            ("cloudwatch", "ListMetrics", "smithy-rpc-v2-cbor"),
        ),
    ],
)
def test_identify(environ, body, expected):
    call = identify(environ, body)
    assert (call.service, call.action, call.protocol) == expected
    assert (call.region, call.access_key) == ("cn-north-1", "AKIA1")


def test_an_unsigned_request_is_not_lost():
    call = identify({"REQUEST_METHOD": "GET", "PATH_INFO": "/any"}, b"")
    assert (call.service, call.action) == ("", "GET /any")


@pytest.mark.parametrize(
    ("action", "changes"), [("DescribeVpcs", False), ("ListTags", False), ("CreateVpc", True), ("PutObject", True)]
)
def test_what_changes(action, changes):
    assert Call("s", action, "r", "k", "p").changes is changes


def test_regions_of_both_partitions():
    assert {"us-east-1", "cn-north-1", "cn-northwest-1"} <= regions()
    assert "cn-north-9" not in regions()


def test_the_log_counts_and_names_the_caller(tmp_path):
    log = CallLog(tmp_path / "calls.jsonl", lambda key, region: f"user/{key}")
    for _ in range(2):
        log.add(Call("ec2", "RunInstances", "us-east-1", "K", "ec2"), 200, 0.0123)
    log.add(Call("rds", "CreateDBInstance", "us-east-1", "K", "query"), 400, 0.1, "Throttling")
    assert log.describe() == {"ec2:RunInstances": 2, "rds:CreateDBInstance": 1}
    records = [json.loads(line) for line in (tmp_path / "calls.jsonl").read_text().splitlines()]
    assert (records[0]["principal"], records[0]["ms"], records[2]["fault"]) == ("user/K", 12, "Throttling")
    log.clear()
    assert log.describe() == {}
