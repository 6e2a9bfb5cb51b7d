"""ELBv2: balancers become active when something answers, targets drain, their health is what was measured.

What the reconciler reads on a target group: `draining`, target id -> (target, deadline), and `registered`, target id ->
when that was; both times are time.monotonic() seconds.
"""

from __future__ import annotations

import re
import time
import zlib
from typing import TYPE_CHECKING, Any

from moto.core.responses import ActionResult
from moto.elbv2 import exceptions, models
from moto.elbv2.responses import ELBV2Response

from local_region.patches._tools import after, replace

if TYPE_CHECKING:
    from local_region.region import Region

HOSTED_ZONE = {"cn-north-1": "Z1GDH35T77C1KE", "cn-northwest-1": "ZM7IZAIOVVDZF", "us-east-1": "Z35SXDOTRQ7X7K"}
BALANCER_ATTRIBUTES = {
    "access_logs.s3.enabled": "false",
    "connection_logs.s3.enabled": "false",
    "connection_logs.s3.bucket": "",
    "connection_logs.s3.prefix": "",
    "client_keep_alive.seconds": "3600",
    "idle_timeout.timeout_seconds": "60",
    "ipv6.deny_all_igw_traffic": "false",
    "load_balancing.cross_zone.enabled": "true",
    "routing.http.desync_mitigation_mode": "defensive",
    "routing.http.drop_invalid_header_fields.enabled": "false",
    "routing.http.preserve_host_header.enabled": "false",
    "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": "false",
    "routing.http.xff_client_port.enabled": "false",
    "routing.http.xff_header_processing.mode": "append",
    "routing.http2.enabled": "true",
    "waf.fail_open.enabled": "false",
    "zonal_shift.config.enabled": "false",
}
# Those of listeners of an application load balancer, by HTTPS or not.
LISTENER_ATTRIBUTES = re.compile(
    r"routing\.http\.("
    r"request\.x_amzn_(mtls_clientcert(_serial_number|_issuer|_subject|_validity|_leaf)?|tls_version|tls_cipher_suite)"
    r"\.header_name"
    r"|response\.(strict_transport_security|content_security_policy|x_content_type_options|x_frame_options"
    r"|access_control_(allow_(origin|methods|headers|credentials)|expose_headers|max_age))\.header_value"
    r"|response\.server\.enabled)"
)
GROUP_ATTRIBUTES = {
    "stickiness.type": "lb_cookie",
    "stickiness.lb_cookie.duration_seconds": "86400",
    "stickiness.app_cookie.cookie_name": "",
    "stickiness.app_cookie.duration_seconds": "86400",
    "load_balancing.algorithm.anomaly_mitigation": "off",
    "target_group_health.dns_failover.minimum_healthy_targets.count": "1",
    "target_group_health.dns_failover.minimum_healthy_targets.percentage": "off",
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count": "1",
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage": "off",
}


def dns_name(name: str, arn: str, scheme: str | None, aws_region: str, suffix: str) -> str:
    """Return a load balancer's name: <name>-<number>.<region>.elb..., with internal- before it if it is internal."""
    prefix = "internal-" if scheme == "internal" else ""
    return f"{prefix}{name}-{zlib.crc32(arn.encode())}.{aws_region}.elb.{suffix}"


def apply(region: Region) -> None:
    """Patch moto's ELBv2."""
    _balancers(region)
    _listeners()
    _groups()
    _targets(region)


def _balancers(region: Region) -> None:
    @replace(models.ELBv2Backend, "create_load_balancer")
    def create(original: Any, backend: Any, **given: Any) -> Any:
        """Gap: a name can be used twice; and attributes, name and hosted zone are not the region's."""
        for known in backend.load_balancers.values():
            if known.name == given["name"]:
                if {subnet.id for subnet in known.subnets} == set(given["subnet_ids"]):
                    return known  # ELB answers with the one that is there
                raise exceptions.DuplicateLoadBalancerName()
        given["scheme"] = given.get("scheme") or "internet-facing"
        created = original(**given)
        place = backend.region_name
        created.attrs = BALANCER_ATTRIBUTES | {
            key: value for key, value in created.attrs.items() if "cross_zone" not in key
        }
        created.canonical_hosted_zone_id = HOSTED_ZONE.get(place, created.canonical_hosted_zone_id)
        created.dns_name = dns_name(created.name, created.arn, created.scheme, place, region.dns_suffix(place))
        if not created.security_groups:
            created.security_groups = [backend.ec2_backend.get_default_security_group(created.vpc_id).id]
        created.ready_at = time.monotonic() + region.control.timing("elbv2")
        return created

    @replace(models.FakeLoadBalancer, "activate")
    def activate(_original: Any, _balancer: Any) -> None:
        """Gap: being looked at makes it active. Here the reconciler does."""

    @replace(models.ELBv2Backend, "delete_load_balancer")
    def delete(original: Any, backend: Any, arn: str) -> None:
        """Gap: deletion protection is not honoured."""
        balancer = backend.load_balancers.get(arn)
        if balancer and balancer.attrs.get("deletion_protection.enabled") == "true":
            raise exceptions.ELBClientError(
                "OperationNotPermitted",
                f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled",
            )
        original(arn)


def _listeners() -> None:
    @replace(models.FakeListener, "__init__")
    def create(original: Any, listener: Any, *args: Any, **kwargs: Any) -> None:
        """Gap: a listener without TLS has a TLS policy."""
        original(*args, **kwargs)
        if listener.protocol == "HTTP":
            listener.ssl_policy = None

    @replace(models.ELBv2Backend, "modify_listener")
    def modify(original: Any, backend: Any, arn: str, *args: Any, **kwargs: Any) -> Any:
        """Gap: an HTTP listener that stays one cannot be modified."""
        listener = original(arn, *args, **kwargs)
        if listener.protocol == "HTTP":
            listener.ssl_policy, listener.certificate, listener.certificates = None, None, []
        return listener

    @replace(models.ELBv2Backend, "modify_listener_attributes")
    def attribute(original: Any, backend: Any, listener_arn: str, attrs: list[dict[str, str]]) -> Any:
        """Gap: any attribute is taken."""
        for each in attrs:
            if not LISTENER_ATTRIBUTES.fullmatch(each["Key"]):
                raise exceptions.InvalidConfigurationRequest(
                    f"Listener attribute key '{each['Key']}' is not recognized"
                )
        return original(listener_arn, attrs)

    @after(models.FakeListener, "register")
    def in_order(listener: Any, *_: Any) -> None:
        """Gap: rules are listed as they were made, not by priority."""
        ordered = sorted(listener._non_default_rules.items(), key=lambda item: int(item[1].priority))
        listener._non_default_rules = dict(ordered)


def _users(group: Any) -> list[str]:
    backend = models.elbv2_backends[group.account_id][group.region_name]
    return [
        balancer.arn
        for balancer in backend.load_balancers.values()
        if any(
            group.arn in backend._get_target_group_arns_from(action_data=action.data)
            for listener in balancer.listeners.values()
            for rule in listener.rules.values()
            for action in rule.actions
        )
    ]


def _groups() -> None:
    @after(models.FakeTargetGroup, "__init__")
    def create(group: Any, *_: Any, **__: Any) -> None:
        """Gap: most attributes are missing."""
        group.draining, group.registered = {}, {}
        if group.protocol in ("HTTP", "HTTPS"):
            group.attributes = GROUP_ATTRIBUTES | {key: str(value) for key, value in group.attributes.items()}

    def ignore(_group: Any, _value: Any) -> None:
        """moto sets it when a group is made."""

    # Gap: a group goes on naming balancers that are deleted or no longer forward to it.
    models.FakeTargetGroup.load_balancer_arns = property(_users, ignore)

    @replace(ELBV2Response, "modify_target_group_attributes")
    def modify_attributes(original: Any, response: Any) -> ActionResult:
        """Gap: only what was given is answered."""
        original()
        return response.describe_target_group_attributes()

    @replace(ELBV2Response, "modify_target_group")
    def modify(original: Any, response: Any) -> ActionResult:
        """Gap: the matcher is lost."""
        result = original()
        codes = (response._get_param("Matcher") or {}).get("HttpCode")
        group = response.elbv2_backend.target_groups[response._get_param("TargetGroupArn")]
        if codes and group.protocol in ("HTTP", "HTTPS"):
            group.matcher = {"HttpCode": codes}
        return result


def _drain(group: Any, target: dict[str, Any]) -> None:
    delay = int(group.attributes.get("deregistration_delay.timeout_seconds", 300))
    group.draining[target["Id"]] = (target, time.monotonic() + delay)
    group.registered.pop(target["Id"], None)


def _targets(region: Region) -> None:
    @after(models.FakeTargetGroup, "register")
    def register(group: Any, targets: list[dict[str, Any]]) -> None:
        for target in targets:
            group.draining.pop(target["Id"], None)
            group.registered.setdefault(target["Id"], time.monotonic())

    @replace(models.FakeTargetGroup, "deregister")
    def deregister(_original: Any, group: Any, targets: list[dict[str, Any]]) -> None:
        """Gap: deregistered at once, and an error for what is not registered."""
        for target in targets:
            if found := group.targets.pop(target["Id"], None):
                _drain(group, found)

    @replace(models.FakeTargetGroup, "deregister_terminated_instances")
    def terminated(_original: Any, group: Any, instance_ids: list[str]) -> None:
        """Gap: a terminated instance drains for ever."""
        for identifier in set(instance_ids) & set(group.targets):
            _drain(group, group.targets.pop(identifier))

    @replace(models.FakeTargetGroup, "health_for")
    def health(original: Any, group: Any, target: dict[str, Any], ec2_backend: Any) -> Any:
        """Gap: targets are always healthy."""
        identifier = target["Id"]
        if identifier in group.draining:
            port = group.draining[identifier][0]["Port"]
            found = ("draining", "Target.DeregistrationInProgress", "Target deregistration is in progress")
            return models.FakeHealthStatus(identifier, port, group.health_check_port, *found)
        status = original(target, ec2_backend)
        if status.status == "unavailable":
            status.status = "unused"
        if status.status != "healthy":
            return status
        if not group.load_balancer_arns:
            found = (
                "unused",
                "Target.NotInUse",
                "Target group is not configured to receive traffic from the load balancer",
            )
        else:
            waiting = ("initial", "Elb.RegistrationInProgress", "Target registration is in progress")
            found = region.target_health.get((group.arn, identifier), waiting)
        status.status, status.reason, status.description = found
        if status.health_check_port == "traffic-port":
            status.health_check_port = status.port
        return status

    @replace(models.ELBv2Backend, "describe_target_health")
    def describe(original: Any, backend: Any, target_group_arn: str, targets: list[dict[str, Any]]) -> Any:
        """Gap: draining targets are not listed."""
        statuses = original(target_group_arn, targets)
        if not targets:
            group = backend.target_groups[target_group_arn]
            if not group.targets:
                statuses = []
            statuses += [group.health_for(target, backend.ec2_backend) for target, _ in list(group.draining.values())]
        return statuses
