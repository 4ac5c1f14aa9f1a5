"""Raw ids as people give them: lines of text, a file of lines, or a column of a table.

A table is read by the reader that loads it, so that an id is here what it was there.
"""

import re
from collections.abc import Iterator
from typing import Final

from datasets.ingest.encoding import examine
from datasets.ingest.profile import column_position
from datasets.ingest.read import open_table
from datasets.ingest.sandbox import LINKING, Limits
from datasets.ingest.stream import Source, TextBytes, opener_of
from fairdb_site.errors import Refused

_PIECE: Final = 1 << 20
# the line ends of tables; `str.splitlines` would also cut at signs that an id may hold
_LINE_END = re.compile(r"\r\n|\n|\r")


def ids_of_lines(text: str) -> list[str]:
    """Return the lines of a text; Refused by its number for one that no id of a table can equal."""
    if "\x00" in text:
        line = len(_LINE_END.findall(text[: text.index("\x00")])) + 1
        raise Refused(f"Line {line:,} holds a NUL character; no id of a table does.")
    lines = _LINE_END.split(text)
    return lines if lines[-1] else lines[:-1]


def ids_of_list(
    source: Source, *, encoding: str | None = None, max_bytes: int | None = None
) -> list[str]:
    """Return the lines of a file of text, gzipped or not; `source` and errors as `open_table`."""
    text = TextBytes(
        opener_of(source), encoding=encoding, max_bytes=max_bytes, hashed=False, limits=None
    )
    try:
        if text.kind != "text":
            raise Refused("A workbook or Parquet file is no list: name its id column.")
        if text.found.certain:
            data = b"".join(text.chunks(_PIECE))
        else:
            data = b"".join(text.raw_chunks(_PIECE))
            if not (found := examine([data])).is_windows_1252:
                raise found.refusal()
            data = data.decode("cp1252").encode()
    finally:
        text.close()
    try:
        return ids_of_lines(data.decode())
    except UnicodeDecodeError as error:
        place, advice = error.start + 1, examine([data]).advice
    raise Refused(f"The list is not UTF-8 at its byte {place:,}. {advice}", option="encoding")


def ids_of_table(
    source: Source,
    *,
    id_column: str,
    delimiter: str | None = None,
    encoding: str | None = None,
    skip_bad_rows: bool = False,
    max_columns: int = 100_000,
    max_bytes: int | None = None,
    limits: Limits = LINKING,
) -> Iterator[str]:
    """Yield the cells of one column, named by label or as `#3`; the rest as `open_table`."""
    table = open_table(
        source,
        delimiter=delimiter,
        encoding=encoding,
        skip_bad_rows=skip_bad_rows,
        max_columns=max_columns,
        max_bytes=max_bytes,
        limits=limits,
    )
    place = column_position(table.header, id_column) - 1
    for block in table.blocks():
        for cell in block.cells(place, place):
            yield cell or ""
