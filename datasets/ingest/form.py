"""What a file is by its first bytes: text, gzip, a workbook, Parquet, or nothing that is taken."""

import re
from typing import Final, Literal

from fairdb_site.errors import Refused

from .encoding import encoding_of, is_utf8

Form = Literal["text", "gzip", "parquet", "zip", "ole"]

TAKEN: Final = "a table (CSV, TSV, either in gzip, .xlsx, .xls, .ods, or Parquet)"
# https://en.wikipedia.org/wiki/List_of_file_signatures
_FORMS: Final[tuple[tuple[bytes, Form], ...]] = (
    (b"\x1f\x8b", "gzip"),
    (b"PK\x03\x04", "zip"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "ole"),
)
_OTHERS = (
    (rb"PK\x05\x06", "an empty ZIP archive"),
    (rb"PK\x07\x08", "a ZIP archive in several pieces"),
    (rb"%PDF-", "a PDF document"),
    (rb"\x89PNG\r\n", "a PNG image"),
    (rb"\xff\xd8\xff", "a JPEG image"),
    (rb"GIF8[79]a", "a GIF image"),
    (rb"BZh[1-9](?:1AY&SY|\x17rE8P)", "a bzip2 archive"),
    (rb"\xfd7zXZ\x00", "an xz archive"),
    (rb"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (rb"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (rb"Rar!\x1a\x07", "a RAR archive"),
    (rb"\x89HDF\r\n", "an HDF5 file"),
    (rb"SQLite format 3\x00", "an SQLite database"),
    (rb"ARROW1\x00\x00", "an Arrow file"),
    (rb"RD[AX][1-4]\n", "an R data file"),
    (rb"\$FL[23]@\(#\)", "an SPSS file"),
    (rb"<stata_dta>", "a Stata file"),
    (rb"\x00{12}\xc2\xea\x81\x60", "a SAS data set"),
    (rb"\x7fELF", "a program"),
    (rb"MZ[^\n]{0,64}\x00", "a program"),
    (rb"\s*<(?:!doctype\s+)?(?:html|table)\b", "a web page"),
    (rb"\s*<\?xml\b", "an XML document"),
    (rb"\s*(?:\[\s*)?\{\s*\"[^\"\n]*\"\s*:", "a JSON document"),
)
_OTHER_FORMS = tuple((re.compile(pattern, re.IGNORECASE), name) for pattern, name in _OTHERS)


def form_of(head: bytes) -> Form:
    """Return the form of a file by its first bytes; text where nothing speaks against it."""
    for signature, form in _FORMS:
        if head.startswith(signature):
            return form
    # four letters may also be the first column's name: Parquet's own bytes are no text
    if head.startswith(b"PAR1") and (b"\x00" in head or not is_utf8(head)):
        return "parquet"
    return "text"


def refuse_packed_twice(head: bytes) -> None:
    """Refuse what a gzip file holds, by its first bytes, unless it is text."""
    if form_of(head) != "text":
        raise Refused("The gzip file holds another packed file; load what is in that.")


def refuse_other_forms(head: bytes, encoding: str | None) -> None:
    """Refuse what is plainly no text, by name where the first bytes tell it.

    `encoding` is the one named by the user, if any: in most, control bytes mean the same.
    """
    name = next((name for pattern, name in _OTHER_FORMS if pattern.match(head)), None)
    if name is not None:
        raise Refused(f"The file is {name}, not {TAKEN}.")
    if _has_wide_units(head, encoding):
        return
    # a text has few control bytes but tab, line feed, form feed and carriage return
    start = head[:4096]
    many_controls = sum(byte < 32 and byte not in b"\t\n\f\r" for byte in start) * 10 > len(start)
    odd = (b"\x00" in head, many_controls, not is_utf8(head))
    if sum(odd) > 1:  # one alone may be a slip, and is refused by its row, or an encoding
        raise Refused(f"The file is binary data, not {TAKEN}.")


def _has_wide_units(head: bytes, encoding: str | None) -> bool:
    named = (encoding or "").lower().replace("_", "-").replace("utf-", "utf")
    return named.startswith(("utf16", "utf32")) or encoding_of(head).name.startswith(
        ("utf-16", "utf-32")
    )
