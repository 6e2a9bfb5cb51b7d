import json
from pathlib import Path

import pytest
from airflow_host import options
from airflow_host.errors import HostError

KNOWN = Path(__file__).parents[3] / "roles/airflow_install/files/options/airflow-3.3.2.json"


def cfg(section, option):
    return f"[smtp]\nsmtp_ssl = False\n\n[{section}]\n{option} = 100%%\n"


@pytest.mark.parametrize(
    ("section", "option"),
    [
        ("celery", "worker_concurrency"),
        ("celery_broker_transport_options", "any_of_kombu"),
        ("my_team", "answer"),
    ],
)
def test_known_options_and_own_sections_are_taken(section, option):
    options.require(cfg(section, option), KNOWN)


@pytest.mark.parametrize(
    ("section", "option", "said"),
    [
        ("celery", "worker_concurency", "celery.worker_concurency is unknown"),
        ("webserver", "base_url", "webserver.base_url is api.base_url now"),
        ("core", "check_slas", "core.check_slas is unknown"),
    ],
)
def test_others_are_refused_by_name(section, option, said):
    with pytest.raises(HostError, match=said):
        options.require(cfg(section, option), KNOWN)


def test_what_is_no_airflow_cfg_is_refused():
    with pytest.raises(HostError, match="already exists"):
        options.require("[core]\n[core]\n", KNOWN)


@pytest.mark.parametrize("text", [None, "{"])
def test_an_image_that_does_not_know_its_options_is_incomplete(tmp_path, text):
    known = tmp_path / "options.json"
    if text is not None:
        known.write_text(text)
    with pytest.raises(HostError, match="incomplete"):
        options.require(cfg("core", "parallelism"), known)


@pytest.mark.parametrize("path", sorted(KNOWN.parent.glob("*.json")), ids=lambda path: path.stem)
def test_new_names_are_known_and_old_ones_are_not(path):
    known = json.loads(path.read_text())
    assert {*known["renamed"].values()} <= {*known["options"]}
    assert not {*known["options"]} & {*known["renamed"], *known["removed"]}
