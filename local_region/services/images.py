"""AMIs as Docker images: baked by commit, copied by label, removed when they are deregistered."""

from __future__ import annotations

import io
import logging
from typing import Any

from docker.errors import APIError, ImageNotFound

from local_region.engine import ID_LABEL, Engine
from local_region.images.build import ARM64, HOME_LABEL
from local_region.images.catalogue import Record, label, public_images, surplus
from local_region.region import Region

log = logging.getLogger(__name__)

RECORD_LABEL = "graviflow.record"
KIND = "ami"


def image_tag(engine: Engine, ami_id: str) -> str:
    """Return the tag of a baked image."""
    return f"{engine.name}/ami:{ami_id}"


def changes(engine: Engine, record: Record) -> list[str]:
    """Return the Dockerfile instructions that write an AMI's record on its image."""
    labels = {**engine.labels(KIND, record.id), RECORD_LABEL: record.to_json()}
    return [label(key, value) for key, value in labels.items()]


def load_baked(engine: Engine, home: str) -> dict[str, list[Record]]:
    """Return the records of what earlier daemons baked; beyond the newest few of a family they are removed.

    So is what was baked in another home: it trusts that home's authority, and no other.
    """
    rows = engine.docker.api.images(filters=engine.filters(KIND))
    for row in [row for row in rows if row["Labels"].get(HOME_LABEL) != home]:
        rows.remove(row)
        engine.docker.images.remove(row["Id"], force=True)
        log.info("%s is removed: it was baked in another home", row["Labels"][ID_LABEL])
    tagged = [row for row in rows if f"{engine.name}/ami:{row['Labels'][ID_LABEL]}" in (row["RepoTags"] or [])]
    records = [Record.from_json(row["Labels"][RECORD_LABEL]) for row in tagged]
    old = surplus(records)
    for record in old:
        engine.docker.images.remove(image_tag(engine, record.id), force=True)
        log.info("%s (%s) is removed: newer ones were baked", record.id, record.name)
    kept: dict[str, list[Record]] = {}
    for record in records:
        if record not in old:
            kept.setdefault(record.aws_region, []).append(record)
    return kept


class Images:
    """Makes Docker images agree with the AMIs of every AWS region."""

    name = "images"

    def __init__(self, region: Region) -> None:
        self.region, self.engine = region, region.engine
        self.records: dict[str, Record] = {record.id: record for of in region.baked.values() for record in of}

    def known(self) -> set[tuple[str, str]]:
        """Return nothing: images are no containers."""
        return set()

    def reconcile(self) -> None:
        """Commit what is pending, relabel what changed, remove what was deregistered."""
        for aws_region, ec2 in self.region.backends("ec2"):
            for ami in list(ec2.amis.values()):
                if ami.state == "pending":
                    self.region.job((KIND, ami.id), self.make, ami)
                elif ami.id in self.records and Record.of(ami) != self.records[ami.id]:
                    self.region.job((KIND, ami.id), self.relabel, ami)
            gone = [r for r in list(self.records.values()) if r.aws_region == aws_region and r.id not in ec2.amis]
            for record in gone:
                self.region.job((KIND, record.id), self.remove, record)

    def make(self, ami: Any) -> None:
        """Make a pending AMI's image: from its instance, or from the image that it copies."""
        if source := self.source(ami):
            self.derive(ami, source)
        elif ami.instance_id:
            record = Record.of(ami)
            container = self.engine.get("instance", ami.instance_id)
            if container.attrs["Config"]["Image"] == self.engine.machine_image:
                ami.state = "failed"  # of a virtual machine there is a disk, which no container boots from
                return
            container.commit(
                *image_tag(self.engine, ami.id).split(":"), pause=True, changes=changes(self.engine, record)
            )
            self.records[ami.id] = record
        else:
            ami.state = "failed"
            return
        ami.state = "available"
        log.info("%s (%s) is available", ami.id, ami.name)

    def source(self, ami: Any) -> str | None:
        """Return the tag of the image that CopyImage or RegisterImage starts from."""
        if copy_of := getattr(ami, "copy_of", None):
            aws_region, source_id = copy_of
            return find_image(self.region, aws_region, source_id)
        if snapshot_id := getattr(ami, "from_snapshot", None):
            snapshot = ami.ec2_backend.snapshots.get(snapshot_id)
            return find_image(self.region, ami.ec2_backend.region_name, snapshot.from_ami) if snapshot else None
        return None

    def relabel(self, ami: Any) -> None:
        """Write a changed record (tags, above all) on the image; its layers stay."""
        self.derive(ami, image_tag(self.engine, ami.id))

    def derive(self, ami: Any, source: str) -> None:
        """Make an AMI's image from another one's layers."""
        record = Record.of(ami)
        dockerfile = "\n".join([f"FROM {source}", *changes(self.engine, record)])
        tag = image_tag(self.engine, ami.id)
        self.engine.docker.images.build(fileobj=io.BytesIO(dockerfile.encode()), tag=tag, rm=True)
        self.records[ami.id] = record

    def remove(self, record: Record) -> None:
        """Remove a deregistered AMI's image, once no instance runs from it."""
        try:
            self.engine.docker.images.remove(image_tag(self.engine, record.id))
        except ImageNotFound:
            pass
        except APIError as error:
            if error.status_code == 409:  # instances outlive their AMI; its layers go with the last of them
                return
            raise
        self.records.pop(record.id, None)


def find_image(region: Region, aws_region: str, ami_id: str) -> str:
    """Return the Docker image that an AMI names, built first if it is a Debian release that nobody has used yet.

    Raises docker.errors.ImageNotFound if nothing was ever baked under that id.
    """
    for image in public_images(aws_region, region.partition(aws_region)):
        if image.id == ami_id:
            emulated = region.engine.machine_image and image.architecture == ARM64
            return region.builder.base(image.release, ARM64 if emulated else "")
    tag = image_tag(region.engine, ami_id)
    region.engine.docker.images.get(tag)
    return tag
