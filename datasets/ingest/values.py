"""Blocks of text cells as the bytes that COPY takes, for every part of a dataset.

CSV, as `COPY part FROM STDIN (FORMAT csv)` reads it: an empty cell without quotes is NULL, `""`
the empty string. A part's columns are rowid, user_id, the pseudonym, then its columns of the file.

Cells go as they stand in the file: PostgreSQL reads a number's text to the same value. So a row of
a part is a run of bytes of the file's row behind its own three columns, and no cell is parsed. Only
where a cell has to change (a marker that means missing, a comma in a file separated by something
else) is the block taken apart and written anew.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

import numpy as np
import polars as pl

from .block import Block
from .layout import Part
from .profile import TableProfile
from .pseudonyms import pseudonymize
from .records import records_of

_COMMA = ord(",")
# the server starts sooner on a small run of rows; of many parts each takes a statement of its own
_CHUNK_BYTES = 1 << 22
_FEW_PARTS = 4


@dataclass(frozen=True)
class Encoded:
    """Some rows of one part: what COPY takes, and how many rows that is."""

    part: int
    rows: int
    data: bytes


@dataclass(frozen=True)
class Encoder:
    """Turns blocks into COPY bytes: pseudonyms for ids, row numbers from 1, NULL for missing."""

    profile: TableProfile
    parts: Sequence[Part]
    id_position: int
    user_id: UUID
    key: bytes

    def encode(self, blocks: Iterable[Block]) -> Iterator[Encoded]:
        """Yield runs of rows, each part by part; the last part closes the rows of a run.

        `rowid` counts the rows stored, so it has no gaps where bad rows were skipped.
        """
        stored = 0
        for block in blocks:
            if self._changes_cells(block):
                yield from self._rewritten(block, stored + 1)
            else:
                yield from self._spliced(block, stored + 1)
            stored += block.rows

    def _changes_cells(self, block: Block) -> bool:
        if any(marker.encode() in block.data for marker in self.profile.missing):
            return True
        return block.separator != "," and records_of(block).holds_outside_quotes(_COMMA)

    def _spliced(self, block: Block, first: int) -> Iterator[Encoded]:
        records = records_of(block)
        own = self._own_cells(records.cells(self.id_position - 1), first)
        if block.separator != ",":
            records = records.separated_by(_COMMA)
        if self._text_places.size:
            records = records.with_quoted_empties(self._text_places)
        step = block.rows
        if len(self.parts) <= _FEW_PARTS:
            step = max(block.rows * _CHUNK_BYTES // len(block.data), 1)
        for row in range(0, block.rows, step):
            piece, own_piece = records.rows(row, row + step), own[row : row + step]
            for part in self.parts:
                data = piece.lines(own_piece, [position - 1 for position in part.positions])
                yield Encoded(part.number, len(own_piece), data)

    def _rewritten(self, block: Block, first: int) -> Iterator[Encoded]:
        ids = block.frame.to_series(self.id_position - 1).to_list()
        own = pl.Series("own", self._own_cells(ids, first)).cast(pl.String)
        own_columns = own.str.split_exact(",", 2).struct.unnest()
        cells = block.frame.with_columns(self._changed_cells())
        for part in self.parts:
            names = [f"c{position}" for position in part.positions]
            frame = pl.concat([own_columns, cells.select(names)], how="horizontal")
            data = frame.write_csv(include_header=False).encode()
            yield Encoded(part.number, block.rows, data)

    def _own_cells(self, ids: Sequence[str | None], first: int) -> list[bytes]:
        """Return `rowid,user_id,pseudonym` for each id."""
        pseudonyms = pseudonymize(ids, self.key)
        user_id = str(self.user_id)
        return [
            f"{number},{user_id},{pseudonym}".encode()
            for number, pseudonym in enumerate(pseudonyms, first)
        ]

    @cached_property
    def _text_places(self) -> "np.ndarray[tuple[int], np.dtype[np.intp]]":
        """The places (from 0) of text columns that have empty cells: those are empty strings."""
        return np.array(
            [
                column.position - 1
                for column in self.profile.columns
                if column.data_type == "text"
                and column.missing
                and column.position != self.id_position
            ],
            dtype=np.intp,
        )

    def _changed_cells(self) -> list[pl.Expr]:
        """Return what changes cells: markers become NULL, an empty cell of text becomes ""."""
        markers = list(self.profile.missing)
        changes: list[pl.Expr] = []
        for column in self.profile.columns:
            if column.position == self.id_position:
                continue
            cell = pl.col(f"c{column.position}")
            text = cell.fill_null("") if column.data_type == "text" else cell
            if markers:
                missing = cell.is_in(markers) | (cell.is_null() if "" in markers else False)
                text = pl.when(missing).then(None).otherwise(text)
            changes.append(text.alias(f"c{column.position}"))
        return changes
