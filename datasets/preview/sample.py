"""The beginning of a file, read as loading reads it; time and memory do not grow with the file."""

from dataclasses import dataclass, replace
from typing import Final

from datasets.ingest.encoding import examine
from datasets.ingest.passes import BadRows
from datasets.ingest.read import Evidence, TableSource, open_table
from datasets.ingest.sandbox import PREVIEW
from datasets.ingest.stream import Opener, Source, TextBytes, opener_of
from fairdb_site.errors import Refused, TooLarge

from .choices import Choices

SAMPLE_BYTES: Final = 1 << 21
"""Text that types are judged by."""

SAMPLE_ROWS: Final = 100_000
"""Rows that types are judged by, where they are short."""

_BLOCK_BYTES: Final = 1 << 20
# where no row fits the header, the file is given up here
_MOST_BYTES: Final = 1 << 25
_EXAMINED: Final = 1 << 22
_LISTED_BAD: Final = 20
_LIMITS: Final = replace(
    PREVIEW,
    busy="The server is busy reading other files. Look again in a minute, or load the file at "
    "once: loading waits for its turn.",
    over="It would take long to show what this file holds. Load it at once, or save the table as "
    "CSV and look at that.",
)


@dataclass(frozen=True)
class Sample:
    """The first rows of a file as a table held in memory, and whether there are no more.

    `bad_rows` are those of another width than the header that were met on the way.
    """

    table: TableSource
    is_whole: bool
    text_bytes: int
    bad_rows: BadRows

    @property
    def seen(self) -> str:
        """The rows that were looked at, in words."""
        rows = self.table.rows_read
        if self.is_whole:
            return "the only row" if rows == 1 else f"all {rows:,} rows"
        return f"the first {rows:,} rows ({self.text_bytes / (1 << 20):.1f} MB of text)"


def read_sample(
    source: Source, choices: Choices, *, max_columns: int = 100_000, max_bytes: int | None = None
) -> Sample:
    """Return the beginning of a file, of which rows of another width are left out.

    `max_bytes` bounds the text that a workbook unpacks to. Raises Refused and TooLarge as loading
    does, where the beginning of the file is to blame.
    """
    opener = opener_of(source)
    kind, encoding, why = _encoding_of(opener, choices.encoding)
    table = open_table(
        source,
        delimiter=choices.delimiter,
        encoding=encoding,
        sheet=choices.sheet,
        skip_bad_rows=True,
        max_columns=max_columns,
        max_bytes=_MOST_BYTES if kind == "text" else max_bytes,
        block_bytes=_BLOCK_BYTES,
        limits=_LIMITS,
    )
    if why:
        table = replace(table, evidence=_with_evidence(table.evidence, why))
    try:
        start, is_whole = table.beginning(max_bytes=SAMPLE_BYTES, max_rows=SAMPLE_ROWS)
    except TooLarge as error:
        if kind != "text":
            raise
        raise Refused(
            f"In the first {_MOST_BYTES >> 20} MB of the file no row fits the header. Is the first "
            "line the header, with the separator that the rows have?"
        ) from error
    blocks = list(start.blocks())
    return Sample(
        table=start,
        is_whole=is_whole,
        text_bytes=sum(len(block.data) for block in blocks),
        bad_rows=table.bad_rows if is_whole else _bad_rows(start),
    )


def _encoding_of(opener: Opener, named: str | None) -> tuple[str, str | None, str]:
    """Return (the kind of file, the encoding to read it in, what spoke for that).

    Loading looks at the whole of a file that is not UTF-8; here its beginning has to do.
    """
    text = TextBytes(opener, encoding=named, hashed=False, limits=None)
    try:
        if text.kind != "text" or text.found.certain:
            return text.kind, named, ""
        seen = examine([next(text.raw_chunks(_EXAMINED), b"")])
    finally:
        text.close()
    if not seen.is_windows_1252:
        raise seen.refusal()
    more = " So far only the beginning was looked at." if seen.size >= _EXAMINED else ""
    return "text", "cp1252", seen.why + more


def _with_evidence(evidence: Evidence, why: str) -> Evidence:
    """Return the evidence with what spoke for an encoding that nobody named."""
    named = f"{_WINDOWS_1252}, as named."
    return replace(
        evidence,
        why=tuple(why if sentence.startswith(named) else sentence for sentence in evidence.why),
    )


_WINDOWS_1252: Final = "Windows-1252"


def _bad_rows(table: TableSource) -> BadRows:
    """Return the rows that were left out before the last one that is there."""
    numbers: list[int] = []
    count, behind = 0, 1
    for block in table.blocks():
        if block.numbers is None:
            behind = block.first_row + block.rows
            continue
        for number in block.numbers.tolist():
            count += number - behind
            numbers += range(behind, min(number, behind + _LISTED_BAD - len(numbers)))
            behind = number + 1
    return BadRows(count, tuple(numbers))
