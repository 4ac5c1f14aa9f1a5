"""Columns of a block in bundles: one by one where there are few, all in one where there are many.

Work on a bundle is a handful of calls for any number of columns, so that a table of 40,000 columns
costs as much a cell as one of 20.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from .block import Block
from .datatypes import Mask, Values

Positions = npt.NDArray[np.intp]

# from here on a frame's own cost a column outweighs what it saves a cell
_WIDE = 64
# work on a cell takes about 100 bytes beside it
_PIECE_CELLS = 1 << 20
# cutting a few runs of columns out of each row costs less than picking their cells afterwards
_FEW_RUNS = 8


@dataclass(frozen=True, eq=False)
class Bundle:
    """Cells of the same rows of some columns (numbered from 0), row by row in one series."""

    columns: Positions
    cells: pl.Series
    first_row: int = 0  # in its block, from 0

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        width = len(self.columns)
        return len(self.cells) // width, width

    def only(self, keep: Mask) -> "Bundle":
        """Return the bundle of the columns to keep, a flag each."""
        if keep.all():
            return self
        rows, width = self.shape
        places = np.arange(rows)[:, None] * width + np.flatnonzero(keep)
        return Bundle(self.columns[keep], self.cells.gather(places.ravel()), self.first_row)

    def head(self, rows: int) -> "Bundle":
        """Return the first rows."""
        return Bundle(self.columns, self.cells.head(rows * len(self.columns)), self.first_row)

    def with_cells(self, cells: pl.Series) -> "Bundle":
        """Return the same columns with other cells."""
        return Bundle(self.columns, cells, self.first_row)

    def pieces(self) -> Iterator["Bundle"]:
        """Yield the bundle in runs of rows that take little memory to work on."""
        rows, width = self.shape
        step = max(_PIECE_CELLS // width, 1)
        for row in range(0, rows, step):
            cells = self.cells.slice(row * width, step * width)
            yield Bundle(self.columns, cells, self.first_row + row)


def columns_kept(values: Values, keep: Mask) -> Values:
    """Return the columns to keep, a flag each, of an array of shape (row, column)."""
    return values if keep.all() else values[:, keep]


def is_wide(block: Block) -> bool:
    """Whether the columns of a block come in one bundle."""
    return block.width >= _WIDE


def bundles(block: Block, wanted: Mask) -> Iterator[Bundle]:
    """Yield the cells of the wanted columns, a flag each of all columns of the table."""
    if not is_wide(block):
        for column in np.flatnonzero(wanted).tolist():
            yield from Bundle(np.array([column]), block.frame.to_series(column)).pieces()
        return
    runs = _runs(wanted)
    if len(runs) <= _FEW_RUNS:
        for first, last in runs:
            yield from Bundle(np.arange(first, last + 1), block.cells(first, last)).pieces()
    else:
        for piece in Bundle(np.arange(block.width), block.cells(0, block.width - 1)).pieces():
            yield piece.only(wanted)


def _runs(wanted: Mask) -> list[tuple[int, int]]:
    """Return (first, last) of the runs of wanted columns."""
    edges = np.flatnonzero(np.diff(wanted, prepend=False, append=False))
    return list(zip(edges[::2].tolist(), (edges[1::2] - 1).tolist(), strict=True))


def without_markers(bundle: Bundle, markers: Sequence[str]) -> Bundle:
    """Return the bundle with the cells that read as a marker as null."""
    if not markers:
        return bundle
    cells = bundle.cells
    return bundle.with_cells(cells.set(cells.is_in(list(markers)), None))
