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

Another `Form` than the canonical one changes the separator, and may put an apostrophe before what a
spreadsheet would run. What is read may be fewer columns, in any order, of fewer rows.
"""

import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.db.backends.utils import CursorWrapper
from psycopg2 import sql

from datasets.browse.export_source import (
    ExportColumn,
    ExportSource,
    alias,
    joined_rows,
    table_of,
    windows,
)

# Below PostgreSQL's limit of 1,664 entries in a select list.
MAX_JOINED_COLUMNS = 1_600
# Joining more parts than this costs more in planning than zipping their lines.
MAX_JOINED_PARTS = 8
# Cells read from all parts in one window: about 16 MB of text at 8 bytes a cell.
WINDOW_CELLS = 2_000_000
COPY_BUFFER = 1 << 20  # bytes handed over at once; psycopg2's own 8 KiB costs a call each
SINK_BUFFER = 1 << 18  # little enough that the server need not wait while they are hashed


@dataclass(frozen=True)
class Form:
    """How rows are written: what stands between cells, whether formulas are made harmless."""

    delimiter: str = ","
    harmless: bool = False


CANONICAL = Form()

# What spreadsheets take for the beginning of a formula, or pass over before one (OWASP, "CSV
# Injection"). A regular expression that Python and PostgreSQL read alike.
FORMULA = r"^([[:space:]]*[=+@＝＋－＠-]|[\t\r\n])"


def write_csv(
    cursor: CursorWrapper,
    source: ExportSource,
    write: Callable[[bytes], object],
    form: Form = CANONICAL,
) -> None:
    """Write the dataset as canonical CSV, or in another form, in constant memory.

    The cursor's transaction decides whose rows these are. For a dataset that may be edited
    meanwhile it should be REPEATABLE READ. Raises Refused where a condition on the rows makes no
    sense of its column.
    """
    write_plainly(cursor)
    is_joined = (
        len(source.columns) <= MAX_JOINED_COLUMNS and len(source.used_parts) <= MAX_JOINED_PARTS
    )
    # both look at the conditions before the first byte is written
    select = _joined_select(cursor, source, form) if is_joined else None
    pieces = None if is_joined else _zipped_windows(cursor, source, form)
    write(header_line([column.heading for column in source.columns], form))
    if select is not None:
        with io.BufferedWriter(_Sink(write), SINK_BUFFER) as lines:  # COPY gives line by line
            cursor.copy_expert(copy_of(select, form), lines, COPY_BUFFER)
    for piece in pieces or ():
        write(piece)


def write_plainly(cursor: CursorWrapper) -> None:
    """Have this transaction write numbers and dates as an export has them."""
    cursor.execute("set local extra_float_digits = 1")
    cursor.execute("set local datestyle = 'ISO, YMD'")


def header_line(headings: Sequence[str], form: Form = CANONICAL) -> bytes:
    """Return the header as one line, quoted by the same rule as the cells."""
    if form.harmless:
        headings = [harmless(heading) for heading in headings]
    line = form.delimiter.join(_quoted(heading, form.delimiter) for heading in headings)
    return f"{line}\n".encode()


def harmless(cell: str) -> str:
    """Return a text as a spreadsheet shows it and does not run it: with an apostrophe before."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


_FORMULA = re.compile(FORMULA.replace("[[:space:]]", r"\s"))


def _quoted(cell: str, delimiter: str) -> str:
    if cell and not any(mark in cell for mark in f'{delimiter}"\n\r'):
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


def copy_of(select: sql.Composable, form: Form = CANONICAL) -> sql.Composed:
    """Return the COPY of a select's rows in this form."""
    return sql.SQL("copy ({}) to stdout with (format csv, delimiter {})").format(
        select, sql.Literal(form.delimiter)
    )


def cell_of(column: ExportColumn, form: Form = CANONICAL) -> sql.Composable:
    """Return a column as a select list has it, part n under the alias pn."""
    name = sql.SQL("{}.{}").format(alias(column.part), sql.Identifier(column.name))
    if column.data_type == "boolean":
        # as text it is true or false; of the other types COPY prints the same, a fifth faster
        return sql.SQL("{}::text").format(name)
    if form.harmless and column.data_type == "text" and not column.is_pseudonym:
        return sql.SQL("case when {} ~ {} then '''' || {} else {} end").format(
            name, sql.Literal(FORMULA), name, name
        )
    return name


def _joined_select(cursor: CursorWrapper, source: ExportSource, form: Form) -> sql.Composed:
    first, rows = joined_rows(cursor, source)
    return sql.SQL("select {} {} order by {}.rowid").format(
        sql.SQL(", ").join(cell_of(column, form) for column in source.columns), rows, alias(first)
    )


def _zipped_windows(cursor: CursorWrapper, source: ExportSource, form: Form) -> Iterator[bytes]:
    """Return lines of all columns, a window of rows at a time."""
    # Columns of one part that stand side by side are read together; a part may come twice.
    runs = [list(run) for _, run in groupby(source.columns, key=lambda column: column.part)]
    height = max(1, WINDOW_CELLS // len(source.columns))
    between = form.delimiter.encode()
    found = windows(cursor, source, height)

    def pieces() -> Iterator[bytes]:
        for window in found:
            lines = [_window_lines(cursor, source, run, window, form) for run in runs]
            yield b"".join(between.join(row) + b"\n" for row in zip(*lines, strict=True))

    return pieces()


def _window_lines(
    cursor: CursorWrapper,
    source: ExportSource,
    run: Sequence[ExportColumn],
    window: sql.Composable,
    form: Form,
) -> list[bytes]:
    cells = [cell_of(column, form) for column in run]
    lines = _lines(window_csv(cursor, source, run[0].part, cells, window, form=form))
    if len(run) == 1:  # alone in its line PostgreSQL quotes `\.`, beside others it does not
        return [b"\\." if line == b'"\\."' else line for line in lines]
    return lines


def window_csv(
    cursor: CursorWrapper,
    source: ExportSource,
    part: int,
    cells: Sequence[sql.Composable],
    window: sql.Composable,
    *,
    form: Form = CANONICAL,
) -> bytes:
    """Return these cells of one part, of a window's rows, as COPY writes them."""
    select = sql.SQL("select {} from {} where {} order by rowid").format(
        sql.SQL(", ").join(cells), table_of(source, part), window
    )
    buffer = io.BytesIO()
    cursor.copy_expert(copy_of(select, form), buffer, COPY_BUFFER)
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
