import json
import subprocess

import pytest
from airflow_host import apply
from airflow_host.layout import Layout
from stacks import PRINTABLE, stack

UNITS = [f"airflow-{name}.service" for name in ("api-server", "scheduler", "dag-processor", "triggerer", "worker")]


class Systemd:
    """Answers `systemctl show` and remembers every other command."""

    def __init__(self):
        self.active = set()
        self.jobs = set()
        self.commands = []
        self.failing = set()

    def __call__(self, command):
        if command[:2] != ["systemctl", "show"]:
            self.commands.append(" ".join(command))
            if self.failing.intersection(command):
                raise subprocess.CalledProcessError(1, command)
            if command[1:3] == ["start", "--no-block"]:
                self.active = set(UNITS)
            return ""
        return "\n\n".join(
            f"Id={unit}\nActiveState={'active' if unit in self.active else 'inactive'}\nJob={int(unit in self.jobs)}"
            for unit in command[3:]
        )


@pytest.fixture
def host(tmp_path):
    return Layout(tmp_path), Systemd()


def applied(host, **changes):
    layout, systemd = host
    plan = apply.plan(stack(**changes), layout, run=systemd)
    apply.execute(plan, layout, run=systemd)
    return plan.report()


def checked(host, **changes):
    layout, systemd = host
    return apply.plan(stack(**changes), layout, run=systemd).report()


def test_a_fresh_host_starts_everything_once(host):
    report = applied(host)
    assert report["restart"] == UNITS
    assert not [command for command in host[1].commands if command.startswith("systemctl restart airflow-")]
    assert host[1].commands[-1] == "systemctl start --no-block airflow.target"


def test_a_second_time_changes_nothing(host):
    applied(host)
    report = checked(host)
    assert (report["changed"], report["restart"], report["stop"], report["prepare_database"]) == ([], [], [], False)


def test_check_changes_nothing(host):
    checked(host)
    assert list(host[0].root.iterdir()) == []
    assert host[1].commands == []


def test_no_report_has_a_secret(host):
    text = json.dumps(applied(host))
    assert json.dumps(PRINTABLE)[1:-1] not in text
    assert "jwt-secret" not in text
    assert "(secret)" in text


def test_only_the_unit_whose_drop_in_changed_is_restarted(host):
    applied(host)
    report = applied(host, worker={"drain_seconds": 7, "queues": ["default"]})
    assert report["restart"] == ["airflow-worker.service"]
    assert "systemctl restart airflow-worker.service" in host[1].commands
    assert checked(host)["restart"] == ["airflow-worker.service"]


def test_a_service_that_fails_at_its_restart_is_left_to_systemd(host):
    applied(host)
    host[1].failing = {"airflow-worker.service"}
    applied(host, worker={"drain_seconds": 7, "queues": ["default"]})
    assert host[1].commands[-2:] == [
        "systemctl restart airflow-worker.service",
        "systemctl start --no-block airflow.target",
    ]
    assert checked(host, worker={"drain_seconds": 7, "queues": ["default"]})["restart"] == []


def test_without_restart_units_stay_due(host):
    applied(host)
    layout, systemd = host
    other = stack(worker={"drain_seconds": 7, "queues": ["default"]})
    apply.execute(apply.plan(other, layout, run=systemd), layout, restart=False, run=systemd)
    plan = apply.plan(other, layout, run=systemd)
    assert plan.write == []
    assert plan.restart == ["airflow-worker.service"]


def test_a_changed_administrator_reloads_the_database_unit_only(host):
    applied(host)
    layout, systemd = host
    rotated = stack()
    rotated.secrets["admin"]["password"] = "rotated"
    plan = apply.plan(rotated, layout, run=systemd)
    assert plan.restart == []
    systemd.commands.clear()
    apply.execute(plan, layout, run=systemd)
    assert systemd.commands[0] == "systemctl reload-or-restart --no-block airflow-database.service"


def test_a_service_that_is_about_to_start_is_not_due(host):
    applied(host)
    host[1].active.clear()
    host[1].jobs = set(UNITS)
    assert checked(host)["restart"] == []


def test_a_service_that_is_no_longer_wanted_is_stopped_and_its_secrets_go(host):
    applied(host)
    report = applied(host, services=["scheduler"])
    assert sorted(report["stop"]) == sorted(set(UNITS) - {"airflow-scheduler.service"})
    assert sorted(path.name for path in host[0].runtime.glob("*.env")) == ["database.env", "scheduler.env"]


def test_changed_authorities_are_installed_and_restart_all(host):
    applied(host)
    host[1].commands.clear()
    report = applied(host, certificate_authorities=["-----BEGIN CERTIFICATE-----\nB\n-----END CERTIFICATE-----"])
    assert report["restart"] == UNITS
    assert host[1].commands[0] == "update-ca-certificates --fresh"
    assert len(list(host[0].certificate_authorities.iterdir())) == 1
