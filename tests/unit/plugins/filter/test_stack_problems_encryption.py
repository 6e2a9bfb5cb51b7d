import pytest
from ansible_collections.graviflow.airflow.plugins.module_utils.stack_rules import encryption
from ansible_collections.graviflow.airflow.plugins.module_utils.stack_rules.problem import Facts

KEY = "arn:aws-cn:kms:cn-north-1:123456789012:key/0a1b-2c"


def found(**stack):
    given = {"stack_region": "cn-north-1", **stack}
    rules = (encryption.key, encryption.pending_days)
    return [problem for rule in rules for problem in rule(given, Facts(partition="aws-cn"))]


@pytest.mark.parametrize(
    "stack", [{}, {"stack_key_arn": KEY}, {"encryption_key_create": True}, {"encryption_key_pending_days": 7}]
)
def test_good_keys_have_no_problem(stack):
    assert found(**stack) == []


@pytest.mark.parametrize(
    ("stack", "variable", "rule"),
    [
        ({"stack_key_arn": "alias/mine"}, "stack_key_arn", "no ARN"),
        ({"stack_key_arn": KEY.replace("cn-north-1", "cn-northwest-1")}, "stack_key_arn", "in cn-north-1"),
        ({"stack_key_arn": KEY.replace("aws-cn", "aws")}, "stack_key_arn", "no ARN"),
        ({"stack_key_arn": KEY.replace("key/", "alias/")}, "stack_key_arn", "aliases"),
        ({"stack_key_arn": KEY, "encryption_key_create": True}, "stack_key_arn", "one key"),
        ({"encryption_key_pending_days": 5}, "encryption_key_pending_days", "7 to 30"),
    ],
)
def test_bad_keys_are_found_with_rule_and_fix(stack, variable, rule):
    [problem] = found(**stack)
    assert problem.variable == variable
    assert rule in problem.rule
    assert problem.fix.endswith(".")
