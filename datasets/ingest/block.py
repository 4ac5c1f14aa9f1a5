"""A run of whole records, all as wide as the header: bytes, and the cells parsed from them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import polars as pl
from polars.exceptions import PolarsError

from fairdb_site.errors import Refused

from .encoding import UTF8_BOM, NotUtf8
from .scan import CR, LF, Places, Scan


@dataclass(frozen=True, eq=False)
class Block:
    """Records in file order. `data` holds them as RFC 4180 text, ended by LF or CRLF.

    `first_row` is the number of the first record, where 1 is the first after the header;
    `numbers` gives the number of each record where skipped ones made gaps, else None.
    """

    data: bytes
    scan: Scan
    separator: str
    width: int
    first_row: int
    numbers: npt.NDArray[np.int64] | None = None
    not_utf8: Callable[[], NotUtf8] | None = None  # looks at the whole file, for advice

    @property
    def rows(self) -> int:
        """How many records there are."""
        return self.scan.records

    def row_number(self, index: int) -> int:
        """Return the number, in the file, of the record at `index` of this block."""
        return self.first_row + index if self.numbers is None else int(self.numbers[index])

    @cached_property
    def frame(self) -> pl.DataFrame:
        """The cells as String columns `c1`..`cn`: null = empty, "" = quoted empty.

        Raises Refused where a cell is not UTF-8.
        """
        names = [f"c{n}" for n in range(1, self.width + 1)]
        return self._parsed(self.data, names, self.rows)

    def cells(self, first: int, last: int) -> pl.Series:
        """Return the cells from place `first` to `last` (from 0), record by record, in one series.

        A frame of thousands of columns costs six times as much to parse as the same cells in one.
        Raises Refused where a cell is not UTF-8.
        """
        text = self._cell_a_line
        if (first, last) != (0, self.width - 1):
            separators = self.scan.separators.reshape(self.rows, self.width - 1)
            starts = np.concatenate(([0], self.scan.record_ends[:-1]))
            left = separators[:, first - 1] + 1 if first else starts
            right = separators[:, last] if last < self.width - 1 else self.content_ends
            bounds = zip(left.tolist(), right.tolist(), strict=True)
            text = b"\n".join([text[start:end] for start, end in bounds]) + b"\n"
        height = self.rows * (last - first + 1)
        return self._parsed(text, ["cells"], height).to_series()

    @cached_property
    def _cell_a_line(self) -> bytes:
        """The records with a line feed for every separator."""
        if not self.scan.has_quotes:
            return self.data.replace(self.separator.encode(), b"\n")
        data = np.frombuffer(self.data, dtype=np.uint8).copy()
        data[self.scan.separators] = LF
        return data.tobytes()

    @cached_property
    def content_ends(self) -> Places:
        """The place behind the last cell of each record, before its line end."""
        ends = self.scan.record_ends - 1
        data = np.frombuffer(self.data, dtype=np.uint8)
        returns = (data[ends - 1] == CR) & (ends > 0)
        content_ends: Places = ends - returns
        return content_ends

    def _parsed(self, data: bytes, names: list[str], height: int) -> pl.DataFrame:
        if data.startswith(UTF8_BOM):
            data = UTF8_BOM + data  # Polars takes one away; here it is part of a cell
        try:
            frame = pl.read_csv(
                data,
                has_header=False,
                schema=dict.fromkeys(names, pl.String),
                separator=self.separator,
                quote_char='"' if self.scan.has_quotes else None,
                extra_columns="raise",
            )
        except PolarsError as error:
            self._refuse_undecodable()
            raise self._unreadable() from error
        if frame.height != height:
            raise self._unreadable()
        return frame

    def _unreadable(self) -> Refused:
        last = self.row_number(self.rows - 1)
        return Refused(f"Rows {self.first_row:,} to {last:,} cannot be read as a table.")

    def _refuse_undecodable(self) -> None:
        try:
            self.data.decode("utf-8")
        except UnicodeDecodeError as error:
            ends = self.scan.record_ends
            place = int(np.searchsorted(ends, error.start, side="right"))
            byte = error.start - (int(ends[place - 1]) if place else 0) + 1
            advice = self.not_utf8().advice if self.not_utf8 else "Name the file's encoding."
            raise Refused(
                f"Row {self.row_number(place):,} (where row 1 is the first after the header) is "
                f"not UTF-8 at its byte {byte:,}. {advice}",
                option="encoding",
            ) from error
