"""Blocks of text cells as the bytes that COPY takes, for every part of a dataset.

CSV, as `COPY part FROM STDIN (FORMAT csv)` reads it: an empty cell without quotes is NULL, `""`
the empty string. A part's columns are rowid, user_id (unless `layout.owner_by_default`), the
pseudonym, then its columns of the file.

Cells go as they stand in the file: PostgreSQL reads a number's text to the same value. So a row of
a part is a run of bytes of the file's row behind its own columns, and no cell is parsed. Only
where a cell has to change (a marker that means missing, a comma in a file separated by something
else) is the block taken apart and written anew.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from itertools import repeat
from typing import Protocol
from uuid import UUID

import numpy as np
import polars as pl

from .ahead import ahead
from .block import Block
from .canonical import Canonical
from .layout import Part, owner_by_default
from .profile import TableProfile
from .pseudonyms import pseudonymize
from .records import Records, records_of
from .scan import scan

_COMMA = ord(",")
# worked on at once: little enough that the server never waits for a block's ids to be hashed
_PIECE_BYTES = 1 << 21
_PIECE_ROWS = 1 << 17
# of many parts each takes a statement of its own for every piece
_FEW_PARTS = 4


class Hash(Protocol):
    """What `hashlib` gives."""

    def update(self, data: bytes, /) -> None:
        """Take more bytes."""

    def hexdigest(self) -> str:
        """Return the digest of all bytes taken, in hex."""


@dataclass(frozen=True)
class Encoded:
    """Some rows of one part: what COPY takes, and how many rows that is.

    The bytes are CSV; `plain` says that they are COPY's text format as well (delimiter `,`, null
    the empty cell): they hold no quote and no backslash.
    """

    part: int
    rows: int
    data: bytes
    plain: bool


@dataclass(frozen=True)
class Encoder:
    """Turns blocks into COPY bytes: pseudonyms for ids, row numbers from 1, NULL for missing.

    `digest` takes the rows on the way as an export will write them, behind what it was given first.
    """

    profile: TableProfile
    parts: Sequence[Part]
    id_position: int
    user_id: UUID
    key: bytes
    digest: Hash = field(default_factory=hashlib.sha256)

    def encode(self, blocks: Iterable[Block]) -> Iterator[Encoded]:
        """Yield runs of rows, each part by part; the last part closes the rows of a run.

        `rowid` counts the rows stored, so it has no gaps where bad rows were skipped.
        """
        first = 1
        with ThreadPoolExecutor(1) as thread:  # hashlib lets others run meanwhile
            hashed = thread.submit(self.digest.update, b"")
            for piece in self._pieces(blocks):
                ids = piece.cells(self.id_position - 1)
                pseudonyms = "\n".join(pseudonymize(ids, self.key)).encode().split(b"\n")
                written = self._canonical.written(piece)
                hashed.result()
                hashed = thread.submit(self.digest.update, self._exported(written, pseudonyms))
                yield from self._parts(written, first, pseudonyms)
                first += len(ids)
            hashed.result()

    def _pieces(self, blocks: Iterable[Block]) -> Iterator[Records]:
        for records in ahead(map(self._records, blocks), depth=1):
            yield from records.pieces(self._piece_rows(records))

    def _piece_rows(self, records: Records) -> int:
        rows = len(records.starts)
        if len(self.parts) <= _FEW_PARTS:
            rows = max(rows * _PIECE_BYTES // len(records.data), 1)
        return min(rows, _PIECE_ROWS)

    def _exported(self, written: Records, pseudonyms: Sequence[bytes]) -> bytes:
        """Return the lines with a pseudonym at each id, as an export writes them."""
        place = self.id_position - 1
        before = [written.cut(0, place - 1), repeat(b",")] if place else []
        return written.lines([*before, pseudonyms], range(place + 1, written.width))

    def _parts(
        self, written: Records, first: int, pseudonyms: Sequence[bytes]
    ) -> Iterator[Encoded]:
        rows = range(first, first + len(pseudonyms))
        by_default = [owner_by_default(len(part.positions)) for part in self.parts]
        beginnings = {default: self._beginnings(rows, default) for default in set(by_default)}
        for part, default in zip(self.parts, by_default, strict=True):
            own = beginnings[default]
            places = [position - 1 for position in part.positions]
            data = written.lines([own, pseudonyms], places)
            plain = b'"' not in data and b"\\" not in data
            yield Encoded(part.number, len(own), data, plain)

    def _beginnings(self, rows: range, by_default: bool) -> list[bytes]:
        """Return what stands before each row's pseudonym: its number, and unless by default whose
        it is."""
        owner = "" if by_default else f"{self.user_id},"
        return f",{owner}\n".join([*map(str, rows), ""]).encode().splitlines()

    def _records(self, block: Block) -> Records:
        """Return the block with commas, a missing cell as nothing, an empty text as `""`."""
        if self._has_marker(block):
            return self._rewritten(block)
        records = records_of(block)
        if block.separator != ",":
            if records.holds_outside_quotes(_COMMA):
                return self._rewritten(block)
            records = records.separated_by(_COMMA)
        if self._text_places.size:
            records = records.with_quoted_empties(self._text_places)
        return records

    def _has_marker(self, block: Block) -> bool:
        written = (marker.replace('"', '""').encode() for marker in self.profile.missing)
        return any(marker in block.data for marker in written)

    def _rewritten(self, block: Block) -> Records:
        """Return the block taken apart and written anew."""
        cells = block.frame.with_columns(self._changed_cells())
        data = cells.write_csv(include_header=False).encode()
        return records_of(Block(data, scan(data, _COMMA), ",", block.width, block.first_row))

    @cached_property
    def _canonical(self) -> Canonical:
        named = set(self.profile.named)
        return Canonical(
            floats=np.array(
                [
                    column.position - 1
                    for column in self.profile.types
                    if column.data_type == "float"
                    and not column.printed
                    and column.position not in named
                ],
                dtype=np.intp,
            ),
            named=tuple(
                (column.position - 1, column.data_type)
                for column in self.profile.types
                if column.position in named and column.data_type != "text"
            ),
        )

    @cached_property
    def _text_places(self) -> "np.ndarray[tuple[int], np.dtype[np.intp]]":
        """The places (from 0) of text columns that have empty cells: those are empty strings."""
        return np.array(
            [
                column.position - 1
                for column in self.profile.types
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
        for column in self.profile.types:
            if column.position == self.id_position:
                continue
            cell = pl.col(f"c{column.position}")
            text = cell.fill_null("") if column.data_type == "text" else cell
            if markers:
                missing = cell.is_in(markers) | (cell.is_null() if "" in markers else False)
                text = pl.when(missing).then(None).otherwise(text)
            changes.append(text.alias(f"c{column.position}"))
        return changes
