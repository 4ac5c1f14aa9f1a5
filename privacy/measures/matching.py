"""Which classes match where a missing value matches anything.

Two rows match if they agree in every column that both have. That is no equivalence (a row without
an age matches one of 30 and one of 40, which do not match each other), so every class has
neighbours of its own. Two ways lead to them: class by class, or by joining, for every two patterns
of missing columns, on the columns that both have. The cheaper one is taken.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from fairdb_site.errors import Refused
from privacy.measures.grouping import Codes, Grouping, Ints, first_rows, group

# what neighbours may cost: 16 bytes a pair, and about 10 s
MOST_PAIRS: Final = 20_000_000
_MOST_WORK: Final = 1e10
# nanoseconds as measured: a comparison of two cells, a cell of a join, a join however small
_COMPARED, _JOINED, _A_JOIN = 2.0, 20.0, 100_000.0
_BLOCK: Final = 1 << 22  # comparisons at once

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Pairs of classes that match, both ways round and each class with itself."""

    of: Ints
    matching: Ints


def neighbours(columns: Sequence[Codes], grouping: Grouping) -> Neighbours | None:
    """Return which classes match, or None where nothing is missing and each matches itself alone.

    Raises Refused where that would take too much time or memory.
    """
    at = first_rows(grouping)
    profiles = np.array([column[at] for column in columns], dtype=np.int64)
    known = profiles >= 0
    gaps = np.flatnonzero(~known.all(axis=0))
    if not len(gaps):
        return None
    patterns = group(list(known.astype(np.int8)))
    width, count = profiles.shape
    one_by_one = _COMPARED * len(gaps) * count * width
    by_patterns = patterns.count * (_A_JOIN * patterns.count + _JOINED * count * width)
    if min(one_by_one, by_patterns) > _MOST_WORK:
        raise _too_much()
    if one_by_one < by_patterns:
        pairs = _one_by_one(profiles, known, gaps)
    else:
        pairs = _by_patterns(profiles, known, patterns)
    itself = np.arange(count)
    left, right = (
        (np.concatenate(sides) for sides in zip(*pairs, strict=True))
        if pairs
        else (
            np.empty(0, dtype=np.int64),
            np.empty(0, dtype=np.int64),
        )
    )
    return Neighbours(np.concatenate([itself, left, right]), np.concatenate([itself, right, left]))


def expanded(starts: Ints, lengths: Ints, which: Ints) -> tuple[Ints, Ints]:
    """Return the places of the entries of some classes, and for each the place in `which`.

    Raises Refused where there are too many.
    """
    many = lengths[which]
    total = int(many.sum())
    if total > MOST_PAIRS:
        raise _too_much()
    asked = np.repeat(np.arange(len(which)), many)
    behind = np.cumsum(many) - many
    return starts[which][asked] + np.arange(total) - behind[asked], asked


def _too_much() -> Refused:
    return Refused(
        "Too many rows match each other where a missing value matches anything. Count missing "
        "values as a value of their own, leave their rows out, or take columns with fewer of them.",
        option="missing",
    )


def _one_by_one(profiles: Ints, known: Flags, gaps: Ints) -> list[tuple[Ints, Ints]]:
    """Return the pairs of two classes of which one at least lacks a value, each pair once."""
    count = profiles.shape[1]
    complete = np.ones(count, dtype=bool)
    complete[gaps] = False
    found, total = [], 0
    step = max(1, _BLOCK // count)
    for begin in range(0, len(gaps), step):
        some = gaps[begin : begin + step]
        match = np.ones((len(some), count), dtype=bool)
        for codes, has in zip(profiles, known, strict=True):
            match &= (codes[some, None] == codes) | ~has[some, None] | ~has
        # of two that both lack a value, the pair that begins with the smaller
        match &= complete | (np.arange(count) > some[:, None])
        left, right = np.nonzero(match)
        total += len(left)
        if total > MOST_PAIRS // 2:
            raise _too_much()
        found.append((some[left], right))
    return found


def _by_patterns(profiles: Ints, known: Flags, patterns: Grouping) -> list[tuple[Ints, Ints]]:
    """Return the same pairs; classes of one pattern match nothing but themselves."""
    members = [np.flatnonzero(patterns.labels == label) for label in range(patterns.count)]
    has = known[:, first_rows(patterns)]
    found, total = [], 0
    for one in range(patterns.count):
        for other in range(one):
            both = np.flatnonzero(has[:, one] & has[:, other])
            left, right = _joined(profiles[both], members[one], members[other], total)
            total += len(left)
            found.append((left, right))
    return found


def _joined(codes: Ints, left: Ints, right: Ints, so_far: int) -> tuple[Ints, Ints]:
    """Return the pairs of a class on the left and one on the right with the same codes."""
    if len(codes):
        labels = group(list(codes[:, np.concatenate([left, right])])).labels
    else:
        labels = np.zeros(len(left) + len(right), dtype=np.int64)
    ours, theirs = labels[: len(left)], labels[len(left) :]
    order = np.argsort(theirs, kind="stable")
    ordered = theirs[order]
    begin = np.searchsorted(ordered, ours)
    many = np.searchsorted(ordered, ours, side="right") - begin
    if so_far + int(many.sum()) > MOST_PAIRS // 2:
        raise _too_much()
    places, asked = expanded(begin, many, np.arange(len(ours)))
    return left[asked], right[order[places]]
