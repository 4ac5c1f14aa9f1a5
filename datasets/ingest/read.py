"""A file as a header and a stream of blocks of text cells, every record's width checked."""

from collections.abc import Collection, Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from fairdb_site.errors import FairdbError, Refused, TooLarge

from .block import Block
from .datatypes import Mask
from .dialect import separator_found, separator_named, why_separator
from .encoding import NotUtf8, examine
from .interruption import look_up
from .memory import give_back_large_arrays
from .narrow import narrowed
from .notation import Notation, translated
from .numbering import label_of_numbers, numbered
from .passes import CHANGED, MAX_HEADER_BYTES, BadRows, Pass, RecordTooLong, grown, labels_of
from .repair import TooManyFields, first_record
from .sandbox import LOAD, Kept, Limits
from .sheets import Sheet, offering
from .stream import FileDigest, Opener, Source, Stamp, TextBytes, opener_of, stamp_of

BLOCK_BYTES = 1 << 24
# of a wide table, worked on in few calls: small, so that others work on the next one meanwhile
_WIDE, _WIDE_BLOCK_BYTES = 64, 1 << 22
_HEAD_BYTES = 1 << 20


@dataclass(frozen=True)
class Evidence:
    """What the file was taken for: codec name, separator character, `gzip` or None.

    `form` is `text`, `workbook` or `parquet`, `sheet` the workbook's sheet that is read, `sheets`
    all of them, `unread` the names of visible ones passed over because none was named. `why` says
    in sentences for people what spoke for each; arguments of `open_table` override them.
    """

    encoding: str
    delimiter: str
    compression: str | None
    form: str = "text"
    sheet: str | None = None
    why: tuple[str, ...] = field(default=(), compare=False)
    sheets: tuple[Sheet, ...] = field(default=(), compare=False)
    unread: tuple[str, ...] = field(default=(), compare=False)


@dataclass
class TableSource:
    """A table that can be read any number of times; `open_table` makes it.

    `file_header` are the labels of all columns of the file, `left_out` the places (from 1, rising)
    of those that are passed over: all else is as if the file had never held them. `is_numbered`
    puts a column of row numbers before the others (at place 0, which no file has). `notations` are
    of columns by their places; in these, cells that are in `missing` stay as they are. `file`,
    `rows_read` and `bad_rows` are known once a pass over `blocks()` has ended; `bytes_read` grows
    during a pass, in bytes of the file as uploaded.
    """

    file_header: tuple[str, ...]
    evidence: Evidence
    left_out: tuple[int, ...] = ()
    is_numbered: bool = False
    notations: Mapping[int, Notation] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    file: FileDigest | None = None
    rows_read: int = 0
    bad_rows: BadRows = field(default_factory=BadRows)
    bytes_read: int = 0
    skip_bad_rows: bool = False
    max_rows: int | None = None
    _opener: Opener = field(repr=False, kw_only=True)
    _is_path: bool = field(default=False, repr=False, kw_only=True)
    _max_bytes: int | None = field(default=None, kw_only=True)
    _block_bytes: int = field(default=BLOCK_BYTES, kw_only=True)
    _hold_bytes: int = field(default=0, kw_only=True)
    _limits: Limits = field(default=LOAD, repr=False, kw_only=True)
    _held: list[Block] | None = field(default=None, repr=False, kw_only=True)
    _kept: Kept | None = field(default=None, repr=False, kw_only=True)
    _stamp: Stamp | None = field(default=None, repr=False, kw_only=True)
    _settled: bool = field(default=False, repr=False, kw_only=True)

    @cached_property
    def header(self) -> tuple[str, ...]:
        """The labels of the columns that are read, in the order of the file."""
        labels = tuple(self.file_header[place] for place in np.flatnonzero(self._wanted).tolist())
        return (label_of_numbers(labels), *labels) if self.is_numbered else labels

    @cached_property
    def positions(self) -> tuple[int, ...]:
        """The places in the file (from 1) of the columns that are read; 0: the row numbers."""
        numbers = (0,) if self.is_numbered else ()
        return (*numbers, *(np.flatnonzero(self._wanted) + 1).tolist())

    def without(self, positions: Collection[int]) -> "TableSource":
        """Return the table without the columns at some places of the file; before any pass."""
        return replace(self, left_out=tuple(sorted({*self.left_out, *positions})))

    def with_row_numbers(self) -> "TableSource":
        """Return the table with its rows numbered from 1, in a first column; before any pass."""
        return replace(self, is_numbered=True)

    def read_as(self, notations: Mapping[int, Notation], missing: Collection[str]) -> "TableSource":
        """Return the table with columns at some places of the file respelled; before any pass."""
        return replace(self, notations=dict(notations), missing=tuple(missing))

    def beginning(self, *, max_bytes: int, max_rows: int) -> tuple["TableSource", bool]:
        """Return a table of the first rows alone, held in memory, and whether there are no more.

        It ends with the first block (up to 16 MB) that brings it to `max_bytes` of text or
        `max_rows`. Its own `blocks()` reads no file. Raises as `blocks()` does.
        """
        held: list[Block] = []
        size = rows = 0
        is_whole = True
        with closing(self._blocks_read()) as blocks:
            for block in blocks:
                held.append(block)
                size, rows = size + len(block.data), rows + block.rows
                if size >= max_bytes or rows >= max_rows:
                    is_whole = False
                    break
        start = replace(self, rows_read=rows, _held=held, _is_path=False)
        return start, is_whole

    @cached_property
    def _wanted(self) -> Mask:
        wanted = np.ones(len(self.file_header), dtype=bool)
        wanted[np.array(self.left_out, dtype=np.intp) - 1] = False
        return wanted

    @property
    def is_held(self) -> bool:
        """Whether the blocks are in memory, so that another pass reads no file."""
        return self._held is not None

    def blocks(self) -> Iterator[Block]:
        """Yield the table in blocks, from the start each time; memory does not grow with the file.

        Raises Refused for what cannot be a table (naming rows), a NUL or undecodable byte, and a
        file that differs from the one of the last pass.
        """
        if self._held is not None:
            yield from self._blocks_held(self._held)
        else:
            yield from self._blocks_read()

    def _blocks_read(self) -> Generator[Block, None, None]:
        held: list[Block] = []
        size = 0
        row = 1
        text = None
        try:
            text = self._opened(known=self._stamp if self.file and self._settled else None)
            before = text.stamp()
            give_back_large_arrays(before.size if before else None)
            if self._is_path and before != self._stamp:
                raise Refused(CHANGED)
            settled = before is not None and before.is_settled()
            reader = Pass(
                text,
                header=self.file_header,
                separator=self.evidence.delimiter,
                skip_bad_rows=self.skip_bad_rows,
                max_rows=self.max_rows,
                block_bytes=self._block_bytes,
                not_utf8=self.not_utf8,
            )
            for whole in reader.blocks():
                look_up()
                block = self._as_asked(whole, row)
                row += block.rows
                self.bytes_read = text.bytes_read
                size += len(block.data)
                give_back_large_arrays(size)
                if size <= self._hold_bytes:
                    held.append(replace(block))  # without the cells that are parsed of it
                else:
                    held.clear()
                yield block
            self.bytes_read = text.bytes_read
            if text.stamp() != before:
                raise Refused(CHANGED)
        except FairdbError as error:
            if self._is_path and self._stamp_now() != self._stamp:
                raise Refused(CHANGED) from error  # what was wrong with it matters no more
            raise
        finally:
            if text is not None:
                text.close()
        file = text.digest() if text.hashed else self.file
        if self.file is not None and self.file != file:
            raise Refused(CHANGED)
        self.file, self._stamp, self._settled = file, before, settled
        self.rows_read, self.bad_rows = reader.good, reader.bad()
        if held:
            self._held = held

    def _as_asked(self, whole: Block, row: int) -> Block:
        """Return a block of the file as the table has it; `row` is the number of its first row."""
        block = narrowed(whole, self._wanted)
        if self.is_numbered:
            block = numbered(block, row)
        if self.notations:
            places = {self.positions.index(p) + 1: name for p, name in self.notations.items()}
            block = translated(block, places, self.header, self.missing)
        return block

    def _blocks_held(self, held: list[Block]) -> Iterator[Block]:
        self._require_unchanged()
        for block in held:
            look_up()
            yield replace(block)
        self._require_unchanged()

    def _require_unchanged(self) -> None:
        if self._is_path and self._stamp_now() != self._stamp:
            raise Refused(CHANGED)

    def not_utf8(self) -> NotUtf8:
        """Look at the whole file, after a row of it turned out not to be UTF-8."""
        text = self._opened()
        try:
            return examine(text.raw_chunks(self._block_bytes))
        finally:
            text.close()

    def _opened(self, known: Stamp | None = None) -> TextBytes:
        return TextBytes(
            self._opener,
            encoding=self.evidence.encoding if self.evidence.form == "text" else None,
            sheet=self.evidence.sheet,
            kept=self._kept,
            max_bytes=self._max_bytes,
            known=known,
            limits=self._limits,
        )

    def _stamp_now(self) -> Stamp | None:
        with self._opener() as raw:
            return stamp_of(raw)


def open_table(
    source: Source,
    *,
    delimiter: str | None = None,
    encoding: str | None = None,
    sheet: str | None = None,
    skip_bad_rows: bool = False,
    max_columns: int = 100_000,
    max_rows: int | None = None,
    max_bytes: int | None = None,
    block_bytes: int = BLOCK_BYTES,
    hold_bytes: int = 0,
    limits: Limits = LOAD,
) -> TableSource:
    """Open a CSV, TSV, `;` or `|` file, in gzip or not, a workbook or Parquet; read its header.

    `source` is a path or a callable that opens a binary stream anew. `delimiter` and `encoding` (of
    text) and `sheet` (of a workbook: its name, or number from 1) are found where not named.
    `max_bytes` bounds the unpacked text, `max_rows` the rows that fit the header. A table of up to
    `hold_bytes` of text is read once and held: every later pass gives what the first one saw.
    `limits` bound what converts a workbook or Parquet. Labels are as in the file. Raises Refused
    (no table, no rows, wrong encoding) and TooLarge (columns, bytes).
    """
    opener = opener_of(source)
    text = TextBytes(opener, encoding=encoding, sheet=sheet, max_bytes=max_bytes, limits=limits)
    try:
        stamp, why = text.stamp(), [text.found.why]
        if not text.found.certain:
            why = [_windows_1252(text.raw_chunks(block_bytes))]
            text.close()
            text = TextBytes(opener, encoding=text.encoding, max_bytes=max_bytes)
        if text.kind != "text" and delimiter:
            raise Refused("A workbook or Parquet file has no delimiter to name.")
        kept = text.keep()
        named = separator_named(delimiter) if delimiter else None
        named = named if text.kind == "text" else ","
        heading = _heading(text.chunks(_HEAD_BYTES), named)
        why.append(heading.why)
    finally:
        text.close()
    if len(heading.fields) > max_columns:
        raise TooLarge(
            f"The file has {len(heading.fields):,} columns; at most {max_columns:,} are taken."
        )
    facts = kept.facts if kept else text.facts
    if not heading.has_rows:
        with offering(facts.sheets if facts else ()):
            raise Refused("The file has a header but no rows.")
    if text.compression:
        why.insert(0, "Packed by gzip, known by its content.")
    return TableSource(
        file_header=labels_of(heading.fields),
        evidence=Evidence(
            encoding=text.encoding,
            delimiter=heading.separator,
            compression=text.compression,
            form=text.kind,
            sheet=facts.sheet if facts else None,
            why=facts.why if facts else tuple(why),
            sheets=facts.sheets if facts else (),
            unread=facts.unread if facts else (),
        ),
        file=text.digest() if kept else None,
        skip_bad_rows=skip_bad_rows,
        max_rows=max_rows,
        _opener=opener,
        _is_path=not callable(source),
        _max_bytes=max_bytes,
        _block_bytes=min(
            block_bytes, _WIDE_BLOCK_BYTES if len(heading.fields) >= _WIDE else block_bytes
        ),
        _hold_bytes=hold_bytes,
        _limits=limits,
        _kept=kept,
        _stamp=stamp,
        _settled=kept is not None and stamp is not None and stamp.is_settled(),
    )


def _windows_1252(chunks: Iterator[bytes]) -> str:
    """Return what speaks for Windows-1252 in all of a file that is not UTF-8; else refuse it."""
    found = examine(chunks)
    if not found.is_windows_1252:
        raise found.refusal()
    return found.why


@dataclass(frozen=True)
class _Heading:
    """The header's fields, the separator and why, and whether a row follows."""

    fields: list[bytes]
    separator: str
    why: str
    has_rows: bool


def _heading(chunks: Iterator[bytes], named: str | None) -> _Heading:
    try:
        head, final = grown(b"", chunks, 1)
        if not head:
            raise Refused("The file is empty.")
        if head[0] in b"\r\n":
            raise Refused("The first line is empty; it must hold the column names.")
        while True:
            separator = named or separator_found(head, final=final)
            record = first_record(head, ord(separator), final=final)
            if record is not None:
                break
            if final:
                raise Refused("The header opens a quote that is not closed.")
            if len(head) > MAX_HEADER_BYTES:
                raise RecordTooLong
            head, final = grown(head, chunks, len(head))
    except RecordTooLong as error:
        raise Refused(
            f"No end was found of the header, or of the row behind it, within "
            f"{MAX_HEADER_BYTES >> 20} MB: is a quote opened there that is not closed?"
        ) from error
    except TooManyFields as error:
        raise TooLarge(f"The file has more than {error.most:,} columns.") from error
    fields, length = record
    why = why_separator(head, separator, named=named is not None, final=final)
    # a blank line is a row only where a row is one cell
    blank = b"\r\n" if len(fields) > 1 else b""
    rest = head[length:].strip(blank)
    while not rest and not final:
        piece = next(chunks, None)
        rest, final = (piece or b"").strip(blank), piece is None
    return _Heading(fields, separator, why, bool(rest))
