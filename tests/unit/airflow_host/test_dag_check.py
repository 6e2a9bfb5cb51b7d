import json
import socket
import sys
import threading
import types

import pytest
from airflow_host import dag_check
from airflow_host.errors import HostError


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "dags/sub").mkdir(parents=True)
    (tmp_path / "dags/sub/good.py").write_text("x = 1\n")
    return tmp_path / "dags"


@pytest.fixture
def checker(tmp_path):
    """A unit behind the socket, which answers what the test says."""
    asked = []

    def start(answer):
        server = socket.socket(socket.AF_UNIX)
        server.bind(str(tmp_path / "socket"))
        server.listen()

        def serve():
            connection, _ = server.accept()
            with connection, connection.makefile() as lines:
                asked.append(lines.readline())
                connection.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        return tmp_path / "socket"

    start.asked = asked
    return start


def test_a_good_folder_has_no_problem(folder):
    assert dag_check.problems(folder, "syntax", 1) == []


def test_files_that_do_not_compile_are_named(folder):
    (folder / "sub/bad.py").write_text("x = 1\nif x\n")
    (folder / "nul.py").write_bytes(b"x = 1\n\0")
    found = dag_check.problems(folder, "syntax", 1)
    assert len(found) == 2 and found[0].startswith("nul.py") and found[1].startswith("sub/bad.py:2: ")
    assert dag_check.problems(folder, "nothing", 1) == []


@pytest.mark.parametrize("target", ["/etc/hostname", "../../outside.py", "missing.py"])
def test_links_that_lead_out_of_the_folder_are_named(folder, target):
    (folder / "sub/link.py").symlink_to(target)
    assert dag_check.problems(folder, "syntax", 1) == [f"sub/link.py: links to {target}, which is not in this folder"]


def test_links_within_the_folder_are_fine(folder):
    (folder / "link.py").symlink_to("sub/good.py")
    (folder / "loop").symlink_to(".")
    assert dag_check.problems(folder, "syntax", 1) == []


def test_airflow_is_asked_where_python_has_nothing_to_say(folder, checker):
    address = checker(json.dumps(["sub/good.py: ModuleNotFoundError: no module"]).encode())
    assert dag_check.problems(folder, "imports", 5, address) == ["sub/good.py: ModuleNotFoundError: no module"]
    assert checker.asked == [f"{folder}\n"]
    (folder / "bad.py").write_text("if x\n")
    [problem] = dag_check.problems(folder, "imports", 5, folder / "nobody listens")
    assert problem.startswith("bad.py:1")


def test_a_check_that_ends_without_an_answer_holds_back(folder, checker):
    [problem] = dag_check.import_errors(folder, 5, checker(b""))
    assert "within 5 s" in problem


def test_a_check_that_is_not_there_is_an_error(folder, tmp_path):
    with pytest.raises(HostError, match=r"airflow-dags-check\.socket must be active"):
        dag_check.import_errors(folder, 5, tmp_path / "none")


@pytest.mark.parametrize("version", [2, 3])
def test_errors_of_both_versions_of_airflow_are_named_by_file(folder, monkeypatch, version):
    """Airflow 3 names files below the folder, Airflow 2 by their whole path."""

    class DagBag:
        def __init__(self, path, **options):
            assert options == ({"bundle_path": folder} if version == 3 else {"include_examples": False})
            name = "sub/bad.py" if version == 3 else f"{path}/sub/bad.py"
            self.import_errors = {name: "Traceback (most recent call last):\n  ...\nKeyError: 'x'\n"}

    module = types.SimpleNamespace(DagBag=DagBag)
    for name in ("airflow", "airflow.dag_processing", "airflow.models"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, "airflow.dag_processing.dagbag", module if version == 3 else None)
    monkeypatch.setitem(sys.modules, "airflow.models.dagbag", module)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setenv("AIRFLOW__CORE__DAGS_FOLDER", "")
    here, there = socket.socketpair()
    with here, there:
        here.sendall(f"{folder}\n".encode())
        dag_check.answer(there)
        assert json.loads(here.recv(1000)) == ["sub/bad.py: KeyError: 'x'"]
    assert sys.path[-1] == str(folder)
