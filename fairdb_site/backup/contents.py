"""What a database holds, as a backup records it and a restored one is compared with.

Everything is read in the caller's transaction: in the snapshot that is dumped, the record is true
of the dump.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.db.backends.utils import CursorWrapper
from psycopg2 import sql

from datasets.browse.export import write_csv
from datasets.browse.export_source import dataset_source
from datasets.identifiers import in_data_schema
from datasets.ingest.plan import PlannedColumn
from fairdb_site.backup.manifest import BackupDataset, Contents, Part

SQL = Path(__file__).parent / "sql"
# Each Supabase project keeps its own record of how old its auth service is.
AUTH_VERSIONS = "schema_migrations"

Progress = Callable[[str, int, int], None]


def read_contents(cursor: CursorWrapper, progress: Progress) -> Contents:
    """Return what the database holds; every row of data is read for its dataset's digest."""
    # names are written in full whatever the role's search_path; and where row level security would
    # hide rows from us, that shall be an error
    cursor.execute("set local search_path = ''")
    cursor.execute("set local row_security = off")
    left_out = unfinished_parts(cursor)
    return Contents(
        rows=dict(_rows(cursor)),
        datasets=list(_datasets(cursor, progress)),
        catalogue=dict(_catalogue(left_out)),
    )


def unfinished_parts(cursor: CursorWrapper) -> list[str]:
    """Return the tables of loads under way and of deletions: no backup holds them.

    To dump them would keep the load from its last step until the dump ends.
    """
    cursor.execute(
        sql.SQL(
            "select part from {}, unnest(parts) part where state <> 'ready'"
            " and to_regclass(format('%%I.%%I', %s::text, part)) is not null order by 1"
        ).format(in_data_schema("datasets")),
        [settings.FAIRDB_DATA_SCHEMA],
    )
    return [row[0] for row in cursor.fetchall()]


def auth_rows(cursor: CursorWrapper) -> dict[str, int]:
    """Return how many rows each table of accounts has."""
    return dict(_counted(cursor, "auth", _tables(cursor, "auth", but=[AUTH_VERSIONS])))


def differences(expected: Contents, found: Contents) -> list[str]:
    """Return in words where a database differs from what a backup says of it."""
    said = [
        f"{table} has {found.rows.get(table, 'no table and not')} of {count} rows"
        for table, count in expected.rows.items()
        if found.rows.get(table) != count
    ]
    there = {dataset.id: dataset for dataset in found.datasets}
    for dataset in expected.datasets:
        if dataset.id not in there:
            said.append(f"dataset {dataset.id} is not there")
        elif there[dataset.id] != dataset:
            said.append(f"dataset {dataset.id} has another digest")
    known = {dataset.id for dataset in expected.datasets}
    said += [f"dataset {new} was not backed up" for new in there if new not in known]
    said += [
        f"{kind} differ: {found.catalogue.get(kind, Part(0, '')).count} of {part.count}"
        if found.catalogue.get(kind, Part(0, "")).count != part.count
        else f"{kind} differ, {part.count} in number"
        for kind, part in expected.catalogue.items()
        if found.catalogue.get(kind) != part
    ]
    return said


def _rows(cursor: CursorWrapper) -> Iterator[tuple[str, int]]:
    """Count rows table by table; those of data are in the datasets' digests."""
    schema = settings.FAIRDB_DATA_SCHEMA
    cursor.execute(sql.SQL("select table_name from {}").format(in_data_schema("metadata_tables")))
    parts = [row[0] for row in cursor.fetchall()]
    for name, but in ((schema, parts), ("public", []), ("auth", [AUTH_VERSIONS])):
        yield from _counted(cursor, name, _tables(cursor, name, but=but))


def _tables(cursor: CursorWrapper, schema: str, *, but: Sequence[str]) -> list[str]:
    cursor.execute(
        "select c.relname from pg_catalog.pg_class c"
        " where c.relnamespace = to_regnamespace(quote_ident(%s)) and c.relkind in ('r', 'p')"
        " and not c.relispartition and c.relname <> all (%s::text[]) and not exists ("
        "   select from pg_catalog.pg_depend e where e.objid = c.oid and e.deptype = 'e')"
        " order by c.relname",
        [schema, list(but)],
    )
    return [row[0] for row in cursor.fetchall()]


def _counted(
    cursor: CursorWrapper, schema: str, tables: Sequence[str]
) -> Iterator[tuple[str, int]]:
    for table in tables:
        cursor.execute(sql.SQL("select count(*) from {}").format(sql.Identifier(schema, table)))
        yield f"{schema}.{table}", cursor.fetchone()[0]


def _datasets(cursor: CursorWrapper, progress: Progress) -> Iterator[BackupDataset]:
    cursor.execute(
        sql.SQL(
            "select id, parts, row_count, column_count from {} where state = 'ready' order by id"
        ).format(in_data_schema("datasets"))
    )
    ready = cursor.fetchall()
    for number, (dataset_id, parts, rows, columns) in enumerate(ready):
        progress("digests", number, len(ready))
        cursor.execute(
            sql.SQL(
                "select position, label, name, part, data_type from {}"
                " where dataset_id = %s order by position"
            ).format(in_data_schema("dataset_columns")),
            [dataset_id],
        )
        digest = hashlib.sha256()
        source = dataset_source(parts, [PlannedColumn(*row) for row in cursor.fetchall()])
        write_csv(cursor, source, digest.update)
        yield BackupDataset(str(dataset_id), rows or 0, columns or 0, digest.hexdigest())


def _catalogue(left_out: Sequence[str]) -> Iterator[tuple[str, Part]]:
    with connection.chunked_cursor() as cursor:  # a line for each column of each table
        cursor.execute(
            (SQL / "catalogue.sql").read_text(encoding="utf-8"),
            {"schemas": [settings.FAIRDB_DATA_SCHEMA, "public"], "left_out": list(left_out)},
        )
        for kind, lines in groupby(cursor, key=lambda row: row[0]):
            digest, count = hashlib.sha256(), 0
            for _, line in lines:
                digest.update(line.encode() + b"\0")
                count += 1
            yield kind, Part(count, digest.hexdigest())
