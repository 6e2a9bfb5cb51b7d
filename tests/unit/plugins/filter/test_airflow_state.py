import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.graviflow.airflow.plugins.filter.airflow_state import airflow_state
from ansible_collections.graviflow.airflow.plugins.module_utils.stack_rules.problem import Facts
from ansible_collections.graviflow.airflow.plugins.module_utils.stack_rules.state import given, problems

SECRET = {"secret": "warehouse", "key": "password"}
STATE = {
    "connections": {
        "warehouse": {
            **{"conn_type": "postgres", "host": "db.example", "port": 5432, "login": "airflow", "schema": "dw"},
            **{
                "password": SECRET,
                "description": "The warehouse",
                "extra": {"sslmode": "verify-full", "token": SECRET},
            },
        },
        "aws_default": {"conn_type": "aws", "port": None},
    },
    "variables": {"region": "cn-north-1", "limits": {"rows": 5}, "on": True, "token": SECRET, "token_url": "https://x"},
    "pools": {"default_pool": {"slots": 128}, "all": {"slots": -1, "description": "", "include_deferred": True}},
    "roles": {"Analyst": {"DAGs": ["can_read"], "DAG:one": ["can_edit"], "My plugin": ["menu_access"]}},
    "users": {
        "ann": {"email": "ann@example.org", "roles": ["Viewer", "Analyst"], "first_name": "Ann", "password": SECRET},
        "sso": {"email": "sso@example.org", "roles": ["Op"]},
    },
    "remove_undeclared": ["pools"],
}


def rules(state, admin="admin"):
    return {each.variable: each.rule for each in problems(state, admin)}


def test_what_can_be_made_passes_as_it_is():
    assert airflow_state(STATE) == STATE
    assert airflow_state({}) == {}


def test_the_filter_tells_everything_at_once_and_no_secret():
    bad = {
        "connections": {"a": {"conn_type": "http", "password": "hunter2", "extra": {"deep": [{"api_key": "hunter2"}]}}},
        "variables": {"api_token": "hunter2", "empty": None},
        "pools": ["hunter2"],
    }
    with pytest.raises(AnsibleFilterError) as error:
        airflow_state(bad)
    for part in (
        "connections.a.password",
        "connections.a.extra.deep.api_key",
        "variables.api_token",
        "pools:",
        "variables.empty",
    ):
        assert f"airflow_state.{part}" in str(error.value)
    assert "Keep it as a secret" in str(error.value)
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize(
    ("state", "variable", "rule"),
    [
        ({"users": {"ann": {"email": "a@b", "roles": []}}}, "users.ann.roles", "sees nothing"),
        ({"users": {"ann": {"email": "a@b", "roles": ["Viewer"], "pasword": 1}}}, "users.ann.pasword", "It has email"),
        (
            {"users": {"ann": {"email": "a@b", "roles": ["Viewer"], "first_name": {"a": 1}}}},
            "users.ann.first_name",
            "text",
        ),
        ({"connections": {"c": {"conn_type": "http", "host": ["h"]}}}, "connections.c.host", "a text"),
        ({"connections": {"c": {"conn_type": "http", "password": 5}}}, "connections.c.password", "a text"),
        ({"pools": {"p": {"slots": True}}}, "pools.p.slots", "a number"),
        ({"roles": {"R": {"DAGs": ["read"]}}}, "roles.R.DAGs", "list of can_read"),
        ({"roles": {"R" * 65: {"DAGs": ["can_read"]}}}, "roles." + "R" * 65, "1 to 64"),
        ({"variables": {"long": "x" * 9000}}, "airflow_state", "8192 bytes"),
    ],
)
def test_each_rule_names_its_place(state, variable, rule):
    [(found, text)] = rules(state).items()
    assert found.removeprefix("airflow_state.") == variable
    assert rule in text


def test_the_administrators_name_is_taken_whatever_it_is():
    state = {"users": {"Root": {"email": "a@b", "roles": ["Admin"]}}}
    assert rules(state) == {}
    [problem] = given({"airflow_state": state, "secrets_given": {"admin": {"username": "root"}}}, Facts())
    assert "administrator's name" in problem.rule
