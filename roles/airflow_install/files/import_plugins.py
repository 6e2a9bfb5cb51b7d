"""Import every plugin of a folder as Airflow does, and fail with each one that cannot be.

Usage: import_plugins.py <folder>, run by the virtual environment's Python.
"""

import os
import sys
from tempfile import TemporaryDirectory

# Airflow writes a default configuration, with a fresh Fernet key in it, into its home.
with TemporaryDirectory() as home:
    os.environ |= {"AIRFLOW_HOME": home, "AIRFLOW__CORE__PLUGINS_FOLDER": sys.argv[1]}
    from airflow import plugins_manager

    plugins_manager.ensure_plugins_loaded()
    # Airflow 2 has a variable where Airflow 3 has a function.
    known = getattr(plugins_manager, "get_import_errors", lambda: plugins_manager.import_errors)
    if errors := known():
        raise SystemExit("\n".join(f"{source}: {error}" for source, error in sorted(errors.items())))
