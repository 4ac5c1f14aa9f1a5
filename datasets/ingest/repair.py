"""Records read exactly, one field at a time: the header, and records with misplaced quotes.

The rule is RFC 4180's, read generously where it says nothing: a quote opens a field only as its
first byte; there, two quotes are one and one closes; what follows a closing quote, and any other
quote, is kept as it stands. So `a"b` is `a"b` and `"p"q` is `pq`, as in Python's csv module.
"""

import re
from dataclasses import dataclass

# fields are held one by one here; more of them than this take more memory than a file may
MOST_FIELDS = 1_000_000


class TooManyFields(Exception):
    """A record has more fields than are looked at: more than `most`."""

    def __init__(self, most: int) -> None:
        super().__init__(most)
        self.most = most


@dataclass(frozen=True)
class _Record:
    """Fields as (what stood in quotes or None, what stood outside), line end, place behind it."""

    fields: list[tuple[bytes | None, bytes]]
    line_end: bytes
    end: int

    @property
    def regular(self) -> bool:
        return not any(
            b'"' in rest if quoted is None else rest != b"" for quoted, rest in self.fields
        )


def repair(block: bytes, separator: int, *, final: bool) -> tuple[bytes, int]:
    """Return (the same records with well placed quotes, how many bytes of `block` they took).

    A last record without its line end is left out, unless the file ends here (`final`). Records
    without quotes are copied, not looked at. Raises TooManyFields.
    """
    pattern, mark = _field_pattern(separator), bytes([separator])
    pieces: list[bytes] = []
    position = copied = 0
    while (quote := block.find(b'"', position)) >= 0:
        line_ends = (block.rfind(line_end, position, quote) for line_end in (b"\n", b"\r"))
        start = max(position, *(place + 1 for place in line_ends))
        record = _record(block, start, pattern, mark, MOST_FIELDS)
        if record is None or not (record.line_end or final):
            return b"".join((*pieces, block[copied:start])), start
        if not record.regular:
            fields = mark.join(_regular(quoted, rest) for quoted, rest in record.fields)
            pieces += (block[copied:start], fields, record.line_end)
            copied = record.end
        position = record.end
    end = len(block)
    if not final:  # no quotes follow `position`: the last line end there ends the last record
        end = max(block.rfind(b"\n", position), block.rfind(b"\r", position), position - 1) + 1
    return b"".join((*pieces, block[copied:end])), end


def first_record(
    block: bytes, separator: int, *, final: bool, start: int = 0, most: int | None = None
) -> tuple[list[bytes], int] | None:
    """Return (the fields of the record at `start`, the place behind it), None if it is cut short.

    A record without a line end is whole only where the file ends (`final`). Raises TooManyFields
    where it has more than `most`, or a million.
    """
    record = _record(
        block, start, _field_pattern(separator), bytes([separator]), most or MOST_FIELDS
    )
    if record is None or not (record.line_end or final):
        return None
    fields = [
        rest if quoted is None else quoted.replace(b'""', b'"') + rest
        for quoted, rest in record.fields
    ]
    return fields, record.end


def _record(
    block: bytes, start: int, pattern: re.Pattern[bytes], mark: bytes, most: int
) -> _Record | None:
    """Return the record at `start`, None where it opens a quote that is not closed."""
    fields: list[tuple[bytes | None, bytes]] = []
    place = start
    while match := pattern.match(block, place):
        quoted, rest, line_end = match.groups()
        fields.append((quoted, rest))
        place = match.end()
        if line_end != mark:
            return _Record(fields, line_end, place)
        if len(fields) >= most:
            raise TooManyFields(most)
    return None


def _regular(quoted: bytes | None, rest: bytes) -> bytes:
    """Return one field as RFC 4180 writes it."""
    if quoted is None and b'"' not in rest:
        return rest
    return b'"' + (quoted or b"") + rest.replace(b'"', b'""') + b'"'


def _field_pattern(separator: int) -> re.Pattern[bytes]:
    sep = re.escape(bytes([separator]))
    # (quoted content), or none; (what stands outside quotes); (separator, line end, block's end)
    return re.compile(
        rb'(?:"([^"]*+(?:""[^"]*+)*+)"|(?!"))([^' + sep + rb"\r\n]*+)(" + sep + rb"|\r\n|\n|\r|\Z)"
    )
