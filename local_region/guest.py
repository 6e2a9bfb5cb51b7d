"""What an instance finds in its file system at its first boot."""

from __future__ import annotations

import ipaddress
import json
import os
from collections.abc import Mapping

from local_region.engine import RESOLVER_ADDRESS, Files

SEED = "/var/lib/cloud/seed/nocloud"
SYSTEM_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
PROXIES = ("http_proxy", "https_proxy", "no_proxy", "all_proxy")
# What cloud-init recognises as its own (its documentation, "User data formats"); gzip and MIME included.
CLOUD_INIT_HEADS = (
    b"#!",
    b"#cloud-",
    b"#include",
    b"#part-handler",
    b"## template: jinja",
    b"Content-Type:",
    b"MIME-",
    b"\x1f\x8b",
)


def is_cloud_init(data: bytes) -> bool:
    """Return whether user data is meant for cloud-init; anything else is the host's own business."""
    return data.lstrip().startswith(CLOUD_INIT_HEADS)


def forwarded(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables by which this machine reaches package indexes, for its guests.

    A path means this machine's files, which a guest does not have; the system bundle alone is in the same place there.
    """
    found = {}
    for name, value in environment.items():
        wanted = name.startswith(("PIP_", "UV_")) or name.lower() in PROXIES or name == "SSL_CERT_FILE"
        if wanted and value and (not value.startswith(("/", "file:")) or value == SYSTEM_BUNDLE):
            found[name] = value
    return found


def environment_file(variables: Mapping[str, str]) -> bytes:
    """Return /etc/environment, as pam_env reads it."""
    return "".join(f'{name}="{value}"\n' for name, value in sorted(variables.items())).encode()


def manager_configuration(variables: Mapping[str, str]) -> bytes:
    """Return systemd's configuration with a default environment; % starts a specifier there."""
    escapes = str.maketrans({"\\": "\\\\", '"': '\\"', "%": "%%"})
    words = (f'"{name}={value.translate(escapes)}"' for name, value in sorted(variables.items()))
    return f"[Manager]\nDefaultEnvironment={' '.join(words)}\n".encode()


def network(fqdn: str, address: str, cidr: ipaddress.IPv4Network) -> Files:
    """Return what a virtual machine is told by DHCP on EC2; a container gets it from Docker. cidr: of its VPC."""
    host, _, domain = fqdn.partition(".")
    link = f"[Match]\nType=ether\n\n[Network]\nAddress={address}/{cidr.prefixlen}\nGateway={cidr[1]}\n"
    return {
        "/etc/hostname": (f"{host}\n".encode(), 0o644),
        "/etc/hosts": (f"127.0.0.1 localhost\n{address} {fqdn} {host}\n".encode(), 0o644),
        "/etc/resolv.conf": (f"search {domain}\nnameserver {RESOLVER_ADDRESS}\n".encode(), 0o644),
        "/etc/systemd/network/10-vpc.network": (link.encode(), 0o644),
    }


def seed(instance_id: str, fqdn: str, public_key: str, user_data: bytes) -> Files:
    """Return the files of a first boot: cloud-init's seed, and the one thing that differs from EC2, the endpoint."""
    variables = {**forwarded(os.environ), "AWS_ENDPOINT_URL": f"http://{RESOLVER_ADDRESS}"}
    meta = {
        "instance-id": instance_id,
        "local-hostname": fqdn,
        "public-keys": [public_key.strip()] if public_key else [],
    }
    given = user_data if is_cloud_init(user_data) else b"#cloud-config\n{}\n"
    return {
        f"{SEED}/meta-data": (json.dumps(meta).encode(), 0o644),
        f"{SEED}/user-data": (given, 0o600),
        "/etc/environment": (environment_file(variables), 0o644),
        "/etc/sudoers.d/50-endpoint": (b"Defaults env_file=/etc/environment\n", 0o440),
        "/etc/systemd/system.conf.d/50-endpoint.conf": (manager_configuration(variables), 0o644),
    }
