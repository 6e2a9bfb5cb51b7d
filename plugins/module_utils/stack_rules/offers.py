"""Rules about what the region offers, and what the account's quotas leave: `Facts.offers` has what was found.

What is not in it was not asked, or not answered, and nothing is said about it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import log2
from typing import Any

from ansible_collections.graviflow.airflow.plugins.module_utils.stack_rules import database, hosts
from ansible_collections.graviflow.airflow.plugins.module_utils.stack_rules.problem import Facts, Problem

TYPE = re.compile(r"(?P<letters>[a-z]+)(?P<generation>\d+)(?P<attributes>[a-z]*)\.(?P<size>.+)")
SIZES = ("nano", "micro", "small", "medium", "large")  # and xlarge, 2xlarge ...
# What ElastiCache makes nodes of, among Graviton's. A region may lack some.
NODE = re.compile(r"(m6g|m7g|r6g|r6gd|r7g|c7gn|t4g)\..+")
CHOICES = 4  # that a fix names at most
Rule = Callable[[Mapping[str, Any], Facts], Iterator[Problem]]


def instance_type(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """Hosts, and the bastion, can be launched in each of their zones."""
    zones, offered = facts.offers.get("zones") or [], facts.offers.get("instance_types") or {}
    for variable, (given, _) in _instance_types(stack).items():
        missing = [zone for zone in zones if given in offered and zone not in offered[given]]
        if not missing or not hosts.GRAVITON.fullmatch(given):
            continue
        others = [each for each, where in offered.items() if set(zones) <= set(where)]
        near = _nearest(given, filter(hosts.GRAVITON.fullmatch, others))
        elsewhere = ", ".join(offered[given])
        yield Problem(
            variable,
            given,
            f"It is not offered in {', '.join(missing)}.",
            _choose(near) if near else f"Use zones that offer it: {elsewhere}." if elsewhere else "Use another region.",
        )


def database_option(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """RDS offers the engine's version on instances of the class, in as many zones as they need."""
    options = facts.offers.get("database_options")
    name = str(stack.get("database_engine", "postgres"))
    if name not in database.VERSIONS or stack.get("database_existing") or options is None:
        return
    if _told((database.driver, database.instance_class, database.serverless), stack, facts):
        return
    variable, given = "database_instance_class", str(stack.get("database_instance_class") or "")
    if stack.get("database_serverless_capacity"):
        variable, given = "database_serverless_capacity", "db.serverless"
    fitting = [each for each in options if name != "postgres-cluster" or each["clusters"]]
    of_class = [each for each in fitting if each["class"] == given]
    if not of_class:
        pattern = database.CLASSES[name][0]
        others = {each["class"] for each in fitting if re.fullmatch(pattern, each["class"])}
        near = _nearest(given, (each for each in others if _is_graviton_class(each)))
        rule = f"RDS offers no instances of {given} with {name} in {stack['stack_region']}."
        yield Problem(variable, given, rule, _choose(near) if near else "Use another class, or another region.")
        return
    wanted = str(stack.get("database_engine_version") or database.VERSIONS[name][2])
    of_version = [each for each in of_class if _is_of(each["version"], wanted)]
    if not of_version:
        if _told((database.engine,), stack, facts):
            return
        rule = f"RDS does not offer it with {name} on {given} in {stack['stack_region']}."
        fix = _choose(_newest(each["version"] for each in of_class))
        yield Problem("database_engine_version", wanted, rule, fix)
        return
    yield from _database_zones(stack, facts, name, variable, given, of_version)


def _database_zones(
    stack: Mapping[str, Any], facts: Facts, name: str, variable: str, given: str, options: Iterable[Mapping[str, Any]]
) -> Iterator[Problem]:
    """Instances, and the standby, have a zone of their own each."""
    there = {zone for each in options for zone in each["zones"]}
    zones = facts.offers.get("zones") or []
    usable = [zone for zone in zones if zone in there]
    needed = _database_instances(stack) if name in database.CLUSTERS else 2 if stack.get("high_availability") else 1
    if there and zones and len(usable) < needed <= len(zones):
        yield Problem(
            variable,
            given,
            f"RDS offers it in {', '.join(usable) or 'none'} of the stack's zones, and {needed} are needed.",
            f"Use another class, or zones that offer it: {', '.join(sorted(there))}.",
        )


def broker_version(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """ElastiCache has the version of the broker."""
    versions = facts.offers.get("broker_versions")
    engine, wanted = str(stack.get("broker_engine") or "redis"), str(stack.get("broker_engine_version") or "7.1")
    if versions is None or engine not in ("redis", "valkey"):  # other engines are told as mistyped
        return
    # "6.x" is how ElastiCache writes the newest one of 6.
    if not any(_is_of(each, wanted.removesuffix(".x")) for each in versions):
        rule = f"ElastiCache has no such version of {engine} in {stack['stack_region']}."
        yield Problem("broker_engine_version", wanted, rule, _choose(_newest(versions)))


def broker_node(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """A node can be had in the region. ElastiCache does not tell; EC2 does, of the instances that nodes are."""
    offered, given = facts.offers.get("instance_types") or {}, str(stack.get("broker_node_type") or "")
    machine = given.removeprefix("cache.")
    # A broker that exists shows that its nodes do.
    if not given.startswith("cache.") or facts.offers.get("exists") is not False or offered.get(machine) != []:
        return
    near = _nearest(machine, filter(NODE.fullmatch, (each for each, where in offered.items() if where)))
    yield Problem(
        "broker_node_type",
        given,
        f"Its nodes are instances of {machine}, and no zone of {stack['stack_region']} offers these.",
        _choose([f"cache.{each}" for each in near]) if near else "Use one like cache.m7g.large or cache.t4g.medium.",
    )


@dataclass(frozen=True)
class Need:
    """How many of something a first provision makes, and what to tell where it may not."""

    quota: str
    count: int
    variable: str
    value: Any
    what: str
    way_out: str = ""
    zone: str = ""


def quotas(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """What a first provision makes is within the account's quotas."""
    found = facts.offers.get("quotas") or {}
    for need in _needs(stack, facts):
        quota = found.get(need.quota)
        if quota is None or need.count == 0:
            continue
        used = quota["used"].get(need.zone, 0)
        if used + need.count > quota["limit"]:
            place = need.zone or stack["stack_region"]
            yield Problem(
                need.variable,
                need.value,
                f"The stack needs {need.count} more {need.what} in {place}, and this account has {used} of the "
                f"{quota['limit']} that it may have.",
                f"Ask Service Quotas for {used + need.count} or more ({quota['code']}), or remove what is not "
                f"needed.{need.way_out}",
            )


def _needs(stack: Mapping[str, Any], facts: Facts) -> Iterator[Need]:
    zones = [] if stack.get("network_existing") else list(stack.get("network_zones") or [])
    region = stack["stack_region"]
    nat = stack.get("network_nat") or ("per_zone" if stack.get("high_availability") else "single")
    gateways = {"per_zone": zones, "single": zones[:1]}.get(nat, [])
    fewer = " Or say network_nat: single." if len(gateways) > 1 else ""
    yield Need("vpcs", int(bool(zones)), "stack_region", region, "of VPCs", " Or give one as network_existing.")
    yield Need("elastic_ips", len(gateways), "network_nat", nat, "of Elastic IP addresses", fewer)
    for zone in gateways:
        yield Need("nat_gateways", 1, "network_nat", nat, "of NAT gateways", fewer if zone != gateways[0] else "", zone)
    scheme = stack.get("load_balancer_scheme", "internal")
    # Beside one that users reach, another one has the execution API.
    balancers = 2 if scheme == "internet-facing" else 1
    yield Need("load_balancers", balancers, "load_balancer_scheme", scheme, "of Application Load Balancers")
    engine = stack.get("database_engine", "postgres")
    yield Need("database_instances", _database_instances(stack), "database_engine", engine, "of database instances")
    vcpus = facts.offers.get("vcpus") or {}
    capacity = int(stack.get("compute_desired_capacity") or 2)
    wanted = sum(vcpus.get(kind, 0) * number for kind, number in _instance_types(stack).values())
    fix = " Or use fewer hosts, or smaller ones."
    yield Need("vcpus", wanted, "compute_desired_capacity", capacity, "of vCPUs of on-demand standard instances", fix)


def _database_instances(stack: Mapping[str, Any]) -> int:
    """Return how many instances the database has. A standby is a part of its own."""
    if stack.get("database_existing"):
        return 0
    of_aurora = 2 if stack.get("high_availability") else 1
    return {"postgres-cluster": 3, "aurora-postgresql": of_aurora}.get(stack.get("database_engine", "postgres"), 1)


def _instance_types(stack: Mapping[str, Any]) -> dict[str, tuple[str, int]]:
    """Return the variables that name instance types of EC2, what they name, and how many of them are launched."""
    capacity = int(stack.get("compute_desired_capacity") or 2)
    types = {"compute_instance_type": (str(stack.get("compute_instance_type") or ""), capacity)}
    for group in stack.get("compute_worker_groups") or []:
        variable = f"compute_worker_groups.{group['name']}.instance_type"
        types[variable] = (str(group["instance_type"]), int(group.get("hosts", 1)))
    if stack.get("bastion_enabled"):
        types["bastion_instance_type"] = (str(stack.get("bastion_instance_type") or "t4g.nano"), 1)
    return types


def _told(rules: Iterable[Rule], stack: Mapping[str, Any], facts: Facts) -> bool:
    """Return whether a value is wrong by itself, which these rules tell."""
    return any(True for rule in rules for _ in rule(stack, facts))


def _is_graviton_class(name: str) -> bool:
    size = database.SIZE.fullmatch(name)
    return size is not None and database.GRAVITON.fullmatch(size["family"]) is not None


def _is_of(version: str, wanted: str) -> bool:
    """Return whether one is the other, or its beginning: catalogues differ in how much of a version they tell."""
    return f"{version}.".startswith(f"{wanted}.") or f"{wanted}.".startswith(f"{version}.")


def _newest(versions: Iterable[str]) -> list[str]:
    """Return the newest minor version of each major one, newest first."""
    newest: dict[int, tuple[int, ...]] = {}
    for each in versions:
        number = tuple(int(part) for part in re.findall(r"\d+", each))
        newest[number[0]] = max(number, newest.get(number[0], number))
    return [".".join(map(str, newest[major])) for major in sorted(newest, reverse=True)]


def _nearest(given: str, others: Iterable[str]) -> list[str]:
    """Return those of about the same size: first the same kind of machine, the same attributes, a near generation."""
    wanted = TYPE.fullmatch(given.removeprefix("db."))
    if wanted is None or _size(wanted["size"]) is None:
        return sorted(set(others))[:CHOICES]

    def distance(each: re.Match[str]) -> tuple[Any, ...]:
        apart = abs(int(each["generation"]) - int(wanted["generation"]))
        general = each["letters"] != "m"  # where the kind is not to be had, the one for everything comes first
        larger = abs(_size(each["size"]) - _size(wanted["size"]))
        return (
            larger,
            each["letters"] != wanted["letters"],
            general,
            each["attributes"] != wanted["attributes"],
            apart,
            each[0],
        )

    matches = {each: TYPE.fullmatch(each.removeprefix("db.")) for each in others if each != given}
    sized = {each: distance(match) for each, match in matches.items() if match and _size(match["size"]) is not None}
    return sorted((each for each in sized if sized[each][0] <= 1), key=sized.__getitem__)[:CHOICES]


def _size(name: str) -> float | None:
    """Return a number that grows by 1 where a machine doubles; None for bare metal, and for db.serverless."""
    match = re.fullmatch(r"(\d*)xlarge", name)
    if match:
        return len(SIZES) + log2(int(match[1] or 1))
    return SIZES.index(name) if name in SIZES else None


def _choose(among: Iterable[str]) -> str:
    return f"Choose among {', '.join(among)}."


RULES = (instance_type, database_option, broker_version, broker_node, quotas)
