"""Error cells of workbooks (#N/A, #DIV/0!, ...) as the text they show.

python-calamine hands them over as empty cells, which would pass for missing values.
"""

import io
import os
import re
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO, Final, cast

from fairdb_site.errors import Refused, TooLarge

from .sandbox import MEMORY, too_much_memory

_PIECE: Final = 1 << 20
# a cell of SpreadsheetML whose type is error (ECMA-376 part 1, 18.18.11): `str` shows its text
_XLSX_ERROR = re.compile(rb"""(<(?:\w+:)?c\s(?:[^<>]*\s)?t\s*=\s*)(["'])e\2""")
# a cell with a formula and no value; the result of a formula may be the empty text, type `str`
_NO_RESULT = re.compile(
    rb"""<c\s(?![^<>]*\bt\s*=\s*["']str["'])[^<>]*>\s*<f(?:\s[^<>]*)?(?:/>|>[^<]*</f>)\s*"""
    rb"""(?:<v\s*/>|<v>\s*</v>)?\s*</c>"""
)
# OpenDocument cells that LibreOffice marks as errors, and the two signs that calamine drops
_ODS_ERROR = re.compile(rb"<table:table-cell\s[^<>]*\bcalcext:value-type=\"error\"[^<>]*>")
_ODS_VALUE = re.compile(rb"\soffice:(?:value|value-type|string-value)=\"[^\"]*\"")
_ODS_SIGN = re.compile(rb"<text:(?:tab|line-break)\s*/>")
# [MS-XLS] 2.5.10 BErr
_XLS_ERRORS: Final = {0x00: "#NULL!", 0x07: "#DIV/0!", 0x0F: "#VALUE!", 0x17: "#REF!",
                      0x1D: "#NAME?", 0x24: "#NUM!", 0x2A: "#N/A"}  # fmt: skip
_FORMULA, _BOUNDSHEET, _BOOLERR, _EOF = 0x0006, 0x0085, 0x0205, 0x000A
_FILEPASS = 0x002F


def mended(file: BinaryIO, kind: str) -> BinaryIO | None:
    """Return a copy of the workbook with its error cells as text; None where it has none."""
    try:
        with zipfile.ZipFile(file) as archive:
            entries = [e for e in archive.infolist() if _holds_cells(e.filename, kind)]
            if not any(_changes(archive, entry, kind) for entry in entries):
                return None
            return _rewritten(archive, {entry.filename for entry in entries}, kind)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise damaged() from error


def _holds_cells(name: str, kind: str) -> bool:
    if kind == "ods":
        return name == "content.xml"
    return name.endswith(".xml")  # a package may keep its sheets anywhere


def _changes(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, kind: str) -> bool:
    changes = False
    for piece in _pieces(archive, entry):
        if b"<f" in piece and kind == "xlsx" and _NO_RESULT.search(piece):
            raise Refused(
                "The workbook holds formulas without their results: it was written by a program "
                "that does not calculate. Open it in Excel or LibreOffice, save it, and load that."
            )
        changes = changes or _with_text(piece, kind) is not piece
    return changes


def _rewritten(archive: zipfile.ZipFile, names: set[str], kind: str) -> BinaryIO:
    copy = _unnamed_file()
    with zipfile.ZipFile(copy, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as out:
        for entry in archive.infolist():
            if not entry.filename.endswith((".xml", ".rels", "mimetype")):
                continue  # pictures and the like
            change = entry.filename in names
            with out.open(entry.filename, "w", force_zip64=True) as written:
                for piece in _pieces(archive, entry):
                    written.write(_with_text(piece, kind) if change else piece)
    copy.seek(0)
    return copy


def _unnamed_file() -> BinaryIO:
    if hasattr(os, "memfd_create"):
        return cast("BinaryIO", os.fdopen(os.memfd_create("workbook"), "w+b"))
    return io.BytesIO()


def _pieces(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield the bytes of an entry in pieces that end behind a cell of a sheet, or before a tag."""
    size = 0
    with archive.open(entry) as file:
        rest = b""
        while data := file.read(_PIECE):
            size += len(data)
            if size > MEMORY:
                raise TooLarge(too_much_memory())
            data = rest + data
            cell = data.rfind(b"</c>")
            cut = cell + 4 if cell >= 0 else data.rfind(b"<")
            cut = cut if cut > 0 else len(data)
            yield data[:cut]
            rest = data[cut:]
        if rest:
            yield rest


def _with_text(piece: bytes, kind: str) -> bytes:
    """Return the piece with error cells as text; the same object where there are none."""
    if kind == "ods":
        changed = _ODS_ERROR.sub(_ods_text_cell, piece) if b'"error"' in piece else piece
        return _ODS_SIGN.sub(_ods_sign, changed)
    if b'"e"' not in piece and b"'e'" not in piece:
        return piece
    return _XLSX_ERROR.sub(rb'\1"str"', piece)


def _ods_text_cell(match: re.Match[bytes]) -> bytes:
    start = b"<table:table-cell"
    return start + b' office:value-type="string"' + _ODS_VALUE.sub(b"", match[0][len(start) :])


def _ods_sign(match: re.Match[bytes]) -> bytes:
    return b"&#9;" if b"tab" in match[0] else b"&#10;"


def xls_stream(file: BinaryIO) -> bytes | None:
    """Return the records of an old workbook; None where the document is no workbook.

    Raises Refused where it is damaged or locked.
    """
    import olefile

    try:
        with olefile.OleFileIO(file) as container:
            if container.exists("EncryptedPackage"):
                raise locked()
            name = next((name for name in ("Workbook", "Book") if container.exists(name)), None)
            stream: bytes | None = container.openstream(name).read() if name else None
    except Refused:
        raise
    except Exception as error:  # of many kinds: index, struct, value, its own
        raise damaged() from error
    finally:
        file.seek(0)
    if stream is not None and any(kind == _FILEPASS for kind, _, _ in _records(stream, 0)):
        raise locked()
    return stream


def errors_of_xls(stream: bytes, sheet: int) -> dict[tuple[int, int], str]:
    """Return the error cells of a sheet (from 0) by row and column (from 0), as they show."""
    starts = [
        int.from_bytes(stream[at : at + 4], "little")
        for kind, at, _ in _records(stream, 0)
        if kind == _BOUNDSHEET
    ]
    found = {}
    for kind, at, length in _records(stream, starts[sheet]) if sheet < len(starts) else ():
        code = None
        if kind == _BOOLERR and length >= 8 and stream[at + 7]:
            code = stream[at + 6]
        # a formula's result is a number, or FFFF and then 2 for an error ([MS-XLS] 2.5.133)
        elif kind == _FORMULA and stream[at + 12 : at + 14] == b"\xff\xff" and stream[at + 6] == 2:
            code = stream[at + 8]
        if code is not None:
            row, column = (int.from_bytes(stream[at + n : at + n + 2], "little") for n in (0, 2))
            found[row, column] = _XLS_ERRORS.get(code, "#ERROR")
    return found


def damaged() -> Refused:
    """Return the error for a workbook that cannot be read."""
    return Refused("The workbook is damaged and cannot be read. Open it, save it anew, or as CSV.")


def locked() -> Refused:
    """Return the error for a workbook under a password."""
    return Refused("The workbook is locked with a password. Save it without one, or as CSV.")


def _records(stream: bytes, place: int) -> Iterator[tuple[int, int, int]]:
    """Yield (type, place of the content, its length) of a substream's records ([MS-XLS] 2.1.4)."""
    while place + 4 <= len(stream):
        kind, length = (int.from_bytes(stream[place + n : place + n + 2], "little") for n in (0, 2))
        if kind == _EOF or place + 4 + length > len(stream):
            return
        yield kind, place + 4, length
        place += 4 + length
