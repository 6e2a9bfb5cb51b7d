"""What HAProxy measured, as target health; names and TLS policies."""

from types import SimpleNamespace

import pytest
from docker.errors import APIError

from local_region.patches.elbv2 import dns_name
from local_region.region import Placement
from local_region.services.elbv2 import HEALTHY, INITIAL, LoadBalancers, judge, minimum_tls

ILL = ("unhealthy", "Target.Timeout", "Request timed out")


def row(status: str, check: str, code: str = "") -> dict[str, str]:
    return {"status": status, "check_status": check, "check_code": code}


@pytest.mark.parametrize(
    ("given", "before", "settled", "expected"),
    [
        (row("UP", "L7OK"), None, False, HEALTHY),
        (row("UP 1/2", "* L4CON"), HEALTHY, True, HEALTHY),
        (row("UP", "INI"), None, False, INITIAL),
        (row("UP", "INI"), HEALTHY, True, HEALTHY),
        (row("DOWN", "INI"), ILL, True, ILL),
        (row("DOWN", "L4CON"), INITIAL, False, INITIAL),
        (row("DOWN", "L4CON"), INITIAL, True, ("unhealthy", "Target.FailedHealthChecks", "Health checks failed")),
        (row("DOWN", "L4TOUT"), HEALTHY, True, ILL),
        (row("DOWN 1/2", "L7OK"), ILL, True, ILL),
        (
            row("DOWN", "L7STS", "503"),
            HEALTHY,
            True,
            ("unhealthy", "Target.ResponseCodeMismatch", "Health checks failed with these codes: [503]"),
        ),
    ],
)
def test_judge(given: dict[str, str], before: object, settled: bool, expected: object) -> None:
    assert judge(given, before, settled) == expected


def test_minimum_tls_of_policies() -> None:
    assert minimum_tls("ELBSecurityPolicy-TLS13-1-3-2021-06") == "TLSv1.3"
    assert minimum_tls("ELBSecurityPolicy-TLS13-1-2-2021-06") == "TLSv1.2"
    assert minimum_tls("ELBSecurityPolicy-2016-08") == "TLSv1.0"
    assert minimum_tls(None) == "TLSv1.2"


def test_names() -> None:
    public = dns_name("web", "arn", "internet-facing", "cn-north-1", "amazonaws.com.cn")
    internal = dns_name("web", "arn", "internal", "us-east-1", "amazonaws.com")
    assert public.startswith("web-") and public.endswith(".cn-north-1.elb.amazonaws.com.cn")
    assert internal.startswith("internal-web-") and internal.endswith(".us-east-1.elb.amazonaws.com")
    assert dns_name("web", "other", None, "us-east-1", "amazonaws.com") != internal.removeprefix("internal-")


def test_a_port_that_another_one_took_is_not_tried_again() -> None:
    tried = []

    def create(*_: object, ports: dict[str, tuple[str, int]], **__: object) -> None:
        [(_, port)] = ports.values()
        tried.append(port)
        raise APIError("port is already allocated")

    balancers = LoadBalancers(SimpleNamespace(engine=SimpleNamespace(create=create, data_image="")))
    balancer = SimpleNamespace(arn="arn:aws:elasticloadbalancing:us-east-1:1:loadbalancer/app/web/1")
    with pytest.raises(APIError):
        balancers._start(balancer, Placement("network", "10.0.0.4", "eni-1", "us-east-1a"), {})
    assert len(tried) == 1
    assert balancers.ports == {}
