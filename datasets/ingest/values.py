"""Blocks of text cells as the bytes that COPY takes, for every part of a dataset.

CSV, as `COPY part FROM STDIN (FORMAT csv)` reads it: an empty cell without quotes is NULL, `""`
the empty string. A part's columns are rowid, user_id, the pseudonym, then its columns of the file.
Cells go as they are in the file: PostgreSQL reads a number's text to the same value.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

import polars as pl

from .layout import Part
from .profile import TableProfile
from .pseudonyms import pseudonym_series
from .read import Block


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
        """Yield the rows of each block, part by part; the last part of a block closes its rows.

        `rowid` counts the rows stored, so it has no gaps where bad rows were skipped.
        """
        stored = 0
        for block in blocks:
            rows = block.frame.height
            own = self._own_columns(block, stored + 1)
            cells = block.frame.with_columns(self._values())
            for part in self.parts:
                names = [f"c{position}" for position in part.positions]
                frame = pl.concat([own, cells.select(names)], how="horizontal")
                yield Encoded(part.number, rows, frame.write_csv(include_header=False).encode())
            stored += rows

    def _own_columns(self, block: Block, first: int) -> pl.DataFrame:
        rows = block.frame.height
        ids = block.frame[f"c{self.id_position}"]
        return pl.DataFrame(
            {
                "rowid": pl.int_range(first, first + rows, eager=True),
                "user_id": pl.repeat(str(self.user_id), rows, eager=True),
                "pseudonym": pseudonym_series(ids, self.key),
            }
        )

    def _values(self) -> list[pl.Expr]:
        """Return what changes cells: markers become NULL, an empty cell of text becomes ""."""
        markers = list(self.profile.missing)
        changes: list[pl.Expr] = []
        for column in self.profile.columns:
            if column.position == self.id_position:
                continue
            cell = pl.col(f"c{column.position}")
            text = cell.fill_null("") if column.data_type == "text" else cell
            if markers:
                text = pl.when(cell.is_in(markers)).then(None).otherwise(text)
            if markers or column.data_type == "text":
                changes.append(text.alias(f"c{column.position}"))
        return changes
