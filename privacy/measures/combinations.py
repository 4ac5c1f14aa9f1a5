"""Which few columns single people out: every combination of them, and SUDA's special uniques.

A row is a minimal sample unique in a combination if it is alone there and in no smaller part of
it. The fewer columns that takes, and the oftener it happens, the more special the row. Elliot,
Manning & Ford 2002, "A computational algorithm for handling the special uniques problem".
Here a missing value is always a value of its own.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from fairdb_site.errors import Refused
from privacy.measures.grouping import Codes, Ints, group
from privacy.measures.models import Floats

LARGEST: Final = 4
# about 10 s: 100 us a combination, 20 ns a row of each
_MOST_COMBINATIONS: Final = 100_000
_MOST_ROWS: Final = 500_000_000

Bits = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Combination:
    """What an attacker can do who knows these columns: classes, smallest class, rows alone."""

    columns: tuple[str, ...]
    classes: int
    k: int
    uniques: int


@dataclass(frozen=True, eq=False)
class Sweep:
    """Every combination up to a size, and the SUDA scores.

    `row_scores` has a score for every row, 0 for no special unique. `column_shares` has for every
    column the share (0..1) of all scores that comes of combinations with it. `smallest` has for
    every row how many columns suffice to single it out, 0 where `largest` do not.
    """

    combinations: tuple[Combination, ...]
    largest: int
    row_scores: Floats
    column_shares: dict[str, float]
    smallest: Ints

    def worst(self, size: int, most: int = 10) -> list[Combination]:
        """Return the combinations of so many columns that leave most rows alone, then least k."""
        asked = [one for one in self.combinations if len(one.columns) == size]
        return sorted(asked, key=lambda one: (-one.uniques, one.k, -one.classes, one.columns))[
            :most
        ]

    def k_of_size(self, size: int) -> int:
        """Return the least k of what is known of so many columns, whichever they are."""
        return min(one.k for one in self.combinations if len(one.columns) == size)


def affordable_size(columns: int, rows: int, largest: int = LARGEST) -> int:
    """Return up to which size the combinations of so many columns can be swept, 0 for none."""
    many = 0
    for size in range(1, min(largest, columns) + 1):
        many += math.comb(columns, size)
        if many > _MOST_COMBINATIONS or many * rows > _MOST_ROWS:
            return size - 1
    return min(largest, columns)


def all_combinations(columns: Mapping[str, Codes], *, largest: int = LARGEST) -> Sweep:
    """Sweep over every combination of 1 to `largest` columns.

    Raises Refused without columns or rows, and where there are too many combinations.
    """
    if not columns or not len(next(iter(columns.values()))):
        raise Refused("Choose one quasi-identifier at least, of a table with rows.")
    if largest < 1:
        raise Refused("Combinations have one column at least.", option="largest")
    rows = len(next(iter(columns.values())))
    affordable = affordable_size(len(columns), rows, largest)
    if affordable < min(largest, len(columns)):
        raise Refused(
            f"Combinations of up to {largest} of {len(columns)} columns over {rows:,} rows are "
            f"too many to try. Take fewer columns, or combinations of {max(affordable, 1)}.",
            option="largest",
        )
    return _Sweeping(columns, min(largest, len(columns)), rows).run()


@dataclass(frozen=True, eq=False)
class _Known:
    """A combination on the way: the rows not yet alone with their labels, and who is alone."""

    places: tuple[int, ...]
    rows: Ints
    labels: Ints
    alone: int


@dataclass(eq=False)
class _Sweeping:
    """Goes through combinations so that all parts of one come before it.

    A combination grows by columns that come before its own, in their order: read as binary
    numbers, combinations come in ascending order, and a part is a smaller number. Rows that are
    alone stay so when more is known, and are not looked at again.
    """

    columns: Mapping[str, Codes]
    largest: int
    rows: int
    found: list[Combination] = field(default_factory=list)
    alone: dict[tuple[int, ...], Bits] = field(default_factory=dict)

    def run(self) -> Sweep:
        many = len(self.columns)
        self.names = list(self.columns)
        self.codes = [group([column]).labels for column in self.columns.values()]
        self.scores = np.zeros(self.rows)
        self.smallest = np.zeros(self.rows, dtype=np.int64)
        self.of_columns = np.zeros(many)
        every = np.arange(self.rows)
        self._grow(_Known((), every, np.zeros(self.rows, dtype=np.int64), 0), many)
        total = float(self.scores.sum())
        shares = self.of_columns / total if total else self.of_columns
        return Sweep(
            tuple(sorted(self.found, key=lambda one: len(one.columns))),
            self.largest,
            self.scores,
            dict(zip(self.names, shares.tolist(), strict=True)),
            self.smallest,
        )

    def _grow(self, known: _Known, before: int) -> None:
        for place in range(before):
            more = self._with(known, place)
            if len(more.places) < self.largest:
                self._grow(more, place)

    def _with(self, known: _Known, place: int) -> _Known:
        """Add a column: count the classes, note who is alone and whether that is special."""
        places = (place, *known.places)
        if len(known.rows):
            grouping = group([known.labels, self.codes[place][known.rows]])
            sizes = np.bincount(grouping.labels)
            single = sizes[grouping.labels] == 1
            alone, classes = known.rows[single], grouping.count + known.alone
            rows, labels = known.rows[~single], grouping.labels[~single]
        else:
            sizes, classes = np.ones(1, dtype=np.int64), known.alone
            alone = rows = labels = known.rows
        k = 1 if known.alone else int(sizes.min())
        uniques = known.alone + len(alone)
        names = tuple(self.names[one] for one in places)
        self.found.append(Combination(names, classes, k, uniques))
        self._score(places, alone)
        if len(places) < self.largest:
            self._keep(places, rows, uniques)
        return _Known(places, rows, labels, uniques)

    def _keep(self, places: tuple[int, ...], rows: Ints, uniques: int) -> None:
        if uniques:
            flags = np.ones(self.rows, dtype=bool)
            flags[rows] = False
            self.alone[places] = np.packbits(flags, bitorder="little")

    def _score(self, places: tuple[int, ...], alone: Ints) -> None:
        """Score the rows that became alone by the last column and are so in no other part."""
        for left_out in range(1, len(places)):  # without the first they were not alone
            bits = self.alone.get(places[:left_out] + places[left_out + 1 :])
            if bits is not None and len(alone):
                alone = alone[bits[alone >> 3] >> (alone & 7) & 1 == 0]
        if not len(alone):
            return
        weight = _weight(len(places), len(self.columns), self.largest)
        self.scores[alone] += weight
        self.of_columns[list(places)] += weight * len(alone)
        smallest = self.smallest[alone]
        self.smallest[alone] = np.where(smallest, np.minimum(smallest, len(places)), len(places))


def _weight(size: int, columns: int, largest: int) -> float:
    """Return the score of one special unique: the product of (columns - i) for i of size..M.

    M is the largest size looked at, at most columns - 1: with it the last factor would be 0.
    """
    most = min(largest, columns - 1)
    return float(math.prod(columns - i for i in range(size, most + 1)))
