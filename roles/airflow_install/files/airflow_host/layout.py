"""Where things are on a host."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

# Amazon's own authorities are in no system store; the image carries them. Elsewhere the system store is the truth.
DATABASE_CERTIFICATE_AUTHORITIES = Path("/etc/ssl/certs/rds-global-bundle.pem")
SYSTEM_CERTIFICATE_AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")


@dataclass(frozen=True)
class Layout:
    """Paths below `root`, which is another directory only in tests."""

    root: Path = Path("/")

    @property
    def airflow_cfg(self) -> Path:
        """Airflow's configuration, without secrets."""
        return self.root / "etc/airflow/airflow.cfg"

    @property
    def webserver_config(self) -> Path:
        """How users sign in, without secrets."""
        return self.root / "etc/airflow/webserver_config.py"

    @property
    def document(self) -> Path:
        """The document that was applied last."""
        return self.root / "etc/airflow/document.json"

    @property
    def storage_tunnel(self) -> Path:
        """How the shared storage is reached through TLS."""
        return self.root / "etc/airflow/storage-tunnel.conf"

    @property
    def pgbouncer(self) -> Path:
        """PgBouncer's configuration, without secrets."""
        return self.root / "etc/airflow/pgbouncer.ini"

    @property
    def pgbouncer_users(self) -> Path:
        """Whom PgBouncer lets in, with passwords."""
        return self.runtime / "pgbouncer.users"

    @property
    def runtime(self) -> Path:
        """The tmpfs directory of the environment files."""
        return self.root / "run/airflow"

    @property
    def watched(self) -> Path:
        """What the worker's watchdog saw last."""
        return self.root / "run/airflow-watchdog/seen.json"

    @property
    def web_silent(self) -> Path:
        """Since when the web service answers nobody, while it does not."""
        return self.root / "run/airflow-web-watchdog/silent.json"

    @property
    def deploy_key(self) -> Path:
        """The key that opens the repository of the DAGs, for systemd to hand to the unit that syncs them."""
        return self.runtime / "dags.key"

    @property
    def logs(self) -> Path:
        """The folder of the logs that Airflow writes itself."""
        return self.root / "var/log/airflow"

    @property
    def log_folders(self) -> tuple[Path, ...]:
        """The folders in it that old logs are removed from."""
        return (self.logs / "tasks", self.logs / "dag-processor")

    @property
    def held(self) -> Path:
        """Why the worker takes no new tasks, while it takes none."""
        return self.root / "run/airflow-disk/held"

    @property
    def cleaned(self) -> Path:
        """A file that is as old as the last look for logs to remove."""
        return self.root / "run/airflow-disk/cleaned"

    @property
    def applied(self) -> Path:
        """What each service was last started with."""
        return self.runtime / "applied.json"

    @property
    def given(self) -> Path:
        """The directory where the stack is kept on hosts without AWS."""
        return self.root / "etc/airflow/stack"

    @property
    def given_secrets(self) -> Path:
        """The tmpfs directory where that stack's secrets are kept."""
        return self.root / "run/airflow-stack"

    @property
    def certificate_authorities(self) -> Path:
        """The directory that update-ca-certificates reads."""
        return self.root / "usr/local/share/ca-certificates"

    @property
    def units(self) -> Path:
        """The administrator's systemd units."""
        return self.root / "etc/systemd/system"

    @property
    def manifest(self) -> Path:
        """What the image consists of."""
        return self.root / "opt/airflow/share/manifest.json"

    @property
    def options(self) -> Path:
        """What the image's Airflow knows as options of airflow.cfg."""
        return self.root / "opt/airflow/share/options.json"

    @property
    def image_dags(self) -> Path:
        """DAGs that the image carries."""
        return self.root / "opt/airflow/share/dags"

    @property
    def dags(self) -> Path:
        """This host's own copy of the DAGs."""
        return self.root / "var/lib/airflow/dags"

    def database_authorities(self) -> Path:
        """The file to verify the database's certificate with."""
        bundle = self.root / DATABASE_CERTIFICATE_AUTHORITIES.relative_to("/")
        return DATABASE_CERTIFICATE_AUTHORITIES if bundle.exists() else SYSTEM_CERTIFICATE_AUTHORITIES
