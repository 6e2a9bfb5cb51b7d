"""The rules of the seal, each against every fault that it is there for, planted in a file system of a few files."""

import importlib.util
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.image.faults import FAULTS, NO_SECRETS, SECRETS, Fault, plant

ROLE = Path(__file__).parents[2] / "roles/image_seal"
PROGRAM = ROLE / "files/seal.py"
VARIABLES = yaml.safe_load((ROLE / "vars/main.yml").read_text())
RULES = VARIABLES["__image_seal_rules"]
PATTERNS = VARIABLES["__image_seal_secrets"]
CHOICES = yaml.safe_load((ROLE / "meta/argument_specs.yml").read_text())["argument_specs"]["main"]["options"][
    "image_seal_extra_rules"
]["options"]["rule"]["choices"]

# What may be where a fault will be, by kind of rule; where nothing may be, nothing is.
GOOD = {
    "empty": "",
    "locked": "root:*:20000:0:99999:7:::\nairflow:!:20000::::::\n_chrony:!*:20000::::::\nadmin:x:1000:1000::/:\n",
    "read_only": "",
    "secret_free": NO_SECRETS,
    "unprivileged": "",
}
CASES = [(rule, fault) for rule in RULES for fault in FAULTS.get((rule["rule"], rule["path"]), [])]


@pytest.fixture
def program(monkeypatch):
    """The program as a module; whoever runs the tests stands for root."""
    spec = importlib.util.spec_from_file_location("seal", PROGRAM)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "OWNER", os.getuid())
    return module


@pytest.fixture
def root(tmp_path):
    before = os.umask(0o022)
    yield tmp_path
    os.umask(before)


def below(root: Path, rule: dict) -> dict:
    return {**rule, "path": f"{root}{rule['path']}", "keep": [f"{root}{kept}" for kept in rule.get("keep", [])]}


def compiled(program) -> dict:
    return {name: program.re.compile(text.encode()) for name, text in PATTERNS.items()}


def run(root: Path, rules: list[dict], *arguments: str) -> subprocess.CompletedProcess[str]:
    """As the role runs it."""
    given = json.dumps({"rules": [below(root, rule) for rule in rules], "secrets": PATTERNS})
    command = [sys.executable, "-c", PROGRAM.read_text(), *arguments]
    return subprocess.run(command, input=given, capture_output=True, text=True, check=False)


def test_every_rule_has_its_faults_and_every_fault_its_rule():
    assert {(rule["rule"], rule["path"]) for rule in RULES} == set(FAULTS)
    assert all(FAULTS.values())


def test_every_secret_has_its_sample():
    assert set(PATTERNS) == set(SECRETS)


def test_every_kind_of_rule_is_used_and_may_be_used(program):
    assert {rule["rule"] for rule in RULES} == set(program.KINDS) == set(CHOICES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["path"])
def test_every_place_that_a_rule_names_has_a_fault(program, root, rule):
    """Without one, a misspelt place would never be missed."""
    for fault in FAULTS[rule["rule"], rule["path"]]:
        plant(root, fault)
    for place in program.spelled_out(rule["path"]):
        assert program.offences(below(root, {**rule, "path": place}), compiled(program)), place


@pytest.mark.parametrize(("rule", "fault"), CASES, ids=[f"{rule['rule']}-{fault.path}" for rule, fault in CASES])
def test_a_fault_is_found_and_put_right(program, root, rule, fault):
    here, patterns = below(root, rule), compiled(program)
    if (good := GOOD.get(rule["rule"])) is not None:
        plant(root, Fault(fault.path, None if fault.content is None else good, 0o755))
    assert program.offences(here, patterns) == []

    path = plant(root, fault)
    found = program.offences(here, patterns)
    assert found and all(offence.path in (path, *path.parents) for offence in found)

    program.seal([here], patterns)
    left = program.offences(here, patterns)
    assert left == (found if rule["rule"] == "secret_free" else [])


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_taken_for_what_it_is(program, root, name):
    path = plant(root, Fault("/etc/file", f"# first line\n{SECRETS[name]}"))
    told = [what for what in program.secret_free(path, compiled(program)) if what.startswith(name)]
    assert told == [f"{name} in line 2"]


def test_a_file_of_somebody_else_is_not_read_only(program, root, monkeypatch):
    path = plant(root, Fault("/usr/local/bin/tool", mode=0o755))
    monkeypatch.setattr(program, "OWNER", os.getuid() + 1)
    assert list(program.read_only(path, {})) == [f"owner {os.getuid()}, mode 0755"]


def test_capabilities_are_privileges(program, root, monkeypatch):
    path, removed = plant(root, Fault("/usr/local/bin/tool", mode=0o755)), []
    monkeypatch.setattr(program.os, "listxattr", lambda path: ["user.note", "security.capability"])
    monkeypatch.setattr(program.os, "removexattr", lambda path, name: removed.append(name))
    assert list(program.unprivileged(path, {})) == ["capabilities"]
    program.take_privileges(path)
    assert removed == ["security.capability"]


def test_locking_takes_the_password_and_leaves_the_rest(program, root):
    path = plant(root, Fault("/etc/shadow", "root:*:1::::::\nadmin:$y$j9T$x:20000:0:99999:7:::\nguest::1::::::\n"))
    program.lock(path)
    assert path.read_text() == "root:*:1::::::\nadmin:*:20000:0:99999:7:::\nguest:*:1::::::\n"


def test_a_link_gives_way_to_an_empty_file_and_its_target_stays(program, root):
    target = plant(root, Fault("/var/elsewhere", "content"))
    link = root / "machine-id"
    link.symlink_to(target)
    program.truncate(link)
    assert not link.is_symlink() and link.read_text() == "" and target.read_text() == "content"


SOME = [
    {"path": "/ssh/host_*", "rule": "absent", "why": "Shared"},
    {"path": "/log/**/*.{log,gz}", "rule": "absent", "why": "Trace"},
    {"path": "/s[et]*", "rule": "absent", "keep": ["/seed"], "why": "State"},
    {"path": "/id", "rule": "empty", "why": "Identity"},
    {"path": "/bin/*", "rule": "unprivileged", "why": "Power"},
    {"path": "/not-there", "rule": "absent", "why": "Nothing"},
]


@pytest.fixture
def machine(root):
    for path in ("/ssh/host_key", "/log/deep/er/a.log", "/log/.hidden.gz", "/seed/data", "/state/data", "/id"):
        plant(root, Fault(path))
    plant(root, Fault("/bin/tool", mode=0o4755))
    return root


def test_sealing_makes_the_rules_true_and_says_what_it_did(machine):
    result = run(machine, SOME)
    assert (result.returncode, result.stderr) == (0, "")
    assert {str(path.relative_to(machine)) for path in machine.rglob("*") if path.is_file()} == {
        "bin/tool",
        "id",
        "seed/data",
    }
    assert (machine / "id").read_text() == ""
    assert (machine / "bin/tool").stat().st_mode & 0o7777 == 0o755
    assert len(result.stdout.splitlines()) == 6


def test_a_sealed_machine_is_left_alone(machine):
    run(machine, SOME)
    again = run(machine, SOME)
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert run(machine, SOME, "--check").returncode == 0


def test_checking_names_path_rule_and_reason_and_changes_nothing(machine):
    checked = run(machine, SOME, "--check")
    assert checked.returncode == 1 and checked.stdout == ""
    assert len(checked.stderr.splitlines()) == 6
    assert f"{machine}/ssh/host_key must be absent. Shared.\n" in checked.stderr
    assert f"{machine}/id must be empty (8 bytes). Identity.\n" in checked.stderr
    assert f"{machine}/bin/tool must be unprivileged (mode 4755). Power.\n" in checked.stderr
    assert (machine / "ssh/host_key").exists() and (machine / "id").read_text() == "planted\n"


def test_a_secret_stops_the_bake_and_is_not_told(root):
    plant(root, Fault("/etc/pip.conf", f"[global]\n{SECRETS['password in a URL']}"))
    result = run(root, [{"path": "/etc/**/*", "rule": "secret_free", "why": "Whoever starts it can read it"}])
    assert result.returncode == 1
    assert result.stderr == (
        f"{root}/etc/pip.conf must be secret_free (password in a URL in line 2). Whoever starts it can read it.\n"
    )


def test_a_rule_that_stays_untrue_fails(program, machine, monkeypatch, capsys):
    monkeypatch.setitem(
        program.REMEDIES, "absent", lambda path: None
    )  # as on a file system that does not do what it is asked
    monkeypatch.setattr(sys, "argv", ["seal.py"])
    given = json.dumps({"rules": [below(machine, rule) for rule in SOME], "secrets": {}})
    monkeypatch.setattr(sys, "stdin", io.StringIO(given))
    assert program.main() == 1
    assert f"{machine}/ssh/host_key must be absent. Shared." in capsys.readouterr().err
