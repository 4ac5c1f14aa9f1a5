"""A Parquet file as CSV text, column by column by fixed rules, a group of rows at a time."""

from pathlib import Path
from typing import IO, cast

import polars as pl
from polars.exceptions import PolarsError

from fairdb_site.errors import Refused

from .names import shown
from .sandbox import Facts, Output

_INTEGERS = (pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.Int128,
             pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64)  # fmt: skip
_AS_THEY_PRINT = (*_INTEGERS, pl.Boolean, pl.String, pl.Categorical, pl.Enum, pl.Decimal, pl.Date,
                  pl.Null)  # fmt: skip
_CELLS = 1_000_000  # a slice; about as much text as a block
_MOST_SLICES = 64


def write_parquet(path: Path, output: Output, *, sheet: str | None = None) -> None:
    """Write the table in the Parquet file at `path` as CSV: comma, LF, nothing for a null.

    Raises Refused for a damaged file and for columns of bytes, lists or structs, by name.
    """
    if sheet is not None:
        raise Refused("A Parquet file has no sheets to name.")
    try:
        table = pl.scan_parquet(path, glob=False, hive_partitioning=False, low_memory=True)
        schema = table.collect_schema()
        if not schema:
            raise Refused("The Parquet file has no columns.")
        cells = [_text(name, data_type) for name, data_type in schema.items()]
        output.facts(Facts((f"A Parquet file of {len(schema):,} columns, known by its content.",)))
        output.write(_header(schema.names()))
        rows = table.select(pl.len()).collect().item()
        # slices of a row group read its beginning again, so there are never many of them
        step = max(_CELLS // max(len(schema), 1), rows // _MOST_SLICES, 1)
        for first in range(0, rows, step):
            frame = table.slice(first, step).select(cells).collect(engine="streaming")
            frame.write_csv(cast("IO[bytes]", output), include_header=False)
    except PolarsError as error:
        raise _damaged() from error
    except BaseException as error:
        # a panic of Polars is no Exception, and its class is not exported
        if type(error).__name__ == "PanicException":
            raise _damaged() from error
        raise


def _damaged() -> Refused:
    return Refused(
        "The Parquet file cannot be read: it is damaged, cut short or encrypted, or has a kind of "
        "column that is not known here. Write it anew, or as CSV."
    )


def _header(names: list[str]) -> bytes:
    quoted = ('"' + name.replace('"', '""') + '"' for name in names)
    return (",".join(quoted) + "\n").encode()


def _text(name: str, data_type: pl.DataType) -> pl.Expr:
    """Return the expression of a column's cells as text."""
    cells = pl.col(name)
    if data_type in _AS_THEY_PRINT:
        return cells.cast(pl.String)
    if data_type in (pl.Float16, pl.Float32, pl.Float64):
        if data_type == pl.Float16:
            cells = cells.cast(pl.Float32)
        text = cells.cast(pl.String)  # the shortest that reads back
        return text.replace({"inf": "Infinity", "-inf": "-Infinity"})
    if isinstance(data_type, pl.Datetime):
        text = _without_closing_zeros(cells.dt.to_string("%Y-%m-%d %H:%M:%S%.f"))
        if data_type.time_zone is None:
            return text
        return pl.concat_str(text, cells.dt.to_string("%:z"))
    if data_type == pl.Time:
        return _without_closing_zeros(cells.dt.to_string("%H:%M:%S%.f"))
    if data_type == pl.Duration:
        return cells.dt.to_string("iso")
    raise Refused(
        f"Column {shown(name)} of the Parquet file holds {_kind(data_type)}, which a table of text "
        "and numbers cannot. Write it without that column, or as plain columns."
    )


def _without_closing_zeros(text: pl.Expr) -> pl.Expr:
    return text.str.replace(r"(\.\d*?)0+$", "$1").str.replace(r"\.$", "")


def _kind(data_type: pl.DataType) -> str:
    if data_type == pl.Binary:
        return "bytes that are no text"
    if data_type.is_nested():
        return "lists or structures"
    return f"values of type {data_type}"
