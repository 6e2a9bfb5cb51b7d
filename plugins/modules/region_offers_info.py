#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E402 (Ansible wants the documentation before the imports)
"""Ansible module: what a region offers to a stack, and what the account's quotas leave to it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: region_offers_info
version_added: 0.1.0
short_description: Tell what a region offers to a stack, and what the account's quotas leave to it
description:
  - Reads, and judges nothing.
  - For a stack that exists, asks for instance types only. It keeps the versions that it has, though AWS may have ceased
    to offer them, and its own resources are part of what counts against a quota.
  - What may not be read, or has no answer, is V(null), and a warning says so.
options:
  stack_name:
    description: Name of the stack. It exists when a VPC or a security group has it as its tag C(graviflow:stack).
    required: true
    type: str
  zones:
    description: Availability zones where hosts shall run.
    required: true
    type: list
    elements: str
  instance_types:
    description: Instance types that the stack wants.
    required: true
    type: list
    elements: str
  database:
    description: The database that the stack wants. When this is left out, RDS is not asked for what it offers.
    type: dict
    suboptions:
      engine:
        description: Engine, as RDS names it.
        required: true
        type: str
      engine_version:
        description: Engine version, as many parts of it as matter. Empty for the one that is RDS's default.
        default: ""
        type: str
      instance_class:
        description: Instance class, V(db.serverless) for Aurora Serverless v2.
        required: true
        type: str
  broker_engine:
    description: Engine of the broker. When this is left out, ElastiCache is not asked for its versions.
    type: str
author: The graviflow team (@graviflow)
attributes:
  check_mode:
    support: full
    description: Changes nothing.
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Offers of the region and quotas of the account are known
  graviflow.airflow.region_offers_info:
    stack_name: airflow-demo
    zones: [cn-north-1a, cn-north-1b]
    instance_types: [m7g.large]
    database: {engine: postgres, engine_version: "17", instance_class: db.m7g.large}
    broker_engine: redis
  register: found
"""

RETURN = r"""
region_offers:
  description: What was found. V(null) stands for what was not asked, or not answered.
  returned: always
  type: dict
  contains:
    exists:
      description: Whether the stack does.
      type: bool
    zones:
      description: The zones that were asked about.
      type: list
      elements: str
    instance_types:
      description: >-
        Instance types, and the zones that offer each. Those that were asked about, and all others of the zones if one
        is not offered in each of them.
      type: dict
      sample: {m7g.large: [cn-north-1a, cn-north-1b]}
    database_options:
      description: >-
        What can be ordered of the class, in all versions; or, if that is nothing, of the version, in all classes.
      type: list
      elements: dict
      sample: [{version: "17.6", class: db.m7g.large, zones: [cn-north-1a, cn-north-1b], clusters: false}]
    broker_versions:
      description: Versions of the broker's engine, oldest first.
      type: list
      elements: str
      sample: ["7.0", "7.1"]
    vcpus:
      description: vCPUs of those instance types that count against the quota C(vcpus).
      type: dict
      sample: {m7g.large: 2}
    quotas:
      description: >-
        C(vpcs), C(elastic_ips), C(nat_gateways) (of a zone), C(load_balancers), C(database_instances) and C(vcpus) (of
        on-demand standard instances). Those that could not be read are missing.
      type: dict
      contains:
        code:
          description: Code of the quota, by which Service Quotas takes a request for more.
          type: str
        limit:
          description: How many there may be.
          type: int
        used:
          description: How many there are, by zone where the quota is for a zone, else under an empty string.
          type: dict
      sample: {vpcs: {code: L-F678F1CE, limit: 5, used: {"": 1}}}
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import cache, partial
from typing import Any

with suppress(ImportError):  # AnsibleAWSModule says what is missing
    from botocore.exceptions import BotoCoreError, ClientError

from ansible_collections.amazon.aws.plugins.module_utils.botocore import (
    is_boto3_error_code,
    paginated_query_with_retries,
)
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.graviflow.airflow.plugins.module_utils.resource_module import client

ARGUMENT_SPEC = {
    "stack_name": {"required": True},
    "zones": {"type": "list", "elements": "str", "required": True},
    "instance_types": {"type": "list", "elements": "str", "required": True},
    "database": {
        "type": "dict",
        "options": {
            "engine": {"required": True},
            "engine_version": {"default": ""},
            "instance_class": {"required": True},
        },
    },
    "broker_engine": {},
}
# Quota -> service and code, as Service Quotas lists them.
QUOTAS = {
    "vpcs": ("vpc", "L-F678F1CE"),
    "elastic_ips": ("ec2", "L-0263D0A3"),
    "nat_gateways": ("vpc", "L-FE5A380F"),
    "load_balancers": ("elasticloadbalancing", "L-53DA6B97"),
    "database_instances": ("rds", "L-7B6409FD"),
    "vcpus": ("ec2", "L-1216C47A"),
}
# "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances", says the quota. Others have quotas of their own.
STANDARD = re.compile(r"(a|c|d|h|i|im|is|m|r|t|z)\d")
TYPES_PER_CALL = 100  # of DescribeInstanceTypes
PAGE = 1000  # the most that DescribeOrderableDBInstanceOptions has on a page; a class has a few hundred
Silence = dict[tuple[str, str], tuple[list[str], str]]


class RegionOffers:
    """The questions, and what AWS did not answer: (operation, code) -> what was asked, and the message."""

    def __init__(self, client: Callable[[str], Any], params: Mapping[str, Any]) -> None:
        self.client, self.params = client, params
        self.unanswered: Silence = {}

    def read(self) -> dict[str, Any]:
        """Return everything that is there to be known."""
        types = self._ask("instance types", self._instance_types)
        exists = self._ask("whether the stack exists, and with it quotas, database and broker", self._exists)
        database, broker = self.params["database"], self.params["broker_engine"]
        found = {"exists": exists, "zones": self.params["zones"], "instance_types": types}
        found |= dict.fromkeys(("database_options", "broker_versions", "vcpus", "quotas"))
        if exists is not False:
            return found
        if database:
            found["database_options"] = self._ask("database", partial(self._database_options, **database))
        if broker:
            found["broker_versions"] = self._ask("version of the broker", partial(self._broker_versions, broker))
        running = self._ask("instances that run", self._running)
        wanted = {each for each in self.params["instance_types"] if (types or {}).get(each) and STANDARD.match(each)}
        found["vcpus"] = self._ask("vCPUs of instance types", lambda: self._vcpus(wanted | set(running or ())))
        found["quotas"] = self._quotas(running, found["vcpus"])
        return found

    def _ask(self, what: str, question: Callable[[], Any]) -> Any:
        try:
            return question()
        except ClientError as error:
            asked, code = error.operation_name, error.response.get("Error", {}).get("Code", "")
            self._note(what, (asked, code), error)
        except BotoCoreError as error:
            self._note(what, (type(error).__name__, ""), error)
        return None

    def _note(self, what: str, kind: tuple[str, str], error: Exception) -> None:
        self.unanswered.setdefault(kind, ([], str(error)))[0].append(what)

    def _all(self, service: str, operation: str, key: str, **arguments: Any) -> list[dict[str, Any]]:
        return paginated_query_with_retries(self.client(service), operation, **arguments)[key]

    def _exists(self) -> bool:
        """A stack's first resources are its security groups, and its VPC if it has its own."""
        wanted = {"key": "graviflow:stack", "value": self.params["stack_name"]}
        tags = self._all("ec2", "describe_tags", "Tags", Filters=_filters(wanted))
        return any(tag["ResourceType"] in ("vpc", "security-group") for tag in tags)

    def _instance_types(self) -> dict[str, list[str]]:
        asked = self.params["instance_types"]
        found = {each: [] for each in asked} | self._offerings({"instance-type": asked})
        if all(set(self.params["zones"]) <= set(found[each]) for each in asked):
            return found
        return self._offerings({"location": self.params["zones"]}) | found

    def _offerings(self, wanted: Mapping[str, Any]) -> dict[str, list[str]]:
        arguments = {"LocationType": "availability-zone", "Filters": _filters(wanted)}
        zones: dict[str, list[str]] = {}
        for each in self._all("ec2", "describe_instance_type_offerings", "InstanceTypeOfferings", **arguments):
            zones.setdefault(each["InstanceType"], []).append(each["Location"])
        return {each: sorted(zones[each]) for each in sorted(zones)}

    def _database_options(self, engine: str, engine_version: str, instance_class: str) -> list[dict[str, Any]]:
        try:
            found = self._orderable(Engine=engine, DBInstanceClass=instance_class)
        except is_boto3_error_code("InvalidParameterValue") as error:
            if instance_class not in str(error):
                raise
            found = []  # there is no class of this name
        return found or self._ask("other classes", partial(self._of_version, engine, engine_version)) or []

    def _of_version(self, engine: str, engine_version: str) -> list[dict[str, Any]]:
        """Return the options of a version, which RDS takes as a whole only; of the default if there is no such one."""
        for wanted in ({"EngineVersion": engine_version}, {"DefaultOnly": True}):
            if all(wanted.values()):
                rows = self._all("rds", "describe_db_engine_versions", "DBEngineVersions", Engine=engine, **wanted)
                if rows:
                    return self._orderable(Engine=engine, EngineVersion=rows[-1]["EngineVersion"])
        return []

    def _orderable(self, **wanted: str) -> list[dict[str, Any]]:
        operation, key = "describe_orderable_db_instance_options", "OrderableDBInstanceOptions"
        found: dict[tuple[str, str], dict[str, Any]] = {}
        for each in self._all("rds", operation, key, MaxRecords=PAGE, **wanted):  # one for each kind of storage
            version, size = each["EngineVersion"], each["DBInstanceClass"]
            one = found.setdefault(
                (version, size), {"version": version, "class": size, "zones": set(), "clusters": False}
            )
            one["zones"] |= {zone["Name"] for zone in each.get("AvailabilityZones", [])}
            one["clusters"] |= bool(each.get("SupportsClusters"))
        return [{**each, "zones": sorted(each["zones"])} for each in found.values()]

    def _broker_versions(self, engine: str) -> list[str]:
        rows = self._all("elasticache", "describe_cache_engine_versions", "CacheEngineVersions", Engine=engine)
        return [row["EngineVersion"] for row in rows]

    def _running(self) -> Counter[str]:
        """Instance types that run and count against the quota, and how many of each."""
        wanted = {"instance-state-name": ["pending", "running"]}
        return Counter(
            instance["InstanceType"]
            for reservation in self._all("ec2", "describe_instances", "Reservations", Filters=_filters(wanted))
            for instance in reservation["Instances"]
            if STANDARD.match(instance["InstanceType"])
            and instance.get("InstanceLifecycle", "on-demand") == "on-demand"
            and instance.get("Placement", {}).get("Tenancy") != "host"
        )

    def _vcpus(self, types: Iterable[str]) -> dict[str, int]:
        """VCPUs as they count: the type's own, though an instance may have some of them switched off."""
        names = sorted(types)
        return {
            each["InstanceType"]: each["VCpuInfo"]["DefaultVCpus"]
            for start in range(0, len(names), TYPES_PER_CALL)
            for each in self._all(
                "ec2", "describe_instance_types", "InstanceTypes", InstanceTypes=names[start : start + TYPES_PER_CALL]
            )
        }

    def _quotas(self, running: Mapping[str, int] | None, vcpus: Mapping[str, int] | None) -> dict[str, Any]:
        used: dict[str, Callable[[], dict[str, int]]] = {
            "vpcs": lambda: {"": len(self._all("ec2", "describe_vpcs", "Vpcs"))},
            "elastic_ips": self._addresses,
            "nat_gateways": self._nat_gateways,
            "load_balancers": self._load_balancers,
            "database_instances": lambda: {"": len(self._all("rds", "describe_db_instances", "DBInstances"))},
        }
        if running is not None and vcpus is not None:
            used["vcpus"] = lambda: {"": sum(vcpus.get(each, 0) * count for each, count in running.items())}
        found = {}
        for name, count in used.items():
            service, code = QUOTAS[name]
            what = f"quota of {name.replace('_', ' ')}"
            limit = self._ask(what, partial(self._limit, service, code))
            there = None if limit is None else self._ask(what, count)
            if there is not None:
                found[name] = {"code": code, "limit": limit, "used": there}
        return found

    def _limit(self, service: str, code: str) -> int:
        quotas, wanted = self.client("service-quotas"), {"ServiceCode": service, "QuotaCode": code}
        try:
            answer = quotas.get_service_quota(**wanted, aws_retry=True)
        except is_boto3_error_code("NoSuchResourceException"):  # of some quotas only the default is told
            answer = quotas.get_aws_default_service_quota(**wanted, aws_retry=True)
        return int(answer["Quota"]["Value"])

    def _addresses(self) -> dict[str, int]:
        return {"": len(self.client("ec2").describe_addresses(aws_retry=True)["Addresses"])}

    def _nat_gateways(self) -> dict[str, int]:
        counting = {"state": ["pending", "available", "deleting"]}
        gateways = self._all("ec2", "describe_nat_gateways", "NatGateways", Filters=_filters(counting))
        ids = [each["SubnetId"] for each in gateways if each.get("SubnetId")]
        subnets = self._all("ec2", "describe_subnets", "Subnets", SubnetIds=sorted(set(ids))) if ids else []
        zones = {subnet["SubnetId"]: subnet["AvailabilityZone"] for subnet in subnets}
        return dict(Counter(zones[each] for each in ids if each in zones))

    def _load_balancers(self) -> dict[str, int]:
        rows = self._all("elbv2", "describe_load_balancers", "LoadBalancers")
        return {"": sum(row["Type"] == "application" for row in rows)}


def _filters(wanted: Mapping[str, str | list[str]]) -> list[dict[str, Any]]:
    return [
        {"Name": name, "Values": [values] if isinstance(values, str) else list(values)}
        for name, values in wanted.items()
    ]


def told(unanswered: Silence) -> list[str]:
    """Return a warning for each reason why something is not known."""
    return [f"Not checked in advance: {', '.join(asked)}. {message}" for asked, message in unanswered.values()]


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    offers = RegionOffers(cache(partial(client, module)), module.params)
    found = offers.read()
    for warning in told(offers.unanswered):
        module.warn(warning)
    module.exit_json(changed=False, region_offers=found)


if __name__ == "__main__":
    main()
