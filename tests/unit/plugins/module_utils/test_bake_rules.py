"""A bake that cannot succeed is refused with the value, the rule and the way out."""

import pytest
from ansible_collections.graviflow.airflow.plugins.module_utils.bake_rules import Bake, problems

LOCKS = {"airflow-3.3.2-python-3.13.txt": "a" * 64, "uv.txt": "b" * 64}
SOURCE = {
    "name": "debian-13-arm64-20260901-2200",
    "creation_date": "2026-09-01T22:00:00.000Z",
    "root_device_name": "/dev/xvda",
    "block_device_mappings": [{"device_name": "/dev/xvda", "ebs": {"volume_size": 8}}],
}
VALUES = {
    "source_image_name": SOURCE["name"],
    "source_image_owners": {"aws": "136693071363", "aws-cn": "336777782633"},
    "root_device_name": "/dev/xvda",
    "root_volume_size": 20,
    "instance_type": "m7g.large",
    "kms_key_id": "",
    "ami_users": [],
    "ami_regions": [],
    "region_kms_key_ids": {},
}


def told(given: dict | None = None, **more) -> list[str]:
    """What is said of a bake with these variables; variable, value, rule and fix of each problem in one line."""
    given = given or {}
    facts = {
        "airflow_version": "3.3.2",
        "airflow_python": "3.13",
        "region": "cn-north-1",
        "partition": "aws-cn",
        "given": given,
        "known": [*VALUES, "ami_org_arns", "subnet_id"],
        "values": VALUES | given,
        "lock_names": list(LOCKS),
        "locks": LOCKS,
        "made_locks": LOCKS,
        "sources": [SOURCE],
    }
    found = problems(Bake(**facts | more))
    return [f"{each.variable}: {each.value} {each.rule} {each.fix}" for each in found]


def test_the_release_is_in_order():
    assert told() == []


def test_what_was_not_asked_is_not_told():
    assert told(sources=None) == []


KEY = "arn:aws-cn:kms:cn-north-1:123456789012:key/0a1b2c3d-0a1b-4a1b-8a1b-0a1b2c3d4e5f"
TWO = {"ami_regions": ["cn-northwest-1"], "kms_key_id": "alias/airflow"}


@pytest.mark.parametrize(
    ("given", "variable", "words"),
    [
        ({"instance_type": "m5.large"}, "instance_type", ["m5.large", "Graviton", "m7g.large"]),
        ({"instance_type": ""}, "instance_type", ["Graviton"]),
        ({"instance_typ": "m7g.large"}, "instance_typ", ["no such variable", "Did you mean instance_type?"]),
        ({"kms_key_id": KEY}, "kms_key_id", [KEY, "ARN", "Give 0a1b2c3d-0a1b-4a1b-8a1b-0a1b2c3d4e5f."]),
        ({"kms_key_id": KEY.replace("key/", "alias/")}, "kms_key_id", ["Give alias/0a1b"]),
        ({"ami_users": ["123456789012"]}, "kms_key_id", ["ami_users", "key of your own", "alias/<name>"]),
        (
            {"ami_users": ["123456789012"], "kms_key_id": "alias/aws/ebs"},
            "kms_key_id",
            ["alias/aws/ebs", "key of your own"],
        ),
        (
            {"ami_org_arns": ["arn:aws:organizations::123456789012:organization/o-a1b2c3d4e5"]},
            "kms_key_id",
            ["ami_org_arns", "key of your own"],
        ),
        (TWO | {"ami_users": ["123456789012"]}, "region_kms_key_ids.cn-northwest-1", ["key of your own"]),
        ({"ami_regions": ["eu-west-1"]}, "ami_regions", ["eu-west-1", "partition", "aws-cn"]),
        (TWO | {"region_kms_key_ids": {"cn-north-1": "alias/a"}}, "region_kms_key_ids", ["the same regions"]),
        (TWO | {"region_kms_key_ids": {"cn-northwest-1": KEY}}, "region_kms_key_ids.cn-northwest-1", ["ARN"]),
        ({"root_volume_size": 7}, "root_volume_size", ["7", "8 GiB", "Give 8 or more"]),
        ({"root_device_name": "/dev/sda1"}, "root_device_name", ["/dev/sda1", "Give /dev/xvda"]),
    ],
)
def test_what_cannot_be_is_refused(given, variable, words):
    (problem,) = told(given)
    assert problem.startswith(f"image_packer_variables.{variable}: ")
    assert all(word in problem for word in words), problem


@pytest.mark.parametrize(
    "given",
    [
        {"kms_key_id": "alias/airflow", "ami_users": ["123456789012"]},
        TWO | {"region_kms_key_ids": {"cn-northwest-1": "mrk-0a1b"}, "ami_users": ["123456789012"]},
        {"ami_regions": ["cn-northwest-1"]},
        {"root_volume_size": 8, "subnet_id": "subnet-0a1b", "instance_type": "t4g.small"},
    ],
)
def test_what_can_be_is_not(given):
    assert told(given) == []


def test_versions_without_a_lock_are_refused():
    (problem,) = told(airflow_version="9.9.9", lock_names=["airflow-9.9.9-python-3.13.txt", "uv.txt"])
    assert "9.9.9 on 3.13" in problem and "Choose among 3.3.2 on 3.13" in problem


@pytest.mark.parametrize("name", LOCKS)
@pytest.mark.parametrize("made", [{}, {"airflow-3.3.2-python-3.13.txt": "c" * 64, "uv.txt": "c" * 64}])
def test_a_lock_that_is_not_as_it_was_made_is_refused(name, made):
    (problem,) = told(made_locks=LOCKS | {name: made.get(name)})
    assert name in problem and LOCKS[name] in problem and "not whole" in problem and "git checkout" in problem


def test_a_source_that_is_not_there_is_refused_with_one_that_is():
    newer = {**SOURCE, "name": "debian-13-arm64-20261101-2300", "creation_date": "2026-11-01T23:00:00.000Z"}
    older = {**SOURCE, "name": "debian-13-arm64-20260101-2300", "creation_date": "2026-01-01T23:00:00.000Z"}
    (problem,) = told(sources=[older, newer])
    assert SOURCE["name"] in problem and "336777782633" in problem and newer["name"] in problem


def test_a_source_of_a_family_that_is_not_there_is_refused():
    (problem,) = told({"source_image_name": "ubuntu-arm64-1"}, sources=[])
    assert "ubuntu-arm64-1" in problem and "source_image_owners" in problem


def test_everything_is_told_at_once():
    assert len(told({"instance_type": "m5.large", "kms_key_id": KEY, "nonsense": 1})) == 3
