"""A dataset written to a file, or wherever else, read under somebody's row level security."""

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from datasets.exporting.typed import Typed
from datasets.exporting.wanted import Wanted
from datasets.exporting.writing import dataset_write
from fairdb_site.errors import Conflict, Refused, Unavailable

__all__ = ["Exported", "dataset_export", "dataset_write"]


@dataclass(frozen=True)
class Exported:
    """What an export wrote; `unchanged` says that it is, byte for byte, what was loaded."""

    dataset: UUID
    bytes: int
    digest: str
    unchanged: bool


def dataset_export(
    *,
    dataset_id: UUID,
    reader_id: UUID,
    out: Path,
    overwrite: bool = False,
    wanted: Wanted | Typed | None = None,
) -> Exported:
    """Write a dataset to `out`, reading as `reader_id` under row level security.

    As canonical CSV, unless something else is wanted.

    A missing dataset and someone else's are the same NotFound. The file appears whole or not at
    all, readable by its writer alone. What has that name already, be it since this moment, is
    replaced with `overwrite` alone, else left as it is (Conflict).
    """
    if not _can_be_a_file(out):
        raise Refused(f"{out} cannot be written: give a file in a folder that exists.")
    if not overwrite and os.path.lexists(out):
        raise _taken(out)
    digest, size = hashlib.sha256(), 0
    try:
        descriptor, name = tempfile.mkstemp(prefix=".export-", dir=out.parent)  # mode 0600
    except OSError as error:
        raise Refused(f"{out} cannot be written: {error.strerror}.") from None
    try:
        with os.fdopen(descriptor, "wb") as file:

            def write(data: bytes) -> None:
                nonlocal size
                digest.update(data)
                size += file.write(data)

            loaded_digest = dataset_write(
                dataset_id=dataset_id, reader_id=reader_id, write=write, wanted=wanted
            )
        if overwrite:
            Path(name).replace(out)
        else:
            _put_new(Path(name), out)
    except FileExistsError:
        raise _taken(out) from None
    except OSError as error:
        raise Unavailable(f"{out} cannot be written: {error.strerror}.") from None
    finally:
        Path(name).unlink(missing_ok=True)
    return Exported(dataset_id, size, digest.hexdigest(), digest.hexdigest() == loaded_digest)


def _can_be_a_file(out: Path) -> bool:
    """Whether a file may take this place: it would replace a device (/dev/null), too, for good."""
    try:
        return out.parent.is_dir() and (out.is_file() or not out.exists())
    except OSError:  # a folder that may not be looked into, a name too long
        return False


def _taken(out: Path) -> Conflict:
    return Conflict(
        f"{out} exists already, and was left as it is. Give another name, or let it be replaced.",
        option="overwrite",
    )


def _put_new(written: Path, out: Path) -> None:
    """Give the file its name unless something has it (FileExistsError), with nothing in between."""
    try:
        os.link(written, out)
    except FileExistsError:
        raise
    except OSError:  # a file system without links, as of a USB stick: take the name first
        os.close(os.open(out, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        written.replace(out)
