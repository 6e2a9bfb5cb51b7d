"""Auto Scaling: moto launches and removes members inside the call; here the loop does, and replaces them."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import moto.autoscaling.models as models
import moto.autoscaling.responses as responses
from moto.autoscaling.exceptions import AutoscalingClientError, ValidationError
from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import utcnow

from local_region.patches._tools import after, replace

if TYPE_CHECKING:
    from local_region.region import Region

Group = models.FakeAutoScalingGroup
Backend = models.AutoScalingBackend
Response = responses.AutoScalingResponse


def apply(region: Region) -> None:
    """Patch Auto Scaling."""
    _capacity()
    _members()
    _targets()
    _deletion()
    _lifecycle_actions()
    _activities()
    _metrics()
    _refreshes()


def find(backend: Any, name: str) -> Any:
    """Return a group, or raise what the API answers for one that does not exist."""
    if name not in backend.autoscaling_groups:
        raise ValidationError(f"AutoScalingGroup name not found - AutoScalingGroup '{name}' not found")
    return backend.autoscaling_groups[name]


def _capacity() -> None:
    """Gap: all members are launched in one subnet and are in service at once."""

    @replace(Group, "set_desired_capacity")
    def set_desired(_: Any, group: Any, new_capacity: int | None) -> None:
        wanted = group.min_size if new_capacity is None else new_capacity
        if not (group.min_size or 0) <= (wanted or 0) <= (group.max_size or 0):
            raise ValidationError(
                f"Desired capacity:{wanted} must be between the specified min size:{group.min_size} "
                f"and max size:{group.max_size}"
            )
        group.desired_capacity = wanted

    @after(Group, "__init__")
    def begin(group: Any, *_: Any, **__: Any) -> None:
        group.activities, group.refreshes, group.hold_until, group.status = [], [], 0.0, None

    @replace(Backend, "notify_terminate_instances")
    def notice(_: Any, __: Any, instance_ids: list[str]) -> None:
        """The loop sees by itself that a member was terminated."""

    @replace(Group, "update")
    def update(original: Callable[..., None], group: Any, **changes: Any) -> None:
        """Gap: an update that moves only the bounds clears a mixed instances policy and loses the capacity's clamp."""
        if not changes.get("mixed_instances_policy"):
            changes["mixed_instances_policy"] = (
                group.mixed_instances_policy if not changes.get("launch_template") else None
            )
        if changes.get("desired_capacity") is None:
            low = changes["min_size"] if changes.get("min_size") is not None else group.min_size
            high = changes["max_size"] if changes.get("max_size") is not None else group.max_size
            changes["desired_capacity"] = min(max(group.desired_capacity, low), high)
        original(**changes)


def _members() -> None:
    """Gap: a member shows the template's default version, whatever it was launched from."""

    def launch_template(state: Any) -> dict[str, Any] | None:
        template = state.auto_scaling_group.ec2_launch_template
        if template is None:
            return None
        tags = {tag["key"]: tag["value"] for tag in state.instance.get_tags()}
        version = tags.get("aws:ec2launchtemplate:version", str(template.default_version_number))
        return {"LaunchTemplateId": template.id, "LaunchTemplateName": template.name, "Version": version}

    models.InstanceState.launch_template = property(launch_template)

    @replace(Response, "set_instance_health")
    def set_health(original: Callable[[], Any], response: Any) -> Any:
        """Gap: ShouldRespectGracePeriod is ignored."""
        result, instance_id = original(), response._get_param("InstanceId")
        for state in response.autoscaling_backend.describe_auto_scaling_instances([instance_id]):
            state.health_at_once = not response._get_bool_param("ShouldRespectGracePeriod", True)
        return result

    @replace(Backend, "terminate_instance")
    def terminate(_: Any, backend: Any, instance_id: str, should_decrement: bool) -> Any:
        """Gap: TerminateInstanceInAutoScalingGroup skips hooks and targets."""
        states = [s for group in backend.autoscaling_groups.values() for s in group.instance_states]
        state = next((s for s in states if s.instance.id == instance_id), None)
        if state is None:
            raise ValidationError(f"Instance Id not found - No managed instance found for instance ID: {instance_id}")
        group = state.auto_scaling_group
        if should_decrement:
            group.set_desired_capacity(group.desired_capacity - 1)
        state.terminate_asked = True
        return LoggedActivity(
            group, f"Terminating EC2 instance: {instance_id}", "an instance was taken out at a user's request"
        )


def _targets() -> None:
    """Gap: members are registered as targets before they run, and stay registered: the loop does both."""

    @replace(Backend, "update_attached_target_groups")
    def update(_: Any, __: Any, group_name: str) -> None:
        """Leave it to the loop."""

    @replace(Backend, "detach_load_balancer_target_groups")
    def detach(_: Any, backend: Any, group_name: str, target_group_arns: list[str]) -> None:
        group = find(backend, group_name)
        group.target_group_arns = [arn for arn in group.target_group_arns if arn not in target_group_arns]


def _deletion() -> None:
    """Gap: a group with members is deleted without ForceDelete, and at once."""

    @replace(Response, "delete_auto_scaling_group")
    def delete(_: Any, response: Any) -> Any:
        backend = response.autoscaling_backend
        group = find(backend, response._get_param("AutoScalingGroupName"))
        force = response._get_bool_param("ForceDelete", False)
        if group.instance_states and not force:
            raise AutoscalingClientError(
                "ResourceInUse",
                "You cannot delete an AutoScalingGroup while there are instances or pending Spot instance request(s) "
                "still in the group.",
            )
        group.min_size = group.desired_capacity = 0
        group.status = "Delete in progress"
        if not group.instance_states:
            del backend.autoscaling_groups[group.name]
        return EmptyResult()

    @replace(Backend, "create_auto_scaling_group")
    def create(original: Callable[..., Any], backend: Any, **arguments: Any) -> Any:
        """Gap: a second group of one name replaces the first; a grace period of 0, the default, becomes 300 s."""
        name = arguments["name"]
        if name in backend.autoscaling_groups:
            raise AutoscalingClientError("AlreadyExists", f"AutoScalingGroup by this name already exists - {name}")
        group = original(**arguments)
        group.health_check_grace_period = int(arguments.get("health_check_period") or 0)
        return group


def _lifecycle_actions() -> None:
    """Gap: lifecycle actions cannot be completed, nor their heartbeat be recorded."""

    def action(response: Any) -> tuple[Any, str]:
        group, name = (
            find(response.autoscaling_backend, response._get_param("AutoScalingGroupName")),
            "LifecycleHookName",
        )
        instance_id, token = response._get_param("InstanceId"), response._get_param("LifecycleActionToken")
        for state in group.instance_states:
            waiting = getattr(state, "action", None)
            named = waiting and (state.instance.id == instance_id or waiting.token == token)
            if named and response._get_param(name) in waiting.deadlines:
                return waiting, response._get_param(name)
        raise ValidationError(f"No active Lifecycle Action found with instance ID {instance_id}")

    @replace(Response, "complete_lifecycle_action")
    def complete(_: Any, response: Any) -> Any:
        waiting, hook = action(response)
        waiting.complete(hook, response._get_param("LifecycleActionResult"))
        return EmptyResult()

    @replace(Response, "record_lifecycle_action_heartbeat")
    def heartbeat(_: Any, response: Any) -> Any:
        waiting, hook = action(response)
        waiting.heartbeat(hook, time.time())
        return EmptyResult()


class LoggedActivity(models.Activity):
    """A scaling activity as DescribeScalingActivities lists it."""

    def __init__(self, group: Any, description: str, cause: str) -> None:
        super().__init__(description, f"At {utcnow():%Y-%m-%dT%H:%M:%SZ} {cause}.", group)
        self.end_time, self.status_message = None, None

    def finish(self, status: str, message: str = "") -> None:
        """End the activity: Successful, Failed or Cancelled."""
        self.status_code, self.progress, self.end_time = status, 100, utcnow()
        self.status_message = message or None


def _activities() -> None:
    """Gap: DescribeScalingActivities is always empty."""

    @replace(Response, "describe_scaling_activities")
    def describe(_: Any, response: Any) -> Any:
        name, backend = response._get_param("AutoScalingGroupName"), response.autoscaling_backend
        groups = [find(backend, name)] if name else list(backend.autoscaling_groups.values())
        wanted = response._get_param("ActivityIds", [])
        found = [a for group in groups for a in reversed(group.activities) if not wanted or a.activity_id in wanted]
        return ActionResult({"Activities": found[: response._get_int_param("MaxRecords", 100)]})


def _metrics() -> None:
    """Gap: DisableMetricsCollection is missing."""

    @replace(Response, "disable_metrics_collection")
    def disable(_: Any, response: Any) -> Any:
        group = find(response.autoscaling_backend, response._get_param("AutoScalingGroupName"))
        named = response._get_param("Metrics", [])
        group.metrics = [metric for metric in group.metrics if named and metric not in named]
        return EmptyResult()


def _refreshes() -> None:
    """Gap: instance refreshes are missing."""

    @replace(Response, "start_instance_refresh")
    def start(_: Any, response: Any) -> Any:
        group = find(response.autoscaling_backend, response._get_param("AutoScalingGroupName"))
        if any(refresh["Status"] in ("Pending", "InProgress") for refresh in group.refreshes):
            raise AutoscalingClientError(
                "InstanceRefreshInProgress", "An Instance Refresh is already in progress and blocks the execution."
            )
        preferences = response._get_params().get("Preferences", {})
        refresh = {
            "InstanceRefreshId": str(uuid.uuid4()),
            "AutoScalingGroupName": group.name,
            "Status": "Pending",
            "StartTime": utcnow(),
            "PercentageComplete": 0,
            "Preferences": {"MinHealthyPercentage": int(preferences.get("MinHealthyPercentage", 90))},
        }
        group.refreshes.append(refresh)
        return ActionResult({"InstanceRefreshId": refresh["InstanceRefreshId"]})

    @replace(Response, "describe_instance_refreshes")
    def describe(_: Any, response: Any) -> Any:
        group = find(response.autoscaling_backend, response._get_param("AutoScalingGroupName"))
        wanted = response._get_param("InstanceRefreshIds", [])
        found = [r for r in reversed(group.refreshes) if not wanted or r["InstanceRefreshId"] in wanted]
        return ActionResult({"InstanceRefreshes": found})

    @replace(Response, "cancel_instance_refresh")
    def cancel(_: Any, response: Any) -> Any:
        group = find(response.autoscaling_backend, response._get_param("AutoScalingGroupName"))
        active = [refresh for refresh in group.refreshes if refresh["Status"] in ("Pending", "InProgress")]
        if not active:
            raise AutoscalingClientError(
                "ActiveInstanceRefreshNotFound", "No in progress or pending Instance Refresh found."
            )
        active[-1].update(Status="Cancelled", EndTime=utcnow())
        return ActionResult({"InstanceRefreshId": active[-1]["InstanceRefreshId"]})
