import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import boto3
import pytest
from airflow_host import source
from airflow_host.errors import HostError
from moto import mock_aws
from stacks import raw_document, secrets, stack


def test_flowers_login_is_read_where_flower_runs():
    with_flower = raw_document(services=["worker", "flower"])
    assert source.secrets_of(with_flower) == (*source.SECRETS, "flower")
    assert source.secrets_of(raw_document()) == source.SECRETS
    text = {"document": json.dumps(with_flower), "airflow_cfg": "", "webserver_config": "", "secrets": secrets()}
    assert source.from_text(json.dumps(text)).secrets["flower"]["username"] == "flower"


def test_the_deploy_key_is_read_where_git_is_reached_by_ssh():
    def document(**source):
        return raw_document(dags={"source": source, "poll_seconds": 15, "keep_releases": 5})

    private = document(type="git", url="git@example.org:x.git", host_keys=["example.org ssh-rsa B"])
    assert source.secrets_of(private) == (*source.SECRETS, "dags")
    assert source.secrets_of(document(type="git", url="https://example.org/x.git")) == source.SECRETS
    assert source.secrets_of(document(type="s3", bucket="x")) == source.SECRETS


NAMING = {"variables": {"token": {"secret": "warehouse", "key": "password"}}}


def test_secrets_that_the_declared_state_names_are_given_with_the_others(tmp_path):
    document = json.dumps(raw_document(state=NAMING))
    text = {"document": document, "airflow_cfg": "", "webserver_config": "", "secrets": secrets()}
    assert "state/warehouse" not in source.from_text(json.dumps(text)).secrets
    text["secrets"]["state/warehouse"] = {"password": "hush"}
    given = source.from_text(json.dumps(text))
    assert given.secrets["state/warehouse"] == {"password": "hush"}
    for file in source.copies(given, tmp_path / "stack", tmp_path / "secrets"):
        file.write()
    assert source.from_directory(tmp_path / "stack", tmp_path / "secrets") == given
    (tmp_path / "secrets/state/warehouse.json").unlink()
    assert "state/warehouse" not in source.from_directory(tmp_path / "stack", tmp_path / "secrets").secrets


def test_what_users_sign_in_with_is_read_where_they_do():
    sign_in = {"secrets": ["client_secret"]}
    for service in ("api-server", "webserver"):
        assert "sign_in" in source.secrets_of(raw_document(services=[service], sign_in=sign_in))
    assert "sign_in" not in source.secrets_of(raw_document(services=["worker"], sign_in=sign_in))
    assert "sign_in" not in source.secrets_of(raw_document(sign_in={"secrets": []}))


def test_a_stack_that_is_kept_can_be_read_again(tmp_path):
    kept = source.copies(stack(), tmp_path / "stack", tmp_path / "secrets")
    for file in kept:
        file.write()
    assert source.from_directory(tmp_path / "stack", tmp_path / "secrets") == stack()
    assert {file.mode for file in kept if file.path.parent.name == "secrets"} == {0o400}


def test_a_stack_is_read_from_text():
    text = {
        "document": json.dumps(raw_document()),
        "airflow_cfg": "[core]\n",
        "webserver_config": "AUTH_TYPE = 1\n",
        "secrets": secrets(),
    }
    assert source.from_text(json.dumps(text)) == stack()


def test_bad_text_is_refused_without_quoting_it():
    with pytest.raises(HostError) as error:
        source.from_text('{"secrets": {"database": "hush')
    assert "hush" not in str(error.value)


def test_a_host_with_another_key_does_not_join():
    expected = source.fingerprint("demo", secrets()["airflow"]["fernet_key"])
    raw = raw_document(secrets={"fingerprints": {"fernet_key": expected}})
    text = {"document": json.dumps(raw), "airflow_cfg": "", "webserver_config": "", "secrets": secrets()}
    assert source.from_text(json.dumps(text)).document.fingerprints == {"fernet_key": expected}
    text["secrets"]["airflow"]["fernet_key"] = "hush"
    with pytest.raises(HostError, match=f"fernet_key has the fingerprint .* the stack's is {expected}") as error:
        source.from_text(json.dumps(text))
    assert "hush" not in str(error.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(HostError, match=r"document\.json"):
        source.from_directory(tmp_path, tmp_path)


@pytest.mark.parametrize("user_data", ["", "#cloud-config", "[]", "{}"])
def test_user_data_without_a_stack_is_refused(user_data):
    with pytest.raises(HostError, match="user data"):
        source.place_of(user_data)


def test_user_data_names_the_stack_and_the_class_of_the_host():
    assert source.place_of('{"stack": "airflow-demo"}') == ("airflow-demo", "")
    assert source.place_of('{"stack": "airflow-demo", "host_class": "big"}') == ("airflow-demo", "big")


def test_a_host_of_a_class_keeps_what_its_class_runs(tmp_path):
    classes = {"big": {"services": ["worker"], "worker": {"queues": ["big"], "concurrency": 3}}}
    text = {
        "document": json.dumps(raw_document(host_classes=classes)),
        "airflow_cfg": "",
        "webserver_config": "",
        "secrets": secrets(),
    }
    of_class = source.from_text(json.dumps({**text, "host_class": "big"}))
    assert of_class.document.services == ("worker",)
    assert (of_class.document.worker.queues, of_class.document.worker.concurrency) == (("big",), 3)
    assert of_class.document.worker.drain_seconds == source.from_text(json.dumps(text)).document.worker.drain_seconds
    for file in source.copies(of_class, tmp_path, tmp_path):
        file.write()
    assert source.from_directory(tmp_path, tmp_path) == of_class
    with pytest.raises(HostError, match=r"no class 'huge' of hosts, only \['big'\]"):
        source.from_text(json.dumps({**text, "host_class": "huge"}))


class Imds(BaseHTTPRequestHandler):
    """Instance metadata that insists on a session token, as IMDSv2 does."""

    ITEMS: ClassVar = {"/meta-data/placement/region": "cn-north-1", "/user-data": '{"stack": "demo"}'}

    def answer(self, status, body=""):
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body.encode())

    def do_PUT(self):
        asked = "x-aws-ec2-metadata-token-ttl-seconds" in self.headers
        self.answer(*((200, "session") if asked and self.path == "/api/token" else (400, "")))

    def do_GET(self):
        if self.headers.get("x-aws-ec2-metadata-token") != "session":
            return self.answer(401)
        return self.answer(200, self.ITEMS[self.path]) if self.path in self.ITEMS else self.answer(404)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def metadata():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Imds)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield source.Metadata(f"http://127.0.0.1:{server.server_port}")
    server.shutdown()
    server.server_close()


def test_metadata_is_read_with_a_session_token(metadata):
    assert metadata.get("/meta-data/placement/region") == "cn-north-1"
    with pytest.raises(HostError, match="/meta-data/nothing"):
        metadata.get("/meta-data/nothing")


@pytest.fixture
def aws(metadata, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setattr(source, "Metadata", lambda: metadata)
    with mock_aws():
        yield lambda service: boto3.client(service, region_name="cn-north-1")


def publish(aws, **parameters):
    for key, value in parameters.items():
        aws("ssm").put_parameter(Name=f"/graviflow/demo/{key}", Value=value, Type="String")
    for key, value in secrets().items():
        aws("secretsmanager").create_secret(Name=f"/graviflow/demo/{key}", SecretString=json.dumps(value))


TEXTS = {"airflow.cfg": "[core]\n", "webserver_config.py": "AUTH_TYPE = 1\n"}
IDS = {key: f"/graviflow/demo/{key}" for key in secrets()}
IN_SECRETS_MANAGER = {"backend": "secrets_manager", "ids": IDS}


def test_an_instance_finds_its_stack_in_aws(aws):
    raw = raw_document(secrets=IN_SECRETS_MANAGER)
    publish(aws, document=json.dumps(raw), endpoints="{}", **TEXTS)
    found = source.from_aws()
    assert found.document == stack().document
    assert (found.airflow_cfg, found.webserver_config) == ("[core]\n", "AUTH_TYPE = 1\n")
    assert found.secrets == stack().secrets


def test_a_document_that_is_not_published_yet_is_named(aws):
    publish(aws, endpoints="{}")
    with pytest.raises(HostError, match="/graviflow/demo/document does not exist yet"):
        source.from_aws()


def test_a_secret_that_is_missing_is_an_error_of_the_stack(aws):
    place = {**IN_SECRETS_MANAGER, "ids": {**IDS, "broker": "nowhere"}}
    publish(aws, document=json.dumps(raw_document(secrets=place)), **TEXTS)
    with pytest.raises(HostError, match=r"stack demo: .*GetSecretValue"):
        source.from_aws()


@pytest.mark.parametrize(
    ("text", "found", "said"),
    [
        ('{"password": "hush"}', {"password": "hush"}, ""),
        (None, None, "ResourceNotFoundException"),
        ("hush", None, "secret /graviflow/demo/state/warehouse: is no JSON\n"),
        ('"hush"', None, "secret /graviflow/demo/state/warehouse: is no JSON object\n"),
    ],
)
def test_a_secret_that_the_declared_state_names_may_be_missing(aws, capsys, text, found, said):
    texts = {"document": json.dumps(raw_document(secrets=IN_SECRETS_MANAGER)), "state": json.dumps(NAMING)}
    publish(aws, endpoints="{}", **texts, **TEXTS)
    if text:
        aws("secretsmanager").create_secret(Name="/graviflow/demo/state/warehouse", SecretString=text)
    read = source.from_aws()
    assert read.secrets.get("state/warehouse") == found
    assert read.document.state["variables"] == NAMING["variables"]
    error = capsys.readouterr().err
    assert said in error and "hush" not in error


IN_PARAMETER_STORE = {
    "backend": "parameter_store",
    "ids": {key: f"/graviflow-secrets/demo/{key}" for key in secrets()},
}


def publish_secure(aws, ids):
    for key, value in secrets().items():
        aws("ssm").put_parameter(Name=ids[key], Value=json.dumps(value), Type="SecureString")


def test_secrets_of_parameter_store_are_read_decrypted(aws):
    publish(aws, document=json.dumps(raw_document(secrets=IN_PARAMETER_STORE)), **TEXTS)
    publish_secure(aws, IN_PARAMETER_STORE["ids"])
    assert source.from_aws().secrets == stack().secrets


def test_a_missing_parameter_is_named(aws):
    publish(aws, document=json.dumps(raw_document(secrets=IN_PARAMETER_STORE)), **TEXTS)
    publish_secure(aws, {**IN_PARAMETER_STORE["ids"], "admin": "/elsewhere"})
    with pytest.raises(HostError, match="parameter /graviflow-secrets/demo/admin does not exist"):
        source.from_aws()


@pytest.mark.parametrize("place", [{}, {"backend": "vault", "ids": IDS}, {**IN_SECRETS_MANAGER, "ids": {}}])
def test_secrets_that_are_nowhere_are_an_error_of_the_document(aws, place):
    publish(aws, document=json.dumps(raw_document(secrets=place)), **TEXTS)
    with pytest.raises(HostError, match="its document names no place"):
        source.from_aws()
