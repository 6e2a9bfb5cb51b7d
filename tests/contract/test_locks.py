"""Locks are what makes two bakes of one commit the same."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = ROOT / "roles/airflow_install/files/locks"
AIRFLOW = sorted(LOCKS.glob("airflow-*.txt"))
ALL = sorted(LOCKS.glob("*.txt"))


# The image has no compiler. What comes as source only is named, and is pure Python.
BUILD_OPTIONS = {"--only-binary :all:", "--no-binary python-nvd3"}


def requirements(lock: Path) -> dict[str, list[str]]:
    """Return each pinned requirement of a lock with its hashes; any other line is an error."""
    found: dict[str, list[str]] = {}
    for line in lock.read_text().splitlines():
        if not line or line in BUILD_OPTIONS:
            continue
        if requirement := re.fullmatch(r"([a-z0-9-]+==\S+) \\", line):
            found[requirement[1]] = []
        elif digest := re.fullmatch(r"    --hash=(sha256:[0-9a-f]{64})( \\)?", line):
            found[list(found)[-1]].append(digest[1])
        else:
            pytest.fail(f"{lock.name}: neither a pinned requirement nor a hash: {line}")
    return found


def version(lock: Path, package: str) -> tuple[int, ...]:
    (pinned,) = (item for item in requirements(lock) if item.startswith(f"{package}=="))
    return tuple(int(part) for part in pinned.split("==")[1].split("."))


@pytest.mark.parametrize("lock", ALL, ids=lambda path: path.name)
def test_each_requirement_is_pinned_and_hashed(lock):
    pinned = requirements(lock)
    assert pinned and all(pinned.values())


@pytest.mark.parametrize("lock", ALL, ids=lambda path: path.name)
def test_a_lock_itself_forbids_to_build_from_source(lock):
    assert "--only-binary :all:" in lock.read_text().splitlines()
    assert ("--no-binary" in lock.read_text()) == ("python-nvd3" in lock.read_text())


@pytest.mark.parametrize("lock", ALL, ids=lambda path: path.name)
def test_a_lock_says_nothing_of_where_packages_come_from(lock):
    assert not re.search(r"://|index|find-links|trusted-host", lock.read_text())


@pytest.mark.parametrize("lock", AIRFLOW, ids=lambda path: path.name)
def test_a_lock_holds_the_version_that_its_name_says(lock):
    name = re.fullmatch(r"airflow-([0-9.]+)-python-3\.\d+\.txt", lock.name)
    assert name and ".".join(map(str, version(lock, "apache-airflow"))) == name[1]


@pytest.mark.parametrize("lock", AIRFLOW, ids=lambda path: path.name)
def test_a_lock_has_what_hosts_need(lock):
    packages = {item.split("==")[0] for item in requirements(lock)}
    providers = {f"apache-airflow-providers-{name}" for name in ("amazon", "celery", "fab", "postgres")}
    assert packages >= providers | {"boto3", "flower", "psycopg2-binary", "redis", "statsd"}


@pytest.mark.parametrize("lock", AIRFLOW, ids=lambda path: path.name)
def test_celery_is_older_than_what_breaks_the_executor(lock):
    assert version(lock, "celery") < (5, 7)


@pytest.mark.parametrize("lock", AIRFLOW, ids=lambda path: path.name)
def test_the_input_of_a_lock_is_kept(lock):
    assert (LOCKS / f"{lock.name.partition('-python-')[0]}.in").is_file()
