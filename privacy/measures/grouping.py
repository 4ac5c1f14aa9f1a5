"""Rows that agree in some columns get one label: the equivalence classes.

The codes of a row are read as the digits of one number (a mixed radix), and rows are sorted by it.
Where the number would not fit 62 bits it is replaced by its rank among the rows, so any number of
columns will do.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.integer[Any]]
Ints = npt.NDArray[np.int64]

_BITS: Final = 62  # of a key, so that sums and products of two stay below 2^63
# a table of all possible keys is quicker than sorting while it is about as long as the rows
_TABLE_A_ROW: Final = 4
_TABLE_AT_LEAST: Final = 1 << 12


@dataclass(frozen=True, eq=False)
class Grouping:
    """A label from 0 to `count` - 1 for every row; rows share one if they agree everywhere."""

    labels: Ints
    count: int


def group(columns: Sequence[Codes]) -> Grouping:
    """Return the classes of rows that agree in all columns; -1 (missing) is a value of its own.

    The columns have one length and are one at least. Labels follow the order of the codes, the
    first column foremost, so they do not depend on the order of the rows.
    """
    keys, size = _digits(columns[0])
    for column in columns[1:]:
        digits, radix = _digits(column)
        if size * radix >= 1 << _BITS:
            keys, size = _ranked(keys, size)
        keys = keys * radix + digits
        size *= radix
    return Grouping(*_ranked(keys, size))


def first_rows(grouping: Grouping) -> Ints:
    """Return a row of each class, the first one, in order of the labels."""
    rows = np.empty(grouping.count, dtype=np.int64)
    # of what is written to one place, the last stays
    rows[grouping.labels[::-1]] = np.arange(len(grouping.labels) - 1, -1, -1)
    return rows


def distinct(keys: Ints) -> tuple[Ints, Ints]:
    """Return which keys there are, in order, and how many of each."""
    ordered = np.sort(keys)
    starts = np.flatnonzero(_changes(ordered))
    return ordered[starts], np.diff(starts, append=len(ordered))


def _digits(column: Codes) -> tuple[Ints, int]:
    """Return codes from 0 on and how many there may be; those far apart are ranked first."""
    codes = column.astype(np.int64, copy=False)
    low, high = int(codes.min()), int(codes.max())
    if high - low > max(len(codes), _TABLE_AT_LEAST):
        return _ranked(*_shifted(codes, low, high))
    return _shifted(codes, low, high)


def _shifted(codes: Ints, low: int, high: int) -> tuple[Ints, int]:
    return (codes - low if low else codes), high - low + 1


def _ranked(keys: Ints, size: int) -> tuple[Ints, int]:
    """Return the rank of every key (of 0 to `size` - 1) among those there are, and how many."""
    if size <= max(_TABLE_A_ROW * len(keys), _TABLE_AT_LEAST):
        seen = np.zeros(size, dtype=bool)
        seen[keys] = True
        ranks = np.cumsum(seen, dtype=np.int64) - 1
        return ranks[keys], int(ranks[-1]) + 1
    ordered, order = _sorted_with_rows(keys, size)
    ranks = np.cumsum(_changes(ordered), dtype=np.int64) - 1
    labels = np.empty_like(keys)
    labels[order] = ranks
    return labels, int(ranks[-1]) + 1


def _sorted_with_rows(keys: Ints, size: int) -> tuple[Ints, Ints]:
    """Return the keys in order, and the row of each: in one sort of numbers where both fit one."""
    row_bits = len(keys).bit_length()
    if size.bit_length() + row_bits > _BITS:
        order = np.argsort(keys)
        return keys[order], order
    packed = keys << row_bits
    packed |= np.arange(len(keys))
    packed.sort()
    return packed >> row_bits, packed & ((1 << row_bits) - 1)


def _changes(ordered: Ints) -> npt.NDArray[np.bool_]:
    """Return where another key begins."""
    begins = np.empty(len(ordered), dtype=bool)
    begins[0] = True
    np.not_equal(ordered[1:], ordered[:-1], out=begins[1:])
    return begins
