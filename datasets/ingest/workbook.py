"""A sheet of a workbook (.xlsx, .xls, .ods) as CSV text, cell by cell by fixed rules.

python-calamine reads the cells. It gives an error cell (#N/A) as an empty one; `mended` makes such
cells text before it reads them, and `errors_of_xls` finds them in old workbooks.
"""

import csv
import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, Final

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetMetadata,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from fairdb_site.errors import Refused, TooLarge

from .errorcells import damaged, errors_of_xls, locked, mended, xls_stream
from .names import shown
from .sandbox import MEMORY, Facts, Output
from .sheets import MOST_SHEETS, Sheet, names_listed, offering

_ROWS: Final = 2_000  # written at once
_LISTED: Final = 20
_EXACT: Final = 2.0**53  # integers up to here have a float of their own
_TITLES: Final = {"xlsx": "Excel workbook (.xlsx)", "xls": "old Excel workbook (.xls)",
                  "ods": "OpenDocument spreadsheet (.ods)"}  # fmt: skip
# the main part of a package (ECMA-376 part 1, 12.3.23), and of what else is packed alike
_XLSX = re.compile(rb"(?:spreadsheetml\.(?:sheet|template)|ms-excel\.\w+\.macroEnabled)\.main\+xml")
_OTHER_PACKAGES = {
    b"ms-excel.sheet.binary": "a binary Excel workbook (.xlsb); save it as .xlsx",
    b"wordprocessingml": "a Word document; save its table as CSV",
    b"presentationml": "a presentation; save its table as CSV",
}
Row = Sequence[int | float | str | bool | time | date | datetime | timedelta]


def write_workbook(path: Path, output: Output, *, form: str, sheet: str | None = None) -> None:
    """Write one sheet of the workbook at `path` as CSV: comma, CRLF, nothing for an empty cell.

    `form` is `zip` or `ole`, by the file's first bytes; `sheet` a name, or a number from 1; without
    it the first visible sheet that has cells is read. A row without any cell is a blank line.
    Raises Refused for what is no workbook, a damaged or locked one, and a sheet that is not there.
    """
    with path.open("rb") as file:
        stream, copy = b"", None
        if form == "zip":
            kind = _kind_of_zip(file)
            copy = mended(file, kind)
        else:
            kind, found = "xls", xls_stream(file)
            if found is None:
                raise Refused("The file is an old Office document but no Excel workbook; "
                              "save its table as CSV.")  # fmt: skip
            stream = found
        file.seek(0)
        try:
            workbook = CalamineWorkbook.from_filelike(copy or file)
            sheets = _sheets(workbook)
            with offering(sheets):
                place, cells, by_name = _chosen(workbook, sheet)
        except PasswordError as error:
            raise locked() from error
        except CalamineError as error:
            raise damaged() from error
    errors = errors_of_xls(stream, place) if stream else {}
    rows = _Rows(cells, errors)
    unread = () if by_name else _unread(sheets, place)
    with offering(sheets):
        rows.refuse_title(unread)
    why = tuple(_why(workbook, kind, place, cells, by_name=by_name))
    output.facts(Facts(why, workbook.sheet_names[place], sheets, unread))
    for text in rows.csv():
        output.write(text)


def _kind_of_zip(file: io.BufferedReader) -> str:
    """Return which workbook a ZIP archive is; refuse other archives, and too large ones."""
    try:
        with zipfile.ZipFile(file) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
            types = _start(archive, "[Content_Types].xml")
            mimetype = _start(archive, "mimetype")
            manifest = _start(archive, "META-INF/manifest.xml")
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError) as error:
        raise damaged() from error
    except RuntimeError as error:  # an encrypted entry
        raise locked() from error
    if unpacked > MEMORY:
        raise TooLarge(
            f"The workbook unpacks to {unpacked:,} bytes, more than the {MEMORY >> 30} GB that "
            "reading it may take. Save the table as CSV and load that."
        )
    if b"manifest:encryption-data" in manifest:
        raise locked()
    if mimetype.startswith(b"application/vnd.oasis.opendocument.spreadsheet"):
        return "ods"
    if _XLSX.search(types):
        return "xlsx"
    other = next((text for mark, text in _OTHER_PACKAGES.items() if mark in types), None)
    raise Refused(f"The file is {other or 'a ZIP archive; unpack it and load the table in it'}.")


def _start(archive: zipfile.ZipFile, name: str) -> bytes:
    """Return the beginning of an entry; nothing where there is none."""
    if name not in archive.NameToInfo:
        return b""
    with archive.open(name) as entry:
        return entry.read(1 << 20)


def _chosen(workbook: CalamineWorkbook, named: str | None) -> tuple[int, CalamineSheet, bool]:
    """Return (the place of the sheet to read, its cells, whether it was named)."""
    sheets = workbook.sheets_metadata
    if named is not None:
        place = _place_named(workbook.sheet_names, named)
        if not _is_table(sheets[place]):
            raise Refused(f"{shown(named)} is no sheet of cells. {_listed(sheets)}")
        cells = workbook.get_sheet_by_index(place)
        if cells.start is None:
            raise Refused(f"The sheet {shown(workbook.sheet_names[place])} has no cells.")
        return place, cells, True
    for place, sheet in enumerate(sheets):
        if _is_table(sheet) and sheet.visible == SheetVisibleEnum.Visible:
            cells = workbook.get_sheet_by_index(place)
            if cells.start is not None:
                return place, cells, False
    raise Refused(f"No visible sheet of the workbook has cells. {_listed(sheets)}")


def _sheets(workbook: CalamineWorkbook) -> tuple[Sheet, ...]:
    """Return the sheets of cells in their order, one more than a page offers where there are."""
    found = (
        Sheet(number, sheet.name, sheet.visible != SheetVisibleEnum.Visible)
        for number, sheet in enumerate(workbook.sheets_metadata, 1)
        if _is_table(sheet)
    )
    return tuple(islice(found, MOST_SHEETS + 1))


def _unread(sheets: Sequence[Sheet], place: int) -> tuple[str, ...]:
    """Return the visible sheets behind the one at `place`; those before it have no cells."""
    return tuple(sheet.name for sheet in sheets if sheet.number > place + 1 and not sheet.is_hidden)


def _place_named(names: list[str], named: str) -> int:
    if named in names:
        return names.index(named)
    if named.isdecimal() and 1 <= int(named) <= len(names):
        return int(named) - 1
    raise Refused(
        f"The workbook has no sheet {shown(named)}; it has {names_listed(names)}.", option="sheet"
    )


def _is_table(sheet: SheetMetadata) -> bool:
    return sheet.typ == SheetTypeEnum.WorkSheet


def _listed(sheets: Sequence[SheetMetadata], left_out: int | None = None) -> str:
    others = [
        shown(sheet.name) + ("" if sheet.visible == SheetVisibleEnum.Visible else " (hidden)")
        for place, sheet in enumerate(sheets)
        if place != left_out
    ]
    more = f" and {len(others) - _LISTED} more" if len(others) > _LISTED else ""
    word = "Its sheets" if left_out is None else "Not read"
    return f"{word}: {', '.join(others[:_LISTED])}{more}." if others else ""


def _why(
    workbook: CalamineWorkbook, kind: str, place: int, cells: CalamineSheet, *, by_name: bool
) -> Iterator[str]:
    why = "as named" if by_name else "the first visible one that has cells"
    yield f"An {_TITLES[kind]}, known by its content: sheet {shown(cells.name)}, {why}."
    if others := _listed(workbook.sheets_metadata, place):
        yield others
    if merged := cells.merged_cell_ranges:
        merged_cells = "1 merged cell" if len(merged) == 1 else f"{len(merged):,} merged cells"
        yield f"{merged_cells}: the value stands in the first cell, the others are empty."


class _Rows:
    """The rows of a sheet from its first filled row and column on."""

    def __init__(self, cells: CalamineSheet, errors: dict[tuple[int, int], str]) -> None:
        self._cells = cells
        self._errors = errors
        self._first_row, self._first_column = cells.start or (0, 0)
        self._with_time = self._columns_with_time()

    def refuse_title(self, unread: Sequence[str]) -> None:
        """Refuse a sheet whose first row names none but one of several columns.

        `unread` names other sheets, on which the table may be.
        """
        header = next(self._rows(), [])
        filled = sum(cell != "" for cell in header)
        if len(header) > 1 and filled == 1:
            raise Refused(
                f"The first row of the sheet (row {self._first_row + 1}) has a value in one of "
                f"{len(header):,} columns: it is a title, not the column names. "
                + (
                    f"Choose another sheet: {names_listed(unread)}. Or delete"
                    if unread
                    else "Delete"
                )
                + " the rows above the column names and what stands beside the table."
            )

    def csv(self) -> Iterator[bytes]:
        """Yield the rows as CSV text in pieces."""
        out, writers = io.StringIO(), _WRITERS
        writer = csv.writer(out, lineterminator="\r\n")  # a cell with either of them is quoted
        for number, row in enumerate(self._rows(), 1):
            cells = [writers[type(cell)](cell) for cell in row]
            for place in self._with_time:
                if type(row[place]) is date:
                    cells[place] = f"{cells[place]} 00:00:00"
            if any(cell is not None for cell in cells):
                writer.writerow(cells)
            else:
                out.write("\r\n")
            if number % _ROWS == 0:
                yield out.getvalue().encode()
                out.seek(0)
                out.truncate()
        yield out.getvalue().encode()

    def _rows(self) -> Iterator[Row]:
        rows: Iterable[Row] = self._cells.iter_rows()
        for number, row in enumerate(rows):
            if number >= self._first_row:
                yield self._with_errors(number, row) if self._errors else row

    def _with_errors(self, number: int, row: Row) -> Row:
        return [
            cell if cell != "" else self._errors.get((number, column), "")
            for column, cell in enumerate(row, self._first_column)
        ]

    def _columns_with_time(self) -> list[int]:
        """Return the places of columns in which a date has a time of day, so that all show one."""
        found: set[int] = set()
        for row in self._rows():
            if datetime in set(map(type, row)):
                found.update(n for n, cell in enumerate(row) if type(cell) is datetime)
        return sorted(found)


def _number(cell: float) -> str:
    whole = cell.is_integer() and abs(cell) < _EXACT
    return str(int(cell)) if whole else repr(cell)  # the shortest that reads back


def _without_closing_zeros(text: str) -> str:
    return text.rstrip("0") if "." in text else text


def _duration(length: timedelta) -> str:
    """Return hours, minutes and seconds, `36:05:00`; hours may be more than a day's."""
    sign = "-" if length < timedelta(0) else ""
    seconds, fraction = divmod(abs(length), timedelta(seconds=1))
    text = f"{sign}{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return text + (f".{fraction.microseconds:06}".rstrip("0") if fraction else "")


_WRITERS: Final[dict[type, Callable[[Any], str | None]]] = {
    str: lambda cell: cell or None,
    float: _number,
    int: str,
    bool: lambda cell: "true" if cell else "false",
    date: date.isoformat,
    datetime: lambda cell: _without_closing_zeros(cell.isoformat(" ")),
    time: lambda cell: _without_closing_zeros(cell.isoformat()),
    timedelta: _duration,
}
