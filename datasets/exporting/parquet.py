"""Rows as Parquet, written group by group while they are read, in constant memory.

Polars pulls a window of rows at a time and writes each as a row group. Types are those of the
table: integer, float, boolean, date, timestamp (microseconds, no time zone), text; a missing value
is a null, an empty text is one. Names are the labels, with a number behind one that is there
already and `column_<place>` for one that is empty: a name stands for one column in Parquet.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import IO, TYPE_CHECKING, Any, cast

from django.db.backends.utils import CursorWrapper
from psycopg2 import sql

from datasets.browse.export import cell_of, window_csv, write_plainly
from datasets.browse.export_source import ExportColumn, ExportSource, alias, table_of, windows
from datasets.ingest.names import shown
from fairdb_site.errors import Refused

if TYPE_CHECKING:
    import polars as pl

GROUP_BYTES = 24 << 20  # of a row group before it is packed; a few are under way at once
MOST_ROWS = 1 << 18  # of a row group; Polars' own default
_BLOCK = 256  # rows over which texts are added up, to find the heaviest
_FIXED = 8  # bytes of a value that is no text
_MOST_CELLS = 1_000_000  # of a window: as text they take several times their size
_DATES = {"date", "timestamp"}


def write_parquet(
    cursor: CursorWrapper, source: ExportSource, write: Callable[[bytes], object]
) -> None:
    """Write the rows as one Parquet file, reading through `cursor`.

    The cursor's transaction should be REPEATABLE READ: a window is read part by part. Raises
    Refused for dates outside the years 1 to 9999, which most readers of Parquet do not know, and
    where a condition on the rows makes no sense of its column.
    """
    import polars as pl
    from polars.io.plugins import register_io_source

    write_plainly(cursor)
    height = _height(cursor, source)
    names = column_names([column.heading for column in source.columns])
    schema = {
        name: _types()[column.data_type] for name, column in zip(names, source.columns, strict=True)
    }
    found = windows(cursor, source, height)
    sink = _Sink(write)

    def frames(*_pushed_down: Any) -> Iterator[pl.DataFrame]:
        yield pl.DataFrame(schema=schema)  # for a table without rows
        try:
            for window in found:
                if sink.error is not None:
                    return
                yield _frame(cursor, source, window, schema)
        except BaseException as error:  # in a thread of Polars, which would tell its words
            sink.error = error

    try:
        register_io_source(frames, schema=schema, is_pure=True).sink_parquet(
            cast("IO[bytes]", sink),  # it writes and flushes, no more is asked of it
            row_group_size=height,
            engine="streaming",
            maintain_order=True,
        )
    finally:
        if sink.error is not None:
            raise sink.error


def column_names(headings: Sequence[str]) -> list[str]:
    """Return a name of its own for each heading, by the rule of this module."""
    taken = set(headings)
    seen: set[str] = set()
    names = []
    for place, heading in enumerate(headings, 1):
        name, number = heading or f"column_{place}", 2
        while name in seen or (name != heading and name in taken):
            name, number = f"{heading or f'column_{place}'}_{number}", number + 1
        seen.add(name)
        names.append(name)
    return names


@dataclass
class _Sink:
    """What Polars takes for a file: hands bytes on until an error, which it keeps to itself."""

    take: Callable[[bytes], object]
    error: BaseException | None = None

    def write(self, data: Any) -> int:
        if self.error is None:
            try:
                self.take(bytes(data))
            except BaseException as error:  # handed to who asked for the file
                self.error = error
        return len(data)

    def flush(self) -> None:
        pass


def _types() -> dict[str, "pl.DataType"]:
    import polars as pl

    return {
        "integer": pl.Int64(),
        "float": pl.Float64(),
        "boolean": pl.Boolean(),
        "date": pl.Date(),
        "timestamp": pl.Datetime("us"),
        "text": pl.String(),
    }


def _frame(
    cursor: CursorWrapper,
    source: ExportSource,
    window: sql.Composable,
    schema: "dict[str, pl.DataType]",
) -> "pl.DataFrame":
    """Return a window's rows: each part read by itself, its columns put where they belong."""
    import polars as pl

    named = list(zip(schema, source.columns, strict=True))
    pieces = []
    for part, run in groupby(sorted(named, key=_part), key=_part):
        here = list(run)
        # the rowid first: no line is empty then, nor is a cell alone in its line
        cells = [sql.SQL("{}.rowid").format(alias(part))]
        cells += [cell_of(column) for _, column in here]
        read_as = {"": pl.Int64()} | {
            f"{place}": pl.String() if column.data_type in _DATES else schema[name]
            for place, (name, column) in enumerate(here)
        }
        text = window_csv(cursor, source, part, cells, window)
        if not text:
            return pl.DataFrame(schema=schema)
        read = pl.read_csv(text, has_header=False, schema=read_as)
        pieces.append(
            read.select(
                _as_type(pl.col(f"{place}"), column).alias(name)
                for place, (name, column) in enumerate(here)
            )
        )
    return pl.concat(pieces, how="horizontal").select(schema.keys())


def _part(named: tuple[str, ExportColumn]) -> int:
    return named[1].part


def _as_type(cell: "pl.Expr", column: ExportColumn) -> "pl.Expr":
    if column.data_type == "date":
        return cell.str.to_date("%Y-%m-%d")
    if column.data_type == "timestamp":
        return cell.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="us")
    return cell


def _height(cursor: CursorWrapper, source: ExportSource) -> int:
    """Return how many rows make a group: as few as the heaviest of them ask for.

    By an average a table of short texts with a stretch of long ones would take any memory.
    """
    heaviest = _BLOCK * sum(_FIXED for column in source.columns if column.data_type != "text")
    for part in source.used_parts:
        columns = [column for column in source.columns if column.part == part]
        heaviest += _heaviest_texts(cursor, source, part, columns)
    by_bytes = GROUP_BYTES * _BLOCK // max(heaviest, 1)
    by_cells = max(_MOST_CELLS // len(source.columns), _BLOCK)
    return max(1, min(MOST_ROWS, by_bytes, by_cells))


def _heaviest_texts(
    cursor: CursorWrapper, source: ExportSource, part: int, columns: Sequence[ExportColumn]
) -> int:
    """Return the bytes of all texts in the block of rows that has most; refuse dates on the way.

    The length of a text that is stored out of line is read without it.
    """
    texts = [column for column in columns if column.data_type == "text"]
    dates = [column for column in columns if column.data_type in _DATES]
    if not texts and not dates:
        return 0
    lengths = [
        sql.SQL("coalesce(octet_length({}), 0)").format(sql.Identifier(column.name))
        for column in texts
    ]
    strange = [
        sql.SQL(
            "coalesce(bool_or({name} < '0001-01-01' or {name} > '9999-12-31 23:59:59.999999'),"
            " false) as d{place}"
        ).format(name=sql.Identifier(column.name), place=sql.SQL(str(place)))
        for place, column in enumerate(dates)
    ]
    cursor.execute(
        sql.SQL(
            "select coalesce(max(b.size), 0) {any} from ("
            "select sum({size}) as size {each} from {table} group by rowid / {block}) b"
        ).format(
            any=sql.SQL("").join(sql.SQL(f", bool_or(b.d{n})") for n in range(len(dates))),
            size=sql.SQL(" + ").join([sql.SQL("0::bigint"), *lengths]),
            each=sql.SQL("").join(sql.SQL(", {}").format(one) for one in strange),
            table=table_of(source, part),
            block=sql.Literal(_BLOCK),
        )
    )
    size, *found = cursor.fetchone()
    for column, is_strange in zip(dates, found, strict=True):
        if is_strange:
            raise Refused(
                f"Column {shown(column.heading)} has a date outside the years 1 to 9999, which "
                "Parquet files do not hold everywhere. Correct it, leave the column out, or take "
                "CSV.",
                option="format",
            )
    return int(size)
