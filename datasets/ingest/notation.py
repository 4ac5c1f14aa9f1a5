"""Numbers and dates written as people do in Europe and America, in the spelling that types take.

`3,14` is `3.14` by a decimal comma, `1-2-2024` the first of February with the day first. A reader
says so of a column; it is never guessed, since `1,234` and `1-2-2024` have two readings each.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, Literal, get_args

import polars as pl

from fairdb_site.errors import Refused

from .block import Block
from .datatypes import DataType
from .names import shown
from .scan import scan

Notation = Literal["decimal_comma", "day_first", "month_first"]
ReadAs = DataType | Notation
"""What a reader names for a column: a type, or a notation, which is stored as one."""

NOTATIONS: Final[tuple[Notation, ...]] = get_args(Notation)
NOTATION_WORDS: Final[Mapping[Notation, str]] = {
    "decimal_comma": "numbers with a decimal comma",
    "day_first": "dates, day first",
    "month_first": "dates, month first",
}
_STORED_AS: Final[Mapping[str, DataType]] = {
    "decimal_comma": "float",
    "day_first": "date",
    "month_first": "date",
}
_ONE: Final[Mapping[Notation, str]] = {
    "decimal_comma": "number with a decimal comma",
    "day_first": "date with the day first, such as 31-12-2024",
    "month_first": "date with the month first, such as 12/31/2024",
}
_WITH_COMMA: Final = r"^[+-]?(?:[0-9]+(?:,[0-9]+)?|,[0-9]+)(?:[eE][+-]?[0-9]{1,3})?$"
# points between thousands; 1.234 alone may be a number with a decimal point, and is none here
_GROUPED: Final = r"^[+-]?[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]+$|^[+-]?[0-9]{1,3}(?:\.[0-9]{3}){2,}$"
_DAY: Final = r"^(?<a>[0-9]{1,2})(?<s>[/.-])(?<b>[0-9]{1,2})(?<t>[/.-])(?<year>[0-9]{4})$"
_ISO: Final = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_BLANK: Final = " \t"


def stored_type(read_as: ReadAs) -> DataType:
    """Return the type that a column is stored as."""
    return _STORED_AS.get(read_as, read_as)  # type: ignore[arg-type]


def notation_of(read_as: str) -> Notation | None:
    """Return the notation of that name, if it is one."""
    return next((name for name in NOTATIONS if name == read_as), None)


def respelled(cells: pl.Series, notation: Notation) -> pl.Series:
    """Return each cell in the spelling of its type; null where it is not written so."""
    text = cells.str.strip_chars(_BLANK)
    if notation == "decimal_comma":
        fits = text.str.contains(_WITH_COMMA) | text.str.contains(_GROUPED)
        plain = text.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
        return pl.select(pl.when(fits).then(plain)).to_series()
    day, month = ("a", "b") if notation == "day_first" else ("b", "a")
    found = text.str.extract_groups(_DAY).struct.unnest()
    same = found["s"] == found["t"]
    iso = found["year"] + "-" + found[month].str.zfill(2) + "-" + found[day].str.zfill(2)
    iso = pl.select(pl.when(same).then(iso).when(text.str.contains(_ISO)).then(text)).to_series()
    is_day = iso.str.to_date("%Y-%m-%d", strict=False).is_not_null()
    is_day &= ~iso.str.starts_with("0000")
    return pl.select(pl.when(is_day).then(iso)).to_series()


def translated(
    block: Block, notations: Mapping[int, Notation], header: Sequence[str], missing: Sequence[str]
) -> Block:
    """Return the block with the cells of some columns (places in it, from 1) respelled.

    Cells that mean `missing` stay. Raises Refused, with row and column, for a cell that is not
    written in its column's notation.
    """
    frame = block.frame
    changed = []
    for place, notation in notations.items():
        cells = frame.to_series(place - 1)
        stays = cells.is_null() | cells.is_in(list(missing))
        found = respelled(cells, notation)
        broken = found.is_null() & ~stays
        if broken.any():
            row = block.row_number(broken.arg_max() or 0)
            raise Refused(
                f"Row {row:,} (where row 1 is the first after the header) of column "
                f"{shown(header[place - 1])} is no {_ONE[notation]}. Name another type for the "
                "column (text takes any cell) or none, mend the cell, or say that what it holds "
                "means missing.",
                option="types",
            )
        changed.append(pl.select(pl.when(stays).then(cells).otherwise(found).alias(cells.name)))
    data = frame.with_columns([column.to_series() for column in changed])
    written = data.write_csv(include_header=False).encode()
    return replace(block, data=written, scan=scan(written, ord(",")), separator=",")
