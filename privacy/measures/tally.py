"""How often each class holds each value of a sensitive column: what all models start from."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from privacy.measures.classes import Classes
from privacy.measures.grouping import Codes, Ints, distinct, group
from privacy.measures.matching import expanded

# a table of all classes and values is quicker than sorting while it is about as long as the rows
_CELLS_A_ROW: Final = 8
_CELLS_AT_LEAST: Final = 1 << 16


@dataclass(frozen=True, eq=False)
class Tally:
    """The values that occur in each class, by class and then value.

    Of every entry: its class, its value and how many rows. `starts` is the first entry of every
    class, `sizes` its rows, `totals` the rows of every value in the whole table. Values are
    numbered from 0 without gaps and in the order of their codes; missing is one more, the last.
    """

    owner: Ints
    values: Ints
    counts: Ints
    starts: Ints
    sizes: Ints
    totals: Ints
    has_missing: bool

    @property
    def rows(self) -> int:
        """How many rows the table has."""
        return int(self.totals.sum())


def tally(classes: Classes, column: Codes) -> Tally:
    """Count the values of a sensitive column in every class."""
    values, totals, has_missing = _numbered(column)
    many = len(totals)
    keys = classes.labels * many + values
    cells = classes.count * many
    if cells <= max(_CELLS_A_ROW * len(keys), _CELLS_AT_LEAST):
        table = np.bincount(keys, minlength=cells)
        found = np.flatnonzero(table)
        counts = table[found]
    else:
        found, counts = distinct(keys)
    owner = found // many
    if classes.neighbours is not None:
        found, counts = _over_neighbours(classes, found, counts, many)
        owner = found // many
    starts = np.searchsorted(owner, np.arange(classes.count))
    return Tally(owner, found - owner * many, counts, starts, classes.sizes, totals, has_missing)


def _numbered(column: Codes) -> tuple[Ints, Ints, bool]:
    """Return the values numbered without gaps, missing last, how many of each, and if it occurs."""
    missing = column < 0
    has_missing = bool(missing.any())
    labelled = group([column])
    values, many = labelled.labels, labelled.count
    if has_missing and many > 1:  # labels are in the order of codes, so that missing is 0
        values = np.where(missing, many - 1, values - 1)
    return values, np.bincount(values, minlength=many), has_missing


def _over_neighbours(classes: Classes, found: Ints, counts: Ints, many: int) -> tuple[Ints, Ints]:
    """Return the entries of every class with those of the classes that match it added."""
    near = classes.neighbours
    assert near is not None
    lengths = np.bincount(found // many, minlength=classes.count)
    places, asked = expanded(np.cumsum(lengths) - lengths, lengths, near.matching)
    keys = near.of[asked] * many + found[places] % many
    merged = group([keys])
    summed = np.bincount(merged.labels, weights=counts[places]).astype(np.int64)
    return distinct(keys)[0], summed
