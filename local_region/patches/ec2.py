"""EC2 instances: moto finishes every change at once, ours waits for something real."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import moto.ec2.models.elastic_ip_addresses as elastic_ip_addresses
import moto.ec2.models.elastic_network_interfaces as network_interfaces
import moto.ec2.models.instances as instances
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.instance_types import INSTANCE_TYPES
from moto.ec2.models.nat_gateways import NatGatewayBackend
from moto.ec2.models.tags import TagBackend

from local_region.patches._tools import after, replace

if TYPE_CHECKING:
    from local_region.region import Region

STATES = {"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64, "stopped": 80}
STATUS_WORDS = {"passed": "ok", "failed": "impaired", "initializing": "initializing"}
OFFERINGS_LIKE = "us-east-1"  # what a region without a list of its own offers
CHINA_REGIONS = ("cn-north-1", "cn-northwest-1")


def set_state(instance: Any, name: str, code: str = "", message: str = "") -> None:
    """Set an instance's state, and with a code the reason as DescribeInstances shows it."""
    instance._state.name, instance._state.code = name, STATES[name]
    if code:
        instance.state_reason = instances.StateReason(f"{code}: {message}", code)
        instance._reason = message


def apply(region: Region) -> None:
    """Patch EC2's instances and what belongs to them."""
    _lifecycle()
    _run_instances()
    _public_addresses(region.port)
    _offerings()
    _tag_filters()
    _nat_gateways()


def _lifecycle() -> None:
    """Gap: start, stop, terminate and reboot are done when the call returns, and every status check passes."""

    @after(instances.Instance, "__init__")
    @after(instances.Instance, "start")
    def pending(instance: Any, *_: Any, **__: Any) -> None:
        set_state(instance, "pending")
        instance.reachability = "initializing"

    @after(instances.Instance, "stop")
    def stopping(instance: Any) -> None:
        set_state(instance, "stopping")

    @replace(instances.Instance, "terminate")
    def shutting_down(original: Callable[[], Any], instance: Any) -> Any:
        before = copy.copy(instance._state)
        if before.name not in ("shutting-down", "terminated"):  # moto would release the addresses twice
            original()
            set_state(instance, "shutting-down")
        return before

    @after(instances.Instance, "reboot")
    def reboot(instance: Any) -> None:
        instance.reboot_asked = True

    def status(instance: Any) -> dict[str, Any]:
        if instance.state != "running":
            return {"Status": "not-applicable"}
        reachability = getattr(instance, "reachability", "initializing")
        return {"Details": [{"Name": "reachability", "Status": reachability}], "Status": STATUS_WORDS[reachability]}

    instances.Instance.instance_status = property(status)
    instances.Instance.system_status = property(status)


def complete(arguments: dict[str, Any], template: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of RunInstances with what only the launch template says filled in."""
    done = dict(arguments)
    if not done.get("metadata_options"):
        done["metadata_options"] = copy.deepcopy(template.get("MetadataOptions", {}))
    if not done.get("nics"):
        done["nics"] = copy.deepcopy(template.get("NetworkInterfaces", []))
    for index, interface in enumerate(done["nics"]):
        interface.setdefault("DeviceIndex", index)
    if done["nics"] and done.get("subnet_id"):
        done["nics"][0].setdefault("SubnetId", done["subnet_id"])
    if not done.get("placement") and not done.get("subnet_id"):
        done["placement"] = template.get("Placement", {}).get("AvailabilityZone")
    if template.get("BlockDeviceMappings") and "block_device_mappings" not in done:
        done["block_device_mappings"] = copy.deepcopy(template["BlockDeviceMappings"])
    for each in template.get("TagSpecifications", []):
        of_template, tags = {tag["Key"]: tag["Value"] for tag in each["Tags"]}, done.get("tags") or {}
        done["tags"] = {**tags, each["ResourceType"]: {**of_template, **tags.get(each["ResourceType"], {})}}
    if not done.get("instance_initiated_shutdown_behavior"):
        done["instance_initiated_shutdown_behavior"] = template.get("InstanceInitiatedShutdownBehavior")
    return done


def in_subnet(arguments: dict[str, Any], subnets: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments with a default subnet when no other is named; subnets: zone -> default subnet."""
    named = any(nic.get("SubnetId") or nic.get("NetworkInterfaceId") for nic in arguments["nics"])
    if arguments.get("subnet_id") or named:
        return arguments
    if not subnets:
        raise EC2ClientError("MissingInput", "No subnets found for the default VPC. Please specify a subnet.")
    subnet = subnets.get(arguments.get("placement")) or next(iter(subnets.values()))
    return {**arguments, "subnet_id": subnet.id, "placement": None}


def check_architecture(ami: Any, instance_type: str) -> None:
    """Raise what EC2 answers when an instance type does not exist, or cannot run an image."""
    if instance_type not in INSTANCE_TYPES:
        raise EC2ClientError("InvalidParameterValue", f"Invalid value '{instance_type}' for InstanceType.")
    known = INSTANCE_TYPES[instance_type]["ProcessorInfo"]["SupportedArchitectures"]
    if ami.architecture not in known:
        raise EC2ClientError(
            "InvalidParameterValue",
            f"The architecture '{', '.join(known)}' of the specified instance type does not match the architecture "
            f"'{ami.architecture}' of the specified AMI.",
        )


def _run_instances() -> None:
    """Gap: the template's interfaces, profile, metadata options and disks' tags are dropped, a plain disk is added;
    keys and architecture go unchecked.
    """

    @replace(instances.InstanceBackend, "run_instances")
    def run(
        original: Callable[..., Any], ec2: Any, image_id: str, count: int, user_data: Any, groups: Any, **arguments: Any
    ) -> Any:
        asked = arguments.get("launch_template")
        template = ec2._get_template_from_args(asked).data if asked else {}
        arguments = in_subnet(complete(arguments, template), ec2.get_default_subnets())
        image_id = image_id or template.get("ImageId")
        if not image_id:
            raise EC2ClientError("MissingParameter", "The request must contain the parameter ImageId")
        key = arguments.get("key_name") or template.get("KeyName")
        if key and key not in ec2.key_pairs:
            raise EC2ClientError("InvalidKeyPair.NotFound", f"The key pair '{key}' does not exist")
        of_template = arguments.get("is_instance_type_default") and template.get("InstanceType")
        check_architecture(ec2.describe_images(ami_ids=[image_id])[0], of_template or arguments["instance_type"])
        reservation = original(image_id, count, user_data, groups, **arguments)
        if profile := template.get("IamInstanceProfile"):
            named = arguments.get("iam_instance_profile_name") or arguments.get("iam_instance_profile_arn")
            for instance in reservation.instances if not named else ():
                ec2.associate_iam_instance_profile(
                    instance.id,
                    iam_instance_profile_name=profile.get("Name"),
                    iam_instance_profile_arn=profile.get("Arn"),
                )
        return reservation


def spare_addresses(port: int) -> Iterator[str]:
    """Yield public addresses from the range for benchmarks (RFC 2544), a part of it for each daemon's port."""
    return (f"198.18.{port % 256}.{host}" for host in itertools.cycle(range(10, 250)))


def _public_addresses(port: int) -> None:
    """Gap: public addresses are drawn at random; ours must not belong to anybody."""
    spare = spare_addresses(port)
    network_interfaces.random_public_ip = lambda: next(spare)
    elastic_ip_addresses.random_ip = lambda: next(spare)


def _offerings() -> None:
    """Gap: no instance type is offered in the China regions."""
    for offerings in instances.INSTANCE_TYPE_OFFERINGS.values():
        model = offerings.get(OFFERINGS_LIKE, [])
        for name in CHINA_REGIONS:
            if name not in offerings:
                offerings[name] = [
                    {**offer, "Location": offer["Location"].replace(OFFERINGS_LIKE, name)} for offer in model
                ]


def _tag_filters() -> None:
    """Gap: DescribeTags knows NAT gateways as nat-gateway, EC2 calls them natgateway."""

    @replace(TagBackend, "describe_tags")
    def describe(original: Callable[..., Any], _: Any, filters: dict[str, list[str]] | None = None) -> Any:
        kinds = (filters or {}).get("resource-type")
        if kinds:
            filters = {**(filters or {}), "resource-type": [k.replace("natgateway", "nat-gateway") for k in kinds]}
        found = original(filters)
        for tag in found:
            tag["resource_type"] = tag["resource_type"].replace("nat-gateway", "natgateway")
        return found


def _nat_gateways() -> None:
    """Gap: the network interface of a deleted gateway stays, and its VPC is never empty again."""

    @after(NatGatewayBackend, "delete_nat_gateway")
    def without_interface(backend: Any, nat_gateway_id: str) -> None:
        backend.enis.pop(backend.nat_gateways[nat_gateway_id]._eni.id, None)
