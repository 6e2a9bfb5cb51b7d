import pytest
from airflow_host import web_watchdog

UNIT = "airflow-api-server.service"


class Host:
    """A host whose web service has a process ID, answers or not, and whose commands are kept."""

    def __init__(self, folder):
        self.kept, self.state, self.process, self.error = folder / "silent.json", "running", 100, None
        self.commands = []

    def run(self, command):
        if command[1] == "show":
            return f"Id={UNIT}\nSubState={self.state}\nMainPID={self.process}\n"
        self.commands.append(command)
        return ""

    def fetch(self, url, timeout):
        if self.error:
            raise self.error
        return 200, ""

    def look(self, now):
        return web_watchdog.check("api-server", self.kept, now, self.fetch, self.run)


@pytest.fixture
def host(tmp_path):
    return Host(tmp_path)


@pytest.mark.parametrize("error", [TimeoutError(), ConnectionRefusedError()])
def test_a_service_that_stays_silent_is_restarted(host, error, capsys):
    host.error = error
    assert [host.look(now) for now in (1000, 1120, 1239, 1241)] == [False, False, False, True]
    assert host.commands == [["systemctl", "restart", "--no-block", UNIT]]
    assert f"{UNIT} has answered nobody for 241 s" in capsys.readouterr().err


def test_one_that_answered_meanwhile_is_not(host):
    host.error = TimeoutError()
    host.look(1000)
    host.error = None
    host.look(1200)
    host.error = TimeoutError()
    assert not host.look(1300)
    assert host.commands == []


@pytest.mark.parametrize("change", [{"process": 101}, {"state": "start-post"}])
def test_one_that_starts_gets_its_time(host, change):
    host.error = TimeoutError()
    host.look(1000)
    vars(host).update(change)
    assert not host.look(1300)
    vars(host).update(state="running")
    assert not host.look(1301)
