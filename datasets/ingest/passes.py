"""One pass over the records behind a file's header: found, checked for their width, cut to blocks.

The widths are checked here because Polars (2.1) fills short records with nulls silently, takes a
lone carriage return for data and renames repeated labels; it still parses the cells.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fairdb_site.errors import Refused, TooLarge

from .block import Block
from .encoding import NotUtf8
from .repair import TooManyFields, first_record, repair
from .scan import CR, LF, Scan, scan, with_line_feeds
from .stream import TextBytes

# a record is held whole in memory, several times over
MAX_RECORD_BYTES = 1 << 26
# 100,000 labels of 300 bytes
MAX_HEADER_BYTES = 1 << 25
LONGEST_LABEL = 10_000  # characters of a column's name, which every page of columns shows
CHANGED = (
    "The file changed while it was read. Nothing was stored. Load it again when it is at rest."
)
# in a block; what is known of each takes up to 300 bytes
_MOST_RECORDS, _COUNTED_BYTES = 1 << 19, 1 << 20
_LISTED = 20
_REMEMBERED = 10_000


class RecordTooLong(Exception):
    """No end of a record came within MAX_RECORD_BYTES."""


@dataclass(frozen=True)
class BadRows:
    """Records left out for their width: how many, and the numbers of the first 10,000."""

    count: int = 0
    numbers: tuple[int, ...] = ()


class Pass:
    """One pass over the records behind the header."""

    def __init__(
        self,
        text: TextBytes,
        *,
        header: tuple[str, ...],
        separator: str,
        skip_bad_rows: bool,
        max_rows: int | None,
        block_bytes: int,
        not_utf8: Callable[[], NotUtf8],
    ) -> None:
        self._text = text
        self._header = header
        self._width = len(header)
        self._separator = separator
        self._skip = skip_bad_rows
        self._max_rows = max_rows
        self._block_bytes = block_bytes
        self._not_utf8 = not_utf8
        self._read = 0  # records met so far, good and bad
        self.good = 0
        self._bad_count = 0
        self._bad_numbers: list[int] = []
        self._bad_widths: set[int] = set()

    def bad(self) -> BadRows:
        """Return the rows left out so far."""
        return BadRows(self._bad_count, tuple(self._bad_numbers))

    def blocks(self) -> Iterator[Block]:
        """Yield the records as wide as the header; raises Refused and TooLarge."""
        try:
            for whole, found in self._scanned():
                block = self._checked(whole, found)
                if block is not None:
                    self.good += block.rows
                    if self._max_rows is not None and self.good > self._max_rows:
                        raise TooLarge(f"The file has more than {self._max_rows:,} rows.")
                    yield block
                if self._bad_count >= _LISTED and not self._skip:
                    break
        except RecordTooLong as error:
            raise Refused(self._too_long()) from error
        if self._bad_count and not self._skip:
            if self._bad_count == self._read:
                raise Refused(self._no_row_fits())
            raise Refused(self._ragged(), option="skip_bad_rows")
        if not self.good:
            raise Refused("The file has a header but no rows that fit it.")

    def _scanned(self) -> Iterator[tuple[bytes, Scan]]:
        """Yield (complete records, quotes well placed, ended by LF or CRLF; their structure)."""
        chunks = self._text.chunks(self._block_bytes)
        carry, final = self._behind_header(chunks)
        grows = cut = False  # the record at hand has not ended; what is there is not all looked at
        while carry or not final:
            if not final and not cut and len(carry) < self._block_bytes:
                carry, final = grown(carry, chunks, self._block_bytes - len(carry))
            if final:
                carry = self._ended(carry)
                if not carry:
                    return
            part = carry if grows else _beginning(carry)
            cut = len(part) < len(carry)
            ends = final and not cut
            body = part if ends else self._without_blank_end(part)
            found = scan(body, ord(self._separator))
            whole, taken = body, found.end
            if not found.well_formed:
                whole, taken = self._repaired(body, final=ends)
                found = scan(whole, ord(self._separator))
            grows = not taken or not found.end
            if grows and cut:
                continue  # a record of very many lines
            if grows:
                if final:
                    raise Refused(self._unclosed())
                # a record that opened a quote goes on until the next one, whatever else comes
                close = b'"' if found.well_formed and found.open_quote else b'"\r\n'
                carry, final = self._grown_to(carry, chunks, close)
                continue
            if b"\x00" in whole:
                self._refuse_nul(whole, found)
            if found.lone_cr:
                whole = with_line_feeds(whole, found)
                found = scan(whole, ord(self._separator))
            yield whole, found
            carry = carry[taken:]

    def _repaired(self, body: bytes, *, final: bool) -> tuple[bytes, int]:
        try:
            return repair(body, ord(self._separator), final=final)
        except TooManyFields as error:
            raise Refused(
                f"In {self._next_row} or soon after it a row has more than {error.most:,} fields "
                "and quotes inside them; mend it."
            ) from error

    def _behind_header(self, chunks: Iterator[bytes]) -> tuple[bytes, bool]:
        data, final = grown(b"", chunks, 1)
        while True:
            try:
                record = first_record(data, ord(self._separator), final=final, most=self._width)
            except TooManyFields as error:
                raise Refused(CHANGED) from error
            if record is not None and labels_of(record[0]) == self._header:
                return data[record[1] :], final
            if final or record is not None or len(data) > MAX_HEADER_BYTES:
                raise Refused(CHANGED)
            data, final = grown(data, chunks, len(data))

    def _grown_to(self, record: bytes, chunks: Iterator[bytes], ends: bytes) -> tuple[bytes, bool]:
        """Return (the unfinished record and what follows it up to one of `ends`, whether all).

        The record at least doubles, so that it is not looked at too often.
        """
        pieces, size, met, last = [record], len(record), False, b""
        while not met or size < 2 * len(record) or last in (b'"', b"\r"):
            if size > MAX_RECORD_BYTES:
                raise RecordTooLong
            piece = next(chunks, None)
            if piece is None:
                return b"".join(pieces), True
            pieces.append(piece)
            size += len(piece)
            met = met or any(end in piece for end in ends)
            last = piece[-1:]
        return b"".join(pieces), False

    def _without_blank_end(self, data: bytes) -> bytes:
        """Return `data` up to its last line end but for blank lines, which may end the file."""
        before = data[-3:-2] if data.endswith(b"\r\n") else data[-2:-1]
        if self._width == 1 or before.strip(b"\r\n"):
            return data
        content = len(data.rstrip(b"\r\n"))
        line_end = 2 if data[content : content + 2] == b"\r\n" else 1
        return data[: content + line_end] if content else b""

    def _ended(self, data: bytes) -> bytes:
        """Return the file's last records with a line end, without blank lines behind them."""
        if self._width > 1:
            stripped = data.rstrip(b"\r\n")
            return stripped + b"\n" if stripped else b""
        return data if not data or data[-1] in b"\r\n" else data + b"\n"

    def _checked(self, whole: bytes, found: Scan) -> Block | None:
        """Return the block of the records as wide as the header; note the others."""
        first = self._read + 1
        self._read += found.records
        widths = found.separators_by_record() + 1
        good = widths == self._width
        numbers = None
        if not good.all():
            self._note(first + np.flatnonzero(~good), widths[~good])
            numbers = first + np.flatnonzero(good)
            first = int(numbers[0]) if len(numbers) else first
            whole = _records_at(whole, found, good)
            found = scan(whole, ord(self._separator))
        if not found.records or (self._bad_count and not self._skip):
            return None
        return Block(
            data=whole[: found.end],
            scan=found,
            separator=self._separator,
            width=self._width,
            first_row=first,
            numbers=numbers,
            not_utf8=self._not_utf8,
        )

    def _note(self, numbers: npt.NDArray[np.int64], widths: npt.NDArray[np.int64]) -> None:
        self._bad_count += len(numbers)
        self._bad_numbers += numbers[: _REMEMBERED - len(self._bad_numbers)].tolist()
        self._bad_widths.update(np.unique(widths)[:100].tolist())

    def _ragged(self) -> str:
        listed = ", ".join(f"{number:,}" for number in self._bad_numbers[:_LISTED])
        more = " and on" if self._bad_count >= _LISTED else ""
        rows, verb = ("row", "has") if self._bad_count == 1 else ("rows", "have")
        return (
            f"The header has {self._columns}, but {rows} {listed}{more} (where row 1 is "
            f"the first after the header) {verb} {self._bad_fields}. Mend the rows, or have "
            "such rows left out and listed."
        )

    def _no_row_fits(self) -> str:
        """Say that header and rows differ, where leaving rows out would leave none of these."""
        if self._bad_count == 1:
            rows = "the only row has"
        elif self._bad_count < _LISTED:  # the file ended
            rows = f"all {self._bad_count:,} rows have"
        else:
            rows = f"the first {self._bad_count:,} rows all have"
        hint = "Is the first line the header, with the separator that the rows have?"
        if self._bad_widths == {self._width + 1}:
            hint = (
                "Every row has one field more than the header: was it written with row names "
                "(R's write.table)? Give the first column a name."
            )
        return (
            f"The header has {self._columns}, but {rows} {self._bad_fields}. {hint} Mend the "
            "header, or the rows."
        )

    @property
    def _columns(self) -> str:
        return "1 column" if self._width == 1 else f"{self._width:,} columns"

    @property
    def _bad_fields(self) -> str:
        found = sorted(self._bad_widths)
        if len(found) > 1:
            return f"between {found[0]:,} and {found[-1]:,} fields"
        return "1 field" if found == [1] else f"{found[0]:,} fields"

    def _unclosed(self) -> str:
        return f"A quote opened in {self._next_row} or soon after it is not closed."

    def _too_long(self) -> str:
        return (
            f"No end was found of {self._next_row} within {MAX_RECORD_BYTES >> 20} MB: "
            "is a quote opened there that is not closed?"
        )

    @property
    def _next_row(self) -> str:
        return f"row {self._read + 1:,} (where row 1 is the first after the header)"

    def _refuse_nul(self, whole: bytes, found: Scan) -> None:
        place = whole.index(b"\x00")
        row = self._read + 1 + int(np.searchsorted(found.record_ends, place, side="right"))
        raise Refused(
            f"Row {row:,} (where row 1 is the first after the header) holds a NUL byte, "
            "which no text may hold."
        )


def _beginning(data: bytes) -> bytes:
    """Return `data`, cut where it may hold more records than are worked on at once."""
    lines = 0
    for place in range(0, len(data), _COUNTED_BYTES):
        behind = place + _COUNTED_BYTES
        part = np.frombuffer(data, dtype=np.uint8)[place:behind]
        lines += int(np.count_nonzero(part == LF)) + int(np.count_nonzero(part == CR))
        if lines > _MOST_RECORDS:
            return data[:behind].rstrip(b'"\r') or data
    return data


def grown(data: bytes, chunks: Iterator[bytes], want: int) -> tuple[bytes, bool]:
    """Return (`data` and at least `want` more bytes, whether the file ended).

    The last byte is neither a quote nor a carriage return, whose meaning hangs on the next byte,
    unless the file ends there. Raises RecordTooLong where nothing but those end the pieces.
    """
    pieces, got, last = [data], 0, b""
    while got < want or last in (b'"', b"\r"):
        if got > want + MAX_RECORD_BYTES:
            raise RecordTooLong
        piece = next(chunks, None)
        if piece is None:
            return b"".join(pieces), True
        pieces.append(piece)
        got += len(piece)
        last = piece[-1:]
    return b"".join(pieces), False


def _records_at(whole: bytes, found: Scan, keep: npt.NDArray[np.bool_]) -> bytes:
    ends = found.record_ends
    starts = np.concatenate(([0], ends[:-1]))
    return b"".join(whole[a:b] for a, b in zip(starts[keep], ends[keep], strict=True))


def labels_of(fields: list[bytes]) -> tuple[str, ...]:
    """Return the header's fields as text; Refused where one is too long, no UTF-8, or has a NUL."""
    return tuple(_label(value, place) for place, value in enumerate(fields, 1))


def _label(value: bytes, place: int) -> str:
    try:
        label = value.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused(
            f"The name of column {place:,} is not UTF-8 (byte {error.start + 1} of the name). "
            "Name the file's encoding, for example latin-1 or windows-1252.",
            option="encoding",
        ) from error
    if len(label) > LONGEST_LABEL:
        raise Refused(
            f"The name of column {place:,} has {len(label):,} characters; at most "
            f"{LONGEST_LABEL:,} are taken. Is the first line the header, with the separator that "
            "the rows have?"
        )
    if "\x00" in label:
        raise Refused(f"The name of column {place:,} holds a NUL byte, which no text may hold.")
    return label
