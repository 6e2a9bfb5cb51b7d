"""Print the image's manifest as JSON. Run by the virtual environment's Python, with the lock's hash as its argument."""

import importlib.util
import json
import platform
import sys
from importlib.metadata import version
from pathlib import Path

from alembic.script import ScriptDirectory

# A host compares these with the database's version tables to see, without starting Airflow, whether a migration is due.
# Airflow 2 keeps the tables of users and roles among its own.
MIGRATIONS = {2: {"airflow": "airflow"}, 3: {"airflow": "airflow", "fab": "airflow.providers.fab"}}


def migration_head(package: str) -> str:
    """Return the newest schema revision that a package's migrations lead to."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise SystemExit(f"{package} is not installed")
    head = ScriptDirectory(str(Path(spec.origin).parent / "migrations")).get_current_head()
    if head is None:
        raise SystemExit(f"{package} has no migrations")
    return head


def describe(lock_sha256: str) -> dict[str, object]:
    """Return the manifest of this virtual environment."""
    airflow = version("apache-airflow")
    parts = MIGRATIONS[int(airflow.partition(".")[0])]
    return {
        "airflow": airflow,
        "python": platform.python_version(),
        "architecture": platform.machine(),
        "lock_sha256": lock_sha256,
        "migration_heads": {name: migration_head(package) for name, package in parts.items()},
    }


if __name__ == "__main__":
    print(json.dumps(describe(sys.argv[1]), indent=2, sort_keys=True))
