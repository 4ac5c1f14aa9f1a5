"""A hierarchy proposed for a column by what it holds, with the reason in a sentence."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np

from anonymization.hierarchies.categories import Flat, Kept
from anonymization.hierarchies.dates import Dates, Unit, moment_of
from anonymization.hierarchies.hierarchy import Builder
from anonymization.hierarchies.intervals import EqualWidth, quantile_edges
from anonymization.hierarchies.prefixes import Prefixes
from datasets.preview.header_words import kinds_named
from privacy.reading import Valued

_FEW: Final = 12  # categories that people can look through at once
_FEW_NUMBERS: Final = 5  # grades, scores: an interval of them is half of all
_INTERVALS: Final = 20  # at most, of the finest level
_FEWEST_INTERVALS: Final = 2  # of the coarsest: one is `*`
_CROWDED: Final = 0.5  # share of rows in one interval from which equal widths tell too little
_SHARES: Final = 16
_FREQUENT: Final = 0.01  # share of rows from which a value is kept
_KEPT: Final = 20
_NEARLY_ALL: Final = 0.9
_CODE: Final = re.compile(r"(?=.*[0-9])[A-Za-z0-9][A-Za-z0-9 .\-/]{2,15}")
_NUMBER: Final = re.compile(r"-?\d+(?:\.\d+)?", re.ASCII)
_LONGEST_CODE, _LEVELS_OF_CODES = 16, 4


@dataclass(frozen=True)
class Suggested:
    """A way to a hierarchy, and why this one."""

    builder: Builder
    reason: str


def suggested(column: Valued, *, label: str = "") -> Suggested:
    """Return a hierarchy for a column, by its label's words, its type, values and their rows."""
    if len(column.values) <= 1:
        return Suggested(Flat(), "It has one value at most, so there is nothing to group.")
    is_short = max(map(len, column.values)) <= _LONGEST_CODE
    if is_short and "postcode" in kinds_named(label):
        return _of_codes(column.values, "Its name says postcode")
    match column.data_type:
        case "date" | "timestamp":
            return _of_dates(column.values)
        case "integer" | "float":
            return _of_numbers(column)
        case "boolean":
            return Suggested(Flat(), "It is yes or no, so it can only be kept or withheld.")
        case "text":
            return _of_text(column)


def _of_text(column: Valued) -> Suggested:
    many = len(column.values)
    if many <= _FEW:
        return Suggested(
            Flat(),
            f"It has {many} categories, few enough to keep or withhold. "
            "Draw up groups where some belong together.",
        )
    numbers = sum(_NUMBER.fullmatch(value) is not None for value in column.values)
    if _NEARLY_ALL * many <= numbers < many:
        return Suggested(
            Flat(),
            "Nearly all of its values are numbers, but not all: once it is said which of them "
            "mean missing, the others can become intervals.",
        )
    if _are_codes(column.values):
        return _of_codes(column.values, "Its values look like codes of one make")
    return _of_many(column)


def _of_dates(values: Sequence[str]) -> Suggested:
    moments = [moment_of(values[0]), moment_of(values[-1])]
    years = moments[1].year - moments[0].year
    has_times = any(moment_of(value).time() != datetime.min.time() for value in values)
    units: list[Unit] = ["day"] if has_times else []
    units.append("month")
    if years < 5:
        units.append("quarter")
    if years > 0:
        units.append("year")
    if years >= 10:
        units.append("decade")
    kind = "times" if has_times else "dates"
    span = "within a year" if not years else f"over {years} year{'s' * (years > 1)}"
    return Suggested(Dates(tuple(units)), f"It holds {kind} {span}: by {', '.join(units)}.")


def _of_numbers(column: Valued) -> Suggested:
    if len(column.values) <= _FEW_NUMBERS:
        return Suggested(
            Flat(),
            f"It has {len(column.values)} different numbers, few enough to keep or withhold.",
        )
    numbers = [float(value) for value in column.values]
    low, high = numbers[0], numbers[-1]
    width = nice_width((high - low) / _INTERVALS, whole=column.data_type == "integer")
    merge: list[int] = []
    while (high - low) / (width * math.prod(merge) * 2) >= _FEWEST_INTERVALS:
        merge.append(2)
    rows = _rows_of(column)
    of_interval = np.bincount(((np.array(numbers) - low) // width).astype(np.int64), weights=rows)
    if of_interval.max() > _CROWDED * rows.sum():
        edges = quantile_edges(numbers, rows.tolist(), _SHARES)
        if len(edges.edges) > _FEWEST_INTERVALS:
            return Suggested(
                type(edges)(edges.edges, (2, 2)),
                "Most of its numbers lie close together, so intervals hold equal shares of rows "
                "and are then merged two by two.",
            )
    widths = [width * math.prod(merge[:place]) for place in range(len(merge) + 1)]
    return Suggested(
        EqualWidth(width, tuple(merge)),
        f"Its numbers go from {column.values[0]} to {column.values[-1]}: intervals of "
        f"{', '.join(f'{size:g}' for size in widths)}.",
    )


def nice_width(least: float, *, whole: bool) -> float:
    """Return the smallest of 1, 2, 5, 10, 20, 50 ... (and 0.1, 0.2 ...) that is not below `least`.

    Whole ones begin at 2: an interval of one is the number itself.
    """
    power = math.floor(math.log10(least))
    sizes = [float(f"{step}e{power + more}") for more in (0, 1) for step in (1, 2, 5)]
    found = next(size for size in sizes if size >= least)
    return max(found, 2.0) if whole else found


def _are_codes(values: Sequence[str]) -> bool:
    codes = sum(_CODE.fullmatch(value) is not None for value in values)
    return codes >= _NEARLY_ALL * len(values) and max(map(len, values)) <= _LONGEST_CODE


def _of_codes(values: Sequence[str], why: str) -> Suggested:
    longest = max(map(len, values))
    if longest < 2:
        return Suggested(Flat(), f"{why}, of one character each: nothing to shorten.")
    # some levels are enough, at even steps from the whole to the first character
    count = min(_LEVELS_OF_CODES, longest - 1)
    keep = {max(round(longest * (count - place) / (count + 1)), 1) for place in range(count)}
    return Suggested(
        Prefixes(tuple(sorted(keep, reverse=True))),
        f"{why}, whose first characters say the most: shortened from the right.",
    )


def _of_many(column: Valued) -> Suggested:
    rows = _rows_of(column)
    order = np.argsort(-rows, kind="stable")[:_KEPT]
    kept = [int(place) for place in order if rows[place] >= max(_FREQUENT * rows.sum(), 2)]
    many = len(column.values)
    if not kept:
        return Suggested(
            Flat(),
            f"It has {many:,} values and none is frequent, so they can only be kept or withheld. "
            "Draw up groups where some belong together.",
        )
    rest = _not_among("other", column.values)
    return Suggested(
        Kept(tuple(column.values[place] for place in sorted(kept)), rest),
        f"It has {many:,} categories: the {len(kept)} in 1 % of the rows or more stay, the others "
        f"become “{rest}”.",
    )


def _not_among(label: str, values: Sequence[str]) -> str:
    while label in values:
        label += "_"
    return label


def _rows_of(column: Valued) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    codes = column.coded.codes
    return np.bincount(codes[codes >= 0], minlength=len(column.values)).astype(np.int64)
