"""Auto Scaling groups: launches, hooks, health, replacement, targets, refreshes."""

from __future__ import annotations

import logging
import time
from typing import Any

from moto.autoscaling.models import ASG_NAME_TAG, InstanceState
from moto.core.exceptions import ServiceException
from moto.core.utils import utcnow

from local_region.patches.autoscaling import LoggedActivity
from local_region.region import Region
from local_region.scaling import Hook, LifecycleAction, health, next_subnet, next_victim, pause

log = logging.getLogger(__name__)

DRAIN_NOTICE_SECONDS = 1.5  # until the load balancer has seen that a target left
LEAVING = ("Terminating", "Terminating:Wait", "Terminating:Proceed")


class AutoScaling:
    """Makes the members of every group what the group says."""

    name = "autoscaling"

    def __init__(self, region: Region) -> None:
        self.region = region

    def known(self) -> set[tuple[str, str]]:
        """Return nothing: members are EC2's containers."""
        return set()

    def reconcile(self) -> None:
        """Bring every group a step further."""
        for aws_region, backend in self.region.backends("autoscaling"):
            for group in list(backend.autoscaling_groups.values()):
                self.region.job(("autoscaling", aws_region, group.name), self.step, backend, group)

    def step(self, backend: Any, group: Any) -> None:
        """Advance the members, then the capacity, then the targets."""
        now = time.time()
        for state in list(group.instance_states):
            self.advance(backend, group, state, now)
        self.refresh(group)
        self.scale(backend, group, now)
        self.sync_targets(backend, group)
        if group.status and not group.instance_states:
            backend.autoscaling_groups.pop(group.name, None)

    # -- one member

    def advance(self, backend: Any, group: Any, state: Any, now: float) -> None:
        """Move one member along its lifecycle."""
        instance, lifecycle = state.instance, state.lifecycle_state
        gone = instance.state in ("shutting-down", "terminated")
        if lifecycle in LEAVING:
            self.leave(backend, group, state, now)
        elif lifecycle == "Pending" and gone:
            self.failed(group, now, state, instance._reason or "the instance ended while it was launched")
            group.instance_states.remove(state)
        elif lifecycle == "Pending" and instance.state == "running":
            self.enter(backend, group, state, "LAUNCHING", now)
        elif lifecycle == "Pending:Wait":
            outcome = "ABANDON" if gone else state.action.outcome(now)
            if outcome == "CONTINUE":
                self.in_service(group, state, now)
            elif outcome == "ABANDON":
                self.failed(group, now, state, "the launch was abandoned by a lifecycle hook or a timeout")
                self.terminate(backend, group, state, "the launch was abandoned", now, with_hooks=False)
        elif lifecycle == "InService":
            self.check(backend, group, state, now)

    def enter(self, backend: Any, group: Any, state: Any, transition: str, now: float) -> None:
        """Begin the lifecycle action of a transition; without hooks it is over at once."""
        hooks = [
            Hook(h.name, h.heartbeat_timeout, h.default_result)
            for h in list(backend.lifecycle_hooks.values())
            if h.auto_scaling_group_name == group.name
            and h.lifecycle_transition == f"autoscaling:EC2_INSTANCE_{transition}"
        ]
        if hooks:
            state.action = LifecycleAction(hooks, now)
            state.activity.status_code = "MidLifecycleAction"
        if transition == "LAUNCHING":
            if hooks:
                state.lifecycle_state = "Pending:Wait"
            else:
                self.in_service(group, state, now)
        else:
            state.lifecycle_state = "Terminating:Wait" if hooks else "Terminating"

    def in_service(self, group: Any, state: Any, now: float) -> None:
        """Put a member into service."""
        state.lifecycle_state, state.in_service_at = "InService", now
        group.launch_failures = 0
        state.activity.finish("Successful")
        log.info("%s: %s is in service", group.name, state.instance.id)

    def check(self, backend: Any, group: Any, state: Any, now: float) -> None:
        """Begin the replacement of a member that is unhealthy."""
        suspended = {process["ProcessName"] for process in group.suspended_processes}
        if suspended & {"HealthCheck", "ReplaceUnhealthy", "Terminate"}:
            return
        instance = state.instance
        in_grace = now - getattr(state, "in_service_at", 0) < (group.health_check_grace_period or 0)
        at_once = getattr(state, "health_at_once", False)
        reason = health(
            instance.state,
            getattr(instance, "reachability", ""),
            state.health_status if at_once or not in_grace else "Healthy",
            [self.region.target_health.get((arn, instance.id), ("",))[0] for arn in group.target_group_arns],
            group.health_check_type == "ELB",
            in_grace,
        )
        if reason or getattr(state, "terminate_asked", False):
            if reason:
                state.health_status = "Unhealthy"
            self.terminate(backend, group, state, reason or "a user request", now)

    def terminate(self, backend: Any, group: Any, state: Any, cause: str, now: float, with_hooks: bool = True) -> None:
        """Take a member out of service; it leaves through the terminate hooks and the targets' drain."""
        instance = state.instance
        log.info("%s: %s leaves: %s", group.name, instance.id, cause)
        activity = LoggedActivity(
            group,
            f"Terminating EC2 instance: {instance.id}",
            f"an instance was taken out of service in response to {cause}",
        )
        group.activities.append(activity)
        state.activity, state.action, state.left_at = activity, None, now
        state.lifecycle_state = "Terminating"
        if with_hooks and instance.state == "running" and not group.status:
            self.enter(backend, group, state, "TERMINATING", now)

    def leave(self, backend: Any, group: Any, state: Any, now: float) -> None:
        """Finish a member's way out."""
        instance = state.instance
        if state.lifecycle_state == "Terminating:Wait":
            if instance.state == "running" and not group.status and state.action.outcome(now) is None:
                return
            state.lifecycle_state = "Terminating:Proceed"
        alive = instance.state == "running" and getattr(instance, "reachability", "") != "failed"
        if alive and not group.status and group.target_group_arns:
            drains = any(
                self.region.target_health.get((arn, instance.id), ("",))[0] == "draining"
                for arn in group.target_group_arns
            )
            if drains or now - state.left_at < DRAIN_NOTICE_SECONDS:
                return
        if instance.state not in ("shutting-down", "terminated"):
            instance.terminate()
            self.region.wake.set()
        elif instance.state == "terminated":
            state.activity.finish("Successful")
            group.instance_states.remove(state)

    # -- the group

    def scale(self, backend: Any, group: Any, now: float) -> None:
        """Launch what is missing, or take out what is too many."""
        suspended = {process["ProcessName"] for process in group.suspended_processes}
        active = [
            s for s in group.instance_states if s.lifecycle_state not in LEAVING and s.lifecycle_state != "Standby"
        ]
        missing = (group.desired_capacity or 0) + getattr(group, "surge", 0) - len(active)
        if missing > 0 and "Launch" not in suspended and now >= group.hold_until and not group.status:
            for _ in range(missing):
                if not self.launch(backend, group, now):
                    break
        elif missing < 0 and "Terminate" not in suspended:
            forced = bool(group.status)
            free = [s for s in active if forced or not s.protected_from_scale_in]
            for _ in range(min(-missing, len(free))):
                victim = next_victim(free)
                free.remove(victim)
                self.terminate(backend, group, victim, "a difference between desired and actual capacity", now)

    def launch(self, backend: Any, group: Any, now: float) -> bool:
        """Launch one member from the template's current version; returns whether it was launched."""
        activity = LoggedActivity(
            group,
            "Launching a new EC2 instance",
            "an instance was started in response to a difference between desired and actual capacity",
        )
        group.activities.append(activity)
        try:
            instance = self.run(backend, group)
        except ServiceException as error:
            activity.description = "Launching a new EC2 instance.  Status Reason: " + error.message
            self.failed(group, now, None, error.message, activity)
            return False
        instance.autoscaling_group = group
        state = InstanceState(instance, "Pending", protected_from_scale_in=group.new_instances_protected_from_scale_in)
        state.activity, state.launched = activity, now
        activity.description += f": {instance.id}"
        group.instance_states.append(state)
        self.region.wake.set()
        return True

    def run(self, backend: Any, group: Any) -> Any:
        """Call RunInstances as the group's template and tags say; returns the instance."""
        ec2, template = backend.ec2_backend, group.ec2_launch_template
        if template is None:
            raise ServiceException("ValidationError", "Groups are launched from launch templates here")
        version = template.get_version(group.launch_template_version)
        overrides = (group.mixed_instances_policy or {}).get("LaunchTemplate", {}).get("Overrides", [])
        instance_type = overrides[0].get("InstanceType") if overrides else None
        reservation = ec2.run_instances(
            version.image_id,
            1,
            None,
            [],
            instance_type=instance_type or version.instance_type,
            is_instance_type_default=False,
            launch_template={"LaunchTemplateId": template.id, "Version": str(version.number)},
            region_name=ec2.region_name,
            subnet_id=self.subnet(ec2, group),
            associate_public_ip=None,
            tags={"instance": {**group.get_propagated_tags(), ASG_NAME_TAG: group.name}},
        )
        return reservation.instances[0]

    def subnet(self, ec2: Any, group: Any) -> str | None:
        """Return the subnet of the next launch."""
        if not group.vpc_zone_identifier:
            return None
        subnets = [(id, ec2.get_subnet(id).availability_zone) for id in group.vpc_zone_identifier.split(",")]
        members = [s.instance.subnet_id for s in group.instance_states if s.lifecycle_state not in LEAVING]
        return next_subnet(subnets, members)

    def failed(self, group: Any, now: float, state: Any, message: str, activity: Any = None) -> None:
        """Note a failed launch; the next one is tried after a pause."""
        (activity or state.activity).finish("Failed", message)
        group.launch_failures = getattr(group, "launch_failures", 0) + 1
        group.hold_until = now + pause(group.launch_failures)
        log.warning("%s: launch failed: %s", group.name, message)

    def sync_targets(self, backend: Any, group: Any) -> None:
        """Register the members in service with the group's target groups, and take out those that left."""
        elbv2 = backend.elbv2_backend
        ids = {s.instance.id for s in group.instance_states if s.lifecycle_state == "InService"}
        wanted = {(arn, id) for arn in group.target_group_arns for id in ids}
        have = getattr(group, "registered", set())
        for arn, id in wanted - have:
            if arn in elbv2.target_groups:
                elbv2.register_targets(arn, [{"Id": id, "Port": elbv2.target_groups[arn].port}])
        for arn, id in have - wanted:
            if arn in elbv2.target_groups and id in elbv2.target_groups[arn].targets:
                elbv2.deregister_targets(arn, [{"Id": id}])
        group.registered = wanted
        if wanted != have:
            self.region.wake.set()

    # -- instance refresh

    def refresh(self, group: Any) -> None:
        """Replace one member after the other; at 100 % minimum healthy the new one comes before the old one goes."""
        current = next((r for r in group.refreshes if r["Status"] in ("Pending", "InProgress")), None)
        if current is None:
            group.surge = 0
            return
        if current["Status"] == "Pending":
            group.refresh_left = [s.instance.id for s in group.instance_states]
            group.refresh_count = max(len(group.refresh_left), 1)
            current["Status"] = "InProgress"
        present = {s.instance.id: s for s in group.instance_states}
        staying = {id for id, state in present.items() if state.lifecycle_state not in LEAVING}
        group.refresh_left = [id for id in group.refresh_left if id in staying]
        first = current["Preferences"]["MinHealthyPercentage"] >= 100 and group.refresh_left
        group.surge = 1 if first else 0
        done = group.refresh_count - len(group.refresh_left)
        current["PercentageComplete"] = 100 * done // group.refresh_count
        if len(present) < (group.desired_capacity or 0) + group.surge or not all(map(self.is_ready, present.values())):
            return
        if group.refresh_left:
            present[group.refresh_left[0]].terminate_asked = True
        else:
            current.update(Status="Successful", EndTime=utcnow(), PercentageComplete=100)

    def is_ready(self, state: Any) -> bool:
        """Return whether a member is in service and healthy wherever it is watched."""
        group = state.auto_scaling_group
        targets = [self.region.target_health.get((arn, state.instance.id), ("",))[0] for arn in group.target_group_arns]
        return state.lifecycle_state == "InService" and all(health == "healthy" for health in targets)
