from functools import partial

import pytest
from ansible_collections.graviflow.airflow.plugins.module_utils.load_balancer_attributes import plan
from ansible_collections.graviflow.airflow.plugins.module_utils.reconcile import Refusal, reconcile
from ansible_collections.graviflow.airflow.plugins.modules.elb_load_balancer_attributes import (
    LoadBalancerAttributesApi,
    told,
)

ARN = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/web/0123456789abcdef"
WANTED = {"name": "web", "attributes": {"connection_logs.s3.enabled": True}}


def run(client, check_mode=False):
    api = LoadBalancerAttributesApi(client, "web")
    return reconcile(api, partial(plan, WANTED), check_mode=check_mode, wait=False)


def read(stub, value):
    stub.add_response("describe_load_balancers", {"LoadBalancers": [{"LoadBalancerArn": ARN}]}, {"Names": ["web"]})
    pairs = [{"Key": "connection_logs.s3.enabled", "Value": value}, {"Key": "routing.http2.enabled", "Value": "true"}]
    stub.add_response("describe_load_balancer_attributes", {"Attributes": pairs}, {"LoadBalancerArn": ARN})


def test_sets_what_differs_and_tells_what_was_declared(stubbed):
    client, stub = stubbed("elbv2")
    read(stub, "false")
    pairs = [{"Key": "connection_logs.s3.enabled", "Value": "true"}]
    stub.add_response(
        "modify_load_balancer_attributes", {"Attributes": pairs}, {"LoadBalancerArn": ARN, "Attributes": pairs}
    )
    read(stub, "true")
    result = told(run(client), WANTED["attributes"])
    assert result["changed"]
    assert result["diff"]["before"]["attributes"] == {"connection_logs.s3.enabled": "false"}
    assert result["load_balancer"] == {
        "name": "web",
        "arn": ARN,
        "attributes": {"connection_logs.s3.enabled": "true"},
    }


def test_leaves_alone_what_is_so(stubbed):
    client, stub = stubbed("elbv2")
    read(stub, "true")
    assert not run(client).changed


def test_a_missing_load_balancer_is_planned_for_and_refused_otherwise(stubbed):
    client, stub = stubbed("elbv2")
    stub.add_client_error("describe_load_balancers", "LoadBalancerNotFound")
    result = told(run(client, check_mode=True), WANTED["attributes"])
    assert (result["changed"], result["diff"]["before"]) == (True, {})
    stub.add_client_error("describe_load_balancers", "LoadBalancerNotFound")
    with pytest.raises(Refusal, match="There is no load balancer of this name"):
        run(client)


LISTENER = ARN.replace("loadbalancer", "listener") + "/0123456789abcdef"
HEADER = "routing.http.response.x_frame_options.header_value"
FRAMES = {"name": "web", "listener_port": 443, "attributes": {HEADER: "DENY"}}


def listen(stub, *ports):
    stub.add_response("describe_load_balancers", {"LoadBalancers": [{"LoadBalancerArn": ARN}]}, {"Names": ["web"]})
    found = [{"ListenerArn": f"{LISTENER}{port}", "Port": port} for port in ports]
    stub.add_response("describe_listeners", {"Listeners": found}, {"LoadBalancerArn": ARN})


def test_a_listener_has_attributes_of_its_own(stubbed):
    client, stub = stubbed("elbv2")
    pairs = [{"Key": HEADER, "Value": "DENY"}]
    told_of = {"ListenerArn": f"{LISTENER}443"}
    for before in ([], pairs):
        listen(stub, 80, 443)
        stub.add_response("describe_listener_attributes", {"Attributes": before}, told_of)
        if not before:
            stub.add_response("modify_listener_attributes", {"Attributes": pairs}, {**told_of, "Attributes": pairs})
    api = LoadBalancerAttributesApi(client, "web", 443)
    assert reconcile(api, partial(plan, FRAMES), check_mode=False, wait=False).changed


def test_a_listener_that_is_missing_is_planned_for_and_refused_otherwise(stubbed):
    client, stub = stubbed("elbv2")
    api = LoadBalancerAttributesApi(client, "web", 443)
    listen(stub, 80)
    assert reconcile(api, partial(plan, FRAMES), check_mode=True, wait=False).changed
    listen(stub, 80)
    with pytest.raises(Refusal, match="There is no listener of this name"):
        reconcile(api, partial(plan, FRAMES), check_mode=False, wait=False)
