from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from airflow_host import urls
from airflow_host.model import Database, Endpoint
from psycopg2.extensions import parse_dsn
from stacks import PRINTABLE

DATABASE = Database("db.example", 5432, name="airflow")
AUTHORITIES = Path("/etc/ssl/certs/bundle.pem")
CREDENTIALS = {"username": "air@flow", "password": PRINTABLE}


@pytest.mark.parametrize(
    "url",
    [
        urls.database_url(DATABASE, CREDENTIALS, AUTHORITIES),
        urls.async_database_url(DATABASE, CREDENTIALS),
        urls.result_backend_url(DATABASE, CREDENTIALS, AUTHORITIES),
        urls.broker_url(Endpoint("db.example", 5432), {"auth_token": PRINTABLE}),
    ],
)
def test_every_printable_character_survives(url):
    parts = urlsplit(url)
    assert unquote(parts.password) == PRINTABLE
    assert (parts.hostname, parts.port) == ("db.example", 5432)


def query(database):
    return dict(parse_qsl(urlsplit(urls.database_url(database, {"username": "u", "password": "p"}, AUTHORITIES)).query))


def test_database_certificates_are_verified():
    assert query(DATABASE).items() >= {"sslmode": "verify-full", "sslrootcert": str(AUTHORITIES)}.items()
    assert urls.async_database_url(DATABASE, {"username": "u", "password": "p"}).endswith("?ssl=verify-full")


def test_tls_can_be_off():
    plain = Database("h", 1, tls=False, name="n")
    assert not any(name.startswith("ssl") for name in query(plain))
    assert urls.async_database_url(plain, {"username": "u", "password": "p"}) == "postgresql+asyncpg://u:p@h:1/n"
    assert urls.broker_url(Endpoint("h", 1, tls=False), {"auth_token": "t"}) == "redis://:t@h:1/0"


@pytest.mark.parametrize("make", [urls.database_url, urls.result_backend_url])
def test_libpq_gives_a_lost_connection_up_in_a_minute(make):
    url = make(DATABASE, {"username": "u", "password": "p"}, AUTHORITIES)
    # It refuses options that libpq does not have.
    known = parse_dsn(url.removeprefix("db+").replace("+psycopg2", ""))
    quiet = int(known["keepalives_idle"]) + int(known["keepalives_interval"]) * int(known["keepalives_count"])
    assert max(quiet, int(known["tcp_user_timeout"]) / 1000, int(known["connect_timeout"])) <= 60


def test_broker_certificates_are_verified():
    assert urls.broker_url(Endpoint("h", 1), {"auth_token": "t"}) == "rediss://:t@h:1/0?ssl_cert_reqs=required"
