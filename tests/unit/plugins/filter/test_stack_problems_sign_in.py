import pytest

from tests.unit.plugins.filter.test_stack_problems import found

OIDC = {"issuer": "https://login.example.org/realms/data", "client_id": "airflow"}
LDAP = {
    "url": "ldaps://ldap.example.org",
    "bind_dn": "cn=airflow,dc=example,dc=org",
    "search_base": "ou=people,dc=example,dc=org",
}
PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
OWN = 'import os\nKEY = os.environ["AIRFLOW_SIGN_IN_SAML_KEY"]\n'


def with_oidc(**changes):
    return {
        "stack_document_sign_in": {"oidc": {**OIDC, **changes}},
        "secrets_given": {"sign_in": {"client_secret": "s3cret"}},
    }


def with_ldap(**changes):
    return {
        "stack_document_sign_in": {"ldap": {**LDAP, **changes}},
        "secrets_given": {"sign_in": {"bind_password": "s3cret"}},
        "security_groups_directory_cidrs": ["10.9.0.0/24"],
    }


def with_roles(**more):
    return {**with_oidc(), "stack_document_sign_in": {"oidc": OIDC, **more}}


GOOD = [
    {},
    {"stack_document_sign_in": {}},
    with_oidc(),
    with_oidc(scopes=["openid", "groups"], username_claim="email"),
    {**with_oidc(issuer="https://login.example.org:8443"), "security_groups_internet_ports": ["443", "8443"]},
    {
        **with_roles(roles={"data": ["Op", "Analyst"]}, default_role="Analyst", register=False),
        "airflow_state": {"roles": {"Analyst": {"DAGs": ["can_read"]}}},
    },
    with_ldap(),
    with_ldap(url="ldap://ldap.example.org:1389", start_tls=True, search_filter="(objectClass=person)"),
    {
        "stack_document_sign_in": {"webserver_config": OWN, "secrets": ["saml_key"]},
        "secrets_given": {"sign_in": {"saml_key": "s3cret"}},
    },
    {"stack_document_certificate_authorities": [PEM]},
]


@pytest.mark.parametrize("stack", GOOD)
def test_good_ways_to_sign_in_have_no_problem(stack):
    assert found(stack) == []


def own(text, **more):
    return {"stack_document_sign_in": {"webserver_config": text, **more}}


BAD = [
    (with_oidc(issuer="http://login.example.org"), ".oidc.issuer", "https://"),
    (with_oidc(issuer="login.example.org"), ".oidc.issuer", "https://"),
    (with_oidc(issuer="https://login.example.org?realm=data"), ".oidc.issuer", "without query"),
    (with_oidc(issuer="https://login.example.org:x"), ".oidc.issuer", "https://"),
    (with_oidc(issuer="https://login.example.org:8443"), ".oidc.issuer", "ports 80, 443 alone"),
    (with_oidc(client_id=" "), ".oidc.client_id", "empty"),
    (with_oidc(scopes=["profile"]), ".oidc.scopes", "openid"),
    (with_ldap(url="ldap://ldap.example.org"), ".ldap.url", "as they are"),
    (with_ldap(url="https://ldap.example.org"), ".ldap.url", "ldaps://"),
    (with_ldap(url="ldaps://ldap.example.org/ou=people"), ".ldap.url", "of a server alone"),
    (with_ldap(start_tls=True), ".ldap.start_tls", "from its start"),
    (with_ldap(bind_dn="airflow"), ".ldap.bind_dn", "DN of an entry"),
    (with_ldap(search_base=""), ".ldap.search_base", "DN of an entry"),
    (with_ldap(search_filter="objectClass=person"), ".ldap.search_filter", "parentheses"),
    (with_roles(roles={"data": ["Operator"]}), ".roles.data", "no such role"),
    (with_roles(roles={"data": "Op"}), ".roles.data", "list of roles"),
    (with_roles(roles={"data": []}), ".roles.data", "list of roles"),
    (with_roles(default_role="Nobody"), ".default_role", "no such role"),
    ({"stack_document_sign_in": {"register": True}}, ".register", "neither is given"),
    (own("def"), ".webserver_config", "no Python"),
    (own("# " + "x" * 9000), ".webserver_config", "8192 bytes"),
    (own('AUTH_LDAP_BIND_PASSWORD = "s3cret"'), ".webserver_config", "Line 1 has a secret"),
    (own('A = 1\nP = {"client_secret": "s3cret"}'), ".webserver_config", "Line 2 has a secret"),
]


@pytest.mark.parametrize(("stack", "variable", "rule"), BAD)
def test_bad_ways_to_sign_in_are_found_with_rule_and_fix(stack, variable, rule):
    [problem] = found(stack)
    assert problem["variable"] == f"stack_document_sign_in{variable}"
    assert rule in problem["rule"]
    assert problem["fix"].endswith((".", ")."))
    assert "s3cret" not in str(problem)


def test_two_ways_are_refused():
    both = {"oidc": OIDC, "ldap": LDAP}
    secrets = {"sign_in": {"client_secret": "a", "bind_password": "b"}}
    stack = {**with_ldap(), "stack_document_sign_in": both, "secrets_given": secrets}
    [problem] = found(stack)
    assert (problem["variable"], problem["value"]) == ("stack_document_sign_in", ["oidc", "ldap"])


@pytest.mark.parametrize(
    ("sign_in", "given", "key", "rule"),
    [
        ({"oidc": OIDC}, {}, "client_secret", "needs it"),
        ({"oidc": OIDC}, {"client_secret": ""}, "client_secret", "not empty"),
        ({"oidc": OIDC}, {"client_secret": "s3cret\n"}, "client_secret", "one line"),
        ({"oidc": OIDC}, {"client_secret": "a", "bind_password": "s3cret"}, "bind_password", "reads it"),
        ({}, {"client_secret": "s3cret"}, "client_secret", "reads it"),
        ({"webserver_config": OWN, "secrets": ["saml_key"]}, {}, "saml_key", "needs it"),
    ],
)
def test_what_users_sign_in_with_is_given_and_nothing_else(sign_in, given, key, rule):
    [problem] = found({"stack_document_sign_in": sign_in, "secrets_given": {"sign_in": given}})
    assert problem["variable"] == f"secrets_given.sign_in.{key}"
    assert rule in problem["rule"]
    assert "s3cret" not in str(problem)


def test_the_key_of_web_sessions_is_not_replaced():
    stack = {"webserver_config": OWN, "secrets": ["session_key"]}
    [problem] = found({"stack_document_sign_in": stack, "secrets_given": {"sign_in": {"session_key": "s3cret"}}})
    assert (problem["variable"], problem["value"]) == ("stack_document_sign_in.secrets", "session_key")


def test_a_secret_in_clear_text_is_refused_and_not_shown():
    problems = found(with_oidc(client_secret="s3cret"))
    assert "stack_document_sign_in.oidc.client_secret" in [problem["variable"] for problem in problems]
    assert "s3cret" not in str(problems)


@pytest.mark.parametrize(("cidrs", "rule"), [([], "known addresses only"), (["ldap.example.org"], "no IPv4 network")])
def test_hosts_are_let_out_to_the_directory(cidrs, rule):
    [problem] = found({**with_ldap(), "security_groups_directory_cidrs": cidrs})
    assert problem["variable"] == "security_groups_directory_cidrs"
    assert rule in problem["rule"]


def test_an_authority_is_a_certificate():
    [problem] = found({"stack_document_certificate_authorities": [PEM, "/etc/ssl/mine.pem"]})
    assert problem["variable"] == "stack_document_certificate_authorities[1]"
    assert "PEM" in problem["rule"]
