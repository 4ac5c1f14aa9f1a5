"""Re-identification risk: the chance that a row is matched to the right person.

El Emam 2013, "Guide to the De-Identification of Personal Health Information", chapters 12 and 16.
The prosecutor knows that the person is in the table, the journalist only that they are in a
population that it was drawn from, the marketer wants as many persons as possible.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from privacy.measures.classes import Classes, Persons, classes_of
from privacy.measures.grouping import Codes, Ints
from privacy.measures.models import Floats


@dataclass(frozen=True)
class Risk:
    """Shares from 0 to 1: the highest and the average of some rows or persons.

    `above` is how many of them are above the threshold.
    """

    highest: float
    average: float
    above: int


def row_risks(classes: Classes) -> Floats:
    """Return the prosecutor's chance for every row: one in as many as match it."""
    return np.asarray(1.0 / classes.sizes[classes.labels])


def prosecutor(classes: Classes, threshold: float) -> Risk:
    """Return the risk of rows for whom the attacker knows they are in the table."""
    return _risk(1.0 / classes.sizes, threshold, classes.rows)


def prosecutor_of_persons(persons: Persons, threshold: float) -> Risk:
    """Return the same of distinct persons, each at the class that hides them least."""
    return _risk(1.0 / persons.hidden_among, threshold)


def rows_in_population(
    sample: Sequence[Codes], population: Sequence[Codes], *, matching: bool = False
) -> Ints:
    """Return for every row how many of a population match it, by the same columns and codes."""
    rows = len(sample[0])
    both = classes_of(
        [np.concatenate(columns) for columns in zip(sample, population, strict=True)],
        matching=matching,
    )
    there = np.bincount(both.labels[rows:], minlength=both.count)
    sizes = there
    if both.neighbours is not None:
        near = both.neighbours
        sizes = np.bincount(near.of, weights=there[near.matching], minlength=both.count)
    return np.asarray(sizes[both.labels[:rows]], dtype=np.int64)


def journalist_of_population(classes: Classes, there: Ints, threshold: float) -> Risk:
    """Return the risk of rows among the rows of a population that match them.

    The population is taken to hold the table: where it has fewer rows of a class, as many are
    counted as the table has. The average is the marketer's risk.
    """
    return _risk(1.0 / np.maximum(there, classes.sizes[classes.labels]), threshold)


def journalist_of_size(classes: Classes, size: int, threshold: float) -> Risk:
    """Return the risk of rows where only the size of the population is known.

    Each class is taken to be as frequent there as in the table, which is an expectation: a class
    may be rarer in the population than in the table.
    """
    rows = len(classes.labels)
    return _risk(rows / (classes.sizes * float(size)), threshold, classes.rows)


def _risk(
    risks: Floats, threshold: float, weights: Sequence[int] | np.ndarray | None = None
) -> Risk:
    many = np.ones(len(risks), dtype=np.int64) if weights is None else np.asarray(weights)
    return Risk(
        highest=float(risks.max()),
        average=float((risks * many).sum() / many.sum()),  # BLAS would wake its threads for this
        above=int(many[risks > threshold].sum()),
    )
