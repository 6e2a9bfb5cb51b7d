import json
from pathlib import Path

import pytest
from airflow_host import credentials, environment, model
from airflow_host.errors import HostError
from stacks import PRINTABLE, stack

AUTHORITIES = Path("/ca.pem")


def systemd_reads(line):
    """Read one double-quoted assignment as systemd's parse_env_file does."""
    name, value = line.rstrip("\n").split("=", 1)
    assert value[0] == value[-1] == '"'
    characters, result = iter(value[1:-1]), ""
    for character in characters:
        if character == "\\":
            escaped = next(characters)
            result += escaped if escaped in '"\\`$' else "\\" + escaped
        else:
            assert character != '"'
            result += character
    return name, result


def settings(stack):
    return environment.settings(stack, stack.document.sessions, AUTHORITIES)


def variables(service, airflow=3):
    values = settings(stack(services=["flower"]))
    text = environment.environment_file(environment.SETTINGS[airflow][service], values, {})
    return dict(map(systemd_reads, text.splitlines()))


def holders(variable, airflow):
    return {service for service in environment.SETTINGS[airflow] if variable in variables(service, airflow)}


def test_every_printable_character_survives_quoting():
    assert systemd_reads(f"A={environment.quote(PRINTABLE + 'ü')}") == ("A", PRINTABLE + "ü")


@pytest.mark.parametrize("value", ["a\nb", "a\0b", "\x1b"])
def test_control_characters_are_refused_without_showing_the_value(value):
    with pytest.raises(HostError) as error:
        environment.quote("hush" + value)
    assert "hush" not in str(error.value)


def test_the_worker_has_neither_metadata_database_nor_signing_key():
    assert set(variables("worker")) == {
        "AIRFLOW__CORE__FERNET_KEY",
        "AIRFLOW__API__SECRET_KEY",
        "AIRFLOW__CELERY__BROKER_URL",
        "AIRFLOW__CELERY__RESULT_BACKEND",
    }


@pytest.mark.parametrize("airflow", environment.SETTINGS)
def test_flower_has_the_broker_and_its_own_login(airflow):
    assert variables("flower", airflow)["AIRFLOW__CELERY__FLOWER_BASIC_AUTH"] == "flower:flower-password"
    assert set(variables("flower", airflow)) == {"AIRFLOW__CELERY__BROKER_URL", "AIRFLOW__CELERY__FLOWER_BASIC_AUTH"}
    assert holders("AIRFLOW__CELERY__FLOWER_BASIC_AUTH", airflow) == {"flower"}


def test_only_those_who_sign_or_verify_tokens_have_the_signing_key():
    assert holders("AIRFLOW__API_AUTH__JWT_SECRET", 3) == {"api-server", "scheduler"}
    assert holders("AIRFLOW__API_AUTH__JWT_SECRET", 2) == set()


def test_only_those_who_serve_logs_have_the_web_servers_key():
    assert holders("AIRFLOW__WEBSERVER__SECRET_KEY", 2) == {"webserver", "triggerer", "worker"}
    assert holders("AIRFLOW__WEBSERVER__SECRET_KEY", 3) == set()


@pytest.mark.parametrize("airflow", environment.SETTINGS)
def test_only_the_database_unit_has_the_declared_state_with_its_passwords(airflow):
    assert holders("AIRFLOW_HOST_STATE", airflow) == {"database"}
    admin = json.loads(variables("database", airflow)["AIRFLOW_HOST_STATE"])["users"]["admin"]
    assert admin["password"] == "admin" + PRINTABLE


@pytest.mark.parametrize("airflow", environment.SETTINGS)
def test_every_service_has_its_settings(airflow):
    assert set(environment.SETTINGS[airflow]) == {"database", *model.SERVICES[airflow]}


def test_only_the_web_service_has_what_users_sign_in_with():
    given = stack(sign_in={"secrets": ["client_secret"]})
    for service in ("api-server", "webserver"):
        assert environment.sign_in(given, service) == {
            **environment.sign_in(stack(), service),
            "AIRFLOW_SIGN_IN_CLIENT_SECRET": "client" + PRINTABLE,
        }
    for service in ("database", "scheduler", "worker", "flower"):
        assert environment.sign_in(given, service) == {}


def test_web_sessions_are_signed_with_a_key_that_no_worker_has():
    (key,) = environment.sign_in(stack(), "api-server").values()
    assert len(key) == 64
    assert key not in variables("worker", 3).values()
    assert key not in variables("worker", 2).values()
    other = stack()
    other.secrets["airflow"]["jwt_secret"] += "x"
    assert environment.sign_in(other, "api-server") != environment.sign_in(stack(), "api-server")


def test_services_ask_for_the_task_role_with_a_token():
    given = stack(task_role="arn:aws:iam::123456789012:role/demo-task-us-east-1")
    for service in ("api-server", "scheduler", "dag-processor", "triggerer", "worker"):
        assert environment.task_role(given, service) == {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:51679/",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": credentials.token("jwt-secret"),
        }
        assert environment.task_role(stack(), service) == {}
    assert environment.task_role(given, "flower") == environment.task_role(given, "database") == {}


def test_a_key_that_users_would_sign_in_with_is_named():
    with pytest.raises(HostError, match="'bind_password' is missing, which sign-in needs"):
        environment.sign_in(stack(sign_in={"secrets": ["bind_password"]}), "api-server")


def test_a_secret_without_a_key_is_named():
    incomplete = stack()
    incomplete.secrets["broker"].clear()
    with pytest.raises(HostError, match="auth_token"):
        settings(incomplete)
