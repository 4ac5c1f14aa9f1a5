"""Records as runs of bytes: cells found by their place, parts of rows copied without parsing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt

from .block import Block
from .scan import Places, scan

_QUOTE = ord('"')


@dataclass(frozen=True, eq=False)
class Records:
    """Records of RFC 4180 text, and where their cells begin and end.

    `starts` and `ends` bound each record without its line end; `separators` has a row a record.
    """

    data: bytes
    starts: Places
    ends: Places
    separators: npt.NDArray[np.int64]

    @cached_property
    def bounds(self) -> tuple[Places, Places]:
        """Where each cell begins, and the place behind it: shape (record, column), both."""
        left = np.column_stack((self.starts, self.separators + 1))
        return left, np.column_stack((self.separators, self.ends))

    def rows(self, first: int, behind: int) -> "Records":
        """Return the records from one number (from 0) to before another."""
        part = slice(first, behind)
        return Records(self.data, self.starts[part], self.ends[part], self.separators[part])

    def cells(self, place: int) -> list[str]:
        """Return the cells at one place (from 0) as text; an empty cell is "", quoted or not."""
        cells = self._runs_of_bytes(place, place)
        joined = b"\n".join(cells)
        if b'"' not in joined:  # without quotes no cell holds a line end: decode all at once
            return joined.decode().split("\n")
        return [_text(cell) for cell in cells]

    def lines(self, own: Sequence[bytes], places: Sequence[int]) -> bytes:
        """Return a line a record: its `own` bytes, then its cells at `places` (from 0, rising)."""
        runs = [self._runs_of_bytes(first, last) for first, last in _runs(places)]
        lines = map(b",".join, zip(own, *runs, strict=True))
        return b"\n".join(lines) + b"\n"

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
        left, right = self.bounds
        left, right = left[:, places], right[:, places]
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

    def _runs_of_bytes(self, first: int, last: int) -> list[bytes]:
        """Return of each record the bytes of the cells from one place up to and with another."""
        data = self.data
        bounds = zip(self.left(first).tolist(), self.right(last).tolist(), strict=True)
        return [data[left:right] for left, right in bounds]

    def left(self, place: int) -> Places:
        """Return where the cells at one place (from 0) begin."""
        return self.starts if place == 0 else self.separators[:, place - 1] + 1

    def right(self, place: int) -> Places:
        """Return the places behind the cells at one place (from 0)."""
        last = self.separators.shape[1]
        return self.ends if place == last else self.separators[:, place]


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
