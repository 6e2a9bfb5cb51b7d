import boto3
import pytest
from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry, RetryingBotoClientWrapper
from botocore.stub import Stubber


@pytest.fixture
def stubbed():
    """Give a function that returns a client as modules have it, and the stub that answers for AWS."""
    stubs = []

    def client(service):
        inner = boto3.client(service, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
        stub = Stubber(inner)
        stub.activate()
        stubs.append(stub)
        return RetryingBotoClientWrapper(inner, AWSRetry.jittered_backoff(retries=1)), stub

    yield client
    for stub in stubs:
        stub.assert_no_pending_responses()
