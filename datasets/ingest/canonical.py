"""Records of a file as an export will write them: what a dataset's digest is taken of.

PostgreSQL stores values, and prints them in one way each; a file may write them in many. Here the
file's own bytes are kept but where PostgreSQL would print others: needless quotes, `1.50` for
`1.5`, CRLF for LF. `docs/formats.md` says what the bytes are; `browse.export` reads the same back.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from .datatypes import DataType, parsed, text_of
from .records import Moves, Records
from .scan import CR, LF, QUOTE, Places

_COMMA, _DOT, _MINUS, _ZERO, _E = map(ord, ",.-0e")
# PostgreSQL prints an exponent from here on
_LONGEST_PLAIN: Final = 15
_ZEROS_TO_EXPONENT: Final = 4  # 0.0001 is printed as it is, 0.00001 as 1e-05
_LONGEST_EXPONENT: Final = 5  # bytes of e-123: longer ones are no numbers here
_LOOKED_THROUGH: Final = 64  # bytes; longer cells are read as numbers
_LOWER: Final = 32  # the bit that tells e from E

Bytes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Canonical:
    """Writes records as an export does.

    `floats` are the places (from 0, rising) of columns of that type; `named` the columns whose type
    the user named, which may hold other spellings of a value.
    """

    floats: npt.NDArray[np.intp]
    named: tuple[tuple[int, DataType], ...]

    def written(self, records: Records) -> Records:
        """Return the records as an export writes them, but for their ids: those stay as they are.

        In the records an empty cell is a missing value, and an empty text is written `""`.
        """
        data = np.frombuffer(records.data, dtype=np.uint8)
        drop, edits = _Drop(), _Edits()
        _drop_returns(records, data, drop)
        if QUOTE in records.data:
            _drop_needless_quotes(records, data, drop)
        if self.floats.size:
            _shorten_floats(records, data, self.floats, drop, edits)
        for place, data_type in self.named:
            _respell(records, place, data_type, edits)
        return _edited(records, data, drop.places(), edits)


class _Drop:
    """Places of bytes that are left out."""

    def __init__(self) -> None:
        self._found: list[Places] = []

    def add(self, places: Places) -> None:
        if places.size:
            self._found.append(places)

    def places(self) -> Places:
        if not self._found:
            return np.empty(0, dtype=np.int64)
        return np.sort(np.concatenate(self._found))


class _Edits:
    """Runs of bytes with what stands in their place; no two overlap."""

    def __init__(self) -> None:
        self._found: list[tuple[Places, Places, Sequence[bytes]]] = []

    def add(self, left: Places, right: Places, texts: Sequence[bytes]) -> None:
        if len(texts):
            self._found.append((left, right, texts))

    def in_order(self) -> tuple[Places, Places, Sequence[bytes]]:
        if not self._found:
            nothing = np.empty(0, dtype=np.int64)
            return nothing, nothing, []
        left, right = (np.concatenate([found[side] for found in self._found]) for side in (0, 1))
        texts = [text for found in self._found for text in found[2]]
        order = np.argsort(left, kind="stable")
        return left[order], right[order], [texts[place] for place in order.tolist()]


def _edited(records: Records, data: Bytes, drop: Places, edits: _Edits) -> Records:
    left, right, texts = edits.in_order()
    if not drop.size and not texts:
        return records
    kept = data
    if drop.size:
        keep = np.ones(len(data), dtype=bool)
        keep[drop] = False
        kept = data[keep]
        left = left - np.searchsorted(drop, left)
        right = right - np.searchsorted(drop, right)
    text = kept.tobytes()
    if texts:
        begins = np.concatenate(([0], right[:-1])).tolist()
        between = (text[begin:end] for begin, end in zip(begins, left.tolist(), strict=True))
        pieces = chain.from_iterable(zip(between, texts, strict=True))
        text = b"".join(chain(pieces, (text[int(right[-1]) :],)))
    sizes = np.array([len(text) for text in texts], dtype=np.int64)
    return Records(
        text, records.starts, records.ends, records.separators, Moves(drop, left, right, sizes)
    )


def _drop_returns(records: Records, data: Bytes, drop: _Drop) -> None:
    if CR in records.data:
        drop.add(records.ends[data[records.ends] == CR])


def _drop_needless_quotes(records: Records, data: Bytes, drop: _Drop) -> None:
    """Drop the quotes around cells that hold nothing but what needs none."""
    left, right = records.bounds(np.arange(records.width))
    quoted = (left < right) & (data[np.minimum(left, len(data) - 1)] == QUOTE)
    left, right = left[quoted], right[quoted]
    marks = (data == _COMMA) | (data == QUOTE) | (data == LF) | (data == CR)
    places = np.flatnonzero(marks)
    inside = np.searchsorted(places, right - 1) - np.searchsorted(places, left + 1)
    needless = (inside == 0) & (right - left > 2)
    drop.add(left[needless])
    drop.add(right[needless] - 1)


def _shorten_floats(
    records: Records, data: Bytes, places: npt.NDArray[np.intp], drop: _Drop, edits: _Edits
) -> None:
    """Drop closing zeros behind the point; write anew what PostgreSQL prints in another way."""
    left, right = (bound.ravel() for bound in records.bounds(places))
    filled = left < right
    if not filled.any():
        return
    if not filled.all():
        left, right = left[filled], right[filled]
    if QUOTE in records.data:
        quoted = data[left] == QUOTE
        left, right = left + quoted, right - quoted
    start = left + (data[left] == _MINUS)
    last = data[right - 1]
    other = _otherwise_printed(data, start, right, last)
    if other.any():
        cells = [
            records.data[begin:end]
            for begin, end in zip(left[other].tolist(), right[other].tolist(), strict=True)
        ]
        edits.add(left[other], right[other], list(_float_texts(cells)))
    zeros = np.flatnonzero(~other & (last == _ZERO))
    behind = right[zeros] - 1
    behind = behind[_with_point(data, start[zeros], behind)]
    while behind.size:
        drop.add(behind)
        behind = behind - 1
        drop.add(behind[data[behind] == _DOT])
        behind = behind[data[behind] == _ZERO]


def _otherwise_printed(data: Bytes, start: Places, end: Places, last: Bytes) -> Mask:
    """Return which floats (without their sign) are not plain decimals that PostgreSQL prints so.

    `last` is the last byte of each.
    """
    first = data[start]
    length = end - start
    other: Mask = (first == _DOT) | (last == _DOT) | (length > _LOOKED_THROUGH)
    for behind in range(2, _LONGEST_EXPONENT + 1):
        mark = end - behind
        other |= ((data[mark] | _LOWER) == _E) & (mark > start)
    long = np.flatnonzero((length > _LONGEST_PLAIN) & (first != _ZERO))
    for place in range(1, _LONGEST_PLAIN + 1):  # large numbers: no point behind 15 digits
        long = long[data[start[long] + place] != _DOT]
    other[long] = True
    small = np.flatnonzero((length > _ZEROS_TO_EXPONENT + 2) & (first == _ZERO))
    for place in range(2, _ZEROS_TO_EXPONENT + 2):
        small = small[data[start[small] + place] == _ZERO]
    other[small] = True
    return other


def _with_point(data: Bytes, start: Places, last: Places) -> Mask:
    """Return which cells, from their first to their last byte, hold a point."""
    found = np.zeros(len(last), dtype=bool)
    looking, place = np.arange(len(last)), last
    while looking.size:
        point = data[place] == _DOT
        found[looking[point]] = True
        goes_on = ~point & (place > start[looking])
        looking, place = looking[goes_on], place[goes_on] - 1
    return found


def _float_texts(cells: Sequence[bytes]) -> Iterator[bytes]:
    known: dict[bytes, bytes] = {}
    for cell in cells:
        if cell not in known:
            known[cell] = text_of(float(cell), "float").encode()
        yield known[cell]


def _respell(records: Records, place: int, data_type: DataType, edits: _Edits) -> None:
    """Write the cells of a column of a named type as PostgreSQL prints their values."""
    raw = records.cells(place)
    cells = pl.Series(raw, dtype=pl.String)
    known: dict[str, str] = {}
    values = parsed(cells, data_type, loose=True).values
    left, right = records.left(place), records.right(place)
    changed: list[int] = []
    texts: list[bytes] = []
    for row, (cell, value) in enumerate(zip(raw, values.tolist(), strict=True)):
        if not cell:
            continue
        if cell not in known:
            known[cell] = text_of(value, data_type)
        if known[cell] != cell:
            changed.append(row)
            texts.append(known[cell].encode())
    if changed:
        edits.add(left[changed], right[changed], texts)
