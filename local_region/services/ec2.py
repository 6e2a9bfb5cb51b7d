"""EC2 instances as systemd containers, and as virtual machines where arm64 is emulated."""

from __future__ import annotations

import ipaddress
import logging
from typing import Any

from docker.errors import APIError, ImageNotFound

from local_region import machine, security_groups
from local_region.guest import network, seed
from local_region.metadata import user_data
from local_region.patches.ec2 import set_state
from local_region.region import Region
from local_region.services.images import find_image, image_tag

log = logging.getLogger(__name__)

KIND = "instance"
STOP_SECONDS = 30
EFS_MOUNT_POINT = "/var/lib/local-efs"
HOST_FAILURE = "Server.InternalError", "Internal error on launch, or the host failed"
GUEST_SHUTDOWN = "Client.InstanceInitiatedShutdown", "Instance initiated shutdown"


class Instances:
    """Makes containers agree with the instances of every AWS region, and their states with the containers."""

    name = "ec2"

    def __init__(self, region: Region) -> None:
        self.region, self.engine = region, region.engine
        self.system_options = region.engine.system_options()
        self.stop_seconds = machine.STOP_SECONDS if self.engine.machine_image else STOP_SECONDS
        self.dns_names: dict[str, str] = {}

    def known(self) -> set[tuple[str, str]]:
        """Return the containers of all instances that are not terminated."""
        return {
            (KIND, i.id)
            for _, ec2 in self.region.backends("ec2")
            for i in ec2.all_instances()
            if i.state != "terminated"
        }

    def reconcile(self) -> None:
        """Start a job for each instance, and keep names, public addresses and what security groups let through."""
        addresses: list[security_groups.Address] = []
        names: dict[str, str] = {}
        public: dict[str, str] = {}
        for _, ec2 in self.region.backends("ec2"):
            addresses += security_groups.read(ec2)
            for instance in ec2.all_instances():
                if instance.state == "terminated":
                    continue
                self.region.job((KIND, instance.id), self.converge, ec2, instance)
                if instance.state != "shutting-down":
                    names[instance.private_dns_name.lower()] = instance.private_ip
                    if instance.public_ip:
                        public[instance.public_ip] = instance.private_ip
        self.publish_names(names)
        self.region.job(("packet-filter",), self.region.network.publish, public, addresses)
        # An empty VPC has no bridge: on one machine its range may be wanted by another one, as every default VPC's is.
        for vpc_id in set(self.region.network.names) - self.occupied():
            self.region.job(("vpc", vpc_id), self.region.network.remove_empty, vpc_id, self.occupied)

    def occupied(self) -> set[str]:
        """Return the VPCs that have an instance, or a network interface of something else."""
        found = set()
        for _, ec2 in self.region.backends("ec2"):
            found |= {eni.subnet.vpc_id for eni in list(ec2.enis.values()) if eni.instance is None}
            found |= {i.vpc_id for i in list(ec2.all_instances()) if i.state != "terminated"}
        return found

    def publish_names(self, names: dict[str, str]) -> None:
        """Put the private DNS names of all instances into the resolver's table, and take old ones out."""
        for name in set(self.dns_names) - set(names):
            self.region.names.pop(name, None)
        self.region.names.update(names)
        self.dns_names = names

    def converge(self, ec2: Any, instance: Any) -> None:
        """Bring one instance a step further."""
        have = self.engine.state(KIND, instance.id)
        match instance.state:
            case "pending":
                self.begin(ec2, instance, have)
            case "stopping":
                if have in ("running", "paused"):
                    self.stop(instance)
                set_state(instance, "stopped")
            case "shutting-down":
                self.engine.remove(KIND, instance.id)
                self.region.backend("elbv2", ec2.region_name).notify_terminate_instances([instance.id])
                set_state(instance, "terminated")
                self.region.wake.set()
            case "running":
                self.watch(instance, have)

    def begin(self, ec2: Any, instance: Any, have: str | None) -> None:
        """Bring a pending instance up; a launch that fails says why in its state reason."""
        if have is None:
            try:
                self.launch(ec2, instance)
            except ImageNotFound as error:
                return self.fail(instance, "Client.InvalidAMIID.NotFound", str(error.explanation))
            except APIError as error:  # e.g. the machine has the VPC's range already
                return self.fail(instance, "Server.InternalError", str(error.explanation))
        elif have != "running":
            self.engine.get(KIND, instance.id).start()
        if instance.state == "pending":
            set_state(instance, "running")
            log.info("%s runs at %s", instance.id, instance.private_ip)
            self.region.wake.set()
        return None

    def fail(self, instance: Any, code: str, message: str) -> None:
        """End an instance that cannot be launched."""
        log.warning("%s: %s: %s", instance.id, code, message)
        instance.terminate()
        set_state(instance, "shutting-down", code, message)

    def launch(self, ec2: Any, instance: Any) -> None:
        """Create the instance's container, with what EC2 would hand to its first boot.

        Where arm64 is emulated, what was baked for it boots as it does on EC2, in a virtual machine.
        """
        image = find_image(self.region, ec2.region_name, instance.image_id)
        vpc = ec2.vpcs[instance.vpc_id]
        bridge = self.region.network.vpc(vpc)
        host, _, domain = instance.private_dns_name.partition(".")
        key = ec2.key_pairs.get(instance.key_name)
        files = seed(instance.id, instance.private_dns_name, key.public_key if key else "", user_data(instance))
        where = KIND, instance.id
        baked = image == image_tag(self.engine, instance.image_id)
        if self.engine.machine_image and baked and instance.architecture == "arm64":
            cidr = ipaddress.IPv4Network(vpc.cidr_block)
            self.engine.create(
                *where,
                self.engine.machine_image,
                bridge,
                instance.private_ip,
                files={**files, **network(instance.private_dns_name, instance.private_ip, cidr)},
                guest=(machine.ROOT, image),
                **machine.options_of(instance),
            )
            return
        options = {
            **self.system_options,
            "volumes": {
                **self.system_options["volumes"],
                self.engine.volume("efs"): {"bind": EFS_MOUNT_POINT, "mode": "rw"},
            },
        }
        self.engine.create(
            *where,
            image,
            bridge,
            instance.private_ip,
            files=files,
            hostname=host,
            domainname=domain,
            dns_search=[domain],
            **options,
        )

    def stop(self, instance: Any) -> None:
        """Shut an instance down cleanly; when its time is over, the power is cut."""
        container = self.engine.get(KIND, instance.id)
        if container.status == "paused":
            container.unpause()
        container.stop(timeout=self.stop_seconds)

    def watch(self, instance: Any, have: str | None) -> None:
        """Carry what happened to a running instance's container into the API."""
        if have is None:  # taken away: the host under it failed
            instance.terminate()
            set_state(instance, "shutting-down", *HOST_FAILURE)
        elif getattr(instance, "reboot_asked", False) or have == "rebooted":
            instance.reboot_asked, instance.reachability = False, "initializing"
            self.engine.get(KIND, instance.id).restart(timeout=self.stop_seconds)
        elif have == "running":
            instance.reachability = "passed"
        elif have in ("paused", "killed"):  # hung, or the power went: running as far as EC2 knows, and impaired
            instance.reachability = "failed"
        elif instance.instance_initiated_shutdown_behavior == "terminate":
            instance.terminate()
            set_state(instance, "shutting-down", *GUEST_SHUTDOWN)
        else:
            instance.stop()
            set_state(instance, "stopped", *GUEST_SHUTDOWN)
