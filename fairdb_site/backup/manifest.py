"""What a backup says of itself: `manifest.json`, written last, so that only a whole one has it."""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fairdb_site.errors import Refused

FORMAT = 1
NAME = "manifest.json"
_BLOCK = 1 << 20


@dataclass(frozen=True)
class BackupFile:
    """One file of a backup, by its path in the folder."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class BackupDataset:
    """A ready dataset: `digest` is the SHA-256 of its export when it was backed up."""

    id: str
    rows: int
    columns: int
    digest: str


@dataclass(frozen=True)
class Part:
    """How many objects of a kind the catalogue holds, and the SHA-256 of their definitions."""

    count: int
    digest: str


@dataclass(frozen=True)
class Contents:
    """What a database holds: rows of each table but those of data, datasets, the catalogue."""

    rows: Mapping[str, int]
    datasets: Sequence[BackupDataset]
    catalogue: Mapping[str, Part]


@dataclass(frozen=True)
class Manifest:
    """All that is said of a backup; it names no person, title or key."""

    made_at: str  # ISO 8601
    server_version: str
    dumped_by: int  # major version of pg_dump
    data_schema: str
    migrations: Sequence[str]  # app.name
    pseudonym_keys: Sequence[str]  # fingerprints of the keys the datasets were loaded with
    token_keys: Sequence[str]  # fingerprints
    files: Sequence[BackupFile]
    contents: Contents


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest so that it is there whole or not at all, also after a power cut."""
    draft = folder / f".{NAME}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        json.dump({"format": FORMAT} | asdict(manifest), file, indent=1)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(folder / NAME)
    sync_folder(folder)


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of a backup, or say why there is none."""
    try:
        text = (folder / NAME).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise Refused(
            f"{folder} is no whole backup: it has no {NAME}, which is written last. A backup that "
            "was interrupted cannot be restored; take another."
        ) from None
    except OSError as error:
        raise Refused(f"{folder / NAME} cannot be read: {error.strerror}.") from None
    try:
        kept: dict[str, Any] = json.loads(text)
        if kept.pop("format") != FORMAT:
            raise Refused(f"{folder} was made by another version of the platform.")
        contents = kept.pop("contents")
        return Manifest(
            **kept
            | {
                "files": [BackupFile(**file) for file in kept["files"]],
                "contents": Contents(
                    rows=contents["rows"],
                    datasets=[BackupDataset(**dataset) for dataset in contents["datasets"]],
                    catalogue={kind: Part(**part) for kind, part in contents["catalogue"].items()},
                ),
            }
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Refused(f"{folder / NAME} is not what `manage.py backup` wrote.") from None


def require_whole(folder: Path, manifest: Manifest) -> None:
    """Refuse a backup that lacks a file, or has another than was written."""
    for expected in manifest.files:
        try:
            found = describe_file(folder, expected.name)
        except OSError as error:
            raise Refused(
                f"The backup is damaged: {expected.name} cannot be read ({error.strerror})."
            ) from None
        if found != expected:
            raise Refused(
                f"The backup is damaged: {expected.name} is not what was written (SHA-256). Use "
                "another copy."
            )


def describe_file(folder: Path, name: str, *, sync: bool = False) -> BackupFile:
    """Return a file's size and digest; with `sync`, once the disk has it."""
    digest, size = hashlib.sha256(), 0
    with (folder / name).open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            size += len(block)
        if sync:
            os.fsync(file.fileno())
    return BackupFile(name, size, digest.hexdigest())


def sync_folder(folder: Path) -> None:
    """Have the disk know which files are in a folder."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
