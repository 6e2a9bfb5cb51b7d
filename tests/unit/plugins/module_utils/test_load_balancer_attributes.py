import pytest
from ansible_collections.graviflow.airflow.plugins.module_utils.load_balancer_attributes import (
    current_state,
    of_interest,
    plan,
    spelled,
)

WANTED = {"name": "web", "attributes": {"access_logs.s3.enabled": True, "access_logs.s3.bucket": "logs"}}


def state(**attributes):
    pairs = [{"Key": key, "Value": value} for key, value in attributes.items()]
    return current_state("web", "arn:web", pairs)


@pytest.mark.parametrize(("given", "text"), [(True, "true"), (False, "false"), (3600, "3600"), ("True", "True")])
def test_values_are_texts(given, text):
    assert spelled({"key": given}) == {"key": text}


def test_what_differs_is_set_at_once():
    current = state(**{"access_logs.s3.enabled": "false", "access_logs.s3.bucket": "logs", "waf": "off"})
    planned = plan({**WANTED, "attributes": {**WANTED["attributes"], "x": 1}}, current)
    [call] = planned.calls
    assert call.arguments == {
        "LoadBalancerArn": "arn:web",
        "Attributes": [{"Key": "access_logs.s3.enabled", "Value": "true"}, {"Key": "x", "Value": "1"}],
    }
    assert planned.after["attributes"]["waf"] == "off"


def test_nothing_differs():
    assert plan(WANTED, state(**{"access_logs.s3.enabled": "true", "access_logs.s3.bucket": "logs"})).calls == ()


def test_a_missing_load_balancer_has_nothing():
    planned = plan(WANTED, None)
    assert planned.calls[0].arguments["LoadBalancerArn"] is None
    assert planned.after == {"name": "web", "attributes": spelled(WANTED["attributes"])}


def test_only_declared_attributes_are_told():
    told = of_interest(state(**{"access_logs.s3.enabled": "true", "waf": "off"}), WANTED["attributes"])
    assert told["attributes"] == {"access_logs.s3.enabled": "true"}
    assert of_interest(None, {}) is None
