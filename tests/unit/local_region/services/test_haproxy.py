"""The renderer of a load balancer's configuration."""

import re
from typing import Any

import pytest

from local_region.services import _haproxy as haproxy

ARN = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web/0123"
FORWARD = haproxy.Rule("rule-0", [], {"Type": "forward", "TargetGroupArn": ARN})


def group(**given: Any) -> haproxy.Group:
    target = haproxy.Target("i-1", "10.0.0.4", 8080)
    return haproxy.Group(**({"name": "web-0123", "protocol": "HTTP", "targets": (target,), "attributes": {}} | given))


def listener(**given: Any) -> haproxy.Listener:
    return haproxy.Listener(**({"port": 80, "protocol": "HTTP", "rules": (FORWARD,)} | given))


@pytest.mark.parametrize(
    ("pattern", "matches", "others"),
    [
        ("/a/*", ["/a/", "/a/b/c"], ["/a", "/b/a/"]),
        ("*.example.com", ["www.example.com"], ["wwwXexample.com", "example.com"]),
        ("/a?c", ["/abc"], ["/ac", "/abbc"]),
        ("/a+b(c)", ["/a+b(c)"], ["/aab(c)"]),
    ],
)
def test_wildcards(pattern: str, matches: list[str], others: list[str]) -> None:
    expression = re.compile(haproxy.wildcard(pattern))
    assert all(expression.match(text) for text in matches)
    assert not any(expression.match(text) for text in others)


def test_quoting_leaves_nothing_to_interpret() -> None:
    assert haproxy.quote('a "b" $c \\d\n') == '"a \\"b\\" \\$c \\\\d\\n"'


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"Field": "path-pattern", "Values": ["/x"]}, '{ path -m reg -- "^/x\\$" }'),
        ({"Field": "path-pattern", "PathPatternConfig": {"Values": ["/x"]}}, '{ path -m reg -- "^/x\\$" }'),
        ({"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["GET"]}}, "{ method GET }"),
        ({"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.0/8"]}}, "{ src 10.0.0.0/8 }"),
        (
            {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-A", "Values": ["b"]}},
            '{ req.fhdr(X-A) -i -m reg -- "^b\\$" }',
        ),
    ],
)
def test_conditions(given: dict[str, Any], expected: str) -> None:
    assert haproxy.condition(given) == expected


def test_a_listener_adds_headers_to_its_responses() -> None:
    attributes = {
        "routing.http.response.x_frame_options.header_value": "DENY",
        "routing.http.response.content_security_policy.header_value": "frame-ancestors 'self'",
        "routing.http.response.strict_transport_security.header_value": "",
        "routing.http.response.server.enabled": "false",
    }
    lines = haproxy.frontend(listener(attributes=attributes), {})
    assert [line for line in lines if "after-response" in line] == [
        " http-after-response set-header content-security-policy \"frame-ancestors 'self'\"",
        ' http-after-response set-header x-frame-options "DENY"',
        " http-after-response del-header server",
    ]


def test_query_conditions_match_one_pair_among_others() -> None:
    given = {"Field": "query-string", "QueryStringConfig": {"Values": [{"Key": "a", "Value": "b*"}]}}
    assert haproxy.condition(given) == '{ query -i -m reg -- "(^|&)a=b.*(&|\\$)" }'


def test_unknown_conditions_and_actions_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown condition"):
        haproxy.condition({"Field": "moon-phase", "Values": ["full"]})
    with pytest.raises(ValueError, match="authenticate-oidc"):
        haproxy.act(haproxy.Rule("rule-0", [], {"Type": "authenticate-oidc"}), listener())


@pytest.mark.parametrize(
    ("redirect", "expected"),
    [
        ({}, "http://%[req.hdr(host),field(1,:)]:80%[path]%[var(txn.query)]"),
        (
            {"Protocol": "HTTPS", "Port": "443", "Host": "#{host}", "Path": "/#{path}", "Query": "#{query}"},
            "https://%[req.hdr(host),field(1,:)]:443%[path]%[var(txn.query)]",
        ),
        (
            {"Host": "a.b", "Path": "/new/#{path}", "Query": "x=1%20&#{query}"},
            "http://a.b:80/new%[path]?x=1%%20&%[query]",
        ),
        ({"Path": "/100%", "Query": ""}, "http://%[req.hdr(host),field(1,:)]:80/100%%"),
    ],
)
def test_redirect_targets(redirect: dict[str, str], expected: str) -> None:
    assert haproxy.location(redirect, listener()) == expected


def test_weights_become_a_chain_of_chances() -> None:
    groups = [{"TargetGroupArn": f"{ARN}{n}", "Weight": weight} for n, weight in enumerate((3, 0, 1))]
    rule = haproxy.Rule("rule-0", [], {"Type": "forward", "ForwardConfig": {"TargetGroups": groups}})
    chances = [re.search(r"use_backend (\S+) .*rand\((\d+)\) lt (\d+)", line) for line in haproxy.act(rule, listener())]
    assert [found.groups() for found in chances if found] == [("web-01230", "4", "3"), ("web-01232", "1", "1")]


def test_rules_are_chosen_in_order_before_anything_is_done() -> None:
    teapot = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "418", "MessageBody": "no"}}
    first = haproxy.Rule("rule-1", [{"Field": "path-pattern", "Values": ["/x"]}], teapot)
    lines = haproxy.frontend(listener(rules=(first, FORWARD)), {})
    chosen = [n for n, line in enumerate(lines) if "set-var(txn.rule)" in line]
    done = [n for n, line in enumerate(lines) if "use_backend" in line or "http-request return" in line]
    assert max(chosen) < min(done)
    assert "str(rule-1)" in lines[chosen[0]] and "str(rule-0)" in lines[chosen[1]]


def test_tls_listener_and_its_published_twin() -> None:
    lines = haproxy.frontend(
        listener(port=443, protocol="HTTPS", certificates=("a.pem", "b.pem"), minimum_tls="TLSv1.3", published=True),
        {"routing.http2.enabled": "false"},
    )
    tls = " ssl crt /lb/a.pem crt /lb/b.pem alpn http/1.1 ssl-min-ver TLSv1.3"
    assert lines[1:3] == [f" bind :443{tls}", f" bind :{haproxy.PUBLISHED_PORT}{tls}"]
    ports = [line.partition("X-Forwarded-Port ")[2] for line in lines if "X-Forwarded-Port" in line]
    asked = "req.hdr(host),port_only"
    assert ports == ["443", f"%[{asked}] if {{ dst_port {haproxy.PUBLISHED_PORT} }} {{ {asked} -m int gt 0 }}"]


def test_group_with_everything() -> None:
    attributes = {
        "load_balancing.algorithm.type": "least_outstanding_requests",
        "stickiness.enabled": "true",
        "stickiness.type": "lb_cookie",
        "stickiness.lb_cookie.duration_seconds": "60",
    }
    text = "\n".join(
        haproxy.backend(group(attributes=attributes, protocol="HTTPS", check_port=9, check_codes="200-299"))
    )
    assert " balance leastconn" in text
    assert " cookie AWSALB insert indirect nocache maxlife 60s" in text
    assert " http-check expect status 200-299" in text
    assert " server i-1 10.0.0.4:8080 check port 9 ssl verify none cookie i-1" in text


def test_connections_outlive_a_reload_by_the_longest_delay() -> None:
    groups = tuple(group(attributes={"deregistration_delay.timeout_seconds": delay}) for delay in ("20", "90"))
    text = haproxy.render(
        haproxy.Balancer((listener(),), groups, "10.0.0.1", {"idle_timeout.timeout_seconds": "75"}), "revision-1"
    )
    assert " hard-stop-after 90s\n" in text
    assert " timeout client 75s\n" in text
    assert "reject if !{ src 10.0.0.1 }" in text
    assert " server revision-1 unix@" in text


def test_servers_keep_their_health_and_new_ones_wait() -> None:
    targets = tuple(
        haproxy.Target(name, "10.0.0.4", 80, name == "draining") for name in ("up", "down", "new", "draining")
    )
    states = haproxy.server_states(
        [group(targets=targets, healthy=3, unhealthy=2)],
        {("web-0123", "up"): True, ("web-0123", "down"): False, ("web-0123", "draining"): True},
    )
    rows = {row.split()[3]: row.split() for row in states.splitlines()[2:] if row}
    state, admin, health = 5, 6, 12
    assert [rows["up"][n] for n in (state, admin, health)] == ["2", "0", "4"]
    assert [rows["down"][n] for n in (state, admin, health)] == ["0", "0", "0"]
    assert [rows["new"][n] for n in (state, admin, health)] == ["0", "0", "2"]
    assert [rows["draining"][n] for n in (state, admin)] == ["2", "8"]
    assert {len(row) for row in rows.values()} == {len(haproxy.STATE_HEADER.splitlines()[1].split()) - 1}
