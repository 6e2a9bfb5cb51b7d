"""S3: policies that ask for TLS deny nobody, since nobody comes without; versions are removed page by page."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

BUCKET = "conformance-bucket"
PLAIN = {"Condition": {"Bool": {"aws:SecureTransport": "false"}}}


@pytest.fixture
def s3(cloud: Any) -> Any:
    client = cloud.client("s3")
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": client.meta.region_name})
    yield client
    client.delete_bucket_policy(Bucket=BUCKET)
    client.delete_object(Bucket=BUCKET, Key="key")
    client.delete_bucket(Bucket=BUCKET)


def deny(s3: Any, condition: dict[str, Any]) -> None:
    bucket = f"arn:{s3.meta.partition}:s3:::{BUCKET}"
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": [bucket, f"{bucket}/*"],
        **condition,
    }
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))


def test_who_asks_for_tls_denies_nobody(s3: Any) -> None:
    deny(s3, PLAIN)
    s3.put_object(Bucket=BUCKET, Key="key", Body=b"value")
    assert s3.get_object(Bucket=BUCKET, Key="key")["Body"].read() == b"value"


def test_who_denies_without_a_condition_denies(s3: Any) -> None:
    deny(s3, {})
    with pytest.raises(ClientError) as refused:
        s3.put_object(Bucket=BUCKET, Key="key", Body=b"value")
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_versions_are_removed_page_by_page(s3: Any) -> None:
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    for key in ("a", "key", "key", "key", "key", "z"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"value")
    s3.delete_object(Bucket=BUCKET, Key="z")
    removed = []
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=BUCKET, PaginationConfig={"PageSize": 2}):
        versions = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        objects = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in versions]
        s3.delete_objects(Bucket=BUCKET, Delete={"Objects": objects})
        removed += [each["Key"] for each in objects]
    assert sorted(removed) == ["a", "key", "key", "key", "key", "z", "z"]
