"""What the scenario asks of AWS, with the credentials and the endpoint of AWS_CONFIG_FILE: `make`, or `told`."""

import json
import sys

import boto3

BUCKET, GROUPS, NAMESPACE = "molecule-logs", ("airflow", "system", "tasks"), "Airflow/molecule"


def make() -> None:
    """Make the bucket and the log groups."""
    boto3.client("s3").create_bucket(Bucket=BUCKET)
    for group in GROUPS:
        boto3.client("logs").create_log_group(logGroupName=f"/molecule/{group}")


def told() -> None:
    """Print what the hosts told: who spoke in which log group, keys of task logs, and names of metrics."""
    logs, told = boto3.client("logs"), {}
    for group in GROUPS:
        events = logs.get_paginator("filter_log_events").paginate(logGroupName=f"/molecule/{group}")
        told[group] = sorted({event["message"].split(":")[0] for page in events for event in page["events"]})
    objects = boto3.client("s3").get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
    told["objects"] = [each["Key"] for page in objects for each in page.get("Contents", [])]
    metrics = boto3.client("cloudwatch").get_paginator("list_metrics").paginate(Namespace=NAMESPACE)
    told["metrics"] = sorted({each["MetricName"] for page in metrics for each in page["Metrics"]})
    print(json.dumps(told))


if __name__ == "__main__":
    {"make": make, "told": told}[sys.argv[1]]()
