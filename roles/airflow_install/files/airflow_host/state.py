"""What the stack declares of Airflow's own data: which connections, variables, pools, roles and users there are."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_host.errors import HostError

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet
    from psycopg2.extensions import connection

    from airflow_host.model import Secrets

Fields = Mapping[str, Any]
State = Mapping[str, Any]
"""Kind -> name -> fields, None where they are not known; and under `remove_undeclared` kinds."""

# Users need their roles.
KINDS = ("connections", "variables", "pools", "roles", "users")
SECRETS = "state/"
"""What the names of secrets begin with that a declaration may name."""
# Never removed, whatever is declared.
AIRFLOWS_OWN = {"pools": {"default_pool"}, "roles": {"Admin", "Op", "Public", "User", "Viewer"}}

CONNECTION_TEXTS = ("conn_type", "description", "host", "schema", "login", "password")
# Airflow gives it to every role, and DAGs give roles rights to themselves.
EVERY_ROLES = ["can_read", "Website"]
DAGS_OWN = ("DAG:", "DAG Run:")


def is_dags_own(resource: str) -> bool:
    """Tell whether rights to a resource are given by a DAG."""
    return resource.startswith(DAGS_OWN)


def _reference(value: object) -> tuple[str, str] | None:
    """Return the secret that stands for a value, and its key."""
    if isinstance(value, Mapping) and set(value) == {"secret", "key"}:
        return f"{SECRETS}{value['secret']}", value["key"]
    return None


def secret_names(declared: object) -> set[str]:
    """Return the names of the secrets that a declaration needs, as the stack's other secrets are named."""
    if reference := _reference(declared):
        return {reference[0]}
    values = declared.values() if isinstance(declared, Mapping) else declared if isinstance(declared, list) else ()
    return set[str]().union(*map(secret_names, values))


def _resolve(declared: Any, secrets: Secrets) -> Any:
    if reference := _reference(declared):
        name, key = reference
        if name not in secrets:
            raise HostError(f"secret {name} cannot be read")
        if key not in secrets[name]:
            raise HostError(f"secret {name} has no key {key!r}")
        value = secrets[name][key]
        return value if isinstance(value, str) else json.dumps(value)
    if isinstance(declared, Mapping):
        return {key: _resolve(value, secrets) for key, value in declared.items()}
    return [_resolve(value, secrets) for value in declared] if isinstance(declared, list) else declared


def _connection(fields: Fields) -> dict[str, Any]:
    texts = {name: fields.get(name) or None for name in CONNECTION_TEXTS}
    return {**texts, "port": fields.get("port") or None, "extra": fields.get("extra") or {}}


def _variable(value: Any) -> dict[str, Any]:
    return {"value": value if isinstance(value, str) else json.dumps(value, sort_keys=True)}


def _pool(fields: Fields) -> dict[str, Any]:
    return {
        "slots": fields["slots"],
        "description": fields.get("description") or "",
        "include_deferred": fields.get("include_deferred", False),
    }


def _role(fields: Fields) -> dict[str, Any]:
    pairs = [[action, resource] for resource, actions in fields.items() for action in actions]
    return {"permissions": sorted([EVERY_ROLES, *(pair for pair in pairs if pair != EVERY_ROLES)])}


def _user(fields: Fields) -> dict[str, Any]:
    return {
        **{name: fields.get(name) or "" for name in ("email", "first_name", "last_name")},
        "roles": sorted(fields["roles"]),
        "active": True,
        "password": fields.get("password"),
    }


WANTED: Mapping[str, Callable[[Any], dict[str, Any]]] = {
    "connections": _connection,
    "variables": _variable,
    "pools": _pool,
    "roles": _role,
    "users": _user,
}
"""Kind -> the fields that a declaration comes to."""


def _wanted(kind: str, declared: Any, secrets: Secrets) -> dict[str, Any]:
    try:
        return WANTED[kind](_resolve(declared, secrets))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise HostError(f"is not declared as it should be ({type(error).__name__} {error})") from error


def resolve(declared: State, secrets: Secrets) -> tuple[dict[str, Any], list[str]]:
    """Return the fields of all that is declared, with its secrets, and of the administrator; and what is wrong with it.

    An object that cannot be made out is None: it stays in Airflow as it is.
    """
    resolved: dict[str, Any] = {"remove_undeclared": declared["remove_undeclared"]}
    problems = []
    for kind in KINDS:
        resolved[kind] = {}
        for name, value in declared[kind].items():
            try:
                resolved[kind][name] = _wanted(kind, value, secrets)
            except HostError as error:
                resolved[kind][name] = None
                problems.append(f"{kind}.{name}: {error}")
    admin = {key: secrets["admin"][key] for key in ("email", "password")}
    names = {"first_name": "Airflow", "last_name": "Administrator", "roles": ["Admin"]}
    resolved["users"][secrets["admin"]["username"]] = _user({**admin, **names})
    return resolved, problems


QUERIES = {
    "connections": "SELECT conn_id AS name, conn_type, description, host, schema, login, port, "
    "password, is_encrypted, extra, is_extra_encrypted FROM connection",
    "variables": "SELECT key AS name, val AS value, is_encrypted FROM variable",
    "pools": "SELECT pool AS name, slots, description, include_deferred FROM slot_pool",
    "roles": "SELECT ab_role.name, array_agg(ab_permission.name) AS actions, array_agg(ab_view_menu.name) AS resources "
    "FROM ab_role LEFT JOIN ab_permission_view_role ON role_id = ab_role.id "
    "LEFT JOIN ab_permission_view ON permission_view_id = ab_permission_view.id "
    "LEFT JOIN ab_permission ON permission_id = ab_permission.id "
    "LEFT JOIN ab_view_menu ON view_menu_id = ab_view_menu.id GROUP BY ab_role.name",
    "users": "SELECT username AS name, email, first_name, last_name, active, password, "
    "array_remove(array_agg(ab_role.name), NULL) AS roles FROM ab_user LEFT JOIN ab_user_role ON user_id = ab_user.id "
    "LEFT JOIN ab_role ON role_id = ab_role.id GROUP BY ab_user.id",
}
"""Kind -> its rows, each with a name."""


def _plain(text: str | None, encrypted: bool | None, fernet: MultiFernet) -> str | None:
    """Return a stored text; None for one of a key that is no longer known."""
    from cryptography.fernet import InvalidToken

    if not text or not encrypted:
        return text or None
    try:
        return fernet.decrypt(text.encode()).decode()
    except InvalidToken:
        return None


def _found(kind: str, row: Mapping[str, Any], fernet: MultiFernet) -> dict[str, Any]:
    """Return the fields of a row, as those of a declaration are."""
    match kind:
        case "connections":
            extra = _plain(row["extra"], row["is_extra_encrypted"], fernet)
            try:
                extra = json.loads(extra) if extra else {}
            except ValueError:
                extra = None
            password = _plain(row["password"], row["is_encrypted"], fernet)
            # Not by _connection: an extra that cannot be read is not an empty one.
            return {**_connection({**row, "password": password}), "extra": extra}
        case "variables":
            return {"value": _plain(row["value"], row["is_encrypted"], fernet)}
        case "pools":
            return _pool(row)
        case "roles":
            pairs = zip(row["actions"], row["resources"], strict=True)
            return {"permissions": sorted(list(pair) for pair in pairs if all(pair))}
        case _:
            return {**_user(row), "active": row["active"]}


@dataclass(frozen=True)
class Difference:
    """An object of Airflow that is not as declared: `fields` that differ, or else it is missing or surplus."""

    kind: str
    name: str
    wanted: Fields | None
    fields: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Tell what differs, without values."""
        what = ", ".join(self.fields) or ("missing" if self.wanted else "not declared")
        return f"{self.kind}.{self.name}: {what}"


def _fields(kind: str, wanted: Fields, found: Fields) -> tuple[str, ...]:
    """Return the names of fields that differ."""
    from werkzeug.security import check_password_hash

    if kind == "users":
        given, kept = wanted["password"], found["password"]
        if given is None or (kept and check_password_hash(kept, given)):
            found = {**found, "password": given}
    if kind == "roles":
        kept = [pair for pair in found["permissions"] if pair in wanted["permissions"] or not is_dags_own(pair[1])]
        found = {"permissions": kept}
    return tuple(name for name in wanted if wanted[name] != found[name])


def _key(kind: str, name: str) -> str:
    return name.lower() if kind == "users" else name  # as Airflow compares them


def make(due: Sequence[Difference]) -> dict[str, str]:
    """Make the differences go by Airflow's own code; return what could not be done, and why, without values."""
    from contextlib import nullcontext

    from airflow_host import airflow_objects

    failed = {}
    needs_users = any(each.kind in ("roles", "users") for each in due)
    with airflow_objects.security_manager() if needs_users else nullcontext() as manager:
        # What is removed goes last, users before their roles.
        surplus = [each for each in reversed(due) if each.wanted is None]
        for each in [*(each for each in due if each.wanted is not None), *surplus]:
            try:
                airflow_objects.MAKERS[each.kind](manager, each)
            except HostError as error:
                failed[str(each)] = str(error)
            # Whatever it is, the other objects are made all the same.
            except Exception as error:
                # The words of the database, not SQLAlchemy's, which would tell the values, too.
                failed[str(each)] = f"{type(error).__name__}: {getattr(error, 'orig', 'the log above says why')}"
    return failed


@dataclass(frozen=True)
class Declared:
    """The declared state, as a part of the database; resolved, and Airflow's keys for what it keeps encrypted."""

    state: State
    fernet_keys: str

    def differences(self, database: connection) -> list[Difference]:
        """Return what is not as declared: in milliseconds, and a tenth of a second for each password."""
        from cryptography.fernet import Fernet, MultiFernet
        from psycopg2.extras import RealDictCursor

        fernet = MultiFernet([Fernet(key) for key in self.fernet_keys.split(",")])

        def compare(kind: str) -> Iterator[Difference]:
            declared = {_key(kind, name): (name, value) for name, value in self.state[kind].items()}
            remove = kind in self.state["remove_undeclared"]
            if not declared and not remove:
                return
            with database.cursor(cursor_factory=RealDictCursor) as cursor:
                cursor.execute(QUERIES[kind])
                rows = {_key(kind, row["name"]): row for row in cursor.fetchall()}
            for key, (name, wanted) in declared.items():
                if wanted is None:
                    continue
                if key not in rows:
                    yield Difference(kind, name, wanted)
                elif fields := _fields(kind, wanted, _found(kind, rows[key], fernet)):
                    yield Difference(kind, name, wanted, fields)
            if remove:
                surplus = {row["name"] for key, row in rows.items() if key not in declared} - AIRFLOWS_OWN.get(
                    kind, set()
                )
                yield from (Difference(kind, name, None) for name in sorted(surplus))

        return [difference for kind in KINDS for difference in compare(kind)]

    def is_right(self, database: connection) -> bool:
        """Tell whether Airflow has everything as declared."""
        return not self.differences(database)

    def make_right(self, database: connection) -> None:
        """Make it so. What cannot be made so is told and left: it must not keep Airflow from starting."""
        failed = make(self.differences(database))
        for left in self.differences(database):
            print(f"{left}: {failed.get(str(left), 'the log above says why')}", file=sys.stderr, flush=True)
