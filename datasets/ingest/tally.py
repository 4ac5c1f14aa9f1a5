"""How many different values each of many columns holds, and which are the most frequent.

Values arrive as 64-bit codes that are evenly spread, block by block, for one or for thousands of
columns at once. A column's values are counted one by one while they are few. Where they are many,
only which there are is kept, and where even those are too many, the smallest codes among them:
their density tells how many there are (k minimum values; Bar-Yossef et al. 2002, "Counting
distinct elements in a data stream"), within about 1/sqrt(k).
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

Codes = npt.NDArray[np.uint64]
Counts = npt.NDArray[np.int64]

# memory: 16 bytes a counted value, 8 bytes a kept one
COUNTED_VALUES: Final = 12_000_000
KEPT_VALUES: Final = 24_000_000
_COUNTED_A_COLUMN: Final = (64, 65_536)  # at least, at most
_KEPT_AT_LEAST: Final = 240
# values whose counts go on, once a column has too many to count all; they were counted throughout
_TRACKED: Final = 1_000
_MERGE_ABOVE: Final = 1 << 20
_NOTHING: Final = np.uint64(2**64 - 1)  # stands for a cell without a value


class Tally:
    """Counts the values of columns 0 to `columns` - 1."""

    def __init__(self, columns: int) -> None:
        low, high = _COUNTED_A_COLUMN
        self.counted_limit = min(max(COUNTED_VALUES // columns, low), high)
        self.kept_limit = max(KEPT_VALUES // columns, _KEPT_AT_LEAST)
        self._runs: list[pl.DataFrame] = []
        self._pending = self._merged = 0
        self._many: dict[int, _Many] = {}
        self._is_many = np.zeros(columns, dtype=bool)

    def add(
        self, columns: npt.NDArray[np.intp], codes: Codes, valid: npt.NDArray[np.bool_] | None
    ) -> Codes:
        """Count codes of shape (column, row); `valid`, of that shape, says which cells have one.

        Returns, in order and without repetition, the codes that some column goes on counting.
        """
        width, rows = codes.shape
        codes = codes.copy() if valid is None else np.where(valid, codes, _NOTHING)
        codes.sort(axis=1)
        starts = np.ones((width, rows), dtype=bool)
        np.not_equal(codes[:, 1:], codes[:, :-1], out=starts[:, 1:])
        places = np.flatnonzero(starts)
        counts = np.diff(places, append=width * rows)
        run_codes, run_columns = codes.ravel()[places], places // rows
        if valid is not None:
            real = run_codes != _NOTHING
            run_codes, run_columns, counts = run_codes[real], run_columns[real], counts[real]
        bounds = np.searchsorted(run_columns, np.arange(width + 1))
        many = self._is_many[columns] | (np.diff(bounds) > self.counted_limit)
        going_on: list[Codes] = []
        for place in np.flatnonzero(many).tolist():
            part = slice(bounds[place], bounds[place + 1])
            going_on += self._add_many(int(columns[place]), run_codes[part], counts[part])
        few = ~many[run_columns]
        if few.any():
            self._add_few(columns[run_columns[few]], run_codes[few], counts[few])
        going_on.append(run_codes[few])
        return np.unique(np.concatenate(going_on))

    def drop(self, column: int) -> None:
        """Forget what was counted of a column."""
        self._many.pop(column, None)
        self._is_many[column] = False
        self._runs = [run.filter(pl.col("column") != column) for run in self._runs]

    def distinct(self) -> tuple[Counts, npt.NDArray[np.bool_]]:
        """Return how many different values each column has, and where that number is exact."""
        self._merge()
        counts = np.zeros(len(self._is_many), dtype=np.int64)
        exact = np.ones(len(self._is_many), dtype=bool)
        for run in self._runs:
            counts += np.bincount(run["column"].to_numpy(), minlength=len(counts))
        for column, values in self._many.items():
            counts[column], exact[column] = values.distinct()
        return counts, exact

    def top(self, how_many: int) -> pl.DataFrame:
        """Return rows (column, code, count): each column's most frequent values, in no order."""
        self._merge()
        tracked = [
            _run(np.full(len(v.tracked), c), v.tracked, v.tracked_counts)
            for c, v in self._many.items()
        ]
        found = pl.concat([_EMPTY, *self._runs, *tracked])
        order = pl.struct(-pl.col("count"), "code").rank("ordinal").over("column")
        few = found.group_by("column").agg(pl.len()).filter(pl.col("len") <= how_many)
        small = found.join(few, on="column", how="semi")
        large = found.join(few, on="column", how="anti")
        least = large.group_by("column").agg(pl.col("count").top_k(how_many).min().alias("least"))
        large = large.join(least, on="column").filter(pl.col("count") >= pl.col("least"))
        return pl.concat([small, large.filter(order <= how_many).drop("least")])

    def _add_few(self, columns: npt.NDArray[np.intp], codes: Codes, counts: Counts) -> None:
        self._runs.append(_run(columns, codes, counts))
        self._pending += len(codes)
        if self._pending > max(_MERGE_ABOVE, self._merged):
            self._merge()

    def _merge(self) -> None:
        if len(self._runs) <= 1:
            return
        merged = pl.concat(self._runs).group_by("column", "code").agg(pl.col("count").sum())
        self._runs = [merged]
        sizes = np.bincount(merged["column"].to_numpy(), minlength=len(self._is_many))
        for column in np.flatnonzero(sizes > self.counted_limit).tolist():
            self._promote(column)
        self._pending, self._merged = 0, sum(run.height for run in self._runs)

    def _add_many(self, column: int, codes: Codes, counts: Counts) -> list[Codes]:
        """Take in a column's values; return those tracked, where that was decided just now."""
        if not self._is_many[column]:
            self._promote(column)
        values = self._many[column]
        decided = not len(values.tracked)
        values.add(codes, counts)
        return [values.tracked] if decided else []

    def _promote(self, column: int) -> None:
        """Count no longer each value of the column, but those that were the most frequent."""
        own = [run.filter(pl.col("column") == column) for run in self._runs]
        self.drop(column)
        self._is_many[column] = True
        self._many[column] = values = _Many(self.kept_limit)
        known = pl.concat([_EMPTY, *own]).group_by("code").agg(pl.col("count").sum()).sort("code")
        if known.height:
            values.add(known["code"].to_numpy(), known["count"].to_numpy())


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
        if self._size > 2 * max(self._merged, _MERGE_ABOVE >> 2):
            self._merge()

    def distinct(self) -> tuple[int, bool]:
        self._merge()
        if self._bound is None:
            return self._size, True
        return round((self._size - 1) / ((int(self._bound) + 1) / 2**64)), False

    def _merge(self) -> None:
        codes = np.sort(np.concatenate(self._kept)) if self._kept else self.tracked[:0]
        codes = codes[np.concatenate(([True], codes[1:] != codes[:-1]))] if len(codes) else codes
        if len(codes) > self.limit:
            codes = codes[: self.limit].copy()
            self._bound = codes[-1]
        self._kept, self._size, self._merged = [codes], len(codes), len(codes)


def _run(columns: npt.NDArray[np.intp], codes: Codes, counts: Counts) -> pl.DataFrame:
    return pl.DataFrame(
        {"column": columns.astype(np.int32), "code": codes, "count": counts.astype(np.int64)}
    )


_EMPTY: Final = pl.DataFrame(
    schema={"column": pl.Int32, "code": pl.UInt64, "count": pl.Int64},
)

# the finalizer of MurmurHash3 (Appleby 2011): a bijection, so that a value can be had from its code
_FACTORS: Final = (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53)
_INVERSES: Final = tuple(pow(factor, -1, 2**64) for factor in _FACTORS)
_SHIFT: Final = 33


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
