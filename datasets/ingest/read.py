"""A delimited file as a header and a stream of blocks of text cells, every record's width checked.

The widths are checked here because Polars (2.1) fills short records with nulls silently, takes a
lone carriage return for data and renames repeated labels; it still parses the cells.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from fairdb_site.errors import Refused, TooLarge

from .block import Block
from .dialect import separator_found, separator_named
from .repair import first_record, repair
from .scan import Scan, scan, with_line_feeds
from .stream import FileDigest, Opener, Source, Stamp, TextBytes, opener_of

BLOCK_BYTES = 1 << 24
_HEAD_BYTES = 1 << 20
# a record is held whole in memory; PostgreSQL itself takes lines of up to 1 GB
MAX_RECORD_BYTES = 1 << 27
_LISTED = 20
_CHANGED = (
    "The file changed while it was read. Nothing was stored. Load it again when it is at rest."
)
_REMEMBERED = 10_000


@dataclass(frozen=True)
class Evidence:
    """What the file was taken for: codec name, separator character, `gzip` or None."""

    encoding: str
    delimiter: str
    compression: str | None


@dataclass(frozen=True)
class BadRows:
    """Records left out for their width: how many, and the numbers of the first 10,000."""

    count: int = 0
    numbers: tuple[int, ...] = ()


@dataclass
class TableSource:
    """A table that can be read any number of times; `open_table` makes it.

    `file`, `rows_read` and `bad_rows` are known once a pass over `blocks()` has ended; `bytes_read`
    grows during a pass, in bytes of the file as uploaded.
    """

    header: tuple[str, ...]
    evidence: Evidence
    file: FileDigest | None = None
    rows_read: int = 0
    bad_rows: BadRows = field(default_factory=BadRows)
    bytes_read: int = 0
    skip_bad_rows: bool = False
    _opener: Opener = field(repr=False, kw_only=True)
    _max_bytes: int | None = field(default=None, kw_only=True)
    _block_bytes: int = field(default=BLOCK_BYTES, kw_only=True)
    _stamp: Stamp | None = field(default=None, init=False, repr=False)

    def blocks(self) -> Iterator[Block]:
        """Yield the table in blocks, from the start each time; memory does not grow with the file.

        Raises Refused for what cannot be a table (naming rows), a NUL or undecodable byte, and a
        file that differs from the one of the last pass.
        """
        # an unchanged file of this host need not be hashed again; that costs as much as scanning it
        known = self._stamp if self.file is not None else None
        text = TextBytes(
            self._opener,
            encoding=self.evidence.encoding,
            max_bytes=self._max_bytes,
            hashed=known is None,
        )
        try:
            before = text.stamp()
            if known is not None and known != before:
                raise Refused(_CHANGED)
            reader = _Records(self, text)
            yield from reader.blocks()
            after = text.stamp()
        finally:
            text.close()
        file = text.digest() if known is None else self.file
        if before != after or (self.file is not None and self.file != file):
            raise Refused(_CHANGED)
        self.file, self._stamp = file, after
        self.rows_read, self.bad_rows = reader.good, reader.bad()


def open_table(
    source: Source,
    *,
    delimiter: str | None = None,
    encoding: str | None = None,
    skip_bad_rows: bool = False,
    max_columns: int = 100_000,
    max_bytes: int | None = None,
    block_bytes: int = BLOCK_BYTES,
) -> TableSource:
    """Open a CSV, TSV, `;` or `|` file, in gzip or not, and read its header.

    `source` is a path or a callable that opens a binary stream anew. `delimiter` and `encoding`
    are found where not named. `max_bytes` bounds the unpacked file. Labels are as in the file.
    Raises Refused (no table, no rows, wrong encoding) and TooLarge (columns, bytes).
    """
    opener = opener_of(source)
    text = TextBytes(opener, encoding=encoding, max_bytes=max_bytes)
    try:
        separator = separator_named(delimiter) if delimiter else None
        fields, separator, has_rows = _header(text.chunks(_HEAD_BYTES), separator)
    finally:
        text.close()
    if len(fields) > max_columns:
        raise TooLarge(f"The file has {len(fields):,} columns; at most {max_columns:,} are taken.")
    if not has_rows:
        raise Refused("The file has a header but no rows.")
    return TableSource(
        header=tuple(_label(value, place) for place, value in enumerate(fields, 1)),
        evidence=Evidence(text.encoding, separator, text.compression),
        skip_bad_rows=skip_bad_rows,
        _opener=opener,
        _max_bytes=max_bytes,
        _block_bytes=block_bytes,
    )


def _header(chunks: Iterator[bytes], separator: str | None) -> tuple[list[bytes], str, bool]:
    """Return the header's fields, the separator named or found, and whether a row follows."""
    head, final = _grown(b"", chunks, 1)
    if not head:
        raise Refused("The file is empty.")
    if head[0] in b"\r\n":
        raise Refused("The first line is empty; it must hold the column names.")
    while True:
        found = separator or separator_found(head, final=final)
        record = first_record(head, ord(found), final=final)
        if record is not None:
            break
        if final or len(head) > MAX_RECORD_BYTES:
            raise Refused("The header opens a quote that is not closed.")
        head, final = _grown(head, chunks, len(head))
    fields, length = record
    # a blank line is a row only where a row is one cell
    blank = b"\r\n" if len(fields) > 1 else b""
    rest = head[length:].strip(blank)
    while not rest and not final:
        rest, final = _grown(b"", chunks, 1)
        rest = rest.strip(blank)
    return fields, found, bool(rest)


class _Records:
    """One pass over the records behind the header."""

    def __init__(self, table: TableSource, text: TextBytes) -> None:
        self._table = table
        self._text = text
        self._separator = table.evidence.delimiter
        self._width = len(table.header)
        self._read = 0  # records met so far, good and bad
        self.good = 0
        self._bad_count = 0
        self._bad_numbers: list[int] = []
        self._bad_widths: set[int] = set()

    def bad(self) -> BadRows:
        return BadRows(self._bad_count, tuple(self._bad_numbers))

    def blocks(self) -> Iterator[Block]:
        skip = self._table.skip_bad_rows
        for whole, found in self._scanned():
            block = self._checked(whole, found)
            self._table.bytes_read = self._text.bytes_read
            if block is not None:
                self.good += block.rows
                yield block
            if self._bad_count >= _LISTED and not skip:
                break
        if self._bad_count and not skip:
            raise Refused(self._ragged(), option="skip_bad_rows")
        if not self.good:
            raise Refused("The file has a header but no rows that fit it.")

    def _scanned(self) -> Iterator[tuple[bytes, Scan]]:
        """Yield (complete records, quotes well placed, ended by LF or CRLF; their structure)."""
        chunks = self._text.chunks(self._table._block_bytes)
        carry, final = self._behind_header(chunks)
        want = max(self._table._block_bytes - len(carry), 1)
        while carry or not final:
            if not final:
                carry, final = _grown(carry, chunks, want)
            if final:
                carry = self._ended(carry)
                if not carry:
                    return
            body = carry if final else self._without_blank_end(carry)
            found = scan(body, ord(self._separator))
            whole, taken = body, found.end
            if not found.well_formed:
                whole, taken = repair(body, ord(self._separator), final=final)
                found = scan(whole, ord(self._separator))
            if not taken or not found.end:
                if final or len(carry) > MAX_RECORD_BYTES:
                    raise Refused(self._too_long(final=final))
                want = len(carry)
                continue
            if b"\x00" in whole:
                self._refuse_nul(whole, found)
            if found.lone_cr:
                whole = with_line_feeds(whole, found)
                found = scan(whole, ord(self._separator))
            yield whole, found
            carry = carry[taken:]
            want = max(self._table._block_bytes - len(carry), 1)

    def _behind_header(self, chunks: Iterator[bytes]) -> tuple[bytes, bool]:
        data, final = _grown(b"", chunks, 1)
        while True:
            record = first_record(data, ord(self._separator), final=final)
            if record is not None:
                return data[record[1] :], final
            if final:
                raise Refused(_CHANGED)
            data, final = _grown(data, chunks, len(data))

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
        if not found.records or (self._bad_count and not self._table.skip_bad_rows):
            return None
        return Block(whole[: found.end], found, self._separator, self._width, first, numbers)

    def _note(self, numbers: npt.NDArray[np.int64], widths: npt.NDArray[np.int64]) -> None:
        self._bad_count += len(numbers)
        self._bad_numbers += numbers[: _REMEMBERED - len(self._bad_numbers)].tolist()
        self._bad_widths.update(np.unique(widths)[:100].tolist())

    def _ragged(self) -> str:
        listed = ", ".join(f"{number:,}" for number in self._bad_numbers[:_LISTED])
        more = " and on" if self._bad_count >= _LISTED else ""
        found = sorted(self._bad_widths)
        fields = f"{found[0]:,}" if len(found) == 1 else f"between {found[0]:,} and {found[-1]:,}"
        rows, verb = ("row", "has") if self._bad_count == 1 else ("rows", "have")
        hint = ""
        if found == [self._width + 1] and not self.good:
            hint = (
                " Every row has one field more than the header: was it written with row names "
                "(R's write.table)? Give the first column a name."
            )
        return (
            f"The header has {self._width:,} columns, but {rows} {listed}{more} (where row 1 is "
            f"the first after the header) {verb} {fields} fields.{hint} Mend the rows, or have "
            "such rows left out and listed."
        )

    def _too_long(self, *, final: bool) -> str:
        row = self._read + 1
        where = f"row {row:,} (where row 1 is the first after the header)"
        if final:
            return f"A quote opened in {where} or soon after it is not closed."
        return (
            f"No end was found of {where} within {MAX_RECORD_BYTES >> 20} MB: "
            "is a quote opened there that is not closed?"
        )

    def _refuse_nul(self, whole: bytes, found: Scan) -> None:
        place = whole.index(b"\x00")
        row = self._read + 1 + int(np.searchsorted(found.record_ends, place, side="right"))
        raise Refused(
            f"Row {row:,} (where row 1 is the first after the header) holds a NUL byte, "
            "which no text may hold."
        )


def _grown(data: bytes, chunks: Iterator[bytes], want: int) -> tuple[bytes, bool]:
    """Return (`data` and at least `want` more bytes, whether the file ended).

    The last byte is neither a quote nor a carriage return, whose meaning hangs on the next byte,
    unless the file ends there.
    """
    pieces, got, last = [data], 0, b""
    while got < want or last in (b'"', b"\r"):
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


def _label(value: bytes, place: int) -> str:
    try:
        label = value.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused(
            f"The name of column {place:,} is not UTF-8 (byte {error.start + 1} of the name). "
            "Name the file's encoding, for example latin-1 or windows-1252."
        ) from error
    if "\x00" in label:
        raise Refused(f"The name of column {place:,} holds a NUL byte, which no text may hold.")
    return label
