import ast

import pytest
from ansible_collections.graviflow.airflow.plugins.filter.python_literal import python_literal


@pytest.mark.parametrize(
    "value", [True, None, 3, "a'b\"c\\\n{{ x }}", ["cn=a,dc=b"], {"b": ["Op"], "a": {"c": False}}, "'); import os  # "]
)
def test_python_reads_the_value_back(value):
    assert ast.literal_eval(python_literal(value)) == value


def test_the_same_value_gives_the_same_text_in_one_line():
    assert python_literal({"b": 1, "a": "x\ny"}) == python_literal({"a": "x\ny", "b": 1}) == "{'a': 'x\\ny', 'b': 1}"


def test_what_jinja_maps_is_a_list():
    assert python_literal(map(str.lower, ["A"])) == "['a']"
