import subprocess

import pytest
from airflow_host import clock

# reference ID, source, stratum, time, offset, last and RMS offset, frequency, residual, skew, root delay, root
# dispersion, update interval, leap status
TRACKING = "A9FEA97B,{source},{stratum},1795000000.0,{offset},0.0,0.0,1.0,0.0,0.1,{delay},{dispersion},16.0,{leap}\n"
GOOD = {
    "source": "169.254.169.123",
    "stratum": 4,
    "offset": -0.002,
    "delay": 0.004,
    "dispersion": 0.001,
    "leap": "Normal",
}


def answers(tracking, virtualization="none"):
    def run(command):
        if command[0] == "chronyc":
            return tracking
        if virtualization == "none":
            raise subprocess.CalledProcessError(1, command)
        return virtualization

    return run


def test_the_error_is_bounded_by_offset_delay_and_dispersion():
    seen = clock.read(answers(TRACKING.format(**GOOD)))
    assert (seen.state, seen.source, seen.warning) == ("synchronised", "169.254.169.123", "")
    assert seen.error == pytest.approx(0.005)


@pytest.mark.parametrize(
    ("tracking", "warning"),
    [
        (TRACKING.format(**{**GOOD, "offset": 0.9, "dispersion": 0.2}), "may be off by 1.102 s"),
        (TRACKING.format(**{**GOOD, "leap": "Not synchronised"}), "follows no source"),
        (TRACKING.format(**{**GOOD, "stratum": 0}), "follows no source"),
        ("506 Cannot talk to daemon\n", "unexpected answer '506"),
    ],
)
def test_a_clock_that_may_be_wrong_is_a_warning(tracking, warning):
    assert warning in clock.read(answers(tracking)).warning


def test_a_container_has_the_clock_of_its_host():
    assert clock.read(answers("", "docker")).as_dict() == {
        "state": "of the container's host",
        "source": "",
        "error": None,
        "warning": "",
    }


def test_a_host_without_chrony_is_warned_of():
    def run(command):
        raise FileNotFoundError(command[0]) if command[0] == "chronyc" else subprocess.CalledProcessError(1, command)

    assert "chronyc" in clock.read(run).warning
