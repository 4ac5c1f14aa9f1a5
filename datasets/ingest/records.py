"""Records as runs of bytes: cells found by their place, parts of rows copied without parsing."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain, pairwise, repeat
from typing import Literal

import numpy as np
import numpy.typing as npt

from .block import Block
from .scan import Places, scan

_QUOTE = ord('"')


@dataclass(frozen=True, eq=False)
class Moves:
    """Where places of bytes are after some bytes were dropped and runs of bytes were replaced.

    `dropped` are the places left out, in order. The runs, bounded by `left` and `right` in what was
    kept of the bytes, became texts of the lengths `sizes`.
    """

    dropped: Places
    left: Places
    right: Places
    sizes: Places

    def begin(self, places: Places) -> Places:
        """Return where cells that began at `places` begin now."""
        return self._moved(places, "left")

    def end(self, places: Places) -> Places:
        """Return the places behind cells that were `places`."""
        return self._moved(places, "right")

    @cached_property
    def _grown(self) -> Places:
        return np.concatenate(([0], np.cumsum(self.sizes - (self.right - self.left))))

    def _moved(self, places: Places, side: Literal["left", "right"]) -> Places:
        kept = places
        if self.dropped.size:
            kept = places - np.searchsorted(self.dropped, places)
        if self.left.size:
            # an empty run at the same place belongs to the cell that ends there
            kept = kept + self._grown[np.searchsorted(self.left, kept, side=side)]
        return kept


@dataclass(frozen=True, eq=False)
class Records:
    """Records of RFC 4180 text, and where their cells begin and end.

    `starts` and `ends` bound each record without its line end; `separators` has a row a record.
    Where `moves` is given these are places of an earlier text, of which `data` was made.
    """

    data: bytes
    starts: Places
    ends: Places
    separators: npt.NDArray[np.int64]
    moves: Moves | None = None
    _cut: dict[tuple[int, int, bool], list[bytes]] = field(default_factory=dict, repr=False)

    @property
    def width(self) -> int:
        """How many cells a record has."""
        return int(self.separators.shape[1]) + 1

    def pieces(self, most_rows: int) -> Iterator["Records"]:
        """Yield the records, which nothing was moved in, some rows at a time."""
        if len(self.starts) <= most_rows:
            yield self
            return
        for first in range(0, len(self.starts), most_rows):
            yield self._rows(first, first + most_rows)

    def _rows(self, first: int, behind: int) -> "Records":
        part = slice(first, behind)
        begin = int(self.starts[first])
        end = int(self.starts[behind]) if behind < len(self.starts) else len(self.data)
        return Records(
            self.data[begin:end],
            self.starts[part] - begin,
            self.ends[part] - begin,
            self.separators[part] - begin,
        )

    def bounds(self, places: npt.NDArray[np.intp]) -> tuple[Places, Places]:
        """Return where the cells at some places begin, and the places behind them.

        Places count from 0; both are of shape (record, place), before any move.
        """
        left = np.empty((len(self.starts), len(places)), dtype=np.int64)
        right = np.empty_like(left)
        first, last = places == 0, places == self.width - 1
        left[:, ~first] = self.separators[:, places[~first] - 1] + 1
        right[:, ~last] = self.separators[:, places[~last]]
        left[:, first] = self.starts[:, None]
        right[:, last] = self.ends[:, None]
        return left, right

    def cells(self, place: int) -> list[str]:
        """Return the cells at one place (from 0) as text; an empty cell is "", quoted or not."""
        cells = self.cut(place, place)
        joined = b"\n".join(cells)
        if b'"' not in joined:  # without quotes no cell holds a line end: decode all at once
            return joined.decode().split("\n")
        return [_text(cell) for cell in cells]

    def lines(self, before: Sequence[Iterable[bytes]], places: Sequence[int]) -> bytes:
        """Return a line a record: what each of `before` gives for it, then its cells at `places`.

        Places count from 0 and rise. A comma stands before each cell; the records' own line ends
        are line feeds, as `Canonical` leaves them.
        """
        columns = list(before)
        for first, last in _runs(places):
            if first == 0:
                columns.append(repeat(b","))
            columns.append(self.cut(first, last, around=True))
        if not places or places[-1] < self.width - 1:
            columns.append(repeat(b"\n"))
        return b"".join(chain.from_iterable(zip(*columns, strict=False)))

    def holds_outside_quotes(self, mark: int) -> bool:
        """Whether the byte `mark` stands in a cell without quotes."""
        if mark not in self.data:
            return False
        return len(scan(self.data, mark).separators) > 0

    def separated_by(self, mark: int) -> "Records":
        """Return the records with `mark` between their cells."""
        data = np.frombuffer(self.data, dtype=np.uint8).copy()
        data[self.separators.ravel()] = mark
        return replace(self, data=data.tobytes())

    def with_quoted_empties(self, places: npt.NDArray[np.intp]) -> "Records":
        """Return the records with `""` for the empty cells at some places (from 0, in order)."""
        left, right = self.bounds(places)
        empty = left[left == right]  # in the order of the bytes
        if not empty.size:
            return self
        grown = np.full(len(self.data) + 2 * len(empty), _QUOTE, dtype=np.uint8)
        kept = np.ones(len(grown), dtype=bool)
        quotes = empty + 2 * np.arange(len(empty))
        kept[quotes] = kept[quotes + 1] = False
        grown[kept] = np.frombuffer(self.data, dtype=np.uint8)

        def moved(places: Places, side: Literal["left", "right"]) -> Places:
            before = np.searchsorted(empty, places.ravel(), side=side)
            out: Places = places + 2 * before.reshape(places.shape)
            return out

        return Records(
            data=grown.tobytes(),
            starts=moved(self.starts, "left"),
            ends=moved(self.ends, "right"),
            separators=moved(self.separators, "right"),
        )

    def cut(self, first: int, last: int, *, around: bool = False) -> list[bytes]:
        """Return of each record the bytes of its cells from one place up to and with another.

        `around`: with the separator before them, if there is one, and the line feed behind the last
        cell of a record.
        """
        if (first, last, around) not in self._cut:
            data = self.data
            left, right = self.left(first), self.right(last)
            if self.moves:
                left, right = self.moves.begin(left), self.moves.end(right)
            if around:
                left, right = left - (first > 0), right + (last == self.width - 1)
            bounds = zip(left.tolist(), right.tolist(), strict=True)
            self._cut[first, last, around] = [data[begin:end] for begin, end in bounds]
        return self._cut[first, last, around]

    def left(self, place: int) -> Places:
        """Return where the cells at one place (from 0) begin, before any move."""
        return self.starts if place == 0 else self.separators[:, place - 1] + 1

    def right(self, place: int) -> Places:
        """Return the places behind the cells at one place (from 0), before any move."""
        return self.ends if place == self.width - 1 else self.separators[:, place]


def records_of(block: Block) -> Records:
    """Return the records of a block."""
    ends = block.scan.record_ends
    return Records(
        data=block.data,
        starts=np.concatenate(([0], ends[:-1])),
        ends=block.content_ends,
        separators=block.scan.separators.reshape(block.rows, block.width - 1),
    )


def _runs(places: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield (first, last) of the runs of neighbours in `places`."""
    if not places:
        return
    first = places[0]
    for place, following in pairwise(places):
        if following != place + 1:
            yield first, place
            first = following
    yield first, places[-1]


def _text(cell: bytes) -> str:
    text = cell.decode()
    return text[1:-1].replace('""', '"') if text.startswith('"') else text
