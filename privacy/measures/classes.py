"""Equivalence classes of the quasi-identifiers: how many rows and persons each hides among.

k-anonymity: Samarati & Sweeney 1998, "Protecting privacy when disclosing information".
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from privacy.measures.grouping import Codes, Ints, distinct, group
from privacy.measures.matching import Neighbours, expanded, neighbours


@dataclass(frozen=True, eq=False)
class Classes:
    """The classes of a table.

    `labels` has the class of every row, `rows` how many rows each class has, `sizes` how many rows
    match it: the same, unless missing values match anything.
    """

    labels: Ints
    rows: Ints
    sizes: Ints
    neighbours: Neighbours | None = None

    @property
    def count(self) -> int:
        """How many classes there are."""
        return len(self.rows)

    @property
    def k(self) -> int:
        """The smallest number of rows that a row hides among, itself included."""
        return int(self.sizes.min())

    @property
    def uniques(self) -> int:
        """How many rows match no other row."""
        return int(self.rows[self.sizes == 1].sum())


def classes_of(columns: Sequence[Codes], *, matching: bool = False) -> Classes:
    """Return the classes of rows that agree in all columns; with `matching`, missing matches all.

    Raises Refused where matching would take too much.
    """
    grouping = group(columns)
    rows = np.bincount(grouping.labels, minlength=grouping.count)
    pairs = neighbours(columns, grouping) if matching else None
    sizes = rows
    if pairs is not None:
        sizes = np.bincount(pairs.of, weights=rows[pairs.matching]).astype(np.int64)
    return Classes(grouping.labels, rows, sizes, pairs)


@dataclass(frozen=True, eq=False)
class Persons:
    """The same over distinct persons: `sizes` of every class, and of every person the smallest.

    A person stands in as many classes as their rows do, and is as easily found as in the smallest.
    """

    sizes: Ints
    hidden_among: Ints

    @property
    def k(self) -> int:
        """The smallest number of persons that a person hides among, themselves included."""
        return int(self.sizes.min())

    @property
    def uniques(self) -> int:
        """How many persons are alone in some class."""
        return int((self.hidden_among == 1).sum())


def persons_of(classes: Classes, persons: Codes) -> Persons:
    """Return how many persons each class holds.

    Rows without a person (-1) count as those of one person together: of how many they are is not
    known, and nobody should look safer for it.
    """
    labelled = group([persons])
    who, pairs = labelled.labels, labelled.count
    keys, _ = distinct(classes.labels * pairs + who)
    stands_in, person = keys // pairs, keys % pairs
    if classes.neighbours is None:
        sizes = np.bincount(stands_in, minlength=classes.count)
    else:
        lengths = np.bincount(stands_in, minlength=classes.count)
        near = classes.neighbours
        places, asked = expanded(np.cumsum(lengths) - lengths, lengths, near.matching)
        matched, _ = distinct(near.of[asked] * pairs + person[places])
        sizes = np.bincount(matched // pairs, minlength=classes.count)
    hidden_among = np.full(labelled.count, len(who), dtype=np.int64)
    np.minimum.at(hidden_among, person, sizes[stands_in])
    return Persons(sizes, hidden_among)
