import botocore.session
import pytest
from botocore.parsers import create_parser

from local_region.control import Control, Fault
from local_region.faults import error_response

PROTOCOLS = ["query", "ec2", "json", "rest-json", "rest-xml", "smithy-rpc-v2-cbor"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("code", ["ThrottlingException", "AccessDenied"])
def test_botocore_reads_the_code(protocol, code):
    headers, body = error_response(protocol, code, "because <it> & 'that'")
    response = {"status_code": 400, "headers": {name.lower(): value for name, value in headers}, "body": body}
    model = botocore.session.get_session().get_service_model("cloudwatch")
    shape = model.operation_model("ListMetrics").output_shape
    parsed = create_parser(protocol).parse(response, shape)
    assert parsed["Error"]["Code"] == code
    assert parsed["Error"]["Message"] == "because <it> & 'that'"


def test_s3_errors_have_no_wrapper():
    assert b"<ErrorResponse>" not in error_response("s3", "SlowDown")[1]


def test_a_rule_is_used_up():
    control = Control()
    control.set_faults([{"match": "rds:Create.*", "times": 2, "code": "Throttling"}])
    taken = [control.take("rds", "CreateDBInstance") for _ in range(3)]
    assert [fault is not None for fault in taken] == [True, True, False]
    assert control.describe()[0]["times"] == 0


def test_a_rule_without_end_and_the_first_that_matches():
    control = Control()
    control.set_faults([{"match": "ec2:.*", "times": None, "code": "A"}, {"match": ".*", "code": "B"}])
    assert [control.take("ec2", "X").code for _ in range(3)] == ["A"] * 3
    assert control.take("s3", "X").code == "B"
    assert control.take("s3", "X") is None


def test_a_match_is_whole():
    control = Control()
    control.set_faults([{"match": "ec2:Describe"}])
    assert control.take("ec2", "DescribeVpcs") is None


@pytest.mark.parametrize("rule", [{}, {"match": "("}, {"match": "x", "other": 1}])
def test_a_wrong_rule_names_its_fault(rule):
    with pytest.raises(ValueError, match=r".+"):
        Fault.parse(rule)


def test_timings_are_zero_unless_said():
    control = Control()
    control.set_timings({"rds": "90"})
    assert (control.timing("rds"), control.timing("efs")) == (90.0, 0.0)
