"""A dataset written in the form that is wanted, read under somebody's row level security."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from django.db import connection
from django.db.backends.utils import CursorWrapper
from psycopg2 import sql

from datasets.browse.export import Form, write_csv
from datasets.browse.export_source import ExportSource, dataset_source
from datasets.exporting.archive import archive_files
from datasets.exporting.parquet import write_parquet
from datasets.exporting.typed import Listed, Typed
from datasets.exporting.wanted import Format, Wanted
from datasets.faults import plain_faults
from datasets.identifiers import in_data_schema
from datasets.ingest.plan import PlannedColumn
from fairdb_site.archives import ArchivedFile, archive_write
from fairdb_site.database import as_user
from fairdb_site.errors import NotFound

Write = Callable[[bytes], object]


@dataclass(frozen=True)
class _Open:
    """A dataset in one snapshot of its reader."""

    cursor: CursorWrapper
    id: UUID
    parts: list[str]
    digest: str  # as it was loaded
    columns: list[PlannedColumn]

    def source(self, wanted: Wanted) -> ExportSource:
        """Return what is to be read of it."""
        return dataset_source(
            self.parts,
            wanted.columns_of(self.columns),
            conditions=wanted.conditions_json,
            dataset=self.id,
        )


def dataset_write(
    *,
    dataset_id: UUID,
    reader_id: UUID,
    write: Write,
    wanted: Wanted | Typed | Listed | None = None,
) -> str:
    """Write a dataset as canonical CSV, or as wanted; return the digest it had when loaded.

    A missing dataset and someone else's are the same NotFound. What `write` raises ends it at once.
    """
    with _opened(dataset_id, reader_id) as found:
        if isinstance(wanted, Typed | Listed):
            wanted = wanted.of(found.columns)
        wanted = wanted or Wanted()
        if wanted.format is Format.ZIP:
            _write_archive(found, wanted, write)
        else:
            _write_rows(found, wanted, wanted.format, write)
        return found.digest


@contextmanager
def _opened(dataset_id: UUID, reader_id: UUID) -> Iterator[_Open]:
    with plain_faults("export"), as_user(reader_id, snapshot=True), connection.cursor() as cursor:
        # however long it takes, and however long its reader takes between two pieces
        cursor.execute("set local statement_timeout = 0")
        cursor.execute("set local idle_in_transaction_session_timeout = 0")
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
            yield _Open(cursor, dataset_id, parts, str(loaded_digest), columns)
        except BaseException:
            # psycopg2 would read the rest of a COPY to its end, minutes for a large dataset, before
            # it takes another command
            connection.close()
            raise


def _write_rows(found: _Open, wanted: Wanted, format_: Format, write: Write) -> None:
    source = found.source(wanted)
    if format_ is Format.PARQUET:
        write_parquet(found.cursor, source, write)
    else:
        form = Form("\t" if format_ is Format.TSV else ",", harmless=wanted.harmless)
        write_csv(found.cursor, source, write, form)


def _write_archive(found: _Open, wanted: Wanted, write: Write) -> None:
    def rows(format_: Format) -> ArchivedFile:
        return ArchivedFile(
            f"data.{format_}", lambda member: _write_rows(found, wanted, format_, member)
        )

    data = [rows(Format.CSV), *([rows(Format.PARQUET)] if wanted.with_parquet else [])]
    found.source(wanted)  # what is refused is refused before the first byte
    archive_write(archive_files(found.id, wanted, data), write)
