"""What a PostgreSQL instance is configured with."""

import pytest
from moto.rds.exceptions import InvalidParameterValue

from local_region.patches._rds import check_password, endpoint_hash, family, latest, parameters
from local_region.services._postgres import access, bootstrap, configuration, force_ssl, set_password


def test_quotes_in_names_and_passwords_stay_quotes() -> None:
    sql = set_password('a"b', "p'; DROP ROLE x; --\\")
    assert sql.splitlines()[-1] == """ALTER ROLE "a""b" PASSWORD 'p''; DROP ROLE x; --\\';"""


def test_passwords_are_kept_out_of_the_servers_log() -> None:
    lines = set_password("master", "secret").splitlines()
    assert lines[:2] == ["SET log_statement = 'none';", "SET log_min_error_statement = 'panic';"]


def test_bootstrap_can_be_run_again_and_makes_no_superuser() -> None:
    sql = bootstrap("master", "secret", "airflow")
    assert "SUPERUSER" not in sql.upper().replace("RDS_SUPERUSER", "")
    creating = [line for line in sql.splitlines() if "CREATE" in line]
    assert creating and all("WHERE NOT EXISTS" in line and line.endswith("\\gexec") for line in creating)
    assert "CREATE DATABASE" not in bootstrap("master", "secret", None)


def test_access_by_tls_only_if_forced() -> None:
    assert "hostssl all all all scram-sha-256" in access(True)
    assert "\nhost all all all scram-sha-256" in access(False)
    assert "host all rdsadmin all reject" in access(True)


@pytest.mark.parametrize(
    ("of_family", "given", "expected"),
    [
        ("postgres14", {}, False),
        ("postgres15", {}, True),
        ("postgres17", {"rds.force_ssl": "0"}, False),
        ("postgres14", {"rds.force_ssl": "1"}, True),
    ],
)
def test_force_ssl(of_family: str, given: dict[str, str], expected: bool) -> None:
    assert force_ssl(of_family, given) is expected


def test_configuration_leaves_out_what_only_rds_knows() -> None:
    given = {
        "work_mem": "8192",
        "rds.force_ssl": "1",
        "shared_buffers": "{DBInstanceClassMemory/32768}",
        "shared_preload_libraries": "pg_stat_statements,pgaudit",
        "search_path": "a'b",
    }
    assert configuration(given).splitlines() == [
        "search_path = 'a''b'",
        "shared_preload_libraries = 'pg_stat_statements'",
        "work_mem = '8192'",
    ]


def test_versions_and_families() -> None:
    assert latest("17").startswith("17.") and latest("16.8") == "16.8" and latest(None).startswith("17.")
    assert family("17.6") == "postgres17"


@pytest.mark.parametrize("refused", ["with space 12", "with/slash1", "with@sign12", 'with"quote1', "short", "x" * 129])
def test_passwords_that_rds_refuses(refused: str) -> None:
    with pytest.raises(InvalidParameterValue):
        check_password(refused)


def test_passwords_that_rds_takes() -> None:
    check_password("!#$%&'()*+,-.:;<=>?[\\]^_`{|}~")
    check_password(None)


def test_endpoints_of_an_account_share_their_hash() -> None:
    assert endpoint_hash("1", "us-east-1") == endpoint_hash("1", "us-east-1") != endpoint_hash("1", "cn-north-1")
    assert len(endpoint_hash("1", "us-east-1")) == 12


def test_parameters_know_what_takes_a_restart() -> None:
    known = parameters()
    assert known["max_connections"]["ApplyType"] == "static"
    assert known["work_mem"]["ApplyType"] == known["rds.force_ssl"]["ApplyType"] == "dynamic"
