"""The template's own files are read as Packer reads them, as far as roles need that."""

from pathlib import Path

from ansible_collections.graviflow.airflow.plugins.module_utils.packer_text import variable_names, variable_values

PACKER = Path(__file__).parents[4] / "packer"

TEMPLATE = """
variable "name" {
  type        = string
  description = "default = nothing"
}

variable "size" {
  type        = number
  default     = 20
  description = "Size."
}

variable "cidrs" {
  type    = list(string)
  default = ["0.0.0.0/0", "::/0"]

  validation {
    condition     = length(var.cidrs) > 0
    error_message = "The cidrs must be some."
  }
}

variable "tags" {
  type    = map(string)
  default = {}
}
"""
RELEASE = """
# A comment = no assignment.
name = "exact-name"
size = 30

tags = {
  a   = "1"
  b-c = "2"
}
"""


def test_names_are_found():
    assert variable_names(TEMPLATE) == ["name", "size", "cidrs", "tags"]


def test_defaults_are_found():
    assert variable_values(TEMPLATE, "") == {"size": 20, "cidrs": ["0.0.0.0/0", "::/0"], "tags": {}}


def test_the_release_comes_before_defaults():
    found = variable_values(TEMPLATE, RELEASE)
    assert found == {"name": "exact-name", "size": 30, "cidrs": ["0.0.0.0/0", "::/0"], "tags": {"a": "1", "b-c": "2"}}


def test_the_release_of_this_project_is_understood():
    texts = [(PACKER / name).read_text() for name in ("variables.pkr.hcl", "release.auto.pkrvars.hcl")]
    found = variable_values(*texts)
    assert found["source_image_name"] == ""
    assert "debian-13-arm64" in found["source_image_names"]["3.13"]
    assert set(found["source_image_owners"]) == {"aws", "aws-cn"}
    assert found["root_volume_size"] >= 10 and found["ami_users"] == []
