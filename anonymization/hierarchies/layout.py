"""Hierarchies as CSV in ARX's layout: a line a value, its coarser labels behind it, `*` last.

Cells are text and stay as they are: what looks like a formula is a label like any other.
"""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, islice
from typing import Final

from anonymization.hierarchies.hierarchy import (
    MOST_LEAVES,
    MOST_LEVELS,
    WITHHELD,
    Hierarchy,
    hierarchy_of,
)
from fairdb_site.errors import FairdbError, Refused, TooLarge

MOST_BYTES: Final = 1 << 28
"""Bytes of one file: a million values with 250 bytes each take some 1.5 GB while they are read."""

_SEPARATORS: Final = {";": "semicolon", "\t": "tab", ",": "comma", "|": "pipe"}
_LINES_LOOKED_AT: Final = 100
_MOST_OF_A_LINE: Final = 1_000_000  # characters: ten thousand a label
_MOST_LINES: Final = 2 * MOST_LEAVES  # blank ones and those within quotes too
_BOMS: Final = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


@dataclass(frozen=True)
class Imported:
    """A hierarchy of a file, and in sentences what was made of the file beyond its letters."""

    hierarchy: Hierarchy
    notes: tuple[str, ...] = ()


def imported(data: bytes, *, name: str = "") -> Imported:
    """Return the hierarchy of a file in ARX's layout.

    The separator (`;`, tab, `,` or `|`) is found; fields may be quoted, lines empty, a BOM at the
    start. Raises Refused, with the file's `name` and the line, for what `hierarchy_of` refuses,
    lines of different lengths, an open quote, a file that is no text; TooLarge.
    """
    try:
        return _imported(data)
    except FairdbError as error:
        if not name:
            raise
        raise type(error)(f"{name}: {error.message}") from None


def exported(hierarchy: Hierarchy, *, separator: str = ";") -> bytes:
    """Return a hierarchy as a file in ARX's layout, UTF-8, lines ending in LF."""
    # Python's own writer leaves a lone CR as it is, which its reader takes for a line's end
    needs_quotes = re.compile(f'[{re.escape(separator)}"\r\n\ufeff]')

    def cell(label: str) -> str:
        return '"' + label.replace('"', '""') + '"' if needs_quotes.search(label) else label

    lines = (separator.join(map(cell, line)) + "\n" for line in hierarchy.lines())
    return "".join(lines).encode()


def _imported(data: bytes) -> Imported:
    if len(data) > MOST_BYTES:
        raise TooLarge(f"The hierarchy has over {MOST_BYTES >> 20} MB.")
    content, notes = _as_utf8(data)
    lines, places = _lines_of(content, _separator(content))
    levels = list(zip(*lines, strict=True))
    hierarchy = hierarchy_of(levels, place=lambda leaf: f"in line {places[leaf]:,}")
    if hierarchy.levels > len(levels):
        notes.append(f"Its lines do not end in {WITHHELD}, so it was added as the last level.")
    return Imported(hierarchy, tuple(notes))


def _as_utf8(data: bytes) -> tuple[bytes, list[str]]:
    """Return (the file as UTF-8 without a BOM, what has to be said of that)."""
    encoding = next((found for bom, found in _BOMS.items() if data.startswith(bom)), "utf-8")
    notes: list[str] = []
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        try:
            text = data.decode("cp1252")
        except UnicodeDecodeError:
            text = "\0"
        notes.append("It is not UTF-8 and was read as Windows-1252.")
    if "\0" in text:
        raise Refused("The file is not text. Export the hierarchy as CSV, in UTF-8.")
    return text.encode(), notes


def _text_lines(content: bytes) -> Iterator[str]:
    """Yield the lines of a file with their ends; raise TooLarge for what no hierarchy has."""
    text = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8", newline="")
    for number in count(1):
        line = text.readline(_MOST_OF_A_LINE)
        if len(line) >= _MOST_OF_A_LINE:
            raise TooLarge(f"Line {number:,} has over {_MOST_OF_A_LINE:,} characters.")
        if number > _MOST_LINES:
            raise TooLarge(f"The file has over {_MOST_LINES:,} lines; no more are read.")
        if not line:
            return
        yield line


def _separator(content: bytes) -> str:
    """Return what splits the first lines most evenly, into lines that end in `*` if any do."""
    best, best_score = ";", (0.0, 0.0, 1)
    for separator in _SEPARATORS:
        try:
            found = csv.reader(_text_lines(content), delimiter=separator)
            lines = list(islice(filter(None, found), _LINES_LOOKED_AT))
        except csv.Error:  # it is said once the lines are read for good
            continue
        width = len(lines[0]) if lines else 1
        if width == 1:
            continue
        even = sum(len(line) == width for line in lines) / len(lines)
        ending = sum(line[-1] == WITHHELD for line in lines) / len(lines)
        if (ending, even, width) > best_score:
            best, best_score = separator, (ending, even, width)
    return best


def _lines_of(content: bytes, separator: str) -> tuple[list[list[str]], list[int]]:
    """Return (the lines that hold something, the number of each in the file)."""
    reader = csv.reader(_text_lines(content), delimiter=separator, strict=True)
    lines: list[list[str]] = []
    places: list[int] = []
    begins = 1
    try:
        for line in reader:
            if line:
                _require_width(line, lines, begins, separator)
                lines.append(line)
                places.append(begins)
            begins = reader.line_num + 1
    except csv.Error as error:
        raise Refused(
            f"Line {begins:,} is not CSV: is a quote opened there that is not closed?"
        ) from error
    if not lines:
        raise Refused("The hierarchy is empty: it holds no value.")
    return lines, places


def _require_width(line: list[str], lines: list[list[str]], number: int, separator: str) -> None:
    if len(line) > MOST_LEVELS:
        raise TooLarge(
            f"Line {number:,} has {len(line):,} labels; a hierarchy has at most {MOST_LEVELS}."
        )
    if len(lines) == MOST_LEAVES:
        raise TooLarge(f"The hierarchy has over {MOST_LEAVES:,} lines; no more are taken.")
    if lines and len(line) != len(lines[0]):
        raise Refused(
            f"Line {number:,} has {len(line)} labels where the first has {len(lines[0])} "
            f"(separated by {_SEPARATORS[separator]}). Every line has the same number."
        )
