import json
from configparser import ConfigParser

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.graviflow.airflow.plugins.filter.airflow_cfg import airflow_cfg

GOLDEN = """\
# Managed by Ansible (graviflow.airflow). Changes made here are lost.

[celery]
extra_celery_config = {"a": {"b": 1}, "z": true}
worker_concurrency = 16

[core]
dags_folder = /var/lib/airflow/dags/current
load_examples = False

[logging]
empty =
log_format = %%(asctime)s 100%%
task_log_reader = a,b,True,3

[workers]
execution_api_timeout = 5.5
"""


def test_prints_sorted_and_as_airflow_reads_it():
    options = {
        "workers": {"EXECUTION_API_TIMEOUT": 5.5},
        "logging": {
            "task_log_reader": ["a", "b", True, 3],
            "log_format": "%(asctime)s 100%",
            "empty": "",
            "left_out": None,
        },
        "core": {"load_examples": False, "dags_folder": " /var/lib/airflow/dags/current "},
        "celery": {"worker_concurrency": 16, "extra_celery_config": {"z": True, "a": {"b": 1}}},
        "only_none": {"a": None},
        "nothing": None,
    }
    assert airflow_cfg(options) == GOLDEN


def test_same_options_in_another_order_give_the_same_text():
    assert airflow_cfg({"b": {"y": 1, "x": 2}, "a": {"z": 3}}) == airflow_cfg({"a": {"z": 3}, "b": {"x": 2, "y": 1}})


def test_lists_of_dictionaries_become_json():
    bundles = [{"name": "dags", "kwargs": {"refresh_interval": 30}}]
    text = airflow_cfg({"dag_processor": {"dag_bundle_config_list": bundles}})
    assert 'dag_bundle_config_list = [{"kwargs": {"refresh_interval": 30}, "name": "dags"}]\n' in text


@pytest.mark.parametrize(
    ("section", "option"),
    [
        ("core", "fernet_key"),
        ("core", "Fernet_Key"),
        ("core", "fernet_key_cmd"),
        ("database", "sql_alchemy_conn"),
        ("database", "sql_alchemy_conn_async"),
        ("database", "sql_alchemy_conn_secret"),
        ("celery", "broker_url"),
        ("celery", "result_backend"),
        ("celery", "flower_basic_auth"),
        ("api", "secret_key"),
        ("api_auth", "jwt_secret"),
        ("sentry", "sentry_dsn"),
    ],
)
def test_secrets_are_refused_by_name(section, option):
    with pytest.raises(AnsibleFilterError) as refused:
        airflow_cfg({section: {option: "hunter2"}})
    message = str(refused.value)
    assert f"[{section}] {option}" in message
    assert "secrets_given" in message
    assert "hunter2" not in message


def test_a_password_in_any_url_is_refused_and_not_shown():
    with pytest.raises(AnsibleFilterError, match="URL with a password") as refused:
        airflow_cfg({"logging": {"remote_base_log_folder": "https://user:hunter2@example.org/logs"}})
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"core": {"a": "one\ntwo"}}, "one line"),
        ({"core": {"a": 1, "A": 2}}, "given twice"),
        ({"core": {"a b": 1}}, "Correct the name"),
        ({"co[re": {"a": 1}}, "Correct the name"),
        ({"core": "executor"}, "dictionary of options"),
    ],
)
def test_what_is_no_configuration_is_refused(options, reason):
    with pytest.raises(AnsibleFilterError, match=reason):
        airflow_cfg(options)


@pytest.mark.parametrize("written", [list, json.dumps])
def test_bundles_of_dags_pass_through(written):
    bundles = [
        {"name": "team", "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle", "kwargs": {"x": "%"}}
    ]
    text = airflow_cfg({"dag_processor": {"dag_bundle_config_list": written(bundles)}})
    parser = ConfigParser()
    parser.read_string(text)
    assert json.loads(parser["dag_processor"]["dag_bundle_config_list"]) == bundles
