"""Instance metadata (IMDSv2) at its genuine address: the source address tells which instance asks."""

from __future__ import annotations

import base64
import json
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from local_region.region import Region

CREDENTIAL_SECONDS = 6 * 3600
RENEW_BEFORE = timedelta(minutes=30)
TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
LIFECYCLE_TARGETS = {"Terminating": "Terminated", "Standby": "Standby", "EnteringStandby": "Standby"}


@dataclass(frozen=True)
class Answer:
    """An HTTP answer."""

    status: int
    body: bytes = b""
    content_type: str = "text/plain"


class Tokens:
    """Session tokens: each belongs to one instance and ends by itself."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tokens: dict[str, tuple[str, float]] = {}

    def issue(self, instance_id: str, ttl: int, now: float) -> str:
        """Return a new token; ttl in seconds."""
        token = secrets.token_urlsafe(32)
        with self._lock:
            self._tokens = {key: value for key, value in self._tokens.items() if value[1] > now}
            self._tokens[token] = (instance_id, now + ttl)
        return token

    def valid(self, token: str, instance_id: str, now: float) -> bool:
        """Return whether this instance may still use this token."""
        owner, end = self._tokens.get(token, ("", 0.0))
        return owner == instance_id and end > now


TOKENS = Tokens()


def parse_ttl(header: str | None) -> int | None:
    """Return a token's lifetime in seconds, None for what EC2 refuses (1 to 21600 is allowed)."""
    if header is None or not header.isdigit() or not 1 <= int(header) <= 21600:
        return None
    return int(header)


def lookup(tree: Mapping[str, str], path: str) -> str | None:
    """Return a leaf's value, or the listing of a folder as EC2 prints it; None for neither."""
    path = path.strip("/")
    if path in tree:
        return tree[path]
    head = f"{path}/" if path else ""
    children = set()
    for key in tree:
        if key.startswith(head):
            child, more, _ = key[len(head) :].partition("/")
            children.add(child + more)
    return "\n".join(sorted(children)) if children else None


def lifecycle_target(state: str) -> str:
    """Return the target state that Auto Scaling moves an instance to."""
    return LIFECYCLE_TARGETS.get(state.partition(":")[0], "InService")


def answer(region: Region, environ: Mapping[str, Any]) -> Answer:
    """Return the answer to one request under /latest/."""
    ec2, instance = find(region, environ["REMOTE_ADDR"])
    if instance is None:
        return Answer(404)
    options, path, now = instance.metadata_options, environ["PATH_INFO"], time.monotonic()
    if options.http_endpoint == "disabled":
        return Answer(403)
    if path == "/latest/api/token":
        if environ["REQUEST_METHOD"] != "PUT":
            return Answer(405)
        if "HTTP_X_FORWARDED_FOR" in environ:
            return Answer(403)
        ttl = parse_ttl(environ.get("HTTP_X_AWS_EC2_METADATA_TOKEN_TTL_SECONDS"))
        return Answer(200, TOKENS.issue(instance.id, ttl, now).encode()) if ttl else Answer(400)
    token = environ.get("HTTP_X_AWS_EC2_METADATA_TOKEN")
    if (token or options.http_tokens == "required") and not TOKENS.valid(token or "", instance.id, now):
        return Answer(401)
    if path.rstrip("/") == "/latest/user-data":
        return Answer(200, user_data(instance), "application/octet-stream") if instance.user_data else Answer(404)
    if path == "/latest/dynamic/instance-identity/document":
        return Answer(200, json.dumps(identity(region, ec2, instance), indent=2).encode())
    value = lookup(tree(region, ec2, instance), path.removeprefix("/latest/meta-data"))
    if not path.startswith("/latest/meta-data") or value is None:
        return Answer(404)
    return Answer(200, value.encode())


def find(region: Region, address: str) -> tuple[Any, Any]:
    """Return (moto's EC2 backend, instance) of a source address, (None, None) if it is no instance's."""
    for _, ec2 in region.backends("ec2"):
        for instance in ec2.all_instances():
            if instance.state in ("pending", "running", "stopping") and instance.private_ip == address:
                return ec2, instance
    return None, None


def user_data(instance: Any) -> bytes:
    """Return an instance's user data as it was given."""
    return base64.b64decode(str(instance.user_data)) if instance.user_data else b""


def identity(region: Region, ec2: Any, instance: Any) -> dict[str, str]:
    """Return the instance identity document."""
    return {
        "accountId": region.account,
        "architecture": instance.architecture,
        "availabilityZone": instance.availability_zone,
        "imageId": instance.image_id,
        "instanceId": instance.id,
        "instanceType": instance.instance_type,
        "pendingTime": instance.launch_time.strftime(TIME_FORMAT),
        "privateIp": instance.private_ip,
        "region": ec2.region_name,
        "version": "2017-09-30",
    }


def tree(region: Region, ec2: Any, instance: Any) -> dict[str, str]:
    """Return an instance's metadata, path -> value. Spot paths are absent, so they answer 404 as on EC2."""
    zone = instance.availability_zone
    zone_id = next((z.zone_id for z in ec2.describe_availability_zones() if z.name == zone), "")
    mac = instance.nics[0].mac_address
    interface = f"network/interfaces/macs/{mac}"
    groups = "\n".join(group.name for group in instance.security_groups)
    found = {
        "ami-id": instance.image_id,
        "ami-launch-index": str(instance.ami_launch_index),
        "hostname": instance.private_dns_name,
        "instance-id": instance.id,
        "instance-life-cycle": instance.lifecycle or "on-demand",
        "instance-type": instance.instance_type,
        "local-hostname": instance.private_dns_name,
        "local-ipv4": instance.private_ip,
        "mac": mac,
        f"{interface}/device-number": "0",
        f"{interface}/interface-id": instance.nics[0].id,
        f"{interface}/local-ipv4s": instance.private_ip,
        f"{interface}/subnet-id": instance.subnet_id,
        f"{interface}/vpc-id": instance.vpc_id,
        f"{interface}/vpc-ipv4-cidr-block": ec2.vpcs[instance.vpc_id].cidr_block,
        "placement/availability-zone": zone,
        "placement/availability-zone-id": zone_id,
        "placement/region": ec2.region_name,
        "security-groups": groups,
        "services/domain": region.dns_suffix(ec2.region_name),
        "services/partition": region.partition(ec2.region_name),
    }
    if instance.public_ip:
        found["public-ipv4"] = instance.public_ip
    if key := ec2.key_pairs.get(instance.key_name):
        found["public-keys/0/openssh-key"] = key.public_key
    if association := ec2.iam_instance_profile_associations.get(instance.id):
        found |= iam(region, ec2, instance, association.iam_instance_profile)
    if instance.metadata_options.instance_metadata_tags == "enabled":
        found |= {f"tags/instance/{tag['key']}": tag["value"] for tag in instance.get_tags()}
    if state := auto_scaling_state(region, instance):
        found["autoscaling/target-lifecycle-state"] = lifecycle_target(state)
    return found


def auto_scaling_state(region: Region, instance: Any) -> str | None:
    """Return the instance's lifecycle state in its group, None outside of any."""
    members = (
        member
        for _, backend in region.backends("autoscaling")
        for group in list(backend.autoscaling_groups.values())
        for member in list(group.instance_states)
    )
    return next((member.lifecycle_state for member in members if member.instance.id == instance.id), None)


def iam(region: Region, ec2: Any, instance: Any, profile: Any) -> dict[str, str]:
    """Return what an instance profile adds: its identity and its role's credentials."""
    info = {"Code": "Success", "InstanceProfileArn": profile.arn, "InstanceProfileId": profile.id}
    found = {"iam/info": json.dumps(info)}
    for role in profile.roles:
        found[f"iam/security-credentials/{role.name}"] = json.dumps(credentials(region, ec2, instance, role))
    return found


def credentials(region: Region, ec2: Any, instance: Any, role: Any) -> dict[str, str]:
    """Return the role's credentials for this instance, renewed well before they end."""
    session = getattr(instance, "role_session", None)
    now = datetime.now(UTC).replace(tzinfo=None)
    if session is None or session.role_arn != role.arn or session.expiration.replace(tzinfo=None) - now < RENEW_BEFORE:
        sts = region.backend("sts", region.partition(ec2.region_name))
        session = sts.assume_role(ec2.region_name, instance.id, role.arn, "", CREDENTIAL_SECONDS, "")
        instance.role_session = session
    return {
        "Code": "Success",
        "Type": "AWS-HMAC",
        "LastUpdated": now.strftime(TIME_FORMAT),
        "AccessKeyId": session.access_key_id,
        "SecretAccessKey": session.secret_access_key,
        "Token": session.session_token,
        "Expiration": session.expiration.strftime(TIME_FORMAT),
    }
