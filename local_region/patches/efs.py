"""EFS: file systems and mount targets take a moment, policies can be changed, the deprecated tag calls work.

Attributes that start with an underscore stay out of moto's answers.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from moto.efs import exceptions, models, urls
from moto.efs.responses import EFSResponse
from moto.kms.utils import RESERVED_ALIASE_TARGET_KEY_IDS

from local_region.patches._tools import after, replace

if TYPE_CHECKING:
    from local_region.region import Region

JSON = {"Content-Type": "application/json"}
EMPTY = (json.dumps({}), {"status": 204, **JSON})
THROUGHPUT_MODES = ("bursting", "provisioned", "elastic")


def apply(region: Region) -> None:
    """Patch moto's EFS."""
    _creation(region)
    _updates()
    _policies()
    _tags()


def _creation(region: Region) -> None:
    @after(models.FileSystem, "__init__")
    def file_system(created: Any, *_: Any, **__: Any) -> None:
        """Gap: available at once, and an encrypted file system has no key."""
        created.life_cycle_state = "creating"
        created._ready_at = time.monotonic() + region.control.timing("efs")
        created.file_system_protection = {"ReplicationOverwriteProtection": "ENABLED"}
        prefix = created.file_system_arn.split(":file-system/")[0].replace(":elasticfilesystem:", ":kms:") + ":key/"
        if created.kms_key_id and not created.kms_key_id.startswith("arn:"):
            created.kms_key_id = prefix + created.kms_key_id.removeprefix("key/")
        elif created.encrypted and not created.kms_key_id:
            created.kms_key_id = prefix + RESERVED_ALIASE_TARGET_KEY_IDS["alias/aws/elasticfilesystem"]

    @replace(models.EFSBackend, "create_mount_target")
    def mount_target(original: Any, backend: Any, file_system_id: str, *args: Any, **kwargs: Any) -> Any:
        """Gap: available at once, for a file system that is not; the VPC's default group is not filled in."""
        found = backend.file_systems_by_id.get(file_system_id)
        if found is not None and found.life_cycle_state != "available":
            raise exceptions.EFSError("IncorrectFileSystemLifeCycleState", f"None available: {found.life_cycle_state}")
        created = original(file_system_id, *args, **kwargs)
        if not created.security_groups:
            created.security_groups = [backend.ec2_backend.get_default_security_group(created.vpc_id).id]
        created.life_cycle_state = "creating"
        created._ready_at = time.monotonic() + region.control.timing("efs")
        return created


def _file_system(response: Any) -> Any:
    identifier = response._get_param("FileSystemId")
    backend = response.efs_backend
    if identifier not in backend.file_systems_by_id:
        raise exceptions.FileSystemNotFound(identifier)
    return backend.file_systems_by_id[identifier]


def _updates() -> None:
    @replace(EFSResponse, "update_file_system")
    def update(_original: Any, response: Any) -> Any:
        """Gap: missing."""
        found, mode = _file_system(response), response._get_param("ThroughputMode")
        if mode:
            if mode not in THROUGHPUT_MODES:
                raise exceptions.BadRequest(f"Unknown throughput mode: {mode}")
            found.throughput_mode = mode
        provisioned = response._get_param("ProvisionedThroughputInMibps")
        found.provisioned_throughput_in_mibps = provisioned if found.throughput_mode == "provisioned" else None
        return json.dumps(found.info_json()), {"status": 202, **JSON}

    @replace(EFSResponse, "update_file_system_protection")
    def protect(_original: Any, response: Any) -> Any:
        """Gap: missing."""
        found = _file_system(response)
        wanted = response._get_param("ReplicationOverwriteProtection")
        found.file_system_protection = {"ReplicationOverwriteProtection": wanted}
        return json.dumps(found.file_system_protection), JSON


def _policies() -> None:
    @replace(EFSResponse, "put_backup_policy")
    def put_backup(_original: Any, response: Any) -> Any:
        """Gap: missing."""
        policy = response._get_param("BackupPolicy")
        _file_system(response)._backup = policy["Status"] in ("ENABLED", "ENABLING")
        return json.dumps({"BackupPolicy": policy}), JSON

    @replace(EFSResponse, "describe_backup_policy")
    def describe_backup(_original: Any, response: Any) -> Any:
        """Gap: an error where AWS says DISABLED."""
        status = "ENABLED" if _file_system(response)._backup else "DISABLED"
        return json.dumps({"BackupPolicy": {"Status": status}}), JSON

    @replace(EFSResponse, "describe_file_system_policy")
    def describe_policy(original: Any, response: Any) -> Any:
        """Gap: a missing file system is an internal error."""
        _file_system(response)
        return original()

    @replace(EFSResponse, "delete_file_system_policy")
    def delete_policy(_original: Any, response: Any) -> Any:
        """Gap: missing."""
        _file_system(response).file_system_policy = None
        return json.dumps({}), JSON


def _tags() -> None:
    """Gap: CreateTags, DescribeTags and DeleteTags are missing; community.aws.efs still calls them."""
    for path in ("tags", "create-tags", "delete-tags"):
        urls.url_paths[f"/2015-02-01/{path}/<file_system_id>"] = urls.response.dispatch
    for path in ("protection",):
        urls.url_paths[f"/2015-02-01/file-systems/<file_system_id>/{path}"] = urls.response.dispatch

    @replace(EFSResponse, "create_tags")
    def create(_original: Any, response: Any) -> Any:
        tags = {tag["Key"]: tag["Value"] for tag in response._get_param("Tags") or []}
        response.efs_backend.tag_resource(_file_system(response).file_system_id, tags)
        return EMPTY

    @replace(EFSResponse, "delete_tags")
    def delete(_original: Any, response: Any) -> Any:
        keys = response._get_param("TagKeys") or []
        response.efs_backend.untag_resource(_file_system(response).file_system_id, keys)
        return EMPTY

    @replace(EFSResponse, "describe_tags")
    def describe(_original: Any, response: Any) -> Any:
        found = _file_system(response)
        return json.dumps({"Tags": response.efs_backend.list_tags_for_resource(found.file_system_id)}), JSON
