"""What the first piece of a file tells before the whole is sent: its columns, and a likely id.

Nothing is judged here that loading judges again: types, widths and later rows are its business.
"""

import io
import re
import zlib
from dataclasses import dataclass, replace
from typing import Final

from fairdb_site.errors import Refused, TooLarge

from .dialect import separator_found, separator_named
from .encoding import examine
from .form import form_of, refuse_packed_twice
from .profile import (
    ColumnProfile,
    TableProfile,
    looks_like_id,
    mostly_repeats,
    suggest_id_column,
)
from .read import Evidence, open_table
from .repair import TooManyFields, first_record
from .sandbox import PREVIEW, Facts
from .sheets import offering
from .stream import TextBytes

MOST_UNPACKED: Final = 1 << 24  # bytes of a packed file's beginning; a bomb unpacks no further
_SAMPLE_BYTES: Final = 1 << 18
_SAMPLE_ROWS: Final = 2_000
_GZIP_MAGIC = b"\x1f\x8b"
_PADDING = re.compile(rb"\0*+")
_STEP: Final = 1 << 16  # bytes unpacked at once
_MOST_MEMBERS: Final = 1_000  # of a gzip file; each costs a step, however little it holds
_GZIP_WINDOW = 31  # zlib's manual: 15, and 16 more for a gzip header


@dataclass(frozen=True)
class LikelyId:
    """The column (from 1) whose name and values speak for it, and how many of them differ."""

    position: int
    label: str
    distinct: int


@dataclass(frozen=True)
class Heading:
    """The labels of a file, what it was taken for, and what `rows` first rows say about its id.

    `whole`: there are no more rows than these. `first_repeats`: no column is likely, and the
    first, which is taken then, is not either: most of these rows repeat one of its values.
    """

    labels: tuple[str, ...]
    evidence: Evidence
    rows: int
    whole: bool
    likely: LikelyId | None
    first_repeats: bool = False

    @property
    def seen(self) -> str:
        """The rows that were looked at, in words."""
        if self.rows == 1:
            return "the only row" if self.whole else "the first row"
        return f"all {self.rows:,} rows" if self.whole else f"the first {self.rows:,} rows"

    @property
    def reason(self) -> str:
        """Why the likely id is likely, in words; empty where no column is."""
        if self.likely is None:
            return ""
        if not self.rows:
            return "named like an id"
        if self.likely.distinct == self.rows:
            return f"named like an id, every value different in {self.seen}"
        if self.likely.distinct < 2:
            values = "the same value" if self.likely.distinct else "no value"
        else:
            values = f"{self.likely.distinct:,} different values"
        return f"named like an id, {values} in {self.seen}"


def read_heading(
    piece: bytes,
    *,
    cut: bool,
    delimiter: str | None = None,
    encoding: str | None = None,
    sheet: str | None = None,
    max_columns: int = 100_000,
) -> Heading | None:
    """Return what the first bytes of a file tell; None where they end within the header.

    `piece` is as uploaded, gzip or not; `cut`: the file goes on behind it, so the last record is
    not looked at. Raises Refused and TooLarge as `open_table` does, where the header is to blame.
    """
    if cut and form_of(piece) in {"zip", "ole", "parquet"}:
        return None  # what a workbook or Parquet file holds is known once all of it is there
    compression = "gzip" if piece.startswith(_GZIP_MAGIC) else None
    if compression:
        piece, ended = _unpacked(piece)
        refuse_packed_twice(piece)
        cut = cut or not ended
    if cut and not piece:
        return None
    text, cut, evidence = _text(piece, encoding, sheet, cut=cut)
    if evidence.form != "text":
        separator = ","  # as converters write it
    elif delimiter:
        separator = separator_named(delimiter)
    else:
        separator = separator_found(text, final=not cut)
    try:
        header = first_record(text, ord(separator), final=not cut)
    except TooManyFields as error:
        raise TooLarge(f"The file has more than {error.most:,} columns.") from error
    if cut and (header is None or not text[header[1] :].strip(b"\r\n")):
        return None
    with offering(evidence.sheets):
        table = open_table(
            lambda: io.BytesIO(text), delimiter=separator, encoding="utf-8", max_columns=max_columns
        )
    start = header[1] if header else len(text)
    rows, whole = _rows(text, separator, start, len(table.header), cut=cut)
    profile = _profile(table.header, rows)
    likely = _likely_id(profile)
    return Heading(
        labels=table.header,
        evidence=replace(evidence, delimiter=separator, compression=compression),
        rows=len(rows),
        whole=whole,
        likely=likely,
        first_repeats=likely is None and mostly_repeats(profile.columns[0], len(rows)),
    )


def _unpacked(piece: bytes) -> tuple[bytes, bool]:
    """Return (the beginning of what a gzip file holds, whether that is all of it)."""
    found: list[bytes] = []
    room, place = MOST_UNPACKED, 0
    for _ in range(_MOST_MEMBERS):
        unpacker = zlib.decompressobj(_GZIP_WINDOW)
        while not unpacker.eof and place < len(piece) and room:
            fed = piece[place : place + _STEP]
            try:
                data = unpacker.decompress(fed, room)
            except zlib.error as error:
                if found:  # something else behind the last member; loading will tell
                    return b"".join(found), False
                raise Refused("The gzip file is damaged; pack it again and retry.") from error
            found.append(data)
            room -= len(data)
            place += len(fed) - len(unpacker.unused_data) - len(unpacker.unconsumed_tail)
        padding = _PADDING.match(piece, place)  # members may be padded with zeros
        place = padding.end() if padding else place
        if not unpacker.eof or place == len(piece) or not room:
            return b"".join(found), unpacker.eof and place == len(piece)
    return b"".join(found), False


def _text(
    piece: bytes, encoding: str | None, sheet: str | None, *, cut: bool
) -> tuple[bytes, bool, Evidence]:
    """Return (the piece as UTF-8, whether there is more of it, what it was taken for)."""
    text = TextBytes(
        lambda: io.BytesIO(piece), encoding=encoding, sheet=sheet, hashed=False, limits=PREVIEW
    )
    try:
        if not text.found.certain and not (seen := examine([piece])).is_windows_1252:
            raise seen.refusal()
        chunks = text.chunks(MOST_UNPACKED)
        data = next(chunks, b"")
        # of a piece that is cut the last character may be cut too, of which the end would complain;
        # a workbook may hold far more text than it has bytes
        more = cut or bool(next(chunks, b""))
        facts = text.facts or Facts(())
    finally:
        text.close()
    evidence = Evidence(
        text.encoding, "", None, text.kind, facts.sheet, facts.why, facts.sheets, facts.unread
    )
    return data, more, evidence


def _rows(
    text: bytes, separator: str, place: int, width: int, *, cut: bool
) -> tuple[list[list[bytes]], bool]:
    """Return (the first whole records as wide as the header, whether the file has no more)."""
    rows: list[list[bytes]] = []
    end = min(place + _SAMPLE_BYTES, len(text))
    while place < end and len(rows) < _SAMPLE_ROWS:
        try:
            record = first_record(text, ord(separator), final=not cut, start=place)
        except TooManyFields:  # loading will tell
            break
        if record is None:
            break
        fields, place = record
        if len(fields) == width:
            rows.append(fields)
    return rows, not cut and place >= len(text)


def _profile(labels: tuple[str, ...], rows: list[list[bytes]]) -> TableProfile:
    """Return what the rows tell of an id: what is missing in each column, and how many differ."""
    cells = zip(*rows, strict=True) if rows else (() for _ in labels)
    columns = tuple(
        ColumnProfile(
            position=position,
            label=label,
            data_type="text",
            missing=values.count(b""),
            distinct=len({*values} - {b""}),
        )
        for position, (label, values) in enumerate(zip(labels, cells, strict=True), 1)
    )
    return TableProfile(len(rows), columns, counted=lambda: columns)


def _likely_id(profile: TableProfile) -> LikelyId | None:
    """Return the id column by the rule that loading goes by, None where it finds none."""
    found = profile.columns[suggest_id_column(profile) - 1]
    if not looks_like_id(found, profile.rows):
        return None  # the first, for want of another
    return LikelyId(found.position, found.label, found.distinct)
