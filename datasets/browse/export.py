"""A dataset as canonical CSV: the bytes of an export, and of a dataset's digest.

The form, byte for byte (`docs/formats.md` says the same for people who verify one):

- UTF-8, no byte order mark, lines end in one LF, a header line first;
- columns in the order of the file; the pseudonym stands at the id's place, labelled `<label>_hash`;
- a cell is PostgreSQL's text form of the stored value (`boolean` as `true` and `false`), a missing
  value is empty; quoted with `"` (doubled inside) exactly where it is an empty string or holds a
  comma, a quote, LF or CR, as `COPY ... (FORMAT csv)` does;
- rows in the order of the file (by `rowid`).

A select list ends at 1,664 entries, so a wide dataset is read part by part over windows of rows
and its lines are zipped; both ways give the same bytes.
"""

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.conf import settings
from django.db.backends.utils import CursorWrapper
from psycopg2 import sql

from datasets.ingest.names import HASH_SUFFIX
from datasets.ingest.plan import PlannedColumn

# Below PostgreSQL's limit of 1,664 entries in a select list.
MAX_JOINED_COLUMNS = 1_600
# Joining more parts than this costs more in planning than zipping their lines.
MAX_JOINED_PARTS = 8
# Cells read from all parts in one window: about 16 MB of text at 8 bytes a cell.
WINDOW_CELLS = 2_000_000
COPY_BUFFER = 1 << 20  # bytes handed over at once; psycopg2's own 8 KiB costs a call each
SINK_BUFFER = 1 << 18  # little enough that the server need not wait while they are hashed


@dataclass(frozen=True)
class ExportColumn:
    """One column of an export: its heading, and where its values are stored."""

    heading: str
    name: str
    part: int  # 1-based
    data_type: str


@dataclass(frozen=True)
class ExportSource:
    """What to export: the parts by number, and the columns in the order of the file."""

    schema: str
    parts: Sequence[str]
    columns: Sequence[ExportColumn]


def dataset_source(parts: Sequence[str], columns: Sequence[PlannedColumn]) -> ExportSource:
    """Return what an export of a dataset reads, the pseudonym at the id's place."""
    return ExportSource(
        schema=settings.FAIRDB_DATA_SCHEMA,
        parts=parts,
        columns=[
            ExportColumn(heading, column.name, column.part or 1, column.data_type)
            for heading, column in zip(headings(columns), columns, strict=True)
        ],
    )


def headings(columns: Sequence[PlannedColumn]) -> list[str]:
    """Return the labels of a dataset's columns, the id's with `_hash` behind it."""
    return [
        f"{column.label}{HASH_SUFFIX}" if column.part is None else column.label
        for column in columns
    ]


def write_csv(
    cursor: CursorWrapper, source: ExportSource, write: Callable[[bytes], object]
) -> None:
    """Write the dataset as canonical CSV, reading through `cursor` in constant memory.

    The cursor's transaction decides whose rows these are. For a dataset that may be edited
    meanwhile it should be REPEATABLE READ.
    """
    write(header_line([column.heading for column in source.columns]))
    cursor.execute("set local extra_float_digits = 1")
    cursor.execute("set local datestyle = 'ISO, YMD'")
    used_parts = {column.part for column in source.columns}
    if len(source.columns) <= MAX_JOINED_COLUMNS and len(used_parts) <= MAX_JOINED_PARTS:
        with io.BufferedWriter(_Sink(write), SINK_BUFFER) as lines:  # COPY gives line by line
            cursor.copy_expert(_copy(_joined_select(source)), lines, COPY_BUFFER)
    else:
        for window in _zipped_windows(cursor, source):
            write(window)


def header_line(headings: Sequence[str]) -> bytes:
    """Return the header as one CSV line, quoted by the same rule as the cells."""
    return (",".join(map(_quoted, headings)) + "\n").encode()


def _quoted(cell: str) -> str:
    if cell and not any(mark in cell for mark in ',"\n\r'):
        return cell
    return '"' + cell.replace('"', '""') + '"'


class _Sink(io.RawIOBase):
    """A file that hands what is written to it on to a function."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        taken = bytes(data)
        self._write(taken)
        return len(taken)


def _copy(select: sql.Composable) -> sql.Composed:
    return sql.SQL("copy ({}) to stdout with (format csv)").format(select)


def _cell(column: ExportColumn) -> sql.Composable:
    # as text a boolean is true or false; of the other types COPY prints the same, a fifth faster
    cell = "{}.{}::text" if column.data_type == "boolean" else "{}.{}"
    return sql.SQL(cell).format(_alias(column.part), sql.Identifier(column.name))


def _alias(part: int) -> sql.Identifier:
    return sql.Identifier(f"p{part}")


def _table(source: ExportSource, part: int) -> sql.Composed:
    name = sql.Identifier(source.schema, source.parts[part - 1])
    return sql.SQL("{} as {}").format(name, _alias(part))


def _joined_select(source: ExportSource) -> sql.Composed:
    first, *others = sorted({column.part for column in source.columns})
    joins = [
        sql.SQL(" join {} on {}.rowid = {}.rowid").format(
            _table(source, part), _alias(part), _alias(first)
        )
        for part in others
    ]
    return sql.SQL("select {} from {}{} order by {}.rowid").format(
        sql.SQL(", ").join(map(_cell, source.columns)),
        _table(source, first),
        sql.Composed(joins),
        _alias(first),
    )


def _zipped_windows(cursor: CursorWrapper, source: ExportSource) -> Iterator[bytes]:
    """Yield lines of all columns, a window of rows at a time."""
    first_part = sql.Identifier(source.schema, source.parts[0])
    cursor.execute(sql.SQL("select min(rowid), max(rowid) from {}").format(first_part))
    first, last = cursor.fetchone()
    if first is None:
        return
    # Columns of one part that stand side by side are read together; a part may come twice.
    runs = [list(run) for _, run in groupby(source.columns, key=lambda column: column.part)]
    height = max(1, WINDOW_CELLS // len(source.columns))
    for start in range(first, last + 1, height):
        pieces = [_window_lines(cursor, source, run, start, start + height) for run in runs]
        yield b"".join(b",".join(row) + b"\n" for row in zip(*pieces, strict=True))


def _window_lines(
    cursor: CursorWrapper, source: ExportSource, run: Sequence[ExportColumn], start: int, end: int
) -> list[bytes]:
    lines = _lines(_window(cursor, source, run, start, end))
    if len(run) == 1:  # alone in its line PostgreSQL quotes `\.`, beside others it does not
        return [b"\\." if line == b'"\\."' else line for line in lines]
    return lines


def _window(
    cursor: CursorWrapper, source: ExportSource, run: Sequence[ExportColumn], start: int, end: int
) -> bytes:
    """Return the run's cells of rows start <= rowid < end as CSV."""
    part = run[0].part
    select = sql.SQL(
        "select {} from {} where {}.rowid >= {} and {}.rowid < {} order by {}.rowid"
    ).format(
        sql.SQL(", ").join(map(_cell, run)),
        _table(source, part),
        _alias(part),
        sql.Literal(start),
        _alias(part),
        sql.Literal(end),
        _alias(part),
    )
    buffer = io.BytesIO()
    cursor.copy_expert(_copy(select), buffer, COPY_BUFFER)
    return buffer.getvalue()


def _lines(csv: bytes) -> list[bytes]:
    """Split CSV into records without their line ends; a quoted cell may hold line ends itself."""
    lines = csv.split(b"\n")
    lines.pop()  # what follows the last line end: nothing
    if b'"' not in csv:
        return lines
    records: list[bytes] = []
    open_record: list[bytes] = []
    inside_quotes = False
    for line in lines:
        inside_quotes ^= line.count(b'"') % 2 == 1
        open_record.append(line)
        if not inside_quotes:
            records.append(b"\n".join(open_record))
            open_record = []
    return records
