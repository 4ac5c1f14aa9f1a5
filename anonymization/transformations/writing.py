"""The cells of a result, from what a search found: a label at a level, or of a class's values."""

from typing import Final

import numpy as np
import polars as pl

from anonymization.engine.problem import Attribute, Bools, Codes, Ints
from anonymization.hierarchies.fitting import Fitted
from anonymization.hierarchies.hierarchy import MISSING, WITHHELD
from anonymization.hierarchies.numbers import span
from anonymization.transformations.cells import generalized, written
from datasets.ingest.names import shown
from fairdb_site.errors import TooLarge

MISSING_NAMED: Final = "missing"
"""How a missing value is named among others: `17-23 or missing`, `{A, missing}`."""

MOST_CHARACTERS: Final = 1 << 31
"""Of one column that is written."""

_SET_MARKS: Final = frozenset('{},"*')


def full_domain_cells(
    fit: Fitted, attribute: Attribute, level: int, suppressed: Bools
) -> pl.Series:
    """Return the cell of every row where all are generalized to a level; suppressed ones are `*`.

    A missing value stays missing (null) below the last level.
    """
    return _withheld(written(generalized(fit, level), attribute.codes), suppressed)


def local_cells(
    fit: Fitted, attribute: Attribute, classes: Codes | Ints, suppressed: Bools, *, name: str = ""
) -> pl.Series:
    """Return the cell of every row where each class has the tightest label of its own values.

    `classes` (rows,) has the class of every row, from 0; what suppressed rows have does not matter.
    One value stays as it is. Numbers become `17-23`, days and moments
    `2024-01-02 to 2024-03-04`; categories the label of the node that holds just these values of the
    data, or else the values themselves, `{A, B}`. A missing value among others is named. The same
    input gives the same cells, always. Raises TooLarge, with the column's `name`, where classes of
    so many values are named in so many rows that the column would have over 2 GB.
    """
    kept = ~suppressed
    if not kept.any():
        return _withheld(pl.Series([None] * len(suppressed), dtype=pl.String), suppressed)
    values = len(fit.values)
    keys = classes[kept].astype(np.int64) * values + attribute.codes[kept]
    keys.sort()  # np.unique goes by a hash, which takes several times as long
    pairs = keys[_firsts(keys)]
    owners, members = np.divmod(pairs, values)
    starts = _firsts(owners)
    found = owners[starts]
    labels = _class_labels(fit, members, np.append(starts, len(pairs)))
    places = np.zeros(len(classes), dtype=np.int64)
    places[kept] = np.searchsorted(found, classes[kept])
    lengths = np.fromiter(map(len, labels), dtype=np.int64, count=len(labels))
    if (length := int(lengths[places[kept]].sum())) > MOST_CHARACTERS:
        raise TooLarge(
            f"The values of classes{f' in {shown(name)}' if name else ''} would be "
            f"{length:,} characters. Draw up groups for them, or generalize all rows alike."
        )
    return _withheld(written(labels, places), suppressed)


def quoted(value: str) -> str:
    """Return a value as one of a set, `{A, B}`; what would be mistaken is quoted as in CSV."""
    if value == MISSING:
        return MISSING_NAMED
    if value == MISSING_NAMED or value != value.strip() or _SET_MARKS & set(value):
        return '"' + value.replace('"', '""') + '"'
    return value


def _class_labels(fit: Fitted, members: Ints, bounds: Ints) -> list[str]:
    """Return the label of every class; its values are `members[bounds[i] : bounds[i + 1]]`."""
    if fit.numbers is not None:
        return _spans(fit, members, bounds)
    nodes = _tightest_nodes(fit, members, bounds)
    texts = [quoted(value) for value in fit.values]
    labels = []
    for node, start, end in zip(nodes, bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        own = members[start:end].tolist() if node is None else []
        labels.append("{" + ", ".join(map(texts.__getitem__, own)) + "}" if node is None else node)
    return labels


def _firsts(ordered: Ints) -> Ints:
    """Return the places of ordered numbers that differ from the one before."""
    return np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))


def _spans(fit: Fitted, members: Ints, bounds: Ints) -> list[str]:
    """Return the labels of classes of numbers or times; their codes are in that order."""
    lacking = len(fit.values) - 1 if fit.values[-1] == MISSING else -1
    days = fit.data_type in {"date", "timestamp"}
    labels = []
    lows, highs = members[bounds[:-1]].tolist(), members[bounds[1:] - 1].tolist()
    seconds = members[np.maximum(bounds[1:] - 2, bounds[:-1])].tolist()
    for low, high, second in zip(lows, highs, seconds, strict=True):
        has_missing = high == lacking
        last = second if has_missing else high
        if low == lacking:
            labels.append(MISSING)
            continue
        first, until = fit.values[low], fit.values[last]
        text = first
        if first != until:
            text = f"{first} to {until}" if days else span(first, until)
        labels.append(f"{text} or {MISSING_NAMED}" if has_missing else text)
    return labels


def _tightest_nodes(fit: Fitted, members: Ints, bounds: Ints) -> list[str | None]:
    """Return the label of the node that holds just the values of a class; None where none does."""
    starts, sizes = bounds[:-1], np.diff(bounds)
    labels: list[str | None] = [None] * len(sizes)
    open_classes = np.ones(len(sizes), dtype=np.bool_)
    for level in range(fit.levels):
        nodes = fit.nodes[level]
        held = np.bincount(nodes)
        low = np.minimum.reduceat(nodes[members], starts)
        high = np.maximum.reduceat(nodes[members], starts)
        for place in np.flatnonzero(open_classes & (low == high) & (held[low] == sizes)).tolist():
            labels[place] = fit.labels[level][low[place]]
            open_classes[place] = False
    return labels


def _withheld(cells: pl.Series, suppressed: Bools) -> pl.Series:
    return cells.set(pl.Series(suppressed), WITHHELD)
