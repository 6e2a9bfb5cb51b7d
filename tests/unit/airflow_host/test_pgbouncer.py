from configparser import ConfigParser

import pytest
from airflow_host import pgbouncer
from airflow_host.errors import HostError
from stacks import PRINTABLE, stack


def ini(pool_size=20, **changes):
    document = stack(pgbouncer={"pool_size": pool_size}, **changes).document
    parser = ConfigParser(interpolation=None)
    parser.read_string(pgbouncer.configuration(document, pool_size, "/ca.pem"))
    return parser


def test_the_database_is_reached_by_tls_that_is_verified():
    settings = ini()["pgbouncer"]
    assert (settings["server_tls_sslmode"], settings["server_tls_ca_file"]) == ("verify-full", "/ca.pem")
    assert ini()["databases"]["airflow"] == "host='db.example' port='5432' dbname='airflow'"
    plain = ini(database={"host": "h", "port": 1, "name": "n", "tls": False})["pgbouncer"]
    assert "server_tls_ca_file" not in plain and plain["server_tls_sslmode"] == "prefer"


def test_nobody_outside_the_host_is_served_and_everybody_inside_has_a_password():
    settings = ini()["pgbouncer"]
    assert (settings["listen_addr"], settings["listen_port"]) == ("127.0.0.1", "6432")
    assert settings["auth_type"] == "scram-sha-256"
    assert str(stack(pgbouncer={"pool_size": 9}).document.sessions.port) == settings["listen_port"]


def test_all_logins_together_have_the_sessions_of_the_budget():
    settings = ini(pool_size=7)["pgbouncer"]
    assert (settings["default_pool_size"], settings["max_db_connections"]) == ("7", "7")


def test_statements_are_prepared_on_airflow_3_only():
    assert "max_prepared_statements" in ini()["pgbouncer"]
    assert "max_prepared_statements" not in ini(airflow="2.11.2", services=["worker"])["pgbouncer"]


def test_a_name_with_quotes_stays_one_value():
    section = ini(database={"host": "h", "port": 1, "name": 'it\'s "x"'})["databases"]
    assert section["airflow"] == "host='h' port='1' dbname='it''s \"x\"'"


def test_every_printable_password_survives():
    text = pgbouncer.users([{"username": "airflow", "password": PRINTABLE}, {"username": "results", "password": "x"}])
    first, second = text.splitlines()
    assert second == '"results" "x"'
    assert first.removeprefix('"airflow" "')[:-1].replace('""', '"') == PRINTABLE


@pytest.mark.parametrize(("version", "airflow"), [("1.24.1", 3), ("1.21.0", 3), ("1.18.0", 2)])
def test_a_version_that_serves_is_taken(version, airflow):
    pgbouncer.require(airflow, lambda command: f"PgBouncer {version}\nlibevent 2.1.12\n")


def test_airflow_3_is_not_served_by_a_version_without_prepared_statements():
    with pytest.raises(HostError, match=r"is 1\.18, and Airflow 3 needs 1\.21: take an image of another base"):
        pgbouncer.require(3, lambda command: "PgBouncer 1.18.0\n")


def test_an_image_without_pgbouncer_is_told():
    def run(command):
        raise FileNotFoundError(2, "No such file")

    with pytest.raises(HostError, match="image has no PgBouncer"):
        pgbouncer.require(2, run)
