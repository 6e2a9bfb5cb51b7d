"""The administrator's account in Airflow's FAB auth manager."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_host.errors import HostError

if TYPE_CHECKING:
    from psycopg2.extensions import connection


@dataclass(frozen=True)
class Admin:
    """The account as it must be."""

    username: str
    password: str
    email: str

    def is_right(self, database: connection) -> bool:
        """Tell whether the account exists, is active and takes the password; reads one row, imports no Airflow."""
        from werkzeug.security import check_password_hash

        with database.cursor() as cursor:
            cursor.execute("SELECT password, active FROM ab_user WHERE username = %s", (self.username,))
            row = cursor.fetchone()
        return row is not None and row[1] is True and check_password_hash(row[0], self.password)

    def make_right(self, _: connection) -> None:
        """Create the account or repair it, in this process: a password in argv could be read by everyone."""
        from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder

        with get_application_builder() as builder:
            manager = builder.sm
            role = manager.find_role("Admin")
            user = manager.find_user(username=self.username)
            if user is None:
                user = manager.add_user(self.username, "Airflow", "Administrator", self.email, role, self.password)
                if not user:
                    raise HostError(f"administrator {self.username!r} could not be created; the log above says why")
                return
            user.active = True
            manager.update_user(user)
            if not manager.reset_password(user.id, self.password):
                raise HostError(
                    f"administrator {self.username!r}: the password could not be set; the log above says why"
                )


def from_environment() -> Admin:
    """Return the administrator that the unit's environment file describes."""
    try:
        return Admin(
            **{key: os.environ[f"AIRFLOW_HOST_ADMIN_{key.upper()}"] for key in ("username", "password", "email")}
        )
    except KeyError as error:
        raise HostError(f"environment: {error.args[0]} is missing; run this by airflow-database.service") from error
