import io
import tarfile

import pytest

from local_region.engine import exit_state, system_options, tar


def test_an_archive_holds_content_and_mode():
    with tarfile.open(fileobj=io.BytesIO(tar({"/etc/key": (b"secret", 0o600)}))) as archive:
        (member,) = archive.getmembers()
        assert (member.name, member.mode, archive.extractfile(member).read()) == ("etc/key", 0o600, b"secret")


@pytest.mark.parametrize(("code", "state"), [(0, "exited"), (129, "rebooted"), (130, "exited"), (137, "killed")])
def test_exit_codes(code, state):
    assert exit_state(code) == state


def test_cgroup_versions():
    first, second = system_options("1"), system_options("2")
    assert (first["cgroupns"], second["cgroupns"]) == ("host", "private")
    assert "/sys/fs/cgroup" in first["volumes"]
    assert second["volumes"] == {}
    assert "privileged" not in first
