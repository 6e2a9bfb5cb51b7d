import subprocess

import boto3
import pytest
from airflow_host import dag_sources, model
from airflow_host.errors import HostError
from botocore.stub import Stubber
from moto import mock_aws
from stacks import stack


class Repository:
    """A repository in a folder, with commits that the test makes."""

    def __init__(self, path):
        self.path, self.url = path, f"file://{path}"
        path.mkdir()
        self("init", "--quiet", "--initial-branch=main")

    def __call__(self, *arguments):
        identity = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "protocol.file.allow=always"]
        command = ["git", "-C", str(self.path), *identity, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self, **files):
        for name, text in files.items():
            path = self.path / name.replace("__", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.with_suffix(".py").write_text(text)
        self("add", "--all")
        self("commit", "--quiet", "--allow-empty", "--message=x")
        return self("rev-parse", "HEAD")


@pytest.fixture(autouse=True)
def local_repositories(monkeypatch):
    monkeypatch.setattr(dag_sources, "PROTOCOLS", "file:https:ssh")


@pytest.fixture
def repository(tmp_path):
    return Repository(tmp_path / "repository")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "release").mkdir()
    return tmp_path / "release"


def git(repository, **options):
    return dag_sources.Git(model.Git(repository.url, **options))


def names(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_branch_is_followed(repository, folder):
    first = repository.commit(dags__one="x = 1\n")
    assert git(repository).revision() == git(repository, ref="main").revision() == first
    second = repository.commit(dags__one="x = 2\n")
    assert git(repository, ref="main").revision() == second
    git(repository).fill(second, folder)
    assert names(folder) == ["dags/one.py"]
    assert (folder / "dags/one.py").read_text() == "x = 2\n"


@pytest.mark.parametrize("kind", [[], ["--annotate", "--message=x"]])
def test_a_tag_stays_where_it_is(repository, folder, kind):
    first = repository.commit(one="x = 1\n")
    repository("tag", *kind, "v1")
    repository.commit(one="x = 2\n")
    source = git(repository, ref="v1")
    assert source.revision() == git(repository, ref="refs/tags/v1").revision() == first
    source.fill(first, folder)
    assert (folder / "one.py").read_text() == "x = 1\n"


def test_a_commit_is_pinned_and_asks_nobody(repository, folder):
    first = repository.commit(one="x = 1\n")
    repository.commit(one="x = 2\n")
    nowhere = dag_sources.Git(model.Git("https://127.0.0.1:1/x", ref=first))
    assert nowhere.revision() == first
    git(repository, ref=first).fill(first, folder)
    assert (folder / "one.py").read_text() == "x = 1\n"


def test_a_subdirectory_becomes_the_root(repository, folder):
    commit = repository.commit(team__dags__one="", team__dags__lib__two="", other="")
    git(repository, subdirectory="team/dags").fill(commit, folder)
    assert names(folder) == ["lib/two.py", "one.py"]


def test_another_part_of_the_same_commit_is_another_revision(repository, folder):
    commit = repository.commit(a__one="", b__two="")
    revisions = [
        git(repository, **part).revision()
        for part in ({}, {"subdirectory": "a"}, {"subdirectory": "b"}, {"subdirectory": "b", "submodules": True})
    ]
    assert revisions[0] == commit and len({*revisions}) == 4
    assert {revision[:40] for revision in revisions} == {commit}
    git(repository, subdirectory="b").fill(revisions[2], folder)
    assert names(folder) == ["two.py"]


def test_a_server_that_does_not_answer_is_given_up(monkeypatch, tmp_path):
    (tmp_path / "ssh").write_text("#!/bin/sh\nexec sleep 5\n")
    (tmp_path / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(dag_sources, "PATIENCE", 0.1)
    with pytest.raises(HostError, match="no answer in 0 s; the DAGs stay"):
        dag_sources.Git(model.Git("ssh://git@example.org/x")).revision()


@pytest.mark.parametrize("subdirectory", ["missing", "other.py", "..", "/etc", "link"])
def test_a_subdirectory_that_is_none_is_refused(repository, folder, subdirectory):
    (repository.path / "link").symlink_to("/etc")
    commit = repository.commit(other="")
    with pytest.raises(HostError, match="has no folder"):
        git(repository, subdirectory=subdirectory).fill(commit, folder)


@pytest.mark.parametrize("wanted", [True, False])
def test_submodules_come_if_they_are_wanted(repository, folder, tmp_path, wanted):
    library = Repository(tmp_path / "library")
    library.commit(helper="x = 1\n")
    repository("submodule", "--quiet", "add", "../library", "dags/library")
    library.commit(helper="x = 2\n")
    commit = repository.commit(dags__one="")
    git(repository, subdirectory="dags", submodules=wanted).fill(commit, folder)
    assert names(folder) == (["library/helper.py", "one.py"] if wanted else ["one.py"])
    if wanted:
        assert (folder / "library/helper.py").read_text() == "x = 1\n"


def test_links_stay_links(repository, folder):
    (repository.path / "link").symlink_to("/etc/hostname")
    git(repository).fill(repository.commit(one=""), folder)
    assert (folder / "link").is_symlink()


def test_a_ref_that_is_not_there_is_named(repository):
    repository.commit(one="")
    with pytest.raises(HostError, match="neither a branch nor a tag 'nothing'"):
        git(repository, ref="nothing").revision()


def test_a_repository_that_is_not_there_is_told_with_gits_reason(tmp_path):
    nowhere = dag_sources.Git(model.Git(f"file://{tmp_path}/nothing"))
    with pytest.raises(HostError, match=r"nothing.*; the DAGs stay as they are"):
        nowhere.revision()


def test_other_protocols_are_refused(repository, monkeypatch, tmp_path):
    monkeypatch.undo()
    repository.commit(one="")
    with pytest.raises(HostError, match="'file' not allowed"):
        git(repository).revision()
    with pytest.raises(HostError, match="'ext' not allowed"):
        dag_sources.Git(model.Git(f"ext::touch {tmp_path}/touched")).revision()
    assert not (tmp_path / "touched").exists()


def test_ssh_gets_the_key_and_the_pinned_host_keys_and_nothing_of_the_user(tmp_path, monkeypatch):
    """An ssh that writes down how it is called, and finds the server's key changed."""
    ssh = tmp_path / "ssh"
    ssh.write_text(
        "#!/bin/sh\n"
        f'echo "$@" >{tmp_path}/arguments\n'
        "for each; do\n"
        f'  case "$each" in -oUserKnownHostsFile=*) cat "${{each#*=}}" >{tmp_path}/known_hosts;; esac\n'
        "done\n"
        "echo 'Host key verification failed.' >&2\nexit 255\n"
    )
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    host_keys = ("example.org ssh-ed25519 AAAA", "example.org ssh-rsa BBBB")
    settings = model.Git("ssh://git@example.org/team/dags.git", host_keys=host_keys)
    with pytest.raises(HostError, match=r"host key is not among the pinned ones.*; the DAGs stay as they are"):
        dag_sources.Git(settings, tmp_path / "deploy_key").revision()
    arguments = (tmp_path / "arguments").read_text()
    assert "-F none -oBatchMode=yes -oConnectTimeout=10 -oGlobalKnownHostsFile=/dev/null" in arguments
    assert f"-oIdentityFile={tmp_path}/deploy_key" in arguments
    assert "-oStrictHostKeyChecking=yes" in arguments
    assert (tmp_path / "known_hosts").read_text().splitlines() == list(host_keys)


@pytest.fixture
def bucket(monkeypatch):
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY"):
        monkeypatch.setenv(f"AWS_{name}", "anything")
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="dags")
        yield client


def put(bucket, **objects):
    for name, text in objects.items():
        bucket.put_object(Bucket="dags", Key=name.replace("__", "/") + ".py", Body=text.encode())


def test_objects_below_the_prefix_are_the_dags(bucket, folder):
    put(bucket, team__dags__one="x = 1\n", team__dags__lib__two="x = 2\n", team__dags2__three="", one="")
    bucket.put_object(Bucket="dags", Key="team/dags/lib/")
    bucket.put_object(Bucket="dags", Key="team/dags/")
    source = dag_sources.S3(model.S3("dags", "team/dags"), bucket)
    source.fill(source.revision(), folder)
    assert names(folder) == ["lib/two.py", "one.py"]
    assert (folder / "lib/two.py").read_text() == "x = 2\n"


def test_a_bucket_without_a_prefix_is_a_folder_of_dags(bucket, folder):
    put(bucket, one="", lib__two="")
    source = dag_sources.S3(model.S3("dags"), bucket)
    source.fill(source.revision(), folder)
    assert names(folder) == ["lib/two.py", "one.py"]


def test_the_revision_depends_on_names_and_contents_only(bucket):
    source = dag_sources.S3(model.S3("dags", "a"), bucket)
    assert source.revision() is None
    put(bucket, a__one="x = 1\n", a__two="")
    before = source.revision()
    put(bucket, a__one="x = 1\n")
    assert source.revision() == before
    put(bucket, a__one="x = 2\n")
    assert source.revision() not in (None, before)
    put(bucket, a__one="x = 1\n", a__three="")
    assert source.revision() not in (None, before)
    put(bucket, b__one="x = 1\n", b__two="")
    assert dag_sources.S3(model.S3("dags", "b"), bucket).revision() == before


def test_many_objects_are_all_listed(bucket):
    source = dag_sources.S3(model.S3("dags"), bucket)
    put(bucket, **{f"dag{number:04}": "" for number in range(1001)})
    before = source.revision()
    bucket.delete_object(Bucket="dags", Key="dag1000.py")
    assert source.revision() != before


def test_a_folder_that_changes_meanwhile_is_looked_at_later(bucket, folder):
    put(bucket, one="x = 1\n")
    source = dag_sources.S3(model.S3("dags"), bucket)
    before = source.revision()
    put(bucket, two="")
    with pytest.raises(HostError, match="is being changed"):
        source.fill(before, folder)


@pytest.mark.parametrize("name", ["../out.py", "a/../b.py", "/etc/x.py", "a//b.py", "./a.py"])
def test_names_that_are_no_files_are_refused(bucket, folder, name):
    bucket.put_object(Bucket="dags", Key=f"team/{name}", Body=b"")
    source = dag_sources.S3(model.S3("dags", "team"), bucket)
    with pytest.raises(HostError, match="no name of a file"):
        source.fill(source.revision(), folder)
    assert not (folder.parent / "out.py").exists()


def test_an_object_that_was_replaced_after_it_was_listed_is_not_taken(folder):
    client = boto3.client("s3", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    listed = {"Contents": [{"Key": "one.py", "ETag": '"1"'}]}
    source = dag_sources.S3(model.S3("dags"), client)
    with Stubber(client) as stub:
        for _ in range(2):
            stub.add_response("list_objects_v2", listed)
        stub.add_client_error("get_object", "PreconditionFailed", expected_params={
            "Bucket": "dags", "Key": "one.py", "IfMatch": '"1"',
        })  # fmt: skip
        with pytest.raises(HostError, match=r"PreconditionFailed.*; the DAGs stay as they are"):
            source.fill(source.revision(), folder)


def test_a_bucket_that_is_not_there_is_told(bucket):
    with pytest.raises(HostError, match=r"s3://nothing/: .*NoSuchBucket"):
        dag_sources.S3(model.S3("nothing"), bucket).revision()


def test_the_shared_storage_must_be_mounted(tmp_path):
    with pytest.raises(HostError, match="is not mounted"):
        dag_sources.SharedStorage(tmp_path / "dags", tmp_path).revision()
    assert dag_sources.SharedStorage(tmp_path / "dags", None).revision() is None


def dags(**source):
    return {"source": source, "poll_seconds": 15, "keep_releases": 5}


def test_a_document_names_its_source(monkeypatch, tmp_path):
    assert dag_sources.of(stack().document).directory.name == "dags"
    assert (
        dag_sources.of(stack(dags=dags(type="shared", path="/mnt/x"), shared_storage=None).document).mount_point is None
    )
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    assert dag_sources.of(stack(dags=dags(type="s3", bucket="b", prefix="p")).document).s3 == model.S3("b", "p")
    public = stack(dags=dags(type="git", url="https://example.org/x"))
    assert dag_sources.of(public.document).key is None
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    private = stack(dags=dags(type="git", url="git@example.org:x", host_keys=["example.org ssh-rsa B"]))
    assert dag_sources.of(private.document).key == tmp_path / "deploy_key"
