import dataclasses
import json
import subprocess

import pytest
from airflow_host import apply
from airflow_host.errors import HostError
from airflow_host.layout import Layout
from stacks import PRINTABLE, stack

DATABASE = "airflow-database.service"
UNITS = [f"airflow-{name}.service" for name in ("api-server", "scheduler", "dag-processor", "triggerer", "worker")]


class Systemd:
    """Answers `systemctl show` and remembers every other command."""

    def __init__(self):
        self.active = set()
        self.jobs = set()
        self.commands = []
        self.failing = set()
        self.drift = []

    def __call__(self, command):
        if command[:2] != ["systemctl", "show"]:
            self.commands.append(" ".join(command))
            if self.failing.intersection(command):
                raise subprocess.CalledProcessError(1, command)
            if command[1:3] == ["start", "--no-block"]:
                self.active = {*UNITS, DATABASE}
            return ""
        return "\n\n".join(
            f"Id={unit}\nActiveState={'active' if unit in self.active else 'inactive'}\nJob={int(unit in self.jobs)}"
            for unit in command[3:]
        )

    def compare(self):
        """Tell the drift, which a reload that is waited for repairs."""
        if f"systemctl reload-or-restart {DATABASE}" in self.commands:
            self.drift = [each for each in self.drift if "stubborn" in each]
        return self.drift


@pytest.fixture
def host(tmp_path):
    return Layout(tmp_path), Systemd()


def applied(host, **changes):
    layout, systemd = host
    plan = apply.plan(stack(**changes), layout, systemd.compare, run=systemd)
    apply.execute(plan, layout, systemd.compare, run=systemd)
    return plan.report()


def checked(host, **changes):
    layout, systemd = host
    return apply.plan(stack(**changes), layout, systemd.compare, run=systemd).report()


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
    apply.execute(
        apply.plan(other, layout, systemd.compare, run=systemd), layout, systemd.compare, restart=False, run=systemd
    )
    plan = apply.plan(other, layout, systemd.compare, run=systemd)
    assert plan.write == []
    assert plan.restart == ["airflow-worker.service"]


def test_a_change_of_how_users_sign_in_restarts_the_web_service_only(host):
    applied(host)
    layout, systemd = host
    other = dataclasses.replace(stack(), webserver_config="AUTH_TYPE = 2\n")
    plan = apply.plan(other, layout, systemd.compare, run=systemd)
    assert [file.path for file in plan.write] == [layout.webserver_config]
    assert plan.restart == ["airflow-api-server.service"]


def test_a_renewed_client_secret_restarts_the_web_service_only(host):
    sign_in = {"secrets": ["client_secret"]}
    applied(host, sign_in=sign_in)
    layout, systemd = host
    renewed = stack(sign_in=sign_in)
    renewed.secrets["sign_in"]["client_secret"] = "of-another-client"
    plan = apply.plan(renewed, layout, systemd.compare, run=systemd)
    assert plan.restart == ["airflow-api-server.service"]
    assert "of-another-client" not in json.dumps(plan.report())


def test_a_changed_administrator_reloads_the_database_unit_only(host):
    applied(host)
    layout, systemd = host
    rotated = stack()
    rotated.secrets["admin"]["password"] = "rotated"
    plan = apply.plan(rotated, layout, systemd.compare, run=systemd)
    assert plan.restart == []
    systemd.commands.clear()
    apply.execute(plan, layout, systemd.compare, run=systemd)
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


POOL = {"pgbouncer": {"pool_size": 9}}


def rotated(host, name):
    """Apply another password; return the plan and the commands."""
    layout, systemd = host
    other = stack(**POOL)
    other.secrets[name]["password"] = "rotated"
    plan = apply.plan(other, layout, systemd.compare, run=systemd)
    systemd.commands.clear()
    apply.execute(plan, layout, systemd.compare, run=systemd)
    return plan, systemd.commands


def test_pgbouncer_is_started_before_the_services(host):
    report = applied(host, **POOL)
    assert report["reload"] == ["airflow-pgbouncer.service"]
    started = host[1].commands.index("systemctl reload-or-restart airflow-pgbouncer.service")
    assert started < host[1].commands.index("systemctl start --no-block airflow.target")
    host[1].active.add("airflow-pgbouncer.service")
    again = applied(host, **POOL)
    assert (again["changed"], again["restart"], again["reload"], again["stop"]) == ([], [], [], [])


def test_services_reach_the_database_through_pgbouncer_and_the_migration_directly(host):
    applied(host, **POOL)
    texts = {path.stem: path.read_text() for path in host[0].runtime.glob("*.env")}
    assert "@db.example:5432/airflow?" in texts.pop("database")
    # On Airflow 3 a worker has Celery's results there, and nothing else.
    for text in texts.values():
        assert "@127.0.0.1:6432/airflow" in text
        assert "db.example" not in text


def test_a_password_of_the_database_reloads_pgbouncer_and_restarts_whom_it_was_given(host):
    applied(host, **POOL)
    host[1].active.add("airflow-pgbouncer.service")
    plan, commands = rotated(host, "results")
    assert plan.reload == ["airflow-pgbouncer.service"]
    assert plan.restart == ["airflow-scheduler.service", "airflow-worker.service"]
    assert commands.index("systemctl reload-or-restart airflow-pgbouncer.service") < commands.index(
        "systemctl restart airflow-scheduler.service airflow-worker.service"
    )
    assert not [each for each in commands if "restart airflow-pgbouncer" in each and "reload" not in each]


def test_another_size_of_the_pool_restarts_nothing(host):
    applied(host, **POOL)
    host[1].active.add("airflow-pgbouncer.service")
    report = applied(host, pgbouncer={"pool_size": 10})
    assert (report["restart"], report["reload"]) == ([], ["airflow-pgbouncer.service"])
    assert set(report["changed"]) == {str(host[0].pgbouncer), str(host[0].document)}


def test_without_pgbouncer_it_is_stopped_and_its_files_go(host):
    applied(host, **POOL)
    host[1].active.add("airflow-pgbouncer.service")
    report = applied(host)
    assert report["stop"] == ["airflow-pgbouncer.service"]
    assert report["restart"] == UNITS
    assert not host[0].pgbouncer.exists() and not host[0].pgbouncer_users.exists()


def test_drift_is_repaired_by_a_reload_that_is_waited_for(host):
    applied(host)
    host[1].commands.clear()
    host[1].drift = ["pools.p: slots"]
    assert checked(host)["state"] == ["pools.p: slots"]
    assert host[1].commands == []
    report = applied(host)
    assert (report["state"], report["changed"], report["restart"]) == (["pools.p: slots"], [], [])
    assert host[1].commands == [f"systemctl reload-or-restart {DATABASE}", "systemctl start --no-block airflow.target"]
    assert checked(host)["state"] == []


def test_what_stays_otherwise_than_declared_is_an_error_after_all_else_is_done(host):
    applied(host)
    host[1].drift = ["users.stubborn: roles"]
    with pytest.raises(HostError, match=r"users\.stubborn: roles: could not be made so"):
        applied(host, worker={"drain_seconds": 7, "queues": ["default"]})
    assert "systemctl restart airflow-worker.service" in host[1].commands
    assert checked(host, worker={"drain_seconds": 7, "queues": ["default"]})["restart"] == []


def test_at_boot_the_database_unit_compares_by_itself(host):
    host[1].drift = ["pools.p: slots"]
    assert checked(host)["state"] == []


def test_optional_helpers_come_change_and_go_with_what_the_stack_says_of_them(host):
    def journal(name):
        return {"journal": {"airflow": f"/{name}/airflow", "system": f"/{name}/system"}}

    applied(host, **journal("one"))
    host[1].active = {*UNITS, "airflow-journal.service"}
    host[1].commands.clear()
    assert applied(host, **journal("two"))["restart"] == []
    assert host[1].commands[:2] == ["systemctl daemon-reload", "systemctl try-restart airflow-journal.service"]
    host[1].active.add("airflow-journal.service")
    assert checked(host)["stop"] == ["airflow-journal.service"]
