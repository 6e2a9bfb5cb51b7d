"""Which security groups a network interface has: one list, whichever call changes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from moto.ec2.exceptions import InvalidSecurityGroupNotFoundError
from moto.ec2.models.elastic_network_interfaces import NetworkInterface, NetworkInterfaceBackend
from moto.ec2.models.instances import Instance, InstanceBackend
from moto.ec2.models.security_groups import SecurityGroupBackend

from local_region.patches._tools import replace

if TYPE_CHECKING:
    from local_region.region import Region


def apply(_region: Region) -> None:
    """Patch the groups of instances and network interfaces."""
    _default_group()
    _one_list()
    _unknown_groups()


def _default_group() -> None:
    @replace(SecurityGroupBackend, "create_security_group")
    def create(original: Callable[..., Any], ec2: Any, *args: Any, **kwargs: Any) -> Any:
        """Gap: the members of a VPC's default group do not reach each other."""
        group = original(*args, **kwargs)
        if group.is_default:
            pairs = [{"GroupId": group.id}]
            ec2.authorize_security_group_ingress(group.id, "-1", "-1", "-1", [], source_groups=pairs)
        return group


def _one_list() -> None:
    """Gap: an interface has its own groups and its instance's; what one call takes away, the other one keeps.

    On EC2 an instance's groups are those of its primary interface.
    """

    def of_instance(instance: Any) -> list[Any]:
        primary = getattr(instance, "nics", {}).get(0)
        return primary._group_set if primary else instance._groups_asked

    def set_of_instance(instance: Any, groups: list[Any]) -> None:
        instance._groups_asked = groups
        if primary := getattr(instance, "nics", {}).get(0):
            primary._group_set = list(groups)

    Instance.security_groups = property(of_instance, set_of_instance)
    NetworkInterface.group_set = property(lambda interface: interface._group_set)


def _unknown_groups() -> None:
    """Gap: an interface or instance can be put into a group that does not exist."""

    def check(ec2: Any, group_ids: list[str]) -> None:
        for group_id in group_ids:
            if ec2.get_security_group_from_id(group_id) is None:
                raise InvalidSecurityGroupNotFoundError(group_id)

    @replace(NetworkInterfaceBackend, "modify_network_interface_attribute")
    def modify_interface(original: Callable[..., Any], ec2: Any, eni_id: str, group_ids: list[str], *rest: Any) -> None:
        check(ec2, group_ids)
        original(eni_id, group_ids, *rest)

    @replace(InstanceBackend, "modify_instance_security_groups")
    def modify_instance(original: Callable[..., Any], ec2: Any, instance_id: str, new_group_id_list: list[str]) -> Any:
        check(ec2, new_group_id_list)
        return original(instance_id, new_group_id_list)
