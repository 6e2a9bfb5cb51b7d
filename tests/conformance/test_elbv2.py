"""Application load balancers: what the API says is what an HTTP client sees."""

from __future__ import annotations

import datetime
import http.client
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

NAME = "conformance-lb"
HOST = "airflow.example.internal"
BACKEND_PORTS = (18081, 18082)


def self_signed(common_name: str) -> tuple[bytes, bytes]:
    """Return certificate and key, PEM."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name.from_rfc4514_string(f"CN={common_name}")
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(now + datetime.timedelta(1))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(common_name)]), critical=False)
    pem = serialization.Encoding.PEM
    no_password = serialization.NoEncryption()
    certificate = builder.sign(key, hashes.SHA256()).public_bytes(pem)
    return certificate, key.private_bytes(pem, serialization.PrivateFormat.PKCS8, no_password)


class Backend:
    """A web server that says what it was asked, can be ill, and can be slow."""

    def __init__(self, address: str, port: int) -> None:
        backend = self
        self.healthy, self.name = True, f"{address}:{port}"

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                if self.path.startswith("/slow"):
                    time.sleep(3)
                status = 200 if self.path != "/health" or backend.healthy else 503
                headers = {name.lower(): value for name, value in self.headers.items()}
                body = json.dumps({"backend": port, "path": self.path, "headers": headers}).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Keep the test's output short."""

        self.server = ThreadingHTTPServer((address, port), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture(scope="module")
def elb(cloud: Any) -> Any:
    return cloud.client("elbv2")


@pytest.fixture(scope="module")
def certificate(cloud: Any) -> Iterator[str]:
    acm = cloud.client("acm")
    pem, key = self_signed(HOST)
    arn = acm.import_certificate(Certificate=pem, PrivateKey=key)["CertificateArn"]
    yield arn


@pytest.fixture(scope="module")
def balancer(cloud: Any, elb: Any, vpc: Any, until: Any) -> Iterator[dict[str, Any]]:
    cloud.control("PUT", "timings", {"elbv2": 2})
    began = time.monotonic()
    created = elb.create_load_balancer(Name=NAME, Subnets=vpc.public, Scheme="internet-facing")["LoadBalancers"][0]
    cloud.control("PUT", "timings", {})
    assert created["State"]["Code"] == "provisioning"
    arn = created["LoadBalancerArn"]
    state = lambda: elb.describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"][0]["State"]["Code"]  # noqa: E731
    until(lambda: state() == "active", what="active")
    assert time.monotonic() - began >= 2
    yield created
    elb.delete_load_balancer(LoadBalancerArn=arn)
    until(lambda: NAME not in cloud.control("GET", "state")["endpoints"], what="unpublished")


@pytest.fixture(scope="module")
def backends(vpc: Any, balancer: Any) -> list[Backend]:
    """Two web servers on this machine's address in the VPC, where a target may be anything with an address."""
    address = vpc.cidr.replace(".0.0/16", ".0.1")
    return [Backend(address, port) for port in BACKEND_PORTS]


@pytest.fixture(scope="module")
def groups(elb: Any, vpc: Any, backends: list[Backend]) -> Iterator[list[str]]:
    """A target group per backend, so that a request tells which one was chosen."""
    arns = []
    for number, backend in enumerate(backends):
        address, port = backend.name.split(":")
        arn = elb.create_target_group(
            Name=f"{NAME}-{number}", Protocol="HTTP", Port=int(port), VpcId=vpc.id, TargetType="ip",
            HealthCheckPath="/health", HealthCheckIntervalSeconds=5, HealthCheckTimeoutSeconds=2,
            HealthyThresholdCount=2, UnhealthyThresholdCount=2, Matcher={"HttpCode": "200-204"},
        )["TargetGroups"][0]["TargetGroupArn"]  # fmt: skip
        elb.register_targets(TargetGroupArn=arn, Targets=[{"Id": address, "Port": int(port)}])
        arns.append(arn)
    yield arns


@pytest.fixture(scope="module")
def health(elb: Any) -> Callable[[str], list[tuple[str, str | None]]]:
    def run(arn: str) -> list[tuple[str, str | None]]:
        found = elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
        return [(each["TargetHealth"]["State"], each["TargetHealth"].get("Reason")) for each in found]

    return run


@pytest.fixture(scope="module")
def listeners(elb: Any, balancer: Any, groups: list[str], certificate: str, health: Any, until: Any) -> dict[str, str]:
    assert health(groups[0]) == [("unused", "Target.NotInUse")]
    arn = balancer["LoadBalancerArn"]
    redirect = {"Type": "redirect", "RedirectConfig": {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}}
    plain = elb.create_listener(LoadBalancerArn=arn, Protocol="HTTP", Port=80, DefaultActions=[redirect])
    secure = elb.create_listener(
        LoadBalancerArn=arn,
        Protocol="HTTPS",
        Port=443,
        Certificates=[{"CertificateArn": certificate}],
        SslPolicy="ELBSecurityPolicy-TLS13-1-2-2021-06",
        DefaultActions=[{"Type": "forward", "TargetGroupArn": groups[0]}],
    )
    until(lambda: health(groups[0]) == [("healthy", None)], what="healthy")
    return {"http": plain["Listeners"][0]["ListenerArn"], "https": secure["Listeners"][0]["ListenerArn"]}


@pytest.fixture(scope="module")
def request_(cloud: Any, balancer: Any, listeners: dict[str, str]) -> Callable[..., tuple[int, dict[str, str], str]]:
    """Ask the load balancer at its own address, by its name."""

    def run(path: str, port: int = 443, headers: dict[str, str] | None = None) -> tuple[int, dict[str, str], str]:
        address = cloud.control("GET", "state")["names"][balancer["DNSName"].lower()]
        if port == 443:
            connection = http.client.HTTPSConnection(
                address, port, timeout=10, context=ssl._create_unverified_context()
            )
        else:
            connection = http.client.HTTPConnection(address, port, timeout=10)
        connection.request("GET", path, headers={"Host": HOST} | (headers or {}))
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read().decode()

    return run


def served_by(answer: tuple[int, dict[str, str], str]) -> int:
    assert answer[0] == 200, answer
    return json.loads(answer[2])["backend"]


def test_names_and_publishes_itself(cloud: Any, balancer: Any, listeners: Any) -> None:
    assert balancer["DNSName"].startswith(f"{NAME}-")
    assert balancer["DNSName"].endswith(".cn-north-1.elb.amazonaws.com.cn")
    found = cloud.control("GET", "state")["endpoints"][NAME]
    assert found["dns_name"] == balancer["DNSName"]
    port = int(found["url"].removeprefix("https://localhost:"))
    connection = http.client.HTTPSConnection("localhost", port, context=ssl._create_unverified_context())
    connection.request("GET", "/published")
    assert connection.getresponse().status == 200


def test_redirects_with_the_requests_own_parts(request_: Any) -> None:
    status, headers, _ = request_("/a/b?c=d&e=f", port=80)
    assert (status, headers["location"]) == (301, f"https://{HOST}:443/a/b?c=d&e=f")
    assert request_("/a", port=80)[1]["location"] == f"https://{HOST}:443/a"


def test_targets_learn_who_asked(request_: Any) -> None:
    _, _, body = request_("/who", headers={"X-Forwarded-For": "192.0.2.9", "X-Forwarded-Proto": "http"})
    headers = json.loads(body)["headers"]
    assert headers["x-forwarded-for"].startswith("192.0.2.9, 10.")
    assert (headers["x-forwarded-proto"], headers["x-forwarded-port"]) == ("https", "443")
    assert headers["host"] == HOST


def test_rules_choose_by_priority_path_and_host(
    elb: Any, groups: list[str], listeners: Any, request_: Any, until: Any
) -> None:
    def rule(priority: int, conditions: list[dict[str, Any]], action: dict[str, Any]) -> str:
        created = elb.create_rule(
            ListenerArn=listeners["https"], Priority=priority, Conditions=conditions, Actions=[action]
        )
        return created["Rules"][0]["RuleArn"]

    fixed = {"StatusCode": "418", "ContentType": "text/plain", "MessageBody": 'say "$5" \\ 100%'}
    paths = {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/two/*", "/2"]}}
    second = {"Type": "forward", "TargetGroupArn": groups[1]}
    teapot = {"Field": "path-pattern", "Values": ["/two/tea?ot"]}
    host = {"Field": "host-header", "HostHeaderConfig": {"Values": ["*.Second.internal"]}}
    arns = [
        rule(20, [paths], second),
        rule(10, [teapot], {"Type": "fixed-response", "FixedResponseConfig": fixed}),
        rule(30, [host], second),
    ]
    until(lambda: request_("/two/teapot")[0] == 418, what="rules in force")
    assert request_("/two/teapot")[2] == fixed["MessageBody"]
    until(lambda: request_("/two/x")[0] == 200, what="second group healthy")
    assert served_by(request_("/2")) == BACKEND_PORTS[1]
    assert served_by(request_("/x", headers={"Host": "web.second.internal:443"})) == BACKEND_PORTS[1]
    assert served_by(request_("/x")) == BACKEND_PORTS[0]
    for arn in arns:
        elb.delete_rule(RuleArn=arn)
    until(lambda: served_by(request_("/2")) == BACKEND_PORTS[0], what="rules gone")


def test_a_listener_adds_headers_and_takes_no_attribute_that_there_is_not(
    elb: Any, listeners: dict[str, str], request_: Any, until: Any
) -> None:
    def give(name: str) -> None:
        key = f"routing.http.response.{name}.header_value"
        elb.modify_listener_attributes(ListenerArn=listeners["https"], Attributes=[{"Key": key, "Value": "DENY"}])

    give("x_frame_options")
    until(lambda: request_("/")[1].get("x-frame-options") == "DENY", what="the header is there")
    with pytest.raises(ClientError, match="InvalidConfigurationRequest"):
        give("x_powered_by")


def test_weights_share_the_requests(
    elb: Any, groups: list[str], listeners: Any, health: Any, request_: Any, until: Any
) -> None:
    shared = {"TargetGroups": [{"TargetGroupArn": arn, "Weight": 1} for arn in groups]}
    elb.modify_listener(ListenerArn=listeners["https"], DefaultActions=[{"Type": "forward", "ForwardConfig": shared}])
    until(lambda: health(groups[1]) == [("healthy", None)], what="both healthy")
    until(lambda: served_by(request_("/")) == BACKEND_PORTS[1], what="the other one")
    until(lambda: served_by(request_("/")) == BACKEND_PORTS[0], what="the first one")
    elb.modify_listener(
        ListenerArn=listeners["https"], DefaultActions=[{"Type": "forward", "TargetGroupArn": groups[0]}]
    )
    until(lambda: {served_by(request_("/")) for _ in range(5)} == {BACKEND_PORTS[0]}, what="only the first one")


def test_health_is_what_was_measured(
    backends: list[Backend], groups: list[str], health: Any, request_: Any, until: Any
) -> None:
    backends[0].healthy = False
    until(lambda: health(groups[0]) == [("unhealthy", "Target.ResponseCodeMismatch")], what="unhealthy")
    assert request_("/")[0] == 503
    backends[0].healthy = True
    until(lambda: health(groups[0]) == [("healthy", None)], what="healthy again")
    assert request_("/")[0] == 200


def test_a_target_gets_nothing_before_its_first_passed_check(
    elb: Any, backends: list[Backend], groups: list[str], health: Any, request_: Any, until: Any
) -> None:
    """HAProxy would take a new server for healthy until its checks failed."""
    address = backends[0].name.split(":")[0].rsplit(".", 1)[0] + ".250"  # nobody there
    elb.register_targets(TargetGroupArn=groups[0], Targets=[{"Id": address, "Port": 18089}])
    until(lambda: sorted(health(groups[0]))[1][0] in ("initial", "unhealthy"), what="registered")
    assert {request_("/")[0] for _ in range(20)} == {200}
    until(lambda: sorted(state for state, _ in health(groups[0])) == ["healthy", "unhealthy"], what="unhealthy")
    elb.deregister_targets(TargetGroupArn=groups[0], Targets=[{"Id": address}])
    until(lambda: len(health(groups[0])) == 1, what="deregistered")


def test_deregistered_targets_drain(
    elb: Any, backends: list[Backend], groups: list[str], health: Any, request_: Any, until: Any
) -> None:
    """What is under way ends well, nothing new arrives, and an idle target is out at once."""
    target = {"Id": backends[0].name.split(":")[0], "Port": BACKEND_PORTS[0]}
    results: list[int] = []
    slow = threading.Thread(target=lambda: results.append(request_("/slow")[0]))
    slow.start()
    time.sleep(0.5)  # the request is under way
    elb.deregister_targets(TargetGroupArn=groups[0], Targets=[target])
    assert health(groups[0]) == [("draining", "Target.DeregistrationInProgress")]
    until(lambda: request_("/")[0] == 503, seconds=2, what="nothing new")
    assert health(groups[0])[0][0] == "draining"
    slow.join()
    assert results == [200]
    until(lambda: health(groups[0]) == [], seconds=10, what="drained long before the delay of 300 s")
    elb.register_targets(TargetGroupArn=groups[0], Targets=[target])
    until(lambda: request_("/")[0] == 200, what="back")


def test_renewed_certificate_reaches_clients(
    cloud: Any, balancer: Any, certificate: str, listeners: Any, until: Any
) -> None:
    acm, (pem, key), (chain, _) = cloud.client("acm"), self_signed(HOST), self_signed("chain")
    address = cloud.control("GET", "state")["names"][balancer["DNSName"].lower()]
    acm.import_certificate(CertificateArn=certificate, Certificate=pem, PrivateKey=key, CertificateChain=chain)
    assert acm.get_certificate(CertificateArn=certificate)["CertificateChain"].strip() == chain.decode().strip()
    until(
        lambda: ssl.get_server_certificate((address, 443)).strip() == pem.decode().strip(), what="the new certificate"
    )


def test_old_tls_is_refused(cloud: Any, elb: Any, balancer: Any, listeners: Any, until: Any) -> None:
    address = cloud.control("GET", "state")["names"][balancer["DNSName"].lower()]

    def offers(version: ssl.TLSVersion) -> bool:
        context = ssl._create_unverified_context()
        context.minimum_version = context.maximum_version = version
        try:
            with socket.create_connection((address, 443), 3) as raw, context.wrap_socket(raw):
                return True
        except OSError:
            return False

    assert offers(ssl.TLSVersion.TLSv1_2) and offers(ssl.TLSVersion.TLSv1_3)
    elb.modify_listener(ListenerArn=listeners["https"], SslPolicy="ELBSecurityPolicy-TLS13-1-3-2021-06")
    until(lambda: not offers(ssl.TLSVersion.TLSv1_2), what="TLS 1.2 refused")
    assert offers(ssl.TLSVersion.TLSv1_3)


def test_attributes_are_kept_and_protection_is_honoured(elb: Any, balancer: Any, groups: list[str]) -> None:
    arn = balancer["LoadBalancerArn"]
    defaults = elb.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
    assert {"Key": "idle_timeout.timeout_seconds", "Value": "60"} in defaults
    protect = lambda value: elb.modify_load_balancer_attributes(  # noqa: E731
        LoadBalancerArn=arn,
        Attributes=[
            {"Key": "deletion_protection.enabled", "Value": value},
            {"Key": "routing.http.drop_invalid_header_fields.enabled", "Value": "true"},
        ],
    )
    protect("true")
    with pytest.raises(ClientError, match="OperationNotPermitted"):
        elb.delete_load_balancer(LoadBalancerArn=arn)
    protect("false")
    given = [{"Key": "deregistration_delay.timeout_seconds", "Value": "20"}]
    answer = elb.modify_target_group_attributes(TargetGroupArn=groups[1], Attributes=given)["Attributes"]
    assert given[0] in answer and {"Key": "stickiness.enabled", "Value": "false"} in answer


def test_a_lost_load_balancer_comes_back(cloud: Any, balancer: Any, request_: Any, until: Any) -> None:
    container = next(n for n in cloud.docker("ps", "--format", "{{.Names}}").split() if f"{cloud.name}-alb-{NAME}" in n)
    cloud.docker("kill", container)

    def answers() -> bool:
        try:
            return request_("/")[0] == 200
        except OSError:
            return False

    until(answers, what="the load balancer")
