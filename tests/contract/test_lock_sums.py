"""The role image refuses a lock whose sum is another one: each has one, and it is right."""

import hashlib
from pathlib import Path

LOCKS = Path(__file__).parents[2] / "roles/airflow_install/files/locks"


def test_the_sums_are_those_of_the_locks():
    lines = (LOCKS / "SHA256SUMS").read_text().splitlines()
    sums = {name: digest for digest, name in (line.split("  ") for line in lines)}
    assert sums == {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in LOCKS.glob("*.txt")}
