import json

import pytest
from airflow_host import image
from airflow_host.errors import HostError


@pytest.fixture
def manifest(tmp_path):
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({"airflow": "2.11.2", "migration_heads": {"airflow": "a1"}, "python": "3.11.2"}))
    return path


def test_the_manifest_says_what_the_image_needs(manifest):
    assert image.read(manifest) == image.Image("2.11.2", {"airflow": "a1"})


def test_a_document_for_another_major_version_is_refused(manifest):
    image.read(manifest).require(2)
    with pytest.raises(HostError, match=r"for Airflow 3, this image has 2\.11\.2"):
        image.read(manifest).require(3)


@pytest.mark.parametrize("text", [None, "", "[]", '{"airflow": "3.3.2"}'])
def test_an_image_whose_manifest_says_too_little_is_incomplete(tmp_path, text):
    if text is not None:
        (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(HostError, match="incomplete"):
        image.read(tmp_path / "manifest.json")
