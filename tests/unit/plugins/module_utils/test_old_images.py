"""What is old goes; what anything may need stays, and says why."""

import pytest
from ansible_collections.graviflow.airflow.plugins.module_utils.old_images import fates, orphans

NOW = "2026-11-21T12:00:00Z"
SETTINGS = {"keep": 1, "days": 90, "now": NOW}


def image(number: int, created: str = "2026-01-01", **more) -> dict:
    tags = {"graviflow:image": f"{number:064x}", "graviflow:airflow": "3.3.2", "graviflow:python": "3.13"}
    return {
        "image_id": f"ami-{number:017x}",
        "name": f"graviflow-airflow-3.3.2-{number:012x}",
        "state": "available",
        "creation_date": f"{created}T08:00:{number:02d}.000Z",
        "block_device_mappings": [{"device_name": "/dev/xvda", "ebs": {"snapshot_id": f"snap-{number}"}}],
        **more,
        "tags": tags | more.get("tags", {}),
    }


# The newest is 9; 1 is as old as can be.
NEWEST, OLD = image(9, "2026-02-01"), image(1)


def fate(old: dict = OLD, settings: dict | None = None, **found) -> tuple[bool, str]:
    told = fates({"images": [old, NEWEST], **found}, **SETTINGS | (settings or {}))
    return next((each["remove"], each["why"]) for each in told if each["image_id"] == old["image_id"])


def test_what_is_old_and_not_needed_goes():
    assert fate() == (True, "")


def test_the_newest_stays_however_old():
    told = fates({"images": [OLD, NEWEST]}, **SETTINGS)
    assert [(each["image_id"], each["remove"]) for each in told] == [
        (NEWEST["image_id"], False),
        (OLD["image_id"], True),
    ]


def test_as_many_stay_as_are_asked_for():
    images = [image(number) for number in range(1, 6)]
    told = fates({"images": images}, **SETTINGS | {"keep": 3})
    assert [each["remove"] for each in told] == [False, False, False, True, True]


def test_each_line_of_versions_has_a_newest():
    assert fate(image(1, tags={"graviflow:airflow": "2.11.2"})) == (
        False,
        "one of the newest 1 of Airflow 2.11.2 on Python 3.13",
    )


def test_one_that_failed_counts_for_none():
    told = fates({"images": [OLD, image(8, "2026-02-01", state="failed")]}, **SETTINGS)
    assert next(each for each in told if each["image_id"] == OLD["image_id"])["remove"] is False


@pytest.mark.parametrize(("created", "remove"), [("2026-08-22", True), ("2026-08-24", False), ("2026-11-21", False)])
def test_it_stays_for_as_many_days_as_are_asked_for(created, remove):
    newest = image(9, "2026-11-21")
    told = fates({"images": [image(1, created), newest]}, **SETTINGS)
    assert told[-1]["remove"] is remove


ID = OLD["image_id"]


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (
            {
                "launch_templates": [
                    {
                        "launch_template_name": "demo-host",
                        "versions": [
                            {"version_number": 1, "launch_template_data": {"image_id": ID}},
                            {"version_number": 2, "launch_template_data": {"image_id": NEWEST["image_id"]}},
                        ],
                    }
                ]
            },
            "named by launch template demo-host",
        ),
        (
            {"launch_configurations": [{"launch_configuration_name": "old-style", "image_id": ID}]},
            "named by launch configuration old-style",
        ),
        (
            {
                "groups": [
                    {
                        "auto_scaling_group_name": "mixed",
                        "mixed_instances_policy": {"overrides": [{"image_id": ID}]},
                    }
                ]
            },
            "named by Auto Scaling group mixed",
        ),
        (
            {"instances": [{"instance_id": "i-1", "image_id": ID, "state": {"name": "stopped"}}]},
            "named by instance i-1",
        ),
        ({"parameters": [{"name": "/golden", "value": ID}]}, "named by parameter /golden"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_is_named_stays(found, why):
    assert fate(**found) == (False, why)


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"tags": {"graviflow:keep": ""}}, "tagged graviflow:keep"),
        ({"state": "pending"}, "being made"),
        ({"deregistration_protection": "enabled-with-cooldown"}, "protected from deregistration"),
    ],
)
def test_what_is_protected_stays(more, why):
    assert fate(image(1, **more)) == (False, why)


def test_what_is_shared_stays_unless_asked():
    shared = {"permissions": {ID: [{"user_id": "123456789012"}]}}
    assert fate(settings=shared) == (False, "shared: whether others use it cannot be seen")
    assert fate(settings=shared | {"shared": True}) == (True, "")


@pytest.mark.parametrize("change", [{"name": "golden-3.3.2"}, {"name": "my-graviflow-airflow-3.3.2-1"}])
def test_images_of_other_names_are_none_of_ours(change):
    told = fates({"images": [image(1, **change), NEWEST]}, **SETTINGS)
    assert [each["image_id"] for each in told] == [NEWEST["image_id"]]


def test_images_without_the_tag_are_none_of_ours():
    foreign = image(1)
    del foreign["tags"]["graviflow:image"]
    assert fates({"images": [foreign]}, **SETTINGS) == []


@pytest.mark.parametrize("change", [{"keep": 0}, {"days": 0}, {"keep": -1}])
def test_settings_that_would_take_the_newest_are_refused(change):
    with pytest.raises(ValueError, match="both must be 1 or more"):
        fates({"images": [OLD, NEWEST]}, **SETTINGS | change)


def snapshot(number: int, created: str = "2026-01-01T08:00:00+00:00", **tags) -> dict:
    return {
        "snapshot_id": f"snap-{number}",
        "start_time": created,
        "tags": {"graviflow:image": "x"} | tags,
    }


def test_snapshots_that_no_image_is_made_of_go():
    found = {"images": [OLD], "snapshots": [snapshot(1), snapshot(2)]}
    assert orphans(found, days=90, now=NOW) == ["snap-2"]


@pytest.mark.parametrize(
    "kept",
    [
        snapshot(2, "2026-11-21T08:00:00+00:00"),
        snapshot(2, **{"graviflow:keep": "yes"}),
        {**snapshot(2), "tags": {"Name": "mine"}},
    ],
    ids=["young", "tagged", "foreign"],
)
def test_other_snapshots_stay(kept):
    assert orphans({"images": [OLD], "snapshots": [kept]}, days=90, now=NOW) == []
