"""The public images that every AWS region offers, and the AMI records that baked images carry with them."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, field
from typing import Any

from local_region.images.build import RELEASES

BUILD = "20260901-2200"
ARCHITECTURES = {"arm64": "arm64", "amd64": "x86_64"}
DEBIAN_OWNERS = {"aws": "136693071363", "aws-cn": "336777782633"}  # wiki.debian.org/Cloud/AmazonEC2Image
KEEP_BAKED = 3


@dataclass(frozen=True)
class PublicImage:
    """A Debian image as its publisher registers it."""

    id: str
    name: str
    release: str
    architecture: str
    owner: str


def public_images(aws_region: str, partition: str) -> list[PublicImage]:
    """Return the public images of a region; ids are stable, and differ between regions as on AWS."""
    found = []
    for number, release in RELEASES.items():
        for debian, aws in ARCHITECTURES.items():
            name = f"debian-{number}-{debian}-{BUILD}"
            id = "ami-0" + hashlib.sha256(f"{aws_region}/{name}".encode()).hexdigest()[:16]
            found.append(PublicImage(id, name, release, aws, DEBIAN_OWNERS[partition]))
    return found


@dataclass(frozen=True)
class Record:
    """An AMI's record: the label of its Docker image, so that it outlives the daemon."""

    id: str
    aws_region: str
    name: str
    description: str
    architecture: str
    root_device_name: str
    created: str
    size: int
    tags: dict[str, str] = field(default_factory=dict)
    snapshot_id: str = ""
    encrypted: bool = False

    @classmethod
    def of(cls, ami: Any) -> Record:
        """Return the record of a moto AMI; size in GiB."""
        return cls(
            id=ami.id,
            aws_region=ami.ec2_backend.region_name,
            name=ami.name or "",
            description=ami.description or "",
            architecture=ami.architecture or "arm64",
            root_device_name=ami.root_device_name,
            created=ami.creation_date.isoformat(),
            size=ami.ebs_snapshot.volume.size,
            tags={tag["key"]: tag["value"] for tag in ami.get_tags()},
            snapshot_id=ami.ebs_snapshot.id,
            encrypted=bool(ami.ebs_snapshot.encrypted),
        )

    def to_json(self) -> str:
        """Return the record as a label's value."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Record:
        """Return the record that a label carries."""
        return cls(**json.loads(text))


def label(key: str, value: str) -> str:
    """Return a Dockerfile's LABEL instruction, quoted so that any value survives."""
    quoted = value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
    return f'LABEL {key}="{quoted}"'


def family(name: str) -> str:
    """Return a name without the stamp at its end: airflow-3.3.2-20260901120000 -> airflow-3.3.2."""
    return re.sub(r"[-_. ]?\d{6,}([-_.T]?\d+)*Z?$", "", name)


def surplus(records: list[Record], keep: int = KEEP_BAKED) -> list[Record]:
    """Return the records beyond the newest of each family and region."""
    families: dict[tuple[str, str], list[Record]] = {}
    for record in sorted(records, key=lambda record: record.created, reverse=True):
        families.setdefault((record.aws_region, family(record.name)), []).append(record)
    return [record for members in families.values() for record in members[keep:]]
