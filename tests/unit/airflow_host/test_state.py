import json
from contextlib import nullcontext

import pytest
from airflow_host import airflow_objects, state
from airflow_host.model import parse_document
from cryptography.fernet import Fernet
from stacks import PRINTABLE, raw_document, secrets
from werkzeug.security import generate_password_hash

KEY, OLD_KEY = Fernet.generate_key().decode(), Fernet.generate_key().decode()
SECRET = {"secret": "warehouse", "key": "password"}
DECLARED = {
    "connections": {
        "warehouse": {
            "conn_type": "postgres",
            "host": "db.example",
            "port": 5432,
            "password": SECRET,
            "extra": {"sslmode": "verify-full", "nested": [SECRET]},
        }
    },
    "variables": {"region": "cn-north-1", "limits": {"rows": 5}, "token": SECRET},
    "pools": {"default_pool": {"slots": 64}, "warehouse": {"slots": 4, "description": "slow"}},
    "roles": {"Analyst": {"DAGs": ["can_read"], "DAG:one": ["can_edit"]}},
    "users": {"Ann": {"email": "ann@example.org", "roles": ["Viewer", "Analyst"], "password": SECRET}},
}
SECRETS = {"admin": secrets()["admin"], "state/warehouse": {"password": PRINTABLE}}


def encrypted(text, key=KEY):
    return Fernet(key).encrypt(text.encode()).decode()


def rows():
    """A database that is as declared."""
    extra = json.dumps({"nested": [PRINTABLE], "sslmode": "verify-full"})
    viewer = {"name": "Viewer", "actions": ["can_read"], "resources": ["DAGs"]}
    texts = {"first_name": "", "last_name": "", "active": True}
    return {
        "connections": [
            {
                **dict.fromkeys(("description", "schema", "login")),
                **{"name": "warehouse", "conn_type": "postgres", "host": "db.example", "port": 5432},
                **{"password": encrypted(PRINTABLE), "is_encrypted": True},
                **{"extra": encrypted(extra), "is_extra_encrypted": True},
            }
        ],
        "variables": [
            {"name": "region", "value": "cn-north-1", "is_encrypted": False},
            {"name": "limits", "value": encrypted('{"rows": 5}'), "is_encrypted": True},
            {"name": "token", "value": encrypted(PRINTABLE), "is_encrypted": True},
        ],
        "pools": [
            {"name": "default_pool", "slots": 64, "description": "", "include_deferred": False},
            {"name": "warehouse", "slots": 4, "description": "slow", "include_deferred": False},
        ],
        "roles": [
            {
                "name": "Analyst",
                # DAGs give rights to themselves: none of the declaration's business.
                "actions": ["can_read", "can_read", "can_edit", "can_read"],
                "resources": ["Website", "DAGs", "DAG:one", "DAG:another"],
            },
            viewer,
        ],
        "users": [
            {
                **{**texts, "name": "ann", "email": "ann@example.org", "roles": ["Viewer", "Analyst"]},
                "password": generate_password_hash(PRINTABLE, "pbkdf2:sha1:1"),
            },
            {
                **{**texts, "name": "admin", "email": SECRETS["admin"]["email"], "roles": ["Admin"]},
                **{"first_name": "Airflow", "last_name": "Administrator"},
                "password": generate_password_hash(SECRETS["admin"]["password"], "pbkdf2:sha1:1"),
            },
        ],
    }


class Database:
    """Answers the query of each kind with its rows."""

    def __init__(self, found):
        self.found = {state.QUERIES[kind]: content for kind, content in found.items()}

    def cursor(self, **options):
        return nullcontext(self)

    def execute(self, query):
        self.answer = self.found[query]

    def fetchall(self):
        return self.answer


def resolved(declared=DECLARED, known=SECRETS):
    return state.resolve(parse_document(raw_document(state=declared)).state, known)


def found(declared=DECLARED, known=SECRETS, **changes):
    wanted = json.loads(json.dumps(resolved(declared, known)[0]))  # as it travels
    declared = state.Declared(wanted, f"{KEY},{OLD_KEY}")
    return [str(each) for each in declared.differences(Database({**rows(), **changes}))]


def changed(kind, name, **fields):
    return {kind: [{**row, **fields} if row["name"] == name else row for row in rows()[kind]]}


def without(kind, name):
    return {kind: [row for row in rows()[kind] if row["name"] != name]}


def test_what_is_as_declared_does_not_differ():
    assert resolved()[1] == []
    assert found() == []


def test_the_administrator_is_a_user_like_others():
    assert found({}) == []
    rotated = {**SECRETS, "admin": {**SECRETS["admin"], "password": "rotated"}}
    assert found({}, rotated) == ["users.admin: password"]
    assert found({}, **changed("users", "admin", active=False, roles=["Viewer"])) == ["users.admin: roles, active"]


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        (without("connections", "warehouse"), "connections.warehouse: missing"),
        (changed("connections", "warehouse", port=5433, login="me"), "connections.warehouse: login, port"),
        (changed("connections", "warehouse", password=encrypted("x")), "connections.warehouse: password"),
        (changed("connections", "warehouse", password=None), "connections.warehouse: password"),
        (changed("connections", "warehouse", extra=encrypted("{}")), "connections.warehouse: extra"),
        (changed("connections", "warehouse", extra=encrypted("no JSON")), "connections.warehouse: extra"),
        (changed("variables", "region", value="eu-west-1"), "variables.region: value"),
        (changed("variables", "token", value=encrypted(PRINTABLE, Fernet.generate_key())), "variables.token: value"),
        (changed("pools", "default_pool", slots=128), "pools.default_pool: slots"),
        (changed("pools", "warehouse", include_deferred=True), "pools.warehouse: include_deferred"),
        (without("roles", "Analyst"), "roles.Analyst: missing"),
        (
            changed("roles", "Analyst", actions=["can_read", "can_edit"], resources=["Website", "DAG:one"]),
            "roles.Analyst: permissions",
        ),
        (changed("users", "ann", email="eve@example.org", password=None), "users.Ann: email, password"),
        (changed("users", "ann", roles=["Admin"]), "users.Ann: roles"),
    ],
)
def test_drift_is_named_without_values(change, difference):
    assert found(**change) == [difference]


def test_values_under_an_older_key_are_right():
    assert found(**changed("variables", "token", value=encrypted(PRINTABLE, OLD_KEY))) == []


def test_what_is_not_declared_stays_unless_its_kind_is_cleared():
    less = {kind: {} for kind in DECLARED}
    assert found(less) == []
    cleared = {**less, "remove_undeclared": ["connections", "pools", "roles", "users"]}
    assert found(cleared) == [
        "connections.warehouse: not declared",
        "pools.warehouse: not declared",
        "roles.Analyst: not declared",
        "users.ann: not declared",
    ]


def test_an_object_without_its_secret_is_left_as_it_is():
    given = {"admin": SECRETS["admin"], "state/warehouse": {"user": "x"}}
    for known, reason in [({"admin": SECRETS["admin"]}, "cannot be read"), (given, "has no key 'password'")]:
        problems = resolved(known=known)[1]
        assert [problem.partition(":")[0] for problem in problems] == [
            "connections.warehouse",
            "variables.token",
            "users.Ann",
        ]
        assert all(problem.endswith(f"secret state/warehouse {reason}") for problem in problems)
        cleared = {**DECLARED, "remove_undeclared": ["connections", "variables", "users"]}
        assert found(cleared, known) == []


@pytest.mark.parametrize(
    ("kind", "value"),
    [("pools", {}), ("pools", None), ("connections", "postgres://u:hush@h"), ("roles", {"DAGs": 5}), ("users", {})],
)
def test_a_malformed_object_is_told_without_its_value(kind, value):
    [problem] = resolved({kind: {"odd": value}})[1]
    assert problem.startswith(f"{kind}.odd: is not declared as it should be")
    assert "hush" not in problem


def test_the_secrets_that_are_named_are_found_everywhere():
    assert state.secret_names(DECLARED) == {"state/warehouse"}
    assert state.secret_names({"variables": {"json": {"secret": "x", "key": "y", "more": 1}}}) == set()


def test_one_failure_keeps_nothing_else_from_being_made(monkeypatch):
    made = []

    def maker(manager, due):
        made.append((manager, str(due)))
        if due.name == "bad":
            raise ValueError("hush")

    monkeypatch.setattr(airflow_objects, "MAKERS", dict.fromkeys(state.KINDS, maker))
    monkeypatch.setattr(airflow_objects, "security_manager", lambda: nullcontext("manager"))
    due = [
        state.Difference("pools", "bad", {"slots": 1}),
        state.Difference("roles", "old", None),
        state.Difference("users", "gone", None),
        state.Difference("users", "ann", {}, ("roles",)),
    ]
    assert state.make(due) == {"pools.bad: missing": "ValueError: the log above says why"}
    assert made == [
        ("manager", "pools.bad: missing"),
        ("manager", "users.ann: roles"),
        ("manager", "users.gone: not declared"),
        ("manager", "roles.old: not declared"),
    ]


def test_users_and_roles_cost_nothing_where_none_is_due(monkeypatch):
    managers = []
    monkeypatch.setattr(airflow_objects, "MAKERS", {"pools": lambda manager, due: managers.append(manager)})
    state.make([state.Difference("pools", "p", {"slots": 1})])
    assert managers == [None]


def test_what_cannot_be_made_as_declared_is_told_and_keeps_nobody_from_starting(monkeypatch, capsys):
    monkeypatch.setattr(state, "make", lambda due: {str(due[0]): "IntegrityError: duplicate"})
    declared = state.Declared(resolved({"pools": {"p": {"slots": 1}}})[0], KEY)
    database = Database(rows())
    assert not declared.is_right(database)
    declared.make_right(database)
    assert capsys.readouterr().err == "pools.p: missing: IntegrityError: duplicate\n"
