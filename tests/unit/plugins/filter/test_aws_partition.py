import pytest
from ansible_collections.graviflow.airflow.plugins.filter.aws_partition import aws_partition


@pytest.mark.parametrize(
    ("region", "partition"),
    [("us-east-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov"), ("eu-moon-1", None), ("", None)],
)
def test_partition_of_a_region(region, partition):
    assert aws_partition(region) == partition
