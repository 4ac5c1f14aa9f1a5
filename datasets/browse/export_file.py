"""A dataset written to a file, or wherever else, read under somebody's row level security."""

import hashlib
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from django.db import connection
from psycopg2 import sql

from datasets.browse.export import dataset_source, write_csv
from datasets.faults import plain_faults
from datasets.identifiers import in_data_schema
from datasets.ingest.plan import PlannedColumn
from fairdb_site.database import as_user
from fairdb_site.errors import Conflict, NotFound, Refused, Unavailable


@dataclass(frozen=True)
class Exported:
    """What an export wrote; `unchanged` says that it is, byte for byte, what was loaded."""

    dataset: UUID
    bytes: int
    digest: str
    unchanged: bool


def dataset_export(
    *, dataset_id: UUID, reader_id: UUID, out: Path, overwrite: bool = False
) -> Exported:
    """Write a dataset as canonical CSV to `out`, reading as `reader_id` under row level security.

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

            loaded_digest = dataset_write(dataset_id=dataset_id, reader_id=reader_id, write=write)
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


def dataset_write(*, dataset_id: UUID, reader_id: UUID, write: Callable[[bytes], object]) -> str:
    """Write a dataset as canonical CSV, piece by piece; return the digest it had when loaded.

    A missing dataset and someone else's are the same NotFound. What `write` raises ends it at once.
    """
    with plain_faults("export"), as_user(reader_id, snapshot=True), connection.cursor() as cursor:
        cursor.execute("set local statement_timeout = 0")
        cursor.execute(
            sql.SQL("select parts, digest from {} where id = %s and state = 'ready'").format(
                in_data_schema("datasets")
            ),
            [dataset_id],
        )
        found = cursor.fetchone()
        if found is None:
            raise NotFound("There is no such dataset, or it is not theirs.")
        parts, loaded_digest = found
        cursor.execute(
            sql.SQL(
                "select position, label, name, part, data_type from {}"
                " where dataset_id = %s order by position"
            ).format(in_data_schema("dataset_columns")),
            [dataset_id],
        )
        columns = [PlannedColumn(*row) for row in cursor.fetchall()]
        try:
            write_csv(cursor, dataset_source(parts, columns), write)
        except BaseException:
            # psycopg2 would read the rest of a COPY to its end, minutes for a large dataset, before
            # it takes another command
            connection.close()
            raise
        return str(loaded_digest)
