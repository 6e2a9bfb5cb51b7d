import pytest
from ansible_collections.graviflow.airflow.plugins.module_utils.access_point import current_state, plan
from ansible_collections.graviflow.airflow.plugins.module_utils.reconcile import Call, Refusal

POINT = {
    "ClientToken": "demo",
    "AccessPointId": "fsap-1",
    "AccessPointArn": "arn:aws:efs:fsap-1",
    "FileSystemId": "fs-1",
    "LifeCycleState": "available",
    "PosixUser": {"Uid": 1000, "Gid": 1000, "SecondaryGids": []},
    "RootDirectory": {
        "Path": "/offload",
        "CreationInfo": {"OwnerUid": 1000, "OwnerGid": 1000, "Permissions": "0755"},
    },
    "Tags": [{"Key": "Name", "Value": "demo"}],
}


def wanted(**options):
    return {
        "state": "present",
        "name": "demo",
        "file_system_id": "fs-1",
        "path": "/offload",
        "posix_user": {"uid": 1000, "gid": 1000, "secondary_gids": None},
        "creation_info": {"owner_uid": 1000, "owner_gid": 1000, "permissions": "0755"},
        "tags": {},
        "purge_tags": True,
        **options,
    }


def test_creation():
    [call] = plan(wanted(tags={"t": "1"}), None).calls
    assert call == Call(
        "create_access_point",
        {
            "ClientToken": "demo",
            "FileSystemId": "fs-1",
            "PosixUser": {"Uid": 1000, "Gid": 1000},
            "RootDirectory": POINT["RootDirectory"],
            "Tags": [{"Key": "Name", "Value": "demo"}, {"Key": "t", "Value": "1"}],
        },
    )


def test_as_declared_needs_no_call():
    assert plan(wanted(), current_state("demo", [POINT])).calls == ()


def test_others_and_what_goes_are_not_it():
    assert current_state("demo", [{**POINT, "ClientToken": "other"}]) is None
    assert current_state("demo", [{**POINT, "LifeCycleState": "deleting"}]) is None


def test_tags_change():
    [call] = plan(wanted(tags={"t": "1"}), current_state("demo", [POINT])).calls
    assert call == Call("tag_resource", {"ResourceId": "fsap-1", "Tags": [{"Key": "t", "Value": "1"}]})


@pytest.mark.parametrize(
    "options", [{"path": "/other"}, {"posix_user": {"uid": 1, "gid": 1}}, {"file_system_id": "fs-2"}]
)
def test_what_efs_cannot_change_is_refused(options):
    with pytest.raises(Refusal, match="EFS cannot change it"):
        plan(wanted(**options), current_state("demo", [POINT]))


def test_removal():
    assert plan(wanted(state="absent"), current_state("demo", [POINT])).calls == (
        Call("delete_access_point", {"AccessPointId": "fsap-1"}),
    )
    assert plan(wanted(state="absent"), None).calls == ()
