"""Which separator a table of text uses, found from its first records or named by the user."""

from fairdb_site.errors import Refused

from .repair import TooManyFields, first_record

# in the order in which a tie is broken
CANDIDATES = {",": "comma", "\t": "tab", ";": "semicolon", "|": "pipe"}
_NAMES = {name: separator for separator, name in CANDIDATES.items()} | {"\\t": "\t"}
_RECORDS = 50
_LOOKED_AT = 1_000  # blank lines and all
_FIELDS = 5_000  # behind the header; some records of the widest table are enough to tell


def separator_named(name: str) -> str:
    """Return the one-character separator for what a user typed: `;`, `semicolon`, `tab`, `\\t`."""
    separator = _NAMES.get(name.lower(), name)
    if (
        len(separator) != 1
        or not separator.isascii()
        or separator in '"\r\n\x00'
        or separator.isalnum()
    ):
        raise Refused(
            f"The delimiter {name!r} cannot be used; name one of comma, tab, semicolon, pipe, "
            "or one punctuation mark."
        )
    return separator


def separator_found(sample: bytes, *, final: bool) -> str:
    """Return the separator that splits the first records of `sample` most evenly.

    Judged are the header and up to 50 complete records: first by how many have as many fields as
    the header, then by how many fields that is. A table of one column has none: the comma then
    stands in.
    """
    best, best_score = ",", (0.0, 0)
    for candidate in CANDIDATES:
        widths = _widths(sample, candidate, final=final)
        if not widths or widths[0] < 2:  # it separates nothing
            continue
        same = sum(width == widths[0] for width in widths) / len(widths)
        if (same, widths[0]) > best_score:
            best, best_score = candidate, (same, widths[0])
    return best


def why_separator(sample: bytes, separator: str, *, named: bool, final: bool) -> str:
    """Return what speaks for the separator, in a sentence."""
    name = CANDIDATES.get(separator, repr(separator)).capitalize()
    if named:
        return f"{name}, as named."
    widths = _widths(sample, separator, final=final)
    if not widths or widths[0] < 2:
        return "One column: none of comma, tab, semicolon and pipe splits the header."
    same = sum(width == widths[0] for width in widths[1:])
    rows = "the first row has" if len(widths) == 2 else f"the first {len(widths) - 1} rows have"
    if len(widths) == 1:
        return f"{name}: it splits the header into {widths[0]:,} fields."
    if len(widths) > 2 and same < len(widths) - 1:
        rows = f"{same} of the first {len(widths) - 1} rows have"
    return f"{name}: it splits the header into {widths[0]:,} fields, and {rows} as many."


def _widths(sample: bytes, separator: str, *, final: bool) -> list[int]:
    """Return the number of fields of each of the first records, blank lines left out."""
    widths: list[int] = []
    place = 0
    for _ in range(_LOOKED_AT):
        if place >= len(sample) or len(widths) >= _RECORDS or sum(widths[1:]) >= _FIELDS:
            break
        try:
            record = first_record(sample, ord(separator), final=final, start=place)
        except TooManyFields:
            break
        if record is None:
            break
        fields, place = record
        if fields != [b""]:
            widths.append(len(fields))
    return widths
