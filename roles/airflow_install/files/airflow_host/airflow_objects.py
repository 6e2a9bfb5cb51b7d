"""Objects in Airflow's database, made and removed by the code of the Airflow that is installed, in this process.

No command of Airflow is run: a password in argv could be read by everyone. Airflow 2.11 and 3 alike.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from airflow_host.errors import HostError
from airflow_host.state import Difference, is_dags_own


@contextmanager
def security_manager() -> Iterator[Any]:
    """Yield the manager of users and roles of Airflow's FAB auth manager, which knows its own roles."""
    from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder
    from flask import current_app

    with get_application_builder() as builder:
        if "sqlalchemy" not in current_app.extensions:
            # Airflow 2 leaves it out, and then cannot end the sessions of a user whose password is set.
            current_app.session_interface.client.init_app(current_app)
        if not builder.sm.find_role("Viewer"):
            # In a new database: the web server would make them when it starts.
            builder.sm.sync_roles()
        yield builder.sm


def _connection(_: Any, due: Difference) -> None:
    from airflow.models.connection import Connection
    from airflow.utils.session import create_session
    from sqlalchemy import delete

    with create_session() as session:
        # Replaced whole: a model neither lets a password be taken away nor loads one of an unknown key.
        session.execute(delete(Connection).where(Connection.conn_id == due.name))
        if due.wanted:
            extra = json.dumps(due.wanted["extra"], sort_keys=True) if due.wanted["extra"] else None
            session.add(Connection(conn_id=due.name, **{**due.wanted, "extra": extra}))


def _variable(_: Any, due: Difference) -> None:
    from airflow.models.variable import Variable
    from airflow.utils.session import create_session
    from sqlalchemy import delete

    with create_session() as session:
        session.execute(delete(Variable).where(Variable.key == due.name))
        if due.wanted:
            session.add(Variable(key=due.name, val=due.wanted["value"]))


def _pool(_: Any, due: Difference) -> None:
    from airflow.models.pool import Pool
    from airflow.utils.session import create_session

    with create_session() as session:
        if due.wanted:
            Pool.create_or_update_pool(name=due.name, **due.wanted, session=session)
        else:
            Pool.delete_pool(name=due.name, session=session)


def _role(manager: Any, due: Difference) -> None:
    if not due.wanted:
        manager.delete_role(due.name)
        return
    wanted = due.wanted["permissions"]
    manager.bulk_sync_roles([{"role": due.name, "perms": wanted}])
    role = manager.find_role(due.name)
    for permission in list(role.permissions):
        pair = [permission.action.name, permission.resource.name]
        if pair not in wanted and not is_dags_own(permission.resource.name):
            manager.remove_permission_from_role(role, permission)


def _user(manager: Any, due: Difference) -> None:
    user, fields = manager.find_user(username=due.name), due.wanted
    if not fields:
        user.roles.clear()
        manager.del_register_user(user)  # deletes whatever it is given; `airflow users delete` calls it, too
        return
    roles = [manager.find_role(role) for role in fields["roles"]]
    if not all(roles):
        raise HostError(f"not each of the roles {', '.join(fields['roles'])} exists")
    if user is None:
        names = (fields["first_name"], fields["last_name"], fields["email"])
        # Somebody who signs in elsewhere has no password here.
        manager.add_user(due.name, *names, roles, fields["password"] or secrets.token_urlsafe(32))
        return
    for field in ("first_name", "last_name", "email", "active"):
        setattr(user, field, fields[field])
    user.roles = roles
    manager.update_user(user)
    if "password" in due.fields:
        manager.reset_password(user.id, fields["password"])


MAKERS: Mapping[str, Callable[[Any, Difference], None]] = {
    "connections": _connection,
    "variables": _variable,
    "pools": _pool,
    "roles": _role,
    "users": _user,
}
"""Kind -> what makes a difference go. Some of Airflow's own functions only log what went wrong: compare again."""
