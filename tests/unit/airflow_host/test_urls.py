from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from airflow_host import urls
from airflow_host.model import Database, Endpoint
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


def test_database_certificates_are_verified():
    assert urls.database_url(DATABASE, {"username": "u", "password": "p"}, AUTHORITIES) == (
        "postgresql+psycopg2://u:p@db.example:5432/airflow?sslmode=verify-full&sslrootcert=/etc/ssl/certs/bundle.pem"
    )
    assert urls.async_database_url(DATABASE, {"username": "u", "password": "p"}).endswith("?ssl=verify-full")


def test_tls_can_be_off():
    plain = Database("h", 1, tls=False, name="n")
    assert (
        urls.database_url(plain, {"username": "u", "password": "p"}, AUTHORITIES) == "postgresql+psycopg2://u:p@h:1/n"
    )
    assert urls.broker_url(Endpoint("h", 1, tls=False), {"auth_token": "t"}) == "redis://:t@h:1/0"


def test_broker_certificates_are_verified():
    assert urls.broker_url(Endpoint("h", 1), {"auth_token": "t"}) == "rediss://:t@h:1/0?ssl_cert_reqs=required"
