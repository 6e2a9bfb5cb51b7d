"""Rules about how users sign in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.graviflow.airflow.plugins.module_utils.parameter_path import MAXIMUM_BYTES
from ansible_collections.graviflow.airflow.plugins.module_utils.stack_rules.problem import HIDDEN, Facts, Problem
from ansible_collections.graviflow.airflow.plugins.module_utils.stack_rules.state import BUILT_IN_ROLES

VARIABLE = "stack_document_sign_in"
# Way -> keys of secrets_given.sign_in that it needs.
WAYS = {"oidc": ("client_secret",), "ldap": ("bind_password",), "webserver_config": ()}
DIRECTORY_PORTS = {"ldaps": 636, "ldap": 389}
KEY = re.compile(r"[a-z][a-z0-9_]*")
# Beside the user's keys; airflow_host/environment.py makes it.
SESSION_KEY = "session_key"
FILTER = re.compile(r"\(.+\)")
PEM = re.compile(r"\s*-----BEGIN CERTIFICATE-----[\s\S]+-----END CERTIFICATE-----\s*")
# A name that says secret, and a text that is it.
ASSIGNED = re.compile(r"""(?i)(secret|password)["']?\]?\s*[:=]\s*[rbf]?["'][^"']+["']""")


def _given(stack: Mapping[str, Any]) -> Mapping[str, Any]:
    return stack.get(VARIABLE) or {}


def _ways(stack: Mapping[str, Any]) -> list[str]:
    return [way for way in WAYS if _given(stack).get(way)]


def clear_text(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """No secret stands where everybody reads it. It looks at values of any type."""
    given = _given(stack)
    fix = "Give it as secrets_given.sign_in.{}, from Ansible Vault for example."
    rule = "Secrets do not stand in the stack document; the web service gets them from the secret store."
    for way, keys in WAYS.items() if isinstance(given, Mapping) else ():
        for place, content in (("", given), (f".{way}", given.get(way))):
            for key in keys:
                if isinstance(content, Mapping) and key in content:
                    yield Problem(f"{VARIABLE}{place}.{key}", HIDDEN, rule, fix.format(key))
    text = given.get("webserver_config") if isinstance(given, Mapping) else None
    if isinstance(text, str) and (found := ASSIGNED.search(text)):
        line = text.count("\n", 0, found.start()) + 1
        variable = f"{VARIABLE}.webserver_config"
        rule = f"Line {line} has a secret, and the file is on the hosts' disks and in the stack document."
        yield Problem(
            variable,
            HIDDEN,
            rule,
            f"Name a key in {VARIABLE}.secrets, give it as secrets_given.sign_in.<key>, and read "
            'os.environ.get("AIRFLOW_SIGN_IN_<KEY>").',
        )


def one_way(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """Users sign in by one way, and nothing is said that only another way needs."""
    ways = _ways(stack)
    if len(ways) > 1:
        yield Problem(
            VARIABLE,
            ways,
            "Flask-AppBuilder signs users in by one way alone.",
            "Keep one of them. A provider of OpenID Connect can ask a directory itself.",
        )
    if _given(stack).get("secrets") and "webserver_config" not in ways:
        yield Problem(
            f"{VARIABLE}.secrets",
            _given(stack)["secrets"],
            "It names what webserver_config reads, and there is none.",
            "Take it out: oidc and ldap know their own secrets.",
        )
    for other in sorted(set(_given(stack)) - {*WAYS, "secrets"}) if not {"oidc", "ldap"} & set(ways) else ():
        yield Problem(
            f"{VARIABLE}.{other}",
            _given(stack)[other],
            "It is for users who sign in by oidc or ldap, and neither is given.",
            "Give one of them, or take it out.",
        )


def oidc(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """A provider of OpenID Connect can be asked, and trusted."""
    given = _given(stack).get("oidc") or {}
    if not given:
        return
    variable = f"{VARIABLE}.oidc"
    issuer = given.get("issuer", "")
    parts = _url(issuer)
    if (
        parts is None
        or parts.scheme != "https"
        or not parts.hostname
        or parts.query
        or parts.fragment
        or parts.username
    ):
        yield Problem(
            f"{variable}.issuer",
            HIDDEN if parts is None or parts.username else issuer,
            "It is an https:// URL without query: who can change the answer, can be anybody in Airflow.",
            "Copy the issuer from the provider's .well-known/openid-configuration, which is below it.",
        )
    else:
        port = str(parts.port or 443)
        allowed = [str(each) for each in stack.get("security_groups_internet_ports") or ["80", "443"]]
        if port not in allowed:
            yield Problem(
                f"{variable}.issuer",
                issuer,
                f"Hosts reach other addresses at ports {', '.join(allowed)} alone, security_groups_internet_ports.",
                f"Add {port} to it.",
            )
    if not str(given.get("client_id", "")).strip():
        rule = "The provider knows Airflow by it, and it is empty."
        yield Problem(f"{variable}.client_id", given.get("client_id"), rule, "Copy it from the provider.")
    scopes = given.get("scopes", ["openid"])
    if "openid" not in scopes:
        rule = "Without the scope openid the provider gives no ID token, which says who has come."
        yield Problem(f"{variable}.scopes", scopes, rule, "Add openid.")


def ldap(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """A directory can be asked, and its answer is not read or changed on the way."""
    given = _given(stack).get("ldap") or {}
    if not given:
        return
    variable = f"{VARIABLE}.ldap"
    url, start_tls = given.get("url", ""), given.get("start_tls", False)
    parts = _url(url)
    if (
        parts is None
        or parts.scheme not in DIRECTORY_PORTS
        or not parts.hostname
        or parts.username
        or parts.path not in ("", "/")
    ):
        rule = "It is a URL of a server alone, ldaps://<name>, or ldap://<name> with start_tls."
        yield Problem(f"{variable}.url", HIDDEN, rule, "Write it like ldaps://ldap.example.org.")
    elif parts.scheme == "ldap" and not start_tls:
        rule = "Passwords would cross the network as they are."
        yield Problem(f"{variable}.url", url, rule, "Use ldaps://, or say start_tls: true.")
    elif parts.scheme == "ldaps" and start_tls:
        rule = "The connection is encrypted from its start, and cannot be encrypted again."
        yield Problem(f"{variable}.start_tls", True, rule, "Leave it out, or use ldap://.")
    for key, why in {"bind_dn": "Airflow searches the directory as it", "search_base": "Users are below it"}.items():
        if "=" not in str(given.get(key, "")):
            rule = f"{why}: it is the DN of an entry."
            yield Problem(f"{variable}.{key}", given.get(key), rule, "Write it like ou=people,dc=example,dc=org.")
    if (text := given.get("search_filter")) and not FILTER.fullmatch(text):
        rule = "A filter stands in parentheses."
        yield Problem(f"{variable}.search_filter", text, rule, "Write it like (objectClass=person).")
    cidrs = stack.get("security_groups_directory_cidrs") or []
    if not cidrs:
        yield Problem(
            "security_groups_directory_cidrs",
            cidrs,
            "Hosts open connections to known addresses only, and a directory is given.",
            "Name the networks that its addresses are in.",
        )
    for each in cidrs:
        if not _is_network(each):
            rule = "It is no IPv4 network."
            yield Problem("security_groups_directory_cidrs", each, rule, "Write it as 10.0.0.0/24.")


def _url(text: Any) -> Any:
    """Return the parts of a URL, None if it has none that can be told."""
    try:
        parts = urlsplit(str(text))
        _ = parts.port
    except ValueError:
        return None
    return parts


def _is_network(text: Any) -> bool:
    try:
        IPv4Network(text)
    except ValueError:
        return False
    return True


def roles(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """Roles that users get exist."""
    given = _given(stack)
    known = (*BUILT_IN_ROLES, *((stack.get("airflow_state") or {}).get("roles") or {}))
    fix = f"Use one of {', '.join(known)}, or declare it in airflow_state.roles."
    for group, names in (given.get("roles") or {}).items():
        variable = f"{VARIABLE}.roles.{group}"
        if not isinstance(names, list) or not names:
            rule = "A group has a list of roles."
            yield Problem(variable, names, rule, "Write it like [Viewer], or take the group out.")
            continue
        for name in names:
            if name not in known:
                yield Problem(variable, name, "Airflow has no such role, and would leave it out.", fix)
    default = given.get("default_role", "Public")
    if default not in known:
        yield Problem(f"{VARIABLE}.default_role", default, "Airflow has no such role.", fix)


def own_text(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """A webserver_config.py of the user's own is Python, and fits into Parameter Store."""
    text = _given(stack).get("webserver_config")
    if not text:
        return
    variable = f"{VARIABLE}.webserver_config"
    try:
        compile(text, "webserver_config.py", "exec")
    except (SyntaxError, ValueError) as error:
        rule = (
            f"It is no Python: {error.msg}, line {error.lineno}."
            if isinstance(error, SyntaxError)
            else "It is no text."
        )
        yield Problem(variable, HIDDEN, rule, "Correct it.")
    if (length := len(text.encode())) > MAXIMUM_BYTES:
        rule = f"A parameter has up to {MAXIMUM_BYTES} bytes."
        yield Problem(variable, f"{length} bytes", rule, "Move code into an image with image_extra_requirements.")
    for key in _given(stack).get("secrets") or []:
        if not KEY.fullmatch(str(key)):
            rule = "It becomes the name of a variable: lower case letters, digits and underscores."
            yield Problem(f"{VARIABLE}.secrets", key, rule, "Write it like client_secret.")
        elif key == SESSION_KEY:
            rule = "The web service has a variable of this name: the key of its sessions."
            yield Problem(f"{VARIABLE}.secrets", key, rule, "Name it otherwise.")


def kept_secrets(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """What users sign in with is given, and nothing else is."""
    given = (stack.get("secrets_given") or {}).get("sign_in") or {}
    needed = {key for way in _ways(stack) for key in WAYS[way]} | set(_given(stack).get("secrets") or [])
    for key in sorted(needed - set(given)):
        yield Problem(
            f"secrets_given.sign_in.{key}",
            "nothing",
            f"{VARIABLE} needs it, and only the other side can make it.",
            "Copy it from there into Ansible Vault, or look it up where you keep it.",
        )
    for key in sorted(set(given) - needed):
        rule = f"Nothing in {VARIABLE} reads it."
        yield Problem(f"secrets_given.sign_in.{key}", HIDDEN, rule, "Correct the key, or take it out.")
    for key in sorted(needed & set(given)):
        if not str(given[key]) or not str(given[key]).isprintable():
            rule = "It is one line of printable characters, and not empty."
            yield Problem(f"secrets_given.sign_in.{key}", HIDDEN, rule, "Copy it again.")


def authorities(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """Authorities that hosts are to trust are certificates."""
    for number, each in enumerate(stack.get("stack_document_certificate_authorities") or []):
        if not PEM.fullmatch(str(each)):
            variable = f"stack_document_certificate_authorities[{number}]"
            fix = "Give the text of the file, with lookup('ansible.builtin.file', ...)."
            yield Problem(variable, HIDDEN, "It is no certificate in PEM.", fix)


RULES = (one_way, oidc, ldap, roles, own_text, kept_secrets, authorities)
