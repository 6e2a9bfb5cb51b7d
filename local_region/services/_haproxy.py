"""An application load balancer as HAProxy's configuration. Pure: what AWS calls it in, text out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

ADMIN_SOCKET = "/run/haproxy-admin.sock"
CONTROL_PORT = 9999
PUBLISHED_PORT = 10443
FOLDER = "/lb"
STATE_HEADER = (
    "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight "
    "srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state "
    "bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr "
    "srv_agent_addr srv_agent_port\n"
)
RESPONSE_HEADER = re.compile(r"routing\.http\.response\.(\w+)\.header_value")
BALANCE = {"round_robin": "roundrobin", "least_outstanding_requests": "leastconn", "weighted_random": "random"}


@dataclass(frozen=True)
class Target:
    """A registered target; draining ones stay until their connections end."""

    id: str
    address: str
    port: int
    draining: bool = False


@dataclass(frozen=True)
class Group:
    """A target group; seconds and counts as in its health check."""

    name: str
    protocol: str
    targets: tuple[Target, ...]
    attributes: Mapping[str, str]
    check_protocol: str = "HTTP"
    check_path: str = "/"
    check_port: int | None = None
    check_codes: str = "200"
    interval: int = 30
    timeout: int = 5
    healthy: int = 5
    unhealthy: int = 2


@dataclass(frozen=True)
class Rule:
    """A listener rule, or a listener's default (no conditions): conditions and one action as the API has them."""

    name: str
    conditions: Sequence[Mapping[str, Any]]
    action: Mapping[str, Any]


@dataclass(frozen=True)
class Listener:
    """A listener; certificates are file names, the first one is the default."""

    port: int
    protocol: str
    rules: tuple[Rule, ...]
    certificates: tuple[str, ...] = ()
    minimum_tls: str = "TLSv1.2"
    published: bool = False
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Balancer:
    """A load balancer with everything that its configuration takes; control_source may ask for statistics."""

    listeners: tuple[Listener, ...]
    groups: tuple[Group, ...]
    control_source: str
    attributes: Mapping[str, str] = field(default_factory=dict)


def quote(text: str) -> str:
    """Return a double-quoted word of HAProxy's configuration."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$").replace("\n", "\\n")
    return f'"{escaped}"'


def wildcard(pattern: str) -> str:
    """Return the regular expression of an ELB pattern: * any characters, ? one."""
    return "^" + "".join({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in pattern) + "$"


def condition(given: Mapping[str, Any]) -> str:
    """Return one rule condition as an anonymous ACL; its values are alternatives. ValueError for an unknown field."""
    kind = given["Field"]
    name = "".join(part.capitalize() for part in kind.split("-")) + "Config"
    config = given.get(name) or {}
    values = given.get("Values") or config.get("Values") or []
    patterns = " ".join(quote(wildcard(value)) for value in values if isinstance(value, str))
    match kind:
        case "path-pattern":
            return f"{{ path -m reg -- {patterns} }}"
        case "host-header":
            return f"{{ req.hdr(host),field(1,:) -i -m reg -- {patterns} }}"
        case "http-request-method":
            return f"{{ method {' '.join(values)} }}"
        case "source-ip":
            return f"{{ src {' '.join(values)} }}"
        case "http-header":
            return f"{{ req.fhdr({config['HttpHeaderName']}) -i -m reg -- {patterns} }}"
        case "query-string":
            return _query(values)
    raise ValueError(f"unknown condition {kind}")


def _query(values: Sequence[Mapping[str, str]]) -> str:
    pairs = [
        ("(^|&)" + (wildcard(pair["Key"])[1:-1] if pair.get("Key") else "[^&]*") + "=" + wildcard(pair["Value"])[1:-1])
        + "(&|$)"
        for pair in values
    ]
    return f"{{ query -i -m reg -- {' '.join(map(quote, pairs))} }}"


def location(redirect: Mapping[str, str], listener: Listener) -> str:
    """Return a redirect's target as a log format; #{...} stand for the request's own parts."""
    scheme = redirect.get("Protocol") or "#{protocol}"
    port = redirect.get("Port") or "#{port}"
    path = redirect.get("Path") or "/#{path}"
    query = redirect.get("Query", "#{query}")
    text = f"{scheme.lower() if '#' not in scheme else scheme}://{redirect.get('Host') or '#{host}'}:{port}{path}"
    tail = "" if not query else "%[var(txn.query)]" if query == "#{query}" else "?" + query.replace("%", "%%")
    parts = {
        "#{protocol}": listener.protocol.lower(),
        "#{host}": "%[req.hdr(host),field(1,:)]",
        "#{port}": str(listener.port),
        "/#{path}": "%[path]",
        "#{path}": "%[path,bytes(1)]",
        "#{query}": "%[query]",
    }
    text = text.replace("%", "%%")
    for placeholder, value in parts.items():
        text, tail = text.replace(placeholder, value), tail.replace(placeholder, value)
    return text + tail


def forwards(action: Mapping[str, Any]) -> list[tuple[str, int]]:
    """Return (target group ARN, weight) of a forward action."""
    config = action.get("ForwardConfig") or {}
    if groups := config.get("TargetGroups"):
        return [(group["TargetGroupArn"], int(group.get("Weight", 1))) for group in groups]
    return [(action["TargetGroupArn"], 1)]


def backend_name(arn: str) -> str:
    """Return the backend of a target group: target-group/name/id -> name-id."""
    return "-".join(arn.split("/")[-2:])


def act(rule: Rule, listener: Listener) -> list[str]:
    """Return the lines that do a rule's action once it was chosen."""
    chosen = f"{{ var(txn.rule) -m str {rule.name} }}"
    match rule.action["Type"]:
        case "redirect":
            redirect = rule.action["RedirectConfig"]
            code = redirect["StatusCode"].removeprefix("HTTP_")
            return [f" http-request redirect location {quote(location(redirect, listener))} code {code} if {chosen}"]
        case "fixed-response":
            fixed = rule.action["FixedResponseConfig"]
            kind = fixed.get("ContentType") or "text/plain"
            body = f" content-type {kind} string {quote(fixed['MessageBody'])}" if fixed.get("MessageBody") else ""
            return [f" http-request return status {fixed['StatusCode']}{body} if {chosen}"]
        case "forward":
            lines, left = [], sum(weight for _, weight in forwards(rule.action))
            for arn, weight in forwards(rule.action):
                if weight:
                    lines.append(f" use_backend {backend_name(arn)} if {chosen} {{ rand({left}) lt {weight} }}")
                left -= weight
            return lines
    raise ValueError(f"action {rule.action['Type']} is not emulated")


def response_headers(attributes: Mapping[str, str]) -> list[str]:
    """Return the lines for what a listener adds to its responses, and takes out of them."""
    lines = [
        f" http-after-response set-header {match[1].replace('_', '-')} {quote(value.replace('%', '%%'))}"
        for key, value in sorted(attributes.items())
        if value and (match := RESPONSE_HEADER.fullmatch(key))
    ]
    if attributes.get("routing.http.response.server.enabled") == "false":
        lines.append(" http-after-response del-header server")
    return lines


def frontend(listener: Listener, attributes: Mapping[str, str]) -> list[str]:
    """Return one listener's lines: a rule is chosen, then done, because HAProxy always redirects before it forwards."""
    tls, given = "", "req.fhdr(x-forwarded-for)"
    if listener.protocol == "HTTPS":
        certificates = " ".join(f"crt {FOLDER}/{name}" for name in listener.certificates)
        alpn = "h2,http/1.1" if attributes.get("routing.http2.enabled", "true") == "true" else "http/1.1"
        tls = f" ssl {certificates} alpn {alpn} ssl-min-ver {listener.minimum_tls}"
    lines = [f"frontend port-{listener.port}", f" bind :{listener.port}{tls}"]
    if listener.published:
        lines.append(f" bind :{PUBLISHED_PORT}{tls}")
    if attributes.get("routing.http.drop_invalid_header_fields.enabled") == "true":
        lines.append(" http-request del-header [^-A-Za-z0-9] -m reg")
    lines += [
        f' http-request set-header X-Forwarded-For "%[{given}], %[src]" if {{ {given} -m found }}',
        f" http-request set-header X-Forwarded-For %[src] if !{{ {given} -m found }}",
        f" http-request set-header X-Forwarded-Proto {listener.protocol.lower()}",
        f" http-request set-header X-Forwarded-Port {listener.port}",
        ' http-request set-var-fmt(txn.query) "?%[query]" if { query -m len gt 0 }',
        *response_headers(listener.attributes),
    ]
    if listener.published:
        # On loopback the client asked for another port, and forms compare the two.
        asked = "req.hdr(host),port_only"
        published = f"{{ dst_port {PUBLISHED_PORT} }} {{ {asked} -m int gt 0 }}"
        lines.append(f" http-request set-header X-Forwarded-Port %[{asked}] if {published}")
    for rule in listener.rules:
        tests = " ".join(["!{ var(txn.rule) -m found }", *map(condition, rule.conditions)])
        lines.append(f" http-request set-var(txn.rule) str({rule.name}) if {tests}")
    for rule in listener.rules:
        lines += act(rule, listener)
    return lines


def backend(group: Group) -> list[str]:
    """Return one target group's lines."""
    attributes = group.attributes
    lines = [
        f"backend {group.name}",
        f" balance {BALANCE.get(attributes.get('load_balancing.algorithm.type', ''), 'roundrobin')}",
        " option httpchk",
        f" http-check send meth GET uri {quote(group.check_path)} ver HTTP/1.1 hdr Host localhost "
        "hdr User-Agent ELB-HealthChecker/2.0",
        f" http-check expect status {group.check_codes}",
        f" timeout check {group.timeout}s",
        f" default-server inter {group.interval}s rise {group.healthy} fall {group.unhealthy}",
    ]
    sticky = attributes.get("stickiness.enabled") == "true"
    if sticky and attributes.get("stickiness.type") == "lb_cookie":
        seconds = attributes.get("stickiness.lb_cookie.duration_seconds", "86400")
        lines.append(f" cookie AWSALB insert indirect nocache maxlife {seconds}s")
    for target in group.targets:
        options = " check" + (f" port {group.check_port}" if group.check_port else "")
        if group.protocol == "HTTPS":
            options += " ssl verify none"
        if group.check_protocol == "HTTPS" and group.protocol != "HTTPS":
            options += " check-ssl verify none"
        if sticky:
            options += f" cookie {target.id}"
        lines.append(f" server {target.id} {target.address}:{target.port}{options}")
    return lines


def render(balancer: Balancer, revision: str) -> str:
    """Return haproxy.cfg; its statistics name the revision, so that one sees which configuration runs."""
    idle = balancer.attributes.get("idle_timeout.timeout_seconds", "60")
    lines = [
        "global",
        " log stdout format raw local0 notice",
        " nbthread 1",
        " maxconn 4000",
        " mworker-max-reloads 20",
        " max-spread-checks 500ms",
        f" stats socket {ADMIN_SOCKET} level admin",
        f" server-state-file {FOLDER}/servers",
        f" hard-stop-after {_longest_delay(balancer.groups)}s",
        "defaults",
        " mode http",
        " load-server-state-from-file global",
        " timeout connect 10s",
        f" timeout client {idle}s",
        f" timeout server {idle}s",
        f" timeout tunnel {idle}s",
        " retries 1",
        "listen control",
        " mode tcp",
        f" bind :{CONTROL_PORT}",
        f" tcp-request connection reject if !{{ src {balancer.control_source} }}",
        f" server {revision} unix@{ADMIN_SOCKET}",
    ]
    for listener in balancer.listeners:
        lines += frontend(listener, balancer.attributes)
    for group in balancer.groups:
        lines += backend(group)
    return "\n".join([*lines, ""])


def _longest_delay(groups: Iterable[Group]) -> int:
    """Return the seconds that an old process may still serve its connections after a reload."""
    delays = (int(group.attributes.get("deregistration_delay.timeout_seconds", 300)) for group in groups)
    return max(1, max(delays, default=1))


def server_states(groups: Iterable[Group], healthy: Mapping[tuple[str, str], bool]) -> str:
    """Return the state file by which servers keep their health over a reload.

    HAProxy takes new servers for healthy. ELB sends nothing to a target before its first passed check, so everything
    that is not in healthy as True starts as down, one passed check away from up if it is not in there at all.
    """
    rows = []
    for group in groups:
        for number, target in enumerate(group.targets, 1):
            known = healthy.get((group.name, target.id))
            if known:
                state, status, result, health = 2, 15, 3, group.healthy + group.unhealthy - 1
            else:
                state, status, result, health = 0, 1, 0, group.healthy - 1 if known is None else 0
            admin = 8 if target.draining else 0
            rows.append(
                f"0 {group.name} {number} {target.id} {target.address} {state} {admin} 1 1 0 "
                f"{status} {result} {health} 6 0 0 0 - {target.port} - 0 0 - - 0"
            )
    return STATE_HEADER + "\n".join([*rows, ""])
