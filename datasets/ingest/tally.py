"""How many different values each of many columns holds, and which are the most frequent.

Values arrive as 64-bit codes that are evenly spread, block by block, for one or for thousands of
columns at once. A column's values are counted one by one while they are few. Where they are many,
only which there are is kept, and where even those are too many, the smallest codes among them:
their density tells how many there are (k minimum values; Bar-Yossef et al. 2002, "Counting
distinct elements in a data stream"), within about 1/sqrt(k).
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.uint64]
Columns = npt.NDArray[np.intp]
Flags = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.int32] | npt.NDArray[np.int64]

# memory: 16 bytes a counted value, 8 bytes a kept one
COUNTED_VALUES: Final = 12_000_000
KEPT_VALUES: Final = 24_000_000
_COUNTED_A_COLUMN: Final = (64, 65_536)  # at least, at most
_KEPT_AT_LEAST: Final = 240
# values whose counts go on, once a column has too many to count all; they were counted throughout
_TRACKED: Final = 1_000
# values that may wait to be merged: of all columns, and of one with many
_MERGE_ABOVE: Final = 1 << 22
_MERGE_MANY_ABOVE: Final = 1 << 18
# codes of neighbouring blocks that wait to be sorted at once: of a wide table a block has few rows
_SORTED_AT_ONCE: Final = 1 << 22
_THREADS: Final = 2
_NOTHING: Final = np.uint64(2**64 - 1)  # stands for a cell without a value


@dataclass(frozen=True, eq=False)
class Counted:
    """Values counted one by one, in order of their column."""

    columns: npt.NDArray[np.int32]
    codes: Codes
    counts: Counts

    def __len__(self) -> int:
        return len(self.codes)

    def only(self, keep: npt.NDArray[Any] | slice) -> "Counted":
        """Return some of the values: flags, places or a slice."""
        return Counted(self.columns[keep], self.codes[keep], self.counts[keep])

    def of(self, first: int, behind: int) -> "Counted":
        """Return the values of the columns from `first` to before `behind`."""
        # of their own type: else the whole array would be converted first
        bounds = np.searchsorted(self.columns, np.array([first, behind], dtype=np.int32))
        return self.only(slice(*bounds.tolist()))


class Tally:
    """Counts the values of columns 0 to `columns` - 1."""

    def __init__(self, columns: int) -> None:
        low, high = _COUNTED_A_COLUMN
        self.counted_limit = min(max(COUNTED_VALUES // columns, low), high)
        self.kept_limit = max(KEPT_VALUES // columns, _KEPT_AT_LEAST)
        self._runs: list[Counted] = []
        self._pending = self._merged = 0
        self._many: dict[int, _Many] = {}
        self._is_many = np.zeros(columns, dtype=bool)
        self._waiting: list[tuple[Columns, Codes, Flags | None]] = []

    def add(self, columns: Columns, codes: Codes, valid: Flags | None) -> list[Codes]:
        """Count codes of shape (column, row); `valid`, of that shape, says which cells have one.

        The columns are in order. Returns arrays of the codes that some column goes on counting.
        """
        width, rows = codes.shape
        codes = codes.copy() if valid is None else np.where(valid, codes, _NOTHING)
        codes.sort(axis=1)
        starts = np.ones((width, rows), dtype=bool)
        np.not_equal(codes[:, 1:], codes[:, :-1], out=starts[:, 1:])
        places = np.flatnonzero(starts)
        found = Counted(
            np.repeat(np.arange(width, dtype=np.int32), np.count_nonzero(starts, axis=1)),
            codes.ravel()[places],
            _distances(places, codes.size),
        )
        if valid is not None:
            found = found.only(found.codes != _NOTHING)
        bounds = np.searchsorted(found.columns, np.arange(width + 1))
        many = self._is_many[columns] | (np.diff(bounds) > self.counted_limit)
        going_on: list[Codes] = []
        for place in np.flatnonzero(many).tolist():
            part = found.only(slice(bounds[place], bounds[place + 1]))
            going_on += self._add_many(int(columns[place]), part)
        if not many.all():
            few = found.only(~many[found.columns]) if many.any() else found
            self._add_few(Counted(columns[few.columns].astype(np.int32), few.codes, few.counts))
            going_on.append(few.codes)
        return going_on

    def add_later(self, columns: Columns, codes: Codes, valid: Flags | None) -> None:
        """Count codes as `add` does, with those of the next blocks where they are few."""
        if self._waiting and not np.array_equal(columns, self._waiting[0][0]):
            self._add_waiting()
        self._waiting.append((columns, codes, valid))
        if sum(codes.size for _, codes, _ in self._waiting) > _SORTED_AT_ONCE or len(columns) == 1:
            self._add_waiting()

    def _add_waiting(self) -> None:
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, []
        valid = None
        if any(flags is not None for _, _, flags in waiting):
            every = [np.ones(c.shape, bool) if flags is None else flags for _, c, flags in waiting]
            valid = np.concatenate(every, axis=1)
        self.add(waiting[0][0], np.concatenate([c for _, c, _ in waiting], axis=1), valid)

    def drop(self, column: int) -> None:
        """Forget what was counted of a column."""
        self._add_waiting()
        self._many.pop(column, None)
        self._is_many[column] = False
        self._runs = [run.only(run.columns != column) for run in self._runs]

    def distinct(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        """Return how many different values each column has, and where that number is exact."""
        self._add_waiting()
        counts: npt.NDArray[np.int64] = np.bincount(
            self._all().columns, minlength=len(self._is_many)
        )
        exact = np.ones(len(self._is_many), dtype=bool)
        for column, values in self._many.items():
            counts[column], exact[column] = values.distinct()
        return counts, exact

    def top(self, how_many: int) -> Counted:
        """Return each column's most frequent values, the most frequent first.

        Values that occur once are left out of a column that has more than `how_many` values.
        """
        single = self.distinct()[0] > how_many
        runs = [self._all()]
        for column, values in sorted(self._many.items()):
            columns = np.full(len(values.tracked), column, dtype=np.int32)
            runs.append(Counted(columns, values.tracked, values.tracked_counts))
        found = _joined([run.only((run.counts > 1) | ~single[run.columns]) for run in runs])
        found = found.only(np.lexsort((found.codes, -found.counts, found.columns)))
        first = np.searchsorted(found.columns, found.columns)
        return found.only(np.arange(len(found)) - first < how_many)

    def _add_few(self, found: Counted) -> None:
        self._runs.append(found)
        self._pending += len(found)
        if self._pending > max(_MERGE_ABOVE, self._merged):
            self._all()

    def _all(self) -> Counted:
        """Return the values counted one by one, in one run."""
        if len(self._runs) != 1:
            self._runs = [self._united()]
            sizes = np.bincount(self._runs[0].columns, minlength=len(self._is_many))
            for column in np.flatnonzero(sizes > self.counted_limit).tolist():
                self._promote(column)
            self._pending, self._merged = 0, len(self._runs[0])
        return self._runs[0]

    def _united(self) -> Counted:
        """Return the sum of all runs, some columns at a time so that little memory goes beside."""
        step = max(len(self._is_many) // 16, 1)

        def united(first: int) -> Counted:
            runs = [run.of(first, first + step) for run in self._runs]
            filled = [run for run in runs if len(run)]
            return filled[0] if len(filled) == 1 else _summed(_joined(filled), step)

        with ThreadPoolExecutor(_THREADS) as threads:  # NumPy lets others run while it sorts
            return _joined(list(threads.map(united, range(0, len(self._is_many), step))))

    def _add_many(self, column: int, found: Counted) -> list[Codes]:
        """Take in a column's values; return those tracked, where that was decided just now."""
        if not self._is_many[column]:
            self._promote(column)
        values = self._many[column]
        decided = not len(values.tracked)
        values.add(found.codes, found.counts)
        return [values.tracked] if decided else []

    def _promote(self, column: int) -> None:
        """Count no longer each value of the column, but those that were the most frequent."""
        own = [run.of(column, column + 1) for run in self._runs]
        self.drop(column)
        self._is_many[column] = True
        self._many[column] = values = _Many(self.kept_limit)
        known = _summed(_joined(own), 1)
        if len(known):
            values.add(known.codes, known.counts)


@dataclass
class _Many:
    """The values of one column with many of them; the most frequent of the first are tracked."""

    limit: int
    tracked: Codes = field(default_factory=lambda: np.empty(0, dtype=np.uint64))
    tracked_counts: Counts = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    _kept: list[Codes] = field(default_factory=list)
    _size: int = 0
    _merged: int = 0
    _bound: np.uint64 | None = None  # the largest code kept, once some had to go

    def add(self, codes: Codes, counts: Counts) -> None:
        """Take sorted codes without repetition, and how often each occurred."""
        if not len(self.tracked):
            # the first values: all were counted from the start, so their counts stay exact
            most = np.sort(np.argsort(counts, kind="stable")[-_TRACKED:])
            self.tracked, self.tracked_counts = codes[most], counts[most].astype(np.int64)
        else:
            places = np.minimum(np.searchsorted(codes, self.tracked), len(codes) - 1)
            if len(codes):
                self.tracked_counts += np.where(codes[places] == self.tracked, counts[places], 0)
        if self._bound is not None:
            codes = codes[: np.searchsorted(codes, self._bound, side="right")]
        self._kept.append(codes)
        self._size += len(codes)
        if self._size > 2 * max(self._merged, _MERGE_MANY_ABOVE):
            self._merge()

    def distinct(self) -> tuple[int, bool]:
        self._merge()
        if self._bound is None:
            return self._size, True
        return round((self._size - 1) / ((int(self._bound) + 1) / 2**64)), False

    def _merge(self) -> None:
        codes = without_repetition(self._kept)
        if len(codes) > self.limit:
            codes = codes[: self.limit].copy()
            self._bound = codes[-1]
        self._kept, self._size, self._merged = [codes], len(codes), len(codes)


def _distances(places: npt.NDArray[np.int64], end: int) -> npt.NDArray[np.int32]:
    """Return how far it is from each place to the next one, or to the end."""
    out = np.empty(len(places), dtype=np.int32)
    np.subtract(places[1:], places[:-1], out=out[:-1], casting="same_kind")
    if len(out):
        out[-1] = end - places[-1]
    return out


def _summed(run: Counted, columns: int) -> Counted:
    """Return the values of up to `columns` neighbouring columns in order, each once."""
    if not len(run):
        return run
    # as many bits of a code as the column's number leaves: many more than those few values need
    bits = np.uint64((columns - 1).bit_length())
    number = (run.columns - run.columns.min()).astype(np.uint64)
    key = run.codes >> bits
    if bits:
        key |= number << (np.uint64(64) - bits)
    run = run.only(np.argsort(key))
    starts = np.ones(len(run), dtype=bool)
    starts[1:] = (run.codes[1:] != run.codes[:-1]) | (run.columns[1:] != run.columns[:-1])
    places = np.flatnonzero(starts)
    return Counted(run.columns[places], run.codes[places], np.add.reduceat(run.counts, places))


def _joined(runs: list[Counted]) -> Counted:
    if not runs:
        return Counted(np.empty(0, np.int32), np.empty(0, np.uint64), np.empty(0, np.int32))
    return Counted(
        np.concatenate([run.columns for run in runs]),
        np.concatenate([run.codes for run in runs]),
        np.concatenate([run.counts for run in runs]),
    )


# the finalizer of MurmurHash3 (Appleby 2011): a bijection, so that a value can be had from its code
_FACTORS: Final = (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53)
_INVERSES: Final = tuple(pow(factor, -1, 2**64) for factor in _FACTORS)
_SHIFT: Final = 33


def without_repetition(codes: list[Codes]) -> Codes:
    """Return each code once, in order; faster than `np.unique`, which hashes (NumPy 2.4)."""
    joined = np.concatenate([np.empty(0, np.uint64), *codes])
    joined.sort()
    keep = np.ones(len(joined), dtype=bool)
    keep[1:] = joined[1:] != joined[:-1]
    return joined[keep]


def mixed(bits: Codes) -> Codes:
    """Return a fresh array of codes, evenly spread, one for each 64-bit value."""
    out = bits ^ (bits >> np.uint64(_SHIFT))
    for factor in _FACTORS:
        out *= np.uint64(factor)
        out ^= out >> np.uint64(_SHIFT)
    return out


def unmixed(code: int) -> int:
    """Return the 64-bit value of a code."""
    for inverse in reversed(_INVERSES):
        code ^= code >> _SHIFT  # its own inverse: 2 x 33 > 64
        code = code * inverse % 2**64
    return code ^ (code >> _SHIFT)
