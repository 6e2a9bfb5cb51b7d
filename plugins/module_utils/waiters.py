"""Waiters as data, for what botocore has none or only slow ones."""

from __future__ import annotations

from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.waiter import BaseWaiterFactory, custom_waiter_config


def _when(argument: str, expected: Any, state: str, matcher: str = "path") -> dict[str, Any]:
    return {"matcher": matcher, "argument": argument, "expected": expected, "state": state}


def _error(code: str, state: str) -> dict[str, Any]:
    return {"matcher": "error", "expected": code, "state": state}


def _waiter(operation: str, *acceptors: dict[str, Any]) -> dict[str, Any]:
    return {"operation": operation, "delay": 2, "maxAttempts": 300, "acceptors": list(acceptors)}


WAITERS = {
    "replication_group_available": _waiter(
        "DescribeReplicationGroups",
        _when("ReplicationGroups[].Status", "available", "success", "pathAll"),
        _when("ReplicationGroups[].Status", "create-failed", "failure", "pathAny"),
        _when("ReplicationGroups[].Status", "deleting", "failure", "pathAny"),
        _error("ReplicationGroupNotFoundFault", "failure"),
    ),
    "replication_group_deleted": _waiter(
        "DescribeReplicationGroups",
        _error("ReplicationGroupNotFoundFault", "success"),
        _when("length(ReplicationGroups)", 0, "success"),
    ),
    "file_system_available": _waiter(
        "DescribeFileSystems",
        _when("FileSystems[].LifeCycleState", "available", "success", "pathAll"),
        _when("FileSystems[].LifeCycleState", "error", "failure", "pathAny"),
        _when("FileSystems[].LifeCycleState", "deleting", "failure", "pathAny"),
    ),
    "file_system_deleted": _waiter(
        "DescribeFileSystems",
        _error("FileSystemNotFound", "success"),
        _when("length(FileSystems)", 0, "success"),
        _when("FileSystems[].LifeCycleState", "deleted", "success", "pathAll"),
        _when("FileSystems[].LifeCycleState", "error", "failure", "pathAny"),
    ),
    # `available` alone would be satisfied by no mount target at all.
    "mount_targets_available": _waiter(
        "DescribeMountTargets",
        _when("length(MountTargets[?LifeCycleState!='available'])", 0, "success"),
        _when("MountTargets[].LifeCycleState", "error", "failure", "pathAny"),
    ),
    "mount_targets_deleted": _waiter(
        "DescribeMountTargets",
        _error("FileSystemNotFound", "success"),
        _when("length(MountTargets)", 0, "success"),
    ),
    "mount_targets_settled": _waiter(
        "DescribeMountTargets",
        _when("length(MountTargets[?LifeCycleState=='deleting'])", 0, "success"),
    ),
}


class _Factory(BaseWaiterFactory):
    @property
    def _waiter_model_data(self) -> dict[str, Any]:
        return WAITERS


def wait_until(client: Any, name: str, timeout: int, **arguments: Any) -> None:
    """Poll until the waiter `name` is satisfied, `timeout` seconds at most. Raises botocore's WaiterError."""
    _Factory().get_waiter(client, name).wait(WaiterConfig=custom_waiter_config(timeout), **arguments)
