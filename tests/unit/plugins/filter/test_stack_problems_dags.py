import pytest
from ansible_collections.graviflow.airflow.plugins.module_utils.stack_rules import dags, secrets
from ansible_collections.graviflow.airflow.plugins.module_utils.stack_rules.problem import HIDDEN, Facts

STACK = {"stack_name": "demo", "stack_region": "us-east-1", "security_groups_internet_ports": ["22", "443"]}
PIN = "git.example.org ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIG"
KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nhunter2\n-----END OPENSSH PRIVATE KEY-----\n"


def found(exists=None, **stack):
    facts = Facts(offers={} if exists is None else {"exists": exists})
    return [problem for rule in dags.RULES for problem in rule({**STACK, **stack}, facts)]


def git(**changes):
    settings = {"url": "git@git.example.org:team/dags.git", "host_keys": [PIN], **changes}
    return {"stack_document_dags_source": "git", "stack_document_dags_git": settings}


def s3(**changes):
    return {"stack_document_dags_source": "s3", "stack_document_dags_s3": {"bucket": "team-dags", **changes}}


GOOD = [
    {},
    {"stack_document_dags_source": "efs"},
    {"stack_document_dags_source": "shared"},
    git(),
    git(url="ssh://git@git.example.org/team/dags.git"),
    git(url="https://git.example.org/team/dags.git", host_keys=[]),
    {**git(url="ssh://git@git.example.org:443/~me/dags.git", host_keys=[f"[git.example.org]:443{PIN[15:]}"])},
    git(host_keys=[f"other.example.org,git.example.org,192.0.2.1{PIN[15:]} a comment"]),
    git(host_keys=[f"|1|c2FsdA==|aGFzaA=={PIN[15:]}"]),
    git(ref="main", subdirectory="airflow/dags", submodules=True),
    git(ref="refs/tags/v1.4"),
    git(ref="feature/x+y_z"),
    git(ref="0" * 40, subdirectory=""),
    s3(),
    s3(prefix="airflow/dags-2"),
    s3(prefix="", key_arn="arn:aws:kms:us-east-1:123456789012:key/0a1b-2c"),
    {"stack_document_dags_poll_seconds": 60, "stack_document_dags_keep_releases": "3"},
]


@pytest.mark.parametrize("stack", GOOD)
def test_good_stacks_have_no_problem(stack):
    assert found(**stack) == []


BAD = [
    (git(url=""), "stack_document_dags_git.url", "no address"),
    (git(url="file:///srv/dags"), "stack_document_dags_git.url", "no address"),
    (git(url="http://git.example.org/dags.git"), "stack_document_dags_git.url", "no address"),
    (git(url="ext::touch /tmp/x"), "stack_document_dags_git.url", "no address"),
    (git(url="--upload-pack=touch"), "stack_document_dags_git.url", "no address"),
    (git(url="ssh://-oProxyCommand=touch/x"), "stack_document_dags_git.url", "no address"),
    (git(url="git@-oProxyCommand:x"), "stack_document_dags_git.url", "no address"),
    (git(host_keys=[]), "stack_document_dags_git.host_keys", "none is pinned for git.example.org"),
    (
        git(host_keys=["other.example.org" + PIN[15:]]),
        "stack_document_dags_git.host_keys",
        "none is pinned for git.example.org",
    ),
    (
        git(url="ssh://git@git.example.org:443/dags.git"),
        "stack_document_dags_git.host_keys",
        "none is pinned for [git.example.org]:443",
    ),
    (git(host_keys=[PIN, "git.example.org"]), "stack_document_dags_git.host_keys", "no line of a known_hosts file"),
    (git(host_keys=[PIN, f"{PIN}\nx"]), "stack_document_dags_git.host_keys", "no line of a known_hosts file"),
    (git(ref="-b"), "stack_document_dags_git.ref", "option"),
    (git(ref="--upload-pack=x"), "stack_document_dags_git.ref", "option"),
    (git(ref="ma*n"), "stack_document_dags_git.ref", "pattern"),
    (git(ref="a..b"), "stack_document_dags_git.ref", "no name"),
    (git(ref="main "), "stack_document_dags_git.ref", "no name"),
    (git(ref=""), "stack_document_dags_git.ref", "no name"),
    (git(subdirectory="/dags"), "stack_document_dags_git.subdirectory", "leads out of it"),
    (git(subdirectory="dags/../../x"), "stack_document_dags_git.subdirectory", "leads out of it"),
    (s3(bucket=""), "stack_document_dags_s3.bucket", "a bucket's name"),
    (s3(bucket="arn:aws:s3:::team-dags"), "stack_document_dags_s3.bucket", "a bucket's name"),
    (s3(prefix="/dags"), "stack_document_dags_s3.prefix", "without slashes"),
    (s3(prefix="dags/"), "stack_document_dags_s3.prefix", "without slashes"),
    (s3(prefix="dags*"), "stack_document_dags_s3.prefix", "wildcards"),
    (s3(prefix="a/../b"), "stack_document_dags_s3.prefix", "`..`"),
    (
        s3(key_arn="arn:aws:kms:us-west-2:123456789012:key/0a1b"),
        "stack_document_dags_s3.key_arn",
        "KMS key in us-east-1",
    ),
    (s3(key_arn="alias/mine"), "stack_document_dags_s3.key_arn", "KMS key"),
    ({**git(), "stack_document_dags_source": "efs"}, "stack_document_dags_git", "stack_document_dags_source is efs"),
    ({**s3(), **git()}, "stack_document_dags_s3", "stack_document_dags_source is git"),
    ({"stack_document_dags_poll_seconds": 0}, "stack_document_dags_poll_seconds", "1 to 86400"),
    ({"stack_document_dags_keep_releases": 0}, "stack_document_dags_keep_releases", "1 to 1000"),
    ({"stack_document_dags_check_seconds": 7200}, "stack_document_dags_check_seconds", "1 to 3600"),
]


@pytest.mark.parametrize(("stack", "variable", "rule"), BAD)
def test_bad_stacks_are_found_with_rule_and_fix(stack, variable, rule):
    [problem] = found(**stack)
    assert problem.variable == variable and rule in problem.rule
    assert problem.fix[-1] in ".?"


@pytest.mark.parametrize("source", ["git", "s3"])
def test_a_source_of_which_nothing_is_said_is_found(source):
    assert found(stack_document_dags_source=source)


@pytest.mark.parametrize(
    "url",
    ["https://me:hunter2@git.example.org/x", "https://hunter2@git.example.org/x", "ssh://me:hunter2@example.org/x"],
)
def test_an_address_with_a_secret_is_refused_without_showing_it(url):
    [problem] = found(**git(url=url))
    assert problem.value == HIDDEN and "deploy_key" in problem.fix
    assert "hunter2" not in str(problem)


def test_hosts_must_be_let_out_to_the_repository():
    [problem] = found(**git(), security_groups_internet_ports=None)
    assert "ports 80, 443" in problem.rule and "needs 22" in problem.rule
    assert problem.fix == "Say security_groups_internet_ports: ['80', '443', '22']."
    [problem] = found(**git(url="https://git.example.org:8443/x", host_keys=[]))
    assert "needs 8443" in problem.rule


def test_a_new_stack_needs_the_key_to_its_repository():
    [problem] = found(**git(), exists=False)
    assert problem.variable == "secrets_given.dags.deploy_key"
    assert found(**git(), exists=False, secrets_given={"dags": {"deploy_key": KEY}}) == []
    assert found(**git(), exists=True) == found(**git()) == []
    assert found(**git(url="https://git.example.org/x", host_keys=[]), exists=False) == []


def test_a_deploy_key_is_a_private_key_of_openssh():
    def given(key):
        return list(secrets.given({"secrets_given": {"dags": {"deploy_key": key}}}, Facts()))

    assert given(KEY) == []
    [problem] = given("ssh-ed25519 AAAAC3hunter2 me@host")
    assert problem.variable == "secrets_given.dags.deploy_key" and "hunter2" not in str(problem)
