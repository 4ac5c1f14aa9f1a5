"""Deciding the type of every column while blocks go by.

A column starts with the first type that takes all of its first cells, and climbs from there when a
later cell does not fit: an integer may become a float, everything may become text. Cells that are
well-known marks of a missing value do not make a column climb; they make it text, with the
suggestion to name them.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from .columns import Bundle, columns_kept
from .datatypes import DataType, Mask, Parsed, Values, parsed

# what people write for "no value"; only these are ever repeated to people, never another cell
KNOWN_MARKERS: Final = (
    "", "NA", "N/A", "n/a", "na", "#N/A", "#NULL!", "NaN", "nan", "NULL", "Null", "null", "None",
    "none", "-", "--", "?", ".", "*", "missing", "Missing", "unknown", "Unknown",
)  # fmt: skip
LADDER: Final[tuple[DataType, ...]] = (
    "integer",
    "float",
    "boolean",
    "date",
    "timestamp",
    "text",
)
_UNKNOWN, _INTEGER, _FLOAT, _TEXT = -1, 0, 1, len(LADDER) - 1
_SAMPLE_ROWS = 16
# integers up to here are doubles
_EXACT_INTEGERS = 2**53


@dataclass(frozen=True, eq=False)
class Typed:
    """Columns of a bundle that are of one type so far; values and fits are None for text.

    `printed` says which cells read as PostgreSQL prints them; None is all.
    """

    data_type: DataType
    bundle: Bundle
    fits: Mask | None = None
    values: Values | None = None
    printed: Mask | None = None


class Kinds:
    """The types of columns 0 to `count` - 1; bundles of different columns may come from threads."""

    def __init__(self, count: int) -> None:
        self._kind = np.full(count, _UNKNOWN, dtype=np.int8)
        self._large = np.zeros(count, dtype=bool)  # met an integer that is no double
        self._marked = np.zeros(count, dtype=bool)
        self._markers: dict[int, Counter[str]] = {}

    def data_type(self, column: int) -> DataType:
        """Return the type of a column by all the cells met; text where it met none."""
        kind = int(self._kind[column])
        return "text" if kind == _UNKNOWN or self._marked[column] else LADDER[kind]

    def suggestion(self, column: int) -> tuple[DataType, dict[str, int]] | None:
        """Return the type that a text column would have without its markers, and their counts."""
        kind = int(self._kind[column])
        if kind in (_UNKNOWN, _TEXT) or not self._marked[column]:
            return None
        found = self._markers[column].items()
        return LADDER[kind], dict(sorted(found, key=lambda pair: (-pair[1], pair[0])))

    def take(self, bundle: Bundle) -> Iterator[Typed]:
        """Yield the columns of the bundle by the type they have after its cells."""
        kinds = self._kind[bundle.columns]
        for kind in sorted(set(kinds.tolist())):
            part = bundle.only(kinds == kind)
            if kind != _UNKNOWN:
                yield from self._climb(part, kind, fresh=False)
                continue
            guessed = self._guessed(part)
            for guess in sorted(set(guessed.tolist())):
                yield from self._climb(part.only(guessed == guess), guess, fresh=True)

    def _guessed(self, bundle: Bundle) -> Values:
        """Return for each column the first type that takes all of its first cells."""
        sample = bundle.head(_SAMPLE_ROWS)
        guessed = np.full(len(bundle.columns), _TEXT)
        open_ = np.ones(len(bundle.columns), dtype=bool)
        for kind in range(_TEXT):
            part = sample.only(open_)
            fits = parsed(part.cells, LADDER[kind]).fits
            taken = ~_odd_columns(part, fits)[0]
            guessed[np.flatnonzero(open_)[taken]] = kind
            open_[np.flatnonzero(open_)[taken]] = False
            if not open_.any():
                break
        return guessed

    def _climb(self, bundle: Bundle, kind: int, *, fresh: bool) -> Iterator[Typed]:
        """Yield the bundle's columns by the first type from `kind` on that takes all their cells.

        Not `fresh` are columns that had a type before: only an integer may become another than
        text, a float, and that only where all its integers are doubles.
        """
        rest: Bundle | None = bundle
        while rest is not None and kind != _TEXT:
            found = parsed(rest.cells, LADDER[kind])
            odd, marked = _odd_columns(rest, found.fits)
            if not odd.all():
                yield from self._settled(rest, kind, found, ~odd, marked)
            rest = rest.only(odd) if odd.any() else None
            if fresh:
                kind += 1
            elif kind == _INTEGER and rest is not None:
                large = self._large[rest.columns]
                if large.any():
                    yield self._as_text(rest.only(large))
                rest = None if large.all() else rest.only(~large)
                kind = _FLOAT
            else:
                kind = _TEXT
        if rest is not None:
            yield self._as_text(rest)

    def _settled(
        self, bundle: Bundle, kind: int, found: Parsed, keep: Mask, marked: Mask
    ) -> Iterator[Typed]:
        """Note the type of the columns to keep and yield them; with markers they are text."""
        shaped, values = found.fits.reshape(bundle.shape), found.values.reshape(bundle.shape)
        columns = bundle.columns
        some = keep & shaped.any(axis=0)
        self._kind[columns[some]] = kind
        if kind == _INTEGER:
            large = ((values > _EXACT_INTEGERS) | (values < -_EXACT_INTEGERS)) & shaped
            if large.any():
                self._note_large(bundle, np.flatnonzero(large))
        if (keep & marked).any():
            self._count_markers(bundle.only(keep & marked), kind)
        text = self._marked[columns]
        if (keep & text).any():
            yield Typed("text", bundle.only(keep & text))
        if (keep & ~text).any():
            plain = keep & ~text
            printed = found.printed
            yield Typed(
                LADDER[kind],
                bundle.only(plain),
                columns_kept(shaped, plain).ravel(),
                columns_kept(values, plain).ravel(),
                None
                if printed is None
                else columns_kept(printed.reshape(bundle.shape), plain).ravel(),
            )

    def _note_large(self, bundle: Bundle, places: Values) -> None:
        """Note the columns that an integer at one of these places keeps from becoming floats."""
        fits = parsed(bundle.cells.gather(places), "float").fits
        self._large[bundle.columns[places[~fits] % len(bundle.columns)]] = True

    def _as_text(self, bundle: Bundle) -> Typed:
        self._kind[bundle.columns] = _TEXT
        return Typed("text", bundle)

    def _count_markers(self, bundle: Bundle, kind: int) -> None:
        self._marked[bundle.columns] = True
        rows, _ = bundle.shape
        columns = pl.Series("column", np.tile(bundle.columns, rows))
        found = pl.DataFrame([columns, bundle.cells.alias("cell")])
        found = found.filter(pl.col("cell").is_in(list(KNOWN_MARKERS)))
        for column, cell, count in found.group_by("column", "cell").len().iter_rows():
            self._markers.setdefault(column, Counter())[cell] += count


def _odd_columns(bundle: Bundle, fits: Mask) -> tuple[Mask, Mask]:
    """Return which columns have a cell that neither fits nor is a known marker, and which have
    markers among those that do not fit."""
    odd = ~fits & bundle.cells.is_not_null().to_numpy()
    none = np.zeros(len(bundle.columns), dtype=bool)
    if not odd.any():
        return none, none
    places = np.flatnonzero(odd)
    known = bundle.cells.gather(places).is_in(list(KNOWN_MARKERS)).to_numpy()
    marked = none.copy()
    marked[places[known] % len(none)] = True
    odd_columns = none.copy()
    odd_columns[places[~known] % len(none)] = True
    return odd_columns, marked
