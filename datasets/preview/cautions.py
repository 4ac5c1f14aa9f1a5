"""What to look at in a column before it is loaded, in sentences; none of them stops a load but one.

The one is a type that was named and that cells break.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from datasets.ingest.datatypes import DataType, Mask, parsed
from datasets.ingest.kinds import KNOWN_MARKERS
from datasets.ingest.notation import NOTATION_WORDS, ReadAs, notation_of, respelled, stored_type
from datasets.ingest.profile import ColumnProfile

from .contents import Contents

WORDS: Final[dict[DataType, str]] = {
    "integer": "whole numbers",
    "float": "numbers",
    "boolean": "true or false",
    "date": "dates",
    "timestamp": "moments",
    "text": "text",
}
ONE: Final[dict[DataType, str]] = {
    "integer": "a whole number",
    "float": "a number",
    "boolean": "true or false",
    "date": "a date",
    "timestamp": "a moment",
    "text": "text",
}
_MANY: Final = 0.5  # of the cells: what most of them are, the others may have been meant to be
_TICK: Final = "If it does, tick it under “How it is read”."
CODES_LOW: Final = frozenset({"-9", "-99", "-999", "-9999", "-99999"})
CODES_HIGH: Final = frozenset({"99", "999", "9999", "99999", "999999"})
_CODES: Final = CODES_LOW | CODES_HIGH
_NUMBERS: Final = frozenset({"integer", "float"})
_FAR: Final = 5  # times the greatest other value
_DAY_FIRST: Final = re.compile(r"([0-9]{1,2})[/.-]([0-9]{1,2})[/.-]")


@dataclass(frozen=True)
class Columns:
    """All columns of the rows looked at, for cautions about any of them."""

    labels: dict[str, int]  # how often each is there
    rows: int


def cautions(
    column: ColumnProfile, contents: Contents, columns: Columns, *, named: ReadAs | None
) -> Iterator[str]:
    """Yield what to look at in a column; `named` is the type that was chosen for it, if any."""
    yield from _of_label(column, columns)
    if named and named != column.data_type:
        yield from _of_named(column, contents, named)
    if not columns.rows:
        return
    if column.missing == columns.rows:
        yield "No cell has a value."
        return
    if column.distinct == 1 and columns.rows - column.missing > 1:
        yield "Every value is the same."
    for suggestion in column.suggestions:
        if suggestion.marker:
            yield (
                f"{WORDS[suggestion.data_type].capitalize()} but for {suggestion.count:,} × "
                f"“{suggestion.marker}”. Tick it under “How it is read” if it means missing; "
                "otherwise the column is text."
            )
        else:
            yield f"{suggestion.count:,} cells are empty texts (quotes with nothing inside)."
    place = column.position - 1
    if column.data_type == "text" and contents.wanted[place] and contents.filled[place]:
        yield from _of_text(column, contents, named)
    if column.data_type in {"integer", "float"} and contents.wanted[place]:
        yield from _of_codes(column, contents)


def codes_held(column: ColumnProfile) -> frozenset[str]:
    """Return the numbers of a column that may stand for a missing value.

    Of numbers that is the least or the greatest; of those that marks of missing make text, which
    have no extremes, one of the commonest.
    """
    if column.suggestions:
        held = {value for value, _ in column.top}
        data_type = column.suggestions[0].data_type
    else:
        held = {value for value in (column.minimum, column.maximum) if value}
        data_type = column.data_type
    return _CODES & held if data_type in _NUMBERS else frozenset()


def _of_label(column: ColumnProfile, columns: Columns) -> Iterator[str]:
    if not column.label.strip():
        yield "The column has no name."
    elif columns.labels[column.label] > 1:
        yield f"{columns.labels[column.label]:,} columns have this name."
    elif column.label != column.label.strip():
        yield "The name begins or ends with white space."


def _of_named(column: ColumnProfile, contents: Contents, named: ReadAs) -> Iterator[str]:
    """Yield which of the cells looked at break the type that was named, or lose signs in it."""
    if named == "text":
        return
    cells = contents.cells_of(column.position - 1)
    notation = notation_of(named)
    values = respelled(cells, notation) if notation else cells
    fits = parsed(values, stored_type(named), loose=True).fits
    broken: Mask = ~fits & cells.is_not_null().to_numpy()
    if broken.any():
        row = contents.block.row_number(int(broken.argmax()))
        which = "1 cell is" if broken.sum() == 1 else f"{int(broken.sum()):,} cells are"
        words = f"not {NOTATION_WORDS[notation]}" if notation else f"no {named}"
        yield (
            f"The load will be refused: {which} {words}, first in row {row:,}. Choose another "
            "type, or say that what it holds means missing."
        )
    elif notation and (cell := next(iter(contents.values(column.position - 1, most=1)), None)):
        read = respelled(pl.Series([cell]), notation).item()
        yield f"Read so, {cell} is {read}."
    zeros = int(contents.counts["leading_zero"][column.position - 1])
    if named in {"integer", "float"} and zeros:
        yield f"Leading zeros are lost as {named}: {zeros:,} values have some, as 007 has."


def _of_text(column: ColumnProfile, contents: Contents, named: ReadAs | None) -> Iterator[str]:
    place = column.position - 1
    filled = int(contents.filled[place])
    counts = {name: int(found[place]) for name, found in contents.counts.items()}
    for name, sentence in _TEXTS:
        if counts[name] >= _MANY * filled and counts["postcode"] < _MANY * filled and not named:
            yield sentence
    if counts["day_first"] >= _MANY * filled and not named:
        yield _of_days(contents.values(place))
    numbers = counts["number"]
    if _MANY * filled <= numbers < filled and not column.suggestions:
        others = filled - numbers
        yield (
            f"Mixed: {numbers:,} of {filled:,} values are numbers, {others:,} "
            f"{'is' if others == 1 else 'are'} not, so it is text."
        )
    dates = counts["iso_date"]
    if _MANY * filled <= dates < filled and not column.suggestions:
        yield f"Mixed: {dates:,} of {filled:,} values are written as dates, so it is text."
    if counts["leading_zero"] and counts["number"] == filled and named not in {"integer", "float"}:
        yield (
            f"Digits kept as text: {counts['leading_zero']:,} values begin with a zero, which "
            "numbers would lose."
        )
    if counts["iso_moment"] == filled and not named:
        yield "Moments with a T between day and time: choose the type timestamp to store them so."
    if contents.known_markers[place] and not column.suggestions:
        markers = [value for value in contents.values(place) if value in KNOWN_MARKERS]
        count = int(contents.known_markers[place])
        yield (
            f"{count:,} {'cell reads' if count == 1 else 'cells read'} "
            f"{' or '.join(f'“{marker}”' for marker in markers)}: does that mean missing? "
            f"{_TICK}"
        )
    if counts["word_of_two"] == filled and column.distinct <= 2 and not named:
        yield "Words for true and false: choose the type boolean to store them so."
    if counts["error"]:
        yield f"{counts['error']:,} cells hold an error of a spreadsheet, such as #N/A."
    if counts["spaced"]:
        yield f"{counts['spaced']:,} values begin or end with white space."


_TEXTS: Final = (
    (
        "decimal_comma",
        "Numbers with a decimal comma: stored as text, unless you choose to have them read so.",
    ),
    ("thousands", "Numbers with commas between thousands: stored as text."),
    ("censored", "Numbers with a sign before them, such as <5: stored as text."),
    ("unit", "Numbers with a unit behind them: stored as text."),
)


def _of_days(values: Sequence[str]) -> str:
    found = [match for value in values if (match := _DAY_FIRST.match(value))]
    first, second = (max((int(match[n]) for match in found), default=0) for n in (1, 2))
    if first <= 12 and second <= 12:
        return (
            "Dates in which day and month cannot be told apart: stored as text, unless you say "
            "which comes first."
        )
    if first > 12 and second > 12:
        return (
            "Dates with day and month in either order: stored as text. Write them as 2024-02-29 "
            "to have dates."
        )
    order = "day before month" if first > 12 else "month before day"
    return f"Dates with {order}: stored as text, unless you choose to have them read so."


def lone_codes(column: ColumnProfile, contents: Contents) -> Iterator[str]:
    """Yield the numbers of a column that may stand for a missing value: far from all others."""
    if not codes_held(column):
        return
    data_type = column.suggestions[0].data_type if column.suggestions else column.data_type
    found = parsed(contents.cells_of(column.position - 1), data_type)
    values = found.values[found.fits]
    for extreme in (values.min(), values.max()) if values.size else ():
        code = f"{extreme:.0f}"
        others = values[values != extreme]
        if code not in _CODES or extreme != float(code) or not others.size:
            continue
        if others.min() >= 0 if extreme < 0 else np.abs(others).max() * _FAR <= extreme:
            yield code


def _of_codes(column: ColumnProfile, contents: Contents) -> Iterator[str]:
    for code in lone_codes(column, contents):
        yield f"{code} lies far from all other values: does it mean missing? {_TICK}"
