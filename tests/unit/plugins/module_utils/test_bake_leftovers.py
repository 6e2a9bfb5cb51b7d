"""What a dead bake left is found; what a bake that lives is made of is not touched."""

import pytest
from ansible_collections.graviflow.airflow.plugins.module_utils.bake_leftovers import leftovers

NOW, LATER, EARLIER = "2026-11-21T12:00:00Z", "2026-11-21T13:00:00Z", "2026-11-21T11:00:00Z"
NOTHING = {"instances": [], "key_pairs": [], "security_groups": [], "images": []}
# As Packer 1.6.6 and the amazon plugin 1.3.10 say it.
LOG = """
==> amazon-ebs.airflow: Prevalidating any provided VPC information
    amazon-ebs.airflow: Found Image ID: ami-00000000000000001
==> amazon-ebs.airflow: Creating temporary keypair: packer_mine
==> amazon-ebs.airflow: Creating temporary security group for this instance: packer_mine-too
    amazon-ebs.airflow: Instance ID: i-0000000000000000a
==> amazon-ebs.airflow: Creating AMI graviflow-airflow-3.3.2-0123456789ab from instance i-0000000000000000a
    amazon-ebs.airflow: AMI: ami-0000000000000000a
"""


def tags(baker: str, until: str) -> dict[str, str]:
    return {"graviflow:baker": baker, "graviflow:bake-until": until, "graviflow:image": "f" * 64}


def instance(id: str, tags: dict | None = None, key: str = "packer_k", group: str = "packer_g") -> dict:
    groups = [{"group_id": f"sg-{group}", "group_name": group}]
    return {"instance_id": id, "key_name": key, "security_groups": groups, "tags": tags or {}}


def key(name: str, tags: dict | None = None) -> dict:
    return {"key_name": name, "tags": tags}


def group(name: str, tags: dict | None = None) -> dict:
    return {"group_id": f"sg-{name}", "group_name": name, "tags": tags or {}}


def left(log: str = "", **found) -> dict:
    told = leftovers({**NOTHING, **found}, log, baker="me", now=NOW)
    return {kind: each for kind, each in told.items() if each}


def test_nothing_is_left_where_nothing_is():
    assert left(LOG) == {}


@pytest.mark.parametrize("of", [tags("me", LATER), tags("somebody", EARLIER)], ids=["mine", "over"])
def test_what_bears_the_tags_of_a_dead_bake_is_left(of):
    found = {
        "instances": [instance("i-1", of)],
        "key_pairs": [key("packer_k", of)],
        "security_groups": [group("packer_g", of)],
    }
    assert left(**found) == {"instances": ["i-1"], "key_pairs": ["packer_k"], "security_groups": ["sg-packer_g"]}


def test_what_may_still_bake_elsewhere_is_not_left():
    of = tags("somebody", LATER)
    told = left(
        instances=[instance("i-1", of)],
        key_pairs=[key("packer_k", of)],
        security_groups=[group("packer_g", of)],
    )
    assert told == {"running": [{"instance": "i-1", "image": "f" * 64, "until": LATER}]}


def test_what_a_dead_instance_has_goes_with_it_though_china_tags_neither():
    found = {"key_pairs": [key("packer_k"), key("packer_other")], "security_groups": [group("packer_g")]}
    told = left(instances=[instance("i-1", tags("me", LATER))], **found)
    assert told == {"instances": ["i-1"], "key_pairs": ["packer_k"], "security_groups": ["sg-packer_g"]}


def test_what_the_log_names_is_left_though_there_was_no_time_to_tag_it():
    found = {
        "instances": [instance("i-0000000000000000a", key="packer_mine")],
        "key_pairs": [key("packer_mine"), key("packer_other")],
        "security_groups": [group("packer_mine-too"), group("packer_other")],
        "images": [{"image_id": "ami-0000000000000000a", "tags": {}}],
    }
    assert left(LOG, **found) == {
        "instances": ["i-0000000000000000a"],
        "key_pairs": ["packer_mine"],
        "security_groups": ["sg-packer_mine-too"],
        "images": ["ami-0000000000000000a"],
    }


def test_a_whole_image_is_not_left():
    whole = {"image_id": "ami-0000000000000000a", "tags": {"graviflow:image": "f" * 64}}
    assert left(LOG, images=[whole]) == {}


def test_other_users_of_packer_are_none_of_ours():
    found = {
        "instances": [instance("i-1"), instance("i-2", {"Name": "theirs"})],
        "key_pairs": [key("packer_k"), key("packer_theirs", {})],
        "security_groups": [group("packer_g")],
    }
    assert left(**found) == {}


def test_a_key_and_a_group_that_packer_did_not_make_stay():
    mine = instance("i-1", tags("me", LATER), key="operators", group="shared")
    found = {"key_pairs": [key("operators")], "security_groups": [group("shared", tags("me", LATER))]}
    assert left(instances=[mine], **found) == {"instances": ["i-1"]}
