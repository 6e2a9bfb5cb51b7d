"""Rules about what is declared of Airflow's own data: connections, variables, pools, roles and users."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ansible_collections.graviflow.airflow.plugins.module_utils.airflow_secrets import URL_WITH_PASSWORD
from ansible_collections.graviflow.airflow.plugins.module_utils.parameter_path import MAXIMUM_BYTES
from ansible_collections.graviflow.airflow.plugins.module_utils.stack_rules.problem import HIDDEN, Facts, Problem
from ansible_collections.graviflow.airflow.plugins.module_utils.stack_rules.secrets import PATTERNS, WORD

# Type of a field -> what to call it. Nothing is converted: what is published is what hosts compare with.
TYPES = {
    str: "a text, or the name of a secret",
    int: "a number",
    bool: "true or false",
    dict: "a dictionary",
    list: "a list",
}
# Kind -> the fields of an object. Variables have a value only, roles have actions by resource.
FIELDS: Mapping[str, Mapping[str, type]] = {
    "connections": {
        **dict.fromkeys(("conn_type", "description", "host", "schema", "login", "password"), str),
        **{"port": int, "extra": dict},
    },
    "pools": {"slots": int, "description": str, "include_deferred": bool},
    "users": {"email": str, "roles": list, "first_name": str, "last_name": str, "password": str},
}
REQUIRED = {"connections": ("conn_type",), "pools": ("slots",), "users": ("email", "roles")}
# Kind -> what a name looks like, as Airflow's tables and checks take it.
NAMES = {
    "connections": (r"[\w#!()\-.:/\\]{1,250}", r"up to 250 letters, digits and # ! ( ) - . : / \ _"),
    "variables": (r".{1,250}", "1 to 250 characters"),
    "pools": (r".{1,256}", "1 to 256 characters"),
    "roles": (r".{1,64}", "1 to 64 characters"),
    "users": (WORD, "up to 64 letters, digits and . _ @ -"),
}
KINDS = tuple(NAMES)
BUILT_IN_ROLES = ("Admin", "Op", "Public", "User", "Viewer")
ACTION = re.compile(r"can_[a-z_]+|menu_access")
# Of Airflow 2.11 and 3.3; plugins have others.
RESOURCE_NAMES = """
Admin, All Audit Logs, All Import Errors, All Reparses, Asset Aliases, Assets, Audit Logs, Backfills, Browse,
Cluster Activity, Configurations, Connections, DAG Code, DAG Dependencies, DAG Runs, DAG Versions, DAG Warnings,
DAGs, Datasets, Docs, Documentation, HITL Detail, ImportError, Jobs, My Password, My Profile, Passwords,
Permission Views, Permissions, Plugins, Pools, Providers, Roles, SLA Misses, Task Instances, Task Logs, Task
Reschedules, Triggers, User Stats Chart, Users, Variables, View Menus, Website, XComs
"""
RESOURCES = {name.lower(): name for name in " ".join(RESOURCE_NAMES.split()).split(", ")}
# Names of values that Airflow itself would hide.
SECRET_NAME = re.compile(
    r"(^|_)(password|passwd|passphrase|secret|token|authorization|(api|private|secret|access)_?key|keyfile_(dict|json))$",
    re.IGNORECASE,
)
SECRET = re.compile(r"[A-Za-z0-9_.-]{1,128}")
REFERENCE = {"secret", "key"}
FIX_SECRET = "Keep it as a secret, and write {secret: <its name>, key: <the key in it>} here."


def given(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """All that is declared can be made, and nothing of it is a secret."""
    state = stack.get("airflow_state") or {}
    admin = (stack.get("secrets_given") or {}).get("admin", {}).get("username", "admin")
    yield from problems(state, str(admin))


def problems(state: Mapping[str, Any], admin: str = "admin") -> Iterator[Problem]:
    """Yield what is wrong with a declaration. Values that may be secrets are in no problem."""
    for key in set(state) - {*KINDS, "remove_undeclared"}:
        yield _problem(str(key), f"There are {', '.join(KINDS)} and remove_undeclared.", _close(str(key), KINDS))
    for kind in state.get("remove_undeclared") or ():
        if kind not in KINDS:
            rule = f"It is a list of {', '.join(KINDS)}."
            yield _problem("remove_undeclared", rule, _close(str(kind), KINDS), kind)
    for kind in KINDS:
        declared = state.get(kind) or {}
        if not isinstance(declared, Mapping):
            yield _problem(kind, "It is a dictionary: name -> what it is.", "Indent the names below it.")
            continue
        for name, value in declared.items():
            where = f"{kind}.{name}"
            if not re.fullmatch(NAMES[kind][0], str(name)):
                yield _problem(where, f"A name has {NAMES[kind][1]}.", "Use another name.")
            yield from _object(kind, where, str(name), value, state)
    for name in state.get("users") or ():
        if str(name).lower() == admin.lower():
            rule = "It is the administrator's name, whose account follows from the secret admin."
            yield _problem(f"users.{name}", rule, "Use another name.")
    size = len(json.dumps(state, sort_keys=True, indent=1).encode())
    if size > MAXIMUM_BYTES:
        yield Problem(
            "airflow_state",
            f"{size} bytes",
            f"Hosts read it from a parameter, which holds {MAXIMUM_BYTES} bytes.",
            "Leave connections and variables to a secrets backend of Airflow (airflow_config.secrets.backend).",
        )


def _problem(where: str, rule: str, fix: str, value: Any = HIDDEN) -> Problem:
    return Problem(f"airflow_state.{where}", value, rule, fix)


def _close(given: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(given, known, n=1)
    return f"Did you mean {close[0]}?" if close else "Take it out."


def _object(kind: str, where: str, name: str, value: Any, state: Mapping[str, Any]) -> Iterator[Problem]:
    yield from _secrets(where, name, value)
    if kind == "variables":
        if value is None:
            yield _problem(where, "A variable has a value.", "Give one, or take the variable out.")
        return
    if not isinstance(value, Mapping):
        yield _problem(where, "It is a dictionary.", "Indent what it has below it.")
        return
    if kind == "roles":
        yield from _role(where, name, value)
        return
    known = FIELDS[kind]
    for field, each in value.items():
        if field not in known:
            yield _problem(f"{where}.{field}", f"It has {', '.join(known)}.", _close(str(field), known))
        elif each is not None and not _is_of(each, known[field]):
            yield _problem(f"{where}.{field}", f"It is {TYPES[known[field]]}.", "Correct it, quotes and all.")
    for field in REQUIRED[kind]:
        if value.get(field) is None:
            yield _problem(f"{where}.{field}", "It must be given.", f"It is {TYPES[known[field]]}.")
    if kind == "pools" and _is_of(value.get("slots"), int) and value["slots"] < -1:
        rule = "A pool has 0 slots or more, or -1 for any number."
        yield _problem(f"{where}.slots", rule, "Correct it.", value["slots"])
    if kind == "users":
        yield from _user(where, value, state)


def _user(where: str, value: Mapping[str, Any], state: Mapping[str, Any]) -> Iterator[Problem]:
    pattern, rule = PATTERNS["admin"]["email"]
    if isinstance(value.get("email"), str) and not re.fullmatch(pattern, value["email"]):
        yield _problem(f"{where}.email", rule, "Correct it.", value["email"])
    roles = value.get("roles")
    known = [*BUILT_IN_ROLES, *(state.get("roles") or {})]
    for role in roles if isinstance(roles, list) else ():
        if role not in known:
            rule = f"There is no such role; there are {', '.join(map(str, known))}."
            yield _problem(f"{where}.roles", rule, "Correct the name, or declare the role.", role)
    if roles == []:
        yield _problem(f"{where}.roles", "Without a role a user sees nothing.", "Name one, like Viewer.", roles)


def _role(where: str, name: str, value: Mapping[str, Any]) -> Iterator[Problem]:
    if name in BUILT_IN_ROLES:
        rule = "Airflow gives this role its rights by itself, at each start."
        yield _problem(where, rule, "Declare one of another name, and give it to the users.")
    for resource, actions in value.items():
        if not isinstance(actions, list) or not actions or not all(ACTION.fullmatch(str(each)) for each in actions):
            rule = "The rights to a resource are a list of can_read, can_edit, can_create, can_delete, menu_access."
            yield _problem(f"{where}.{resource}", rule, "Correct the list.", actions)
        close = difflib.get_close_matches(str(resource).lower(), RESOURCES, n=1, cutoff=0.8)
        if close and RESOURCES[close[0]] != resource and not str(resource).startswith(("DAG:", "DAG Run:")):
            rule = "Airflow has no such resource, and would give rights to nothing."
            yield _problem(f"{where}.{resource}", rule, f"Did you mean {RESOURCES[close[0]]}?", resource)


def _is_of(value: Any, kind: type) -> bool:
    if isinstance(value, bool):
        return kind is bool
    return kind is str if _is_reference(value) else isinstance(value, kind)


def _is_reference(value: Any) -> bool:
    return isinstance(value, Mapping) and set(value) == REFERENCE


def _secrets(where: str, name: str, value: Any) -> Iterator[Problem]:
    """Yield references that name nothing, and texts that look like secrets."""
    if isinstance(value, Mapping) and "secret" in value and set(value) <= REFERENCE:
        if set(value) != REFERENCE or not all(isinstance(each, str) and each for each in value.values()):
            rule = "What names a secret has two texts, secret and key."
            yield _problem(where, rule, "Write {secret: <its name>, key: <the key in it>}.")
        elif not SECRET.fullmatch(value["secret"]):
            rule = (
                "The name of a secret has up to 128 letters, digits and . _ -, and no path: the stack has one for them."
            )
            yield _problem(where, rule, "Correct the name.", value["secret"])
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from _secrets(f"{where}.{key}", str(key), each)
    elif isinstance(value, list):
        for each in value:
            yield from _secrets(where, "", each)
    elif isinstance(value, str) and value and SECRET_NAME.search(name):
        yield _problem(where, "It looks like a secret, and everybody who can read the stack could read it.", FIX_SECRET)
    elif isinstance(value, str) and URL_WITH_PASSWORD.search(value):
        yield _problem(where, "It has a URL with a password.", FIX_SECRET)
