"""Rules about hosts and what they run."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from ansible_collections.graviflow.airflow.plugins.module_utils.stack_rules.problem import HIDDEN, Facts, Problem

# Families of Graviton: letters, generation, attributes with a g (m7g, c7gn, r8gd, im4gn, is4gen); and a1, the first.
GRAVITON = re.compile(r"(a1|[a-z]+\d+[a-z]*g[a-z]*)\.(\d*x?large|medium|small|micro|nano|metal(-\d+xl)?)")
LOCK = re.compile(r"airflow-(?P<airflow>[\d.]+)-python-(?P<python>[\d.]+)\.txt")
PUBLIC_KEY = re.compile(r"ssh-(ed25519|rsa) [A-Za-z0-9+/]+=*( .*)?\s*")


def instance_type(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """Hosts are arm64, as the image is."""
    given = stack["compute_instance_type"]
    if not GRAVITON.fullmatch(str(given)):
        yield Problem(
            "compute_instance_type",
            given,
            "The image is for arm64, and this is no instance type of Graviton.",
            "Use one whose family bears a g after the generation, like m7g.large or t4g.large.",
        )


def capacity(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """There are as many hosts as high availability needs."""
    given = stack.get("compute_desired_capacity")
    if given is None:
        return
    if int(given) < 1:
        yield Problem("compute_desired_capacity", given, "A stack has a host at least.", "Use 2.")
    elif int(given) < 2 and stack.get("high_availability"):
        yield Problem(
            "compute_desired_capacity",
            given,
            "high_availability is true, and one host is not available when it fails.",
            "Use 2 or more, or say high_availability: false.",
        )


def public_key(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """EC2 can import the key, and it is the public half."""
    given = str(stack.get("compute_ssh_public_key") or "")
    if "PRIVATE KEY" in given:
        yield Problem("compute_ssh_public_key", HIDDEN, "It is a private key.", "Give the public one, and keep this.")
    elif given and not PUBLIC_KEY.fullmatch(given):
        yield Problem(
            "compute_ssh_public_key",
            given,
            "EC2 imports keys of the kinds ssh-ed25519 and ssh-rsa, one line each.",
            "Make one with ssh-keygen -t ed25519, and give the text of its .pub file.",
        )


def version(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """The versions of Airflow and Python have a lock."""
    yield from without_lock(str(stack["airflow_version"]), str(stack["airflow_python"]), facts.locks)


def without_lock(airflow: str, python: str, locks: Collection[str]) -> Iterator[Problem]:
    """Yield a problem when none of these locks, by file name, is of the versions."""
    if f"airflow-{airflow}-python-{python}.txt" in locks:
        return
    there = [match for match in map(LOCK.fullmatch, sorted(locks)) if match]
    choices = ", ".join(f"{match['airflow']} on {match['python']}" for match in there) or "nothing yet"
    yield Problem(
        "airflow_version, airflow_python",
        f"{airflow} on {python}",
        "Airflow is installed from a lock with hashes only, and there is none for these.",
        f"Choose among {choices}, or make a lock.",
    )


def existing_image(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """An AMI that is given is there, ready, and for Graviton."""
    given = stack.get("image_existing_id")
    if not given or facts.images is None:
        return
    fix = "Give the ID of one that packer/ baked in this region, or leave image_existing_id out to have one baked."
    if not facts.images:
        rule = "This account sees no such AMI in this region."
        yield Problem("image_existing_id", given, rule, fix)
    for image in facts.images:
        if (image["architecture"], image["state"]) != ("arm64", "available"):
            rule = f"Hosts need one that is arm64 and available; it is {image['architecture']} and {image['state']}."
            yield Problem("image_existing_id", given, rule, fix)
