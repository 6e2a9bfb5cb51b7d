"""ECS: clusters go after their tasks, a family is its newest active revision, tasks leave nothing behind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from moto.core.responses import ActionResult
from moto.ec2 import ec2_backends
from moto.ec2.models.elastic_network_interfaces import NetworkInterface
from moto.ecs import exceptions, models
from moto.ecs.responses import EC2ContainerServiceResponse

from local_region.patches._tools import replace

if TYPE_CHECKING:
    from local_region.region import Region

RUNNING = ("RUNNING", "PENDING")


def apply(_region: Region) -> None:
    """Patch moto's ECS."""
    _clusters()
    _families()
    _tasks()


def _clusters() -> None:
    @replace(EC2ContainerServiceResponse, "update_cluster_settings")
    def settings(_original: Any, response: Any) -> ActionResult:
        """Gap: missing."""
        cluster = response.ecs_backend._get_cluster(response._get_param("cluster"))
        cluster.settings = response._get_param("settings")
        return ActionResult({"cluster": cluster})

    @replace(models.EC2ContainerServiceBackend, "delete_cluster")
    def delete(original: Any, backend: Any, cluster_str: str) -> Any:
        """Gap: a cluster goes while tasks run on it."""
        cluster = backend._get_cluster(cluster_str)
        tasks = backend.tasks.get(cluster.name, {}).values()
        if any(task.desired_status in RUNNING for task in tasks):
            raise exceptions.ECSException(
                "ClusterContainsTasksException", "The Cluster cannot be deleted while Tasks are active."
            )
        return original(cluster_str)


def _families() -> None:
    @replace(EC2ContainerServiceResponse, "list_task_definition_families")
    def families(_original: Any, response: Any) -> ActionResult:
        """Gap: the status that is asked for is ignored, and a family outlives its last revision."""
        prefix, status = response._get_param("familyPrefix") or "", response._get_param("status") or "ACTIVE"
        return ActionResult({"families": sorted(_names(response.ecs_backend, prefix, status))})

    @replace(models.EC2ContainerServiceBackend, "describe_task_definition")
    def describe(original: Any, backend: Any, task_definition_str: str) -> Any:
        """Gap: a family stands for its newest revision even when that one was deregistered."""
        family = task_definition_str.split("/")[-1]
        if ":" in family:
            return original(family)
        revisions = backend.task_definitions.get(family, {})
        active = [number for number, each in revisions.items() if each.status == "ACTIVE"]
        if not active:
            raise exceptions.EcsClientException("Unable to describe task definition.")
        return original(f"{family}:{max(active)}")


def _tasks() -> None:
    # Gap: a task in a VPC without DNS host names is an internal error.
    NetworkInterface.private_dns_name = None

    @replace(models.EC2ContainerServiceBackend, "_calculate_task_resource_requirements")
    def requirements(_original: Any, _backend: Any, _definition: Any) -> dict[str, Any]:
        """Gap: a container without memory of its own is an internal error, though on Fargate the task's counts.

        What a container instance would have to have left is nobody's concern: there are none.
        """
        return {"CPU": 0, "MEMORY": 0, "PORTS": [], "PORTS_UDP": []}

    @replace(models.EC2ContainerServiceBackend, "stop_task")
    def stop(original: Any, backend: Any, *arguments: Any, **named: Any) -> Any:
        """Gap: the network interface of a task outlives it, and its security group and network cannot be deleted."""
        task = original(*arguments, **named)
        for attachment in task.attachments:
            details = {detail["name"]: detail["value"] for detail in attachment["details"]}
            interfaces = ec2_backends[backend.account_id][backend.region_name]
            if details.get("networkInterfaceId") in interfaces.enis:
                interfaces.delete_network_interface(details["networkInterfaceId"])
            attachment["status"] = "DETACHED"
        return task


def _names(backend: Any, prefix: str, status: str) -> Iterator[str]:
    for family, revisions in backend.task_definitions.items():
        active = any(each.status == "ACTIVE" for each in revisions.values())
        wanted = {"ACTIVE": active, "INACTIVE": not active}.get(status, True)
        if family.startswith(prefix) and revisions and wanted:
            yield family
