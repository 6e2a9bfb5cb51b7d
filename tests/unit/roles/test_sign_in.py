"""webserver_config.py, as the role renders it, and what its own code does; Airflow itself is asked by Molecule."""

import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from tests.playbook import run

OIDC = {"issuer": "https://login.example.org/", "client_id": "air'flow", "groups_claim": "cognito:groups"}
LDAP = {"url": "ldaps://ldap.example.org", "bind_dn": "cn=airflow,dc=example", "search_base": "ou=people,dc=example"}
WAYS: dict[str, Any] = {
    "password": {},
    "oidc": {"oidc": OIDC, "roles": {"data": ["Op"]}, "default_role": "Viewer", "local_users": ["admin", "Robot"]},
    "ldap": {"ldap": LDAP, "register": False},
    "own": {"webserver_config": "AUTH_TYPE = 1\n", "secrets": ["key"]},
}


ANN = {"email": "ann@example.org", "roles": ["Op"]}
USERS = {"ann": ANN, "deployer": {**ANN, "password": {"secret": "users", "key": "deployer"}}}
ENDPOINTS: dict[str, Any] = {
    "region": "us-east-1",
    "web_name": "airflow.example.org",
    "database": {"host": "db", "port": 5432, "name": "airflow"},
    "broker": {"host": "cache", "port": 6379},
}


def render(folder, ways, endpoints=ENDPOINTS):
    """Run the role for each way, and keep webserver_config.py and the stack document of each."""
    kept = {
        "content": "{{ [stack_document_webserver_config, stack_document_content] | to_json }}",
        "dest": f"{folder}/{{{{ way.key }}}}.json",
        "mode": "0600",
    }
    tasks = [
        {"ansible.builtin.include_role": {"name": "graviflow.airflow.stack_document"}},
        {"ansible.builtin.copy": kept},
    ]
    (folder / "way.yml").write_text(json.dumps(tasks))
    variables = {
        "airflow_version": "3.3.2",
        "stack_name": "demo",
        "stack_tags": {},
        "stack_document_publish": False,
        "stack_document_certificate_authorities": ["PEM"],
        "stack_document_state": {"users": USERS},
        "stack_document_endpoints": endpoints,
        "ways": ways,
    }
    loop = {
        "ansible.builtin.include_tasks": str(folder / "way.yml"),
        "loop": "{{ ways | dict2items }}",
        "loop_control": {"loop_var": "way"},
        "vars": {"stack_document_sign_in": "{{ way.value }}"},
    }
    play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "vars": variables, "tasks": [loop]}
    (folder / "play.yml").write_text(json.dumps([play]))
    program = Path(sys.executable).with_name("ansible-playbook")
    return run([str(program), "-i", "localhost,", str(folder / "play.yml")], {})


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    """Text of webserver_config.py and the stack document, by way."""
    folder = tmp_path_factory.mktemp("sign_in")
    done = render(folder, WAYS)
    assert done.returncode == 0, done.tail
    return {way: json.loads((folder / f"{way}.json").read_text()) for way in WAYS}


def test_a_secret_that_nobody_keeps_is_missed_before_anything_is_published(tmp_path):
    done = render(tmp_path, {"ldap": WAYS["ldap"]}, {**ENDPOINTS, "secrets": {"ids": {"admin": "/x"}}})
    assert done.returncode != 0
    assert "secrets_given.sign_in.bind_password" in done.output


class Manager:
    """Stands for Airflow's security manager."""

    def __init__(self, more=None):
        answer = {} if more is None else {"userinfo_endpoint": "https://login.example.org/me"}
        self.oauth_remotes = {"oidc": SimpleNamespace(server_metadata=answer, userinfo=lambda token: more)}

    def auth_user_ldap(self, username, password, **options):
        return (username, options)


@pytest.fixture
def settings(rendered, monkeypatch):
    """What Flask would read from the file, by way."""
    modules = {
        "flask_appbuilder": {"const": SimpleNamespace(AUTH_DB=1, AUTH_LDAP=2, AUTH_OAUTH=4)},
        "airflow.providers.fab.auth_manager.security_manager.override": {"FabAirflowSecurityManagerOverride": Manager},
        "ldap": {"OPT_NETWORK_TIMEOUT": 1, "OPT_TIMEOUT": 2, "set_option": lambda *_: None},
    }
    for name, content in modules.items():
        for parent in [name.rsplit(".", end)[0] for end in range(name.count(".") + 1)]:
            monkeypatch.setitem(sys.modules, parent, sys.modules.get(parent) or ModuleType(parent))
        module = ModuleType(name)
        module.__dict__.update(content)
        monkeypatch.setitem(sys.modules, name, module)

    def read(way):
        content: dict[str, Any] = {}
        exec(compile(rendered[way][0], way, "exec"), content)
        return content

    return read


def test_passwords_are_the_default(settings, rendered):
    assert settings("password")["AUTH_TYPE"] == 1
    assert rendered["password"][1]["sign_in"] == {"secrets": []}


@pytest.mark.parametrize("way", ["password", "oidc", "ldap"])
def test_web_sessions_have_a_key_of_their_own_where_there_are_any(settings, way, monkeypatch):
    assert "SECRET_KEY" not in settings(way)
    monkeypatch.setenv("AIRFLOW_SIGN_IN_SESSION_KEY", "key of web sessions")
    assert settings(way)["SECRET_KEY"] == "key of web sessions"


def test_a_text_of_ones_own_is_taken_as_it_is(rendered):
    assert rendered["own"][0] == WAYS["own"]["webserver_config"]
    assert rendered["own"][1]["sign_in"] == {"secrets": ["key"]}


def test_authorities_of_the_user_are_in_the_document(rendered):
    assert rendered["password"][1]["certificate_authorities"] == ["PEM"]


def test_openid_connect_is_configured(settings, rendered, monkeypatch):
    monkeypatch.setenv("AIRFLOW_SIGN_IN_CLIENT_SECRET", "s3cret")
    read = settings("oidc")
    [provider] = read["OAUTH_PROVIDERS"]
    remote = provider["remote_app"]
    assert read["AUTH_TYPE"] == 4
    assert remote["server_metadata_url"] == "https://login.example.org/.well-known/openid-configuration"
    assert (remote["client_id"], remote["client_secret"]) == ("air'flow", "s3cret")
    assert remote["client_kwargs"]["scope"] == "openid profile email"
    assert (read["AUTH_ROLES_MAPPING"], read["AUTH_ROLES_SYNC_AT_LOGIN"]) == ({"data": ["Op"]}, True)
    assert (read["AUTH_USER_REGISTRATION"], read["AUTH_USER_REGISTRATION_ROLE"]) == (True, "Viewer")
    assert rendered["oidc"][1]["sign_in"] == {"secrets": ["client_secret"]}


def who(read, claims, more=None, **changes):
    read.update(changes)
    return read["SECURITY_MANAGER_CLASS"](more).get_oauth_user_info("oidc", {"userinfo": claims})


def test_a_user_is_who_the_claims_say(settings):
    claims = {"sub": "1", "preferred_username": "ada", "given_name": "Ada", "cognito:groups": "data"}
    found = who(settings("oidc"), claims)
    assert found == {"username": "ada", "email": "", "first_name": "Ada", "last_name": "", "role_keys": ["data"]}


def test_groups_that_the_id_token_lacks_are_asked_for(settings):
    claims = {"sub": "1", "preferred_username": "ada"}
    assert who(settings("oidc"), claims, {"sub": "1", "cognito:groups": ["data"]})["role_keys"] == ["data"]
    assert who(settings("oidc"), claims, {"sub": "2", "cognito:groups": ["data"]})["role_keys"] == []
    assert who(settings("oidc"), claims)["role_keys"] == []


@pytest.mark.parametrize("name", ["admin", "ADMIN", "robot", "deployer"])
def test_nobody_has_the_name_of_an_account_of_airflows_own(settings, name):
    assert who(settings("oidc"), {"sub": "1", "preferred_username": name, "cognito:groups": []}) == {}


def test_a_declared_user_without_a_password_is_the_providers(settings):
    assert who(settings("oidc"), {"sub": "1", "preferred_username": "ann", "cognito:groups": []})["username"] == "ann"


@pytest.mark.parametrize(("verified", "is_known"), [(True, True), (None, True), (False, False), ("false", False)])
def test_an_address_that_nobody_verified_is_nobodys_name(settings, verified, is_known):
    claims = {"sub": "1", "email": "ada@example.org", "email_verified": verified, "cognito:groups": []}
    assert bool(who(settings("oidc"), claims, USERNAME_CLAIM="email")) is is_known


def test_a_directory_is_configured(settings, rendered, monkeypatch):
    monkeypatch.setenv("AIRFLOW_SIGN_IN_BIND_PASSWORD", "s3cret")
    read = settings("ldap")
    assert (read["AUTH_TYPE"], read["AUTH_LDAP_SERVER"]) == (2, "ldaps://ldap.example.org")
    assert (read["AUTH_LDAP_TLS_DEMAND"], read["AUTH_LDAP_ALLOW_SELF_SIGNED"]) == (True, False)
    assert (read["AUTH_LDAP_USE_TLS"], read["AUTH_LDAP_BIND_PASSWORD"]) == (False, "s3cret")
    assert (read["AUTH_ROLES_SYNC_AT_LOGIN"], read["AUTH_USER_REGISTRATION"]) == (False, False)
    assert rendered["ldap"][1]["sign_in"] == {"secrets": ["bind_password"]}


def test_the_directory_is_asked_for_its_own_users_only(settings):
    manager = settings("ldap")["SECURITY_MANAGER_CLASS"]()
    assert manager.auth_user_ldap("ada", "right", rotate_session_id=False) == ("ada", {"rotate_session_id": False})
    for name, password in [("Admin", "right"), ("a*", "right"), ("a)(uid=*", "right"), ("ada", ""), ("ada", None)]:
        assert manager.auth_user_ldap(name, password) is None


@pytest.mark.parametrize("way", WAYS)
def test_the_file_has_no_secret(rendered, way):
    assert "s3cret" not in rendered[way][0]
