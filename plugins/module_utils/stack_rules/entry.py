"""Rules about the entry: load balancers, who may come, their names, certificates and logs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

from ansible_collections.graviflow.airflow.plugins.module_utils.stack_rules.names import DNS_NAME
from ansible_collections.graviflow.airflow.plugins.module_utils.stack_rules.network import PRIVATE
from ansible_collections.graviflow.airflow.plugins.module_utils.stack_rules.problem import Facts, Problem

# Variable -> smallest, largest, unit. A value that is no number at all is told by declared.values.
LIMITS = {
    "load_balancer_idle_timeout": (1, 4000, "seconds"),
    "load_balancer_deregistration_delay": (0, 3600, "seconds"),
    "load_balancer_health_check_interval": (5, 300, "seconds"),
    "load_balancer_health_check_timeout": (2, 120, "seconds"),
    "load_balancer_healthy_threshold": (2, 10, "checks"),
    "load_balancer_unhealthy_threshold": (2, 10, "checks"),
    "log_bucket_retention_days": (1, 36500, "days"),
}
# Names of load balancers and target groups: variable -> suffix of the default.
BALANCERS = {"load_balancer_name": "-web", "load_balancer_api_name": "-api", "load_balancer_flower_name": "-flower"}
BALANCER = re.compile(r"(?!internal-)[A-Za-z0-9]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?")
# Policies bear the oldest TLS that they allow; those that bear none are from times before 1.2.
SSL_POLICY = re.compile(r"ELBSecurityPolicy-(TLS13|TLS|FS)-1-[23](-[A-Za-z0-9]+)*-\d{4}-\d{2}")
# By the name that AWS gives the header: what it may be.
TEXT = re.compile(r"[ -~]{0,1024}")
RESPONSE_HEADERS = {
    "strict_transport_security": re.compile(r"(max-age=\d+(; ?includeSubDomains)?(; ?preload)?)?"),
    "x_content_type_options": re.compile("(nosniff)?"),
    "x_frame_options": re.compile("(DENY|SAMEORIGIN|ALLOW-FROM .+)?"),
    "content_security_policy": TEXT,
    "access_control_allow_origin": TEXT,
    "access_control_allow_methods": TEXT,
    "access_control_allow_headers": TEXT,
    "access_control_allow_credentials": re.compile("(true)?"),
    "access_control_expose_headers": TEXT,
    "access_control_max_age": re.compile(r"\d{0,5}"),
}
BUCKET = re.compile(r"(?=.{3,63}\Z)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
ACCOUNT = "0" * 12
ZONE_ID = re.compile(r"[A-Z0-9]{1,32}")
CERTIFICATE_NAME = re.compile(r"(\*\.)?([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
RULES_PER_GROUP = 60  # AWS's quota, unless it was raised


def _number(stack: Mapping[str, Any], variable: str) -> int | None:
    try:
        return int(stack[variable])
    except (KeyError, TypeError, ValueError):
        return None


def limits(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """Numbers are such as AWS takes."""
    for variable, (smallest, largest, unit) in LIMITS.items():
        number = _number(stack, variable)
        if number is not None and not smallest <= number <= largest:
            rule = f"It is {smallest} to {largest} {unit}."
            yield Problem(variable, stack[variable], rule, "Correct it, or leave it out.")


def health_checks(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """A health check ends before the next one begins."""
    interval = _number({"load_balancer_health_check_interval": 10, **stack}, "load_balancer_health_check_interval")
    timeout = _number(stack, "load_balancer_health_check_timeout")
    if interval is not None and timeout is not None and timeout >= interval:
        yield Problem(
            "load_balancer_health_check_timeout",
            timeout,
            f"A check must fail before the next one begins, after load_balancer_health_check_interval, {interval} s.",
            "Use a lower one, or leave it out.",
        )


def balancer_names(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """Load balancers and target groups have names that AWS takes, and no two the same one."""
    seen: set[str] = set()
    for variable, suffix in BALANCERS.items():
        if variable not in stack and (suffix != "-flower" or not stack.get("load_balancer_flower")):
            continue  # names.stack_name looks at the other defaults
        name = str(stack.get(variable) or f"{stack['stack_name']}{suffix}")
        if not BALANCER.fullmatch(name):
            yield Problem(
                variable,
                name,
                "It has up to 32 letters, digits and hyphens, none at the ends, and does not begin with internal-.",
                "Give a shorter name." if len(name) > 32 else "Use a name like airflow-demo-web.",
            )
        elif name in seen:
            yield Problem(variable, name, "Another load balancer or target group has this name.", "Use another.")
        seen.add(name)


def tls(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """Nobody talks TLS of before 1.2."""
    policy = stack.get("load_balancer_ssl_policy")
    if policy is not None and not SSL_POLICY.fullmatch(str(policy)):
        yield Problem(
            "load_balancer_ssl_policy",
            policy,
            "It is a policy of Elastic Load Balancing that allows TLS 1.2 and 1.3, or 1.3 alone.",
            "Use ELBSecurityPolicy-TLS13-1-2-2021-06, or leave it out.",
        )


def response_headers(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """Headers of responses are such as the load balancer can set."""
    for name, value in (stack.get("load_balancer_response_headers") or {}).items():
        variable = f"load_balancer_response_headers.{name}"
        if name not in RESPONSE_HEADERS:
            rule = f"The load balancer sets {', '.join(sorted(RESPONSE_HEADERS))}."
            yield Problem(variable, value, rule, "Use one of them, or leave it out.")
        elif not RESPONSE_HEADERS[name].fullmatch(str(value)):
            rule = "It is not what AWS takes as this header."
            yield Problem(variable, value, rule, "Correct it; an empty text takes the header out.")


def certificate_names(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """A certificate can be issued for the names."""
    for name in stack.get("secrets_web_certificate_names") or []:
        if not CERTIFICATE_NAME.fullmatch(str(name)):
            yield Problem(
                "secrets_web_certificate_names",
                name,
                "It is a DNS name in lower case, or one with a wildcard as its first label.",
                "Write it without protocol, port and path, like airflow.example.org.",
            )


def sources(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """The networks that may come can, and fit into a security group."""
    networks = list(filter(None, map(_network, stack.get("load_balancer_allowed_cidrs") or [])))
    public = stack.get("load_balancer_scheme") == "internet-facing"
    for network in networks:
        if isinstance(network, IPv6Network) and network.prefixlen:  # ::/0 beside 0.0.0.0/0 says everybody
            rule = "The load balancer has IPv4 addresses only."
            yield Problem("load_balancer_allowed_cidrs", str(network), rule, "Take it out.")
    ports = 2 if stack.get("load_balancer_http_redirect", True) else 1
    most = (RULES_PER_GROUP - 1) // ports  # the hosts take a rule, too
    if len(networks) > most:
        yield Problem(
            "load_balancer_allowed_cidrs",
            f"{len(networks)} networks",
            f"A security group has {RULES_PER_GROUP} rules, and each network takes {ports}: {most} networks at most.",
            "Write neighbours as one network.",
        )
    known = [network for network in networks if isinstance(network, IPv4Network)]
    private = [network for network in known if any(network.subnet_of(each) for each in PRIVATE)]
    if public and known and len(private) == len(known):
        yield Problem(
            "load_balancer_allowed_cidrs",
            [str(network) for network in private],
            "An internet-facing load balancer sees public addresses, and these are private: nobody could reach it.",
            "Name the public addresses of your users, or say load_balancer_scheme: internal.",
        )


def _network(given: Any) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(given)
    except ValueError:
        return None  # told by network.allowed_cidrs


def logs(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """The logs' bucket has a name that S3 takes."""
    existing, prefix = stack.get("log_bucket_existing"), stack.get("log_bucket_prefix")
    if existing and not BUCKET.fullmatch(str(existing)):
        yield Problem(
            "log_bucket_existing",
            existing,
            "A bucket's name has 3 to 63 lower case letters, digits, hyphens and dots.",
            "Give the name alone, neither ARN nor URL.",
        )
    if prefix is None or existing:
        return
    name = f"{prefix}-{ACCOUNT}-{stack['stack_region']}"
    if not BUCKET.fullmatch(name):
        longest = 63 - (len(name) - len(str(prefix)))
        yield Problem(
            "log_bucket_prefix",
            prefix,
            "The bucket is <prefix>-<account>-<region>, of up to 63 lower case letters, digits, hyphens and dots.",
            f"Use {longest} characters or fewer, like airflow-demo-logs.",
        )


def flower(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """Flower has a name of its own only when it is there."""
    name = stack.get("dns_flower_name")
    if not name:
        return
    if not stack.get("load_balancer_flower"):
        rule = "Nothing answers there: load_balancer_flower is false."
        yield Problem("dns_flower_name", name, rule, "Say load_balancer_flower: true, or leave it out.")
    others = (stack.get("dns_record_name", f"airflow.{_zone(stack)}"), stack.get("dns_public_name"))
    if name in (*others, stack.get("dns_execution_api_name", f"api.{_zone(stack)}")):
        rule = "Its start page leads to Flower, and the name is that of the web side or of the execution API."
        yield Problem("dns_flower_name", name, rule, f"Use one like flower.{_zone(stack)}.")


def _zone(stack: Mapping[str, Any]) -> str:
    return str(stack.get("dns_zone_name") or f"{stack['stack_name']}.internal")


def private_names(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """Names in the private zone are in it."""
    for variable in ("dns_record_name", "dns_flower_name", "dns_execution_api_name"):
        name = stack.get(variable)
        if name and not (DNS_NAME.fullmatch(str(name)) and str(name).endswith(f".{_zone(stack)}")):
            yield Problem(
                variable,
                name,
                f"It is a DNS name in the private zone, dns_zone_name, {_zone(stack)}.",
                f"Let it end with .{_zone(stack)}, or leave it out.",
            )


def public_name(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """The name for users on the internet is one, and the zone that gets it is named by its id."""
    zone, name = stack.get("dns_public_zone_id"), stack.get("dns_public_name")
    if zone and not ZONE_ID.fullmatch(str(zone)):
        rule = "It is the id of a hosted zone: capital letters and digits."
        yield Problem("dns_public_zone_id", zone, rule, "Copy it from Route 53, without /hostedzone/.")
    if zone and not name:
        yield Problem(
            "dns_public_zone_id",
            zone,
            "Nothing says which name the zone is to get.",
            "Give dns_public_name, or leave the zone out.",
        )
    if not name:
        return
    if not DNS_NAME.fullmatch(str(name)):
        yield Problem(
            "dns_public_name",
            name,
            "It is a DNS name of two or more labels of lower case letters, digits and hyphens.",
            "Write it without protocol, port, path and final dot, like airflow.example.org.",
        )
    elif f".{name}".endswith(f".{_zone(stack)}"):
        yield Problem(
            "dns_public_name",
            name,
            f"Inside the VPC the private zone dns_zone_name, {_zone(stack)}, hides every public name below it.",
            "Use another private zone, or leave the public name out.",
        )


def database(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """Hosts are let out to a database that is given."""
    given = stack.get("security_groups_database_cidrs") or []
    if stack.get("database_existing") and not given:
        yield Problem(
            "security_groups_database_cidrs",
            given,
            "Hosts open connections to known addresses only, and a database is given, database_existing.",
            "Name the networks that its addresses are in.",
        )
    for each in given:
        if not isinstance(_network(each), IPv4Network):
            yield Problem("security_groups_database_cidrs", each, "It is no IPv4 network.", "Write it as 10.0.0.0/24.")


RULES = (
    limits, health_checks, balancer_names, tls, response_headers, certificate_names, sources, logs, flower,
    private_names, public_name, database,
)  # fmt: skip
