"""Transformations of one column, each from its different values to what is written for them.

Values are texts in the order of their codes, `""` for a missing one, which stays missing. What they
became is a column again by `privacy.reading.recoded`, or cells of rows by `written`.
"""

from collections.abc import Collection, Sequence

import numpy as np
import polars as pl

from anonymization.engine.problem import Codes, Ints
from anonymization.hierarchies.fitting import Fitted
from anonymization.hierarchies.hierarchy import MISSING, WITHHELD
from anonymization.hierarchies.intervals import rounded
from anonymization.hierarchies.numbers import exact, plain
from anonymization.hierarchies.prefixes import MASK
from fairdb_site.errors import Refused

__all__ = [
    "generalized",
    "marked",
    "masked",
    "rare_suppressed",
    "rounded",
    "suppressed",
    "top_bottom",
    "withheld",
    "written",
]


def withheld(values: Sequence[str]) -> list[str]:
    """Return `*` for every value, missing ones too: nothing is said of anybody."""
    return [WITHHELD] * len(values)


def masked(values: Sequence[str], *, first: int = 0, last: int = 0) -> list[str]:
    """Return values of which the first and last characters are kept, the others `*` each.

    A value that has no more than what is kept is masked whole, so that none is left in the clear;
    one that is missing stays so. How long a value is can be seen: `withheld` hides that too.
    """
    if first < 0 or last < 0:
        raise Refused("How many characters are kept must be 0 or more.", option="first")

    def mask(value: str) -> str:
        hidden = len(value) - first - last
        if hidden <= 0:
            return MASK * len(value)
        return value[:first] + MASK * hidden + value[first + hidden :]

    return [mask(value) for value in values]


def generalized(fit: Fitted, level: int) -> list[str]:
    """Return what the values become at a level of their hierarchy, 0 the values themselves."""
    if not 0 <= level < fit.levels:
        raise Refused(
            f"There is no level {level}: the hierarchy has the levels 0 to {fit.levels - 1}.",
            option="level",
        )
    return fit.at(level)


def top_bottom(
    values: Sequence[str], *, bottom: float | None = None, top: float | None = None
) -> list[str]:
    """Return numbers with those below `bottom` as the bottom, those above `top` as the top.

    The numbers stay numbers. Of a hierarchy, `TopBottom` says `<18` and `>90` instead.
    """
    limits = (None if limit is None else exact(str(limit)) for limit in (bottom, top))
    low, high = limits
    if low is not None and high is not None and low > high:
        raise Refused("The bottom lies above the top.", option="bottom")

    def coded(value: str) -> str:
        number = exact(value)
        if low is not None and number < low:
            return plain(low)
        return plain(high) if high is not None and number > high else value

    return [coded(value) if value else value for value in values]


def suppressed(values: Sequence[str], chosen: Collection[str]) -> list[str]:
    """Return values with the chosen ones as `*`."""
    return [WITHHELD if value in chosen else value for value in values]


def rare_suppressed(values: Sequence[str], codes: Codes, *, least: int) -> list[str]:
    """Return values with those of fewer than `least` rows as `*`. `codes` is as of `codes_of`."""
    rows = np.bincount(codes, minlength=len(values))
    return [
        WITHHELD if value != MISSING and many < least else value
        for value, many in zip(values, rows.tolist(), strict=True)
    ]


def marked(values: Sequence[str], text: str) -> list[str]:
    """Return values with a text at the place of missing ones.

    Raises Refused where it is empty, or is one of the values: nobody could tell them apart.
    """
    if not text:
        raise Refused("The mark for missing values is empty.", option="mark")
    if text in values:
        raise Refused(
            "The mark for missing values is a value of the column already. Choose another one.",
            option="mark",
        )
    return [text if value == MISSING else value for value in values]


def written(values: Sequence[str], codes: Codes | Ints) -> pl.Series:
    """Return the cell of every row: the text of its code, null where that is `""`."""
    texts = pl.Series(values, dtype=pl.String)
    return texts.set(texts == MISSING, None).gather(codes.astype(np.uint32))
