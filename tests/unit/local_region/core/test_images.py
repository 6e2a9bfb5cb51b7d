import pytest

from local_region.images.build import ARM64, base_context, digest, folder_context, packages
from local_region.images.catalogue import Record, family, label, public_images, surplus


def record(id="ami-1", name="airflow-20260901120000", created="2026-09-01T12:00:00", region="cn-north-1", **more):
    given = {"description": "", "architecture": "arm64", "root_device_name": "/dev/xvda", "size": 8}
    return Record(id=id, aws_region=region, name=name, created=created, **{**given, **more})


def test_a_digest_follows_content_mode_name_and_order_free():
    one = {"a": (b"1", 0o644), "b": (b"2", 0o644)}
    assert digest(one) == digest(dict(reversed(one.items())))
    others = [{"a": (b"1", 0o755), "b": (b"2", 0o644)}, {"a": (b"12", 0o644), "b": (b"", 0o644)}, {"a": (b"1", 0o644)}]
    assert len({digest(one), digest(one, "x"), *map(digest, others)}) == 5


def test_another_authority_makes_another_image():
    assert digest(base_context(b"one")) != digest(base_context(b"two"))


def test_an_emulated_base_has_its_own_kernel_and_no_stand_in_for_nfs():
    own, emulated = base_context(b"ca"), base_context(b"ca", ARM64)
    assert own.keys() - emulated.keys() == {"files/usr/sbin/mount.nfs4"}
    assert own["files/usr/local/sbin/boot-container"] != emulated["files/usr/local/sbin/boot-container"]
    assert set(packages(ARM64)) > {*packages(), "linux-image-cloud-arm64"}


def test_a_folder_is_its_own_context(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "run").write_bytes(b"x")
    (tmp_path / "sub" / "run").chmod(0o755)
    assert folder_context(tmp_path) == {"sub/run": (b"x", 0o755)}


def test_public_images_are_stable_and_differ_between_regions():
    here, there = public_images("us-east-1", "aws"), public_images("cn-north-1", "aws-cn")
    assert here == public_images("us-east-1", "aws")
    assert not {image.id for image in here} & {image.id for image in there}
    assert {(image.release, image.architecture) for image in here} == {
        (release, architecture) for release in ("bookworm", "trixie") for architecture in ("arm64", "x86_64")
    }


def test_a_record_survives_its_label():
    given = record(tags={"Note": 'a "b" $c \\ d'}, snapshot_id="snap-1")
    assert Record.from_json(given.to_json()) == given


@pytest.mark.parametrize(
    ("value", "quoted"), [("a b", '"a b"'), ('a"b', '"a\\"b"'), ("$x", '"\\$x"'), ("a\\b", '"a\\\\b"')]
)
def test_labels_are_quoted(value, quoted):
    assert label("key", value) == f"LABEL key={quoted}"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("airflow-3.3.2-20260901120000", "airflow-3.3.2"),
        ("airflow-3.3.2-20260901-1200", "airflow-3.3.2"),
        ("airflow-3.3.2", "airflow-3.3.2"),
        ("airflow-3.3.2-arm64-1756728000", "airflow-3.3.2-arm64"),
    ],
)
def test_family(name, expected):
    assert family(name) == expected


def test_the_newest_of_each_family_and_region_stay():
    records = [record(id=f"ami-{n}", created=f"2026-09-0{n}T00:00:00") for n in range(1, 6)]
    others = [record(id="ami-x", name="other"), record(id="ami-y", region="us-east-1")]
    assert {old.id for old in surplus(records + others, keep=3)} == {"ami-1", "ami-2"}
