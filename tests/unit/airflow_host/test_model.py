import pytest
from airflow_host.errors import HostError
from airflow_host.model import parse_document
from stacks import raw_document


def test_tls_is_on_unless_the_document_says_otherwise():
    assert parse_document(raw_document()).database.tls
    document = parse_document(raw_document(broker={"host": "h", "port": 1, "tls": False}))
    assert not document.broker.tls


def test_a_newer_document_may_say_more():
    database = {"host": "h", "port": 1, "name": "n", "replica": "r"}
    assert parse_document(raw_document(database=database, news=1)).database.host == "h"


def test_shared_storage_is_optional():
    assert parse_document(raw_document(shared_storage=None)).shared_storage is None


def test_each_major_version_has_services_of_its_own():
    document = parse_document(raw_document(airflow="2.11.2", services=["webserver", "worker"]))
    assert (document.airflow, document.services) == (2, ("webserver", "worker"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema": 2}, "schema is 2"),
        ({"services": ["webserver"]}, "webserver"),
        ({"airflow": "2.11.2"}, "api-server"),
        ({"airflow": "1.10.15"}, "Airflow 1.10.15"),
        ({"airflow": 3}, "airflow|partition"),
        ({"airflow": "three"}, "three"),
        ({"database": {"port": 5432, "name": "airflow"}}, "host"),
        ({"worker": {"queues": []}}, "drain_seconds"),
        ({"dags": {"poll_seconds": 15}}, "'source' is missing"),
        ({"dags": {"source": {"type": "svn"}}}, "DAGs come from 'svn', .*'git'"),
        ({"dags": {"source": "/mnt/airflow/dags"}}, "source"),
        ({"dags": {"source": {"type": "git"}}}, "url"),
        ({"dags": {"source": {"type": "efs", "path": "/x"}, "check": "all"}}, "DAGs pass 'all'|poll_seconds"),
    ],
)
def test_bad_documents_are_refused_with_what_is_wrong(changes, message):
    with pytest.raises(HostError, match=message):
        parse_document(raw_document(**changes))
