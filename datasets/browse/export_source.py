"""What an export reads: which columns of which parts, in their order, and of which rows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError
from django.db.backends.utils import CursorWrapper
from psycopg2 import errorcodes, sql

from datasets.ingest.names import HASH_SUFFIX
from datasets.ingest.plan import PlannedColumn
from fairdb_site.errors import Refused


@dataclass(frozen=True)
class ExportColumn:
    """One column of an export: its heading, and where its values are stored."""

    heading: str
    name: str
    part: int  # 1-based
    data_type: str
    is_pseudonym: bool = False


@dataclass(frozen=True)
class ExportSource:
    """What to export: the parts by number, the columns in their order, conditions on the rows.

    `conditions` is a JSON array as the SQL function `rows_from` takes it, empty for all rows;
    `dataset` is whose conditions they are.
    """

    schema: str
    parts: Sequence[str]
    columns: Sequence[ExportColumn]
    conditions: str = ""
    dataset: UUID | None = None

    @property
    def used_parts(self) -> list[int]:
        """The parts that hold a column of it."""
        return sorted({column.part for column in self.columns})


def dataset_source(
    parts: Sequence[str],
    columns: Sequence[PlannedColumn],
    *,
    conditions: str = "",
    dataset: UUID | None = None,
) -> ExportSource:
    """Return what an export of a dataset reads, the pseudonym at the id's place."""
    return ExportSource(
        schema=settings.FAIRDB_DATA_SCHEMA,
        parts=parts,
        columns=[
            ExportColumn(
                heading=heading,
                name=column.name,
                part=column.part or 1,
                data_type=column.data_type,
                is_pseudonym=column.part is None,
            )
            for heading, column in zip(headings(columns), columns, strict=True)
        ],
        conditions=conditions,
        dataset=dataset,
    )


def headings(columns: Sequence[PlannedColumn]) -> list[str]:
    """Return the labels of a dataset's columns, the id's with `_hash` behind it."""
    return [
        f"{column.label}{HASH_SUFFIX}" if column.part is None else column.label
        for column in columns
    ]


def alias(part: int) -> sql.Identifier:
    """Return the name of a part within a query."""
    return sql.Identifier(f"p{part}")


def table_of(source: ExportSource, part: int) -> sql.Composed:
    """Return a part as a query's `from` has it."""
    name = sql.Identifier(source.schema, source.parts[part - 1])
    return sql.SQL("{} as {}").format(name, alias(part))


def joined_rows(cursor: CursorWrapper, source: ExportSource) -> tuple[int, sql.Composable]:
    """Return all parts in use as one `from ... where ...`, and of which of them to read rowid."""
    first, *others = source.used_parts
    if source.conditions:
        return _rows_from(cursor, source, source.used_parts)
    joins = [
        sql.SQL(" join {} on {}.rowid = {}.rowid").format(
            table_of(source, part), alias(part), alias(first)
        )
        for part in others
    ]
    return first, sql.SQL("from {}{}").format(table_of(source, first), sql.Composed(joins))


def windows(cursor: CursorWrapper, source: ExportSource, height: int) -> Iterator[sql.Composable]:
    """Return conditions on `rowid`, each for up to `height` rows that follow those of the last."""
    first_part = sql.Identifier(source.schema, source.parts[0])
    cursor.execute(sql.SQL("select min(rowid), max(rowid) from {}").format(first_part))
    first, last = cursor.fetchone()
    starts = range(0) if first is None else range(first, last + 1, height)
    if source.conditions:
        return _windows_meeting(cursor, starts, *_rows_from(cursor, source, []))
    return (
        sql.SQL("rowid >= {} and rowid < {}").format(
            sql.Literal(start), sql.Literal(start + height)
        )
        for start in starts
    )


def _windows_meeting(
    cursor: CursorWrapper, starts: range, base: int, rows: sql.Composable
) -> Iterator[sql.Composable]:
    rowid = sql.SQL("{}.rowid").format(alias(base))
    for start in starts:
        cursor.execute(
            sql.SQL("select {rowid} {rows} and {rowid} >= {start} and {rowid} < {end}").format(
                rowid=rowid,
                rows=rows,
                start=sql.Literal(start),
                end=sql.Literal(start + starts.step),
            )
        )
        if found := [row[0] for row in cursor.fetchall()]:
            yield sql.SQL("rowid = any ({}::bigint[])").format(sql.Literal(found))


def _rows_from(
    cursor: CursorWrapper, source: ExportSource, parts: Sequence[int]
) -> tuple[int, sql.Composable]:
    """Return the rows that meet the conditions, of these parts joined at least.

    Raises Refused where a condition makes no sense of its column.
    """
    question = sql.SQL(
        "select f.base, f.clause from {} d, {}(d, %s::jsonb, %s::integer[], false) f"
        " where d.id = %s"
    ).format(sql.Identifier(source.schema, "datasets"), sql.Identifier(source.schema, "rows_from"))
    try:
        cursor.execute(question, [source.conditions, list(parts), source.dataset])
    except DatabaseError as error:
        cause: Any = error.__cause__
        if getattr(cause, "pgcode", None) != errorcodes.INVALID_PARAMETER_VALUE:
            raise
        # the function's own sentence: it names a column, never a value
        raise Refused(str(cause.diag.message_primary), option="where") from None
    base, clause = cursor.fetchone()
    return base, sql.SQL(clause)
