"""Small workbooks written by hand, cell by cell, so that tests say exactly what is in them."""

import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from datasets.ingest.sandbox import Facts
from datasets.ingest.workbook import write_workbook

OLD_WORKBOOK = Path(__file__).with_name("files") / "old.xls"  # written with xlwt 1.3
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
CONTENT_TYPE = "application/vnd.openxmlformats-officedocument."
_STYLES = {"day": 1, "moment": 2, "duration": 3}


@dataclass(frozen=True)
class Error:
    """A cell that shows an error."""

    text: str


@dataclass(frozen=True)
class Serial:
    """A number shown as a `day`, a `moment` or a `duration`."""

    value: float
    style: str


@dataclass(frozen=True)
class Formula:
    """A formula and its result; None where it was never calculated, written as some programs do."""

    result: "Cell"
    value_of_none: str = ""


Cell = int | float | str | bool | Error | Serial | Formula | None
Sheet = Sequence[Sequence[Cell]]


def xlsx(sheets: Mapping[str, Sheet], *, hidden: Sequence[str] = ()) -> bytes:
    """Return an .xlsx workbook; the first cell of each sheet is A1."""
    names = list(sheets)
    listed = "".join(
        f'<sheet name="{escape(name)}" sheetId="{n}" r:id="rId{n}"'
        + (' state="hidden"/>' if name in hidden else "/>")
        for n, name in enumerate(names, 1)
    )
    files = {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types"><Override '
        f'PartName="/xl/workbook.xml" ContentType="{CONTENT_TYPE}spreadsheetml.sheet.main+xml"/>'
        "</Types>",
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="w" '
        f'Type="{_RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_RELATIONS}">'
        f"<sheets>{listed}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
        + "".join(
            f'<Relationship Id="rId{n}" Type="{_RELATIONS}/worksheet" '
            f'Target="worksheets/sheet{n}.xml"/>'
            for n in range(1, len(names) + 1)
        )
        + f'<Relationship Id="styles" Type="{_RELATIONS}/styles" Target="styles.xml"/>'
        "</Relationships>",
        "xl/styles.xml": f'<styleSheet xmlns="{_MAIN}"><cellXfs count="4">'
        '<xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="22"/><xf numFmtId="46"/>'
        "</cellXfs></styleSheet>",
    }
    for n, name in enumerate(names, 1):
        files[f"xl/worksheets/sheet{n}.xml"] = sheet_xml(sheets[name])
    return zipped(files)


def far_apart() -> bytes:
    """Return a workbook of two cells, for which a parser would make room for 17 billion."""
    rows = (
        '<row r="1"><c r="A1"><v>1</v></c></row>'
        '<row r="1048576"><c r="XFD1048576"><v>2</v></c></row>'
    )
    part = f'<worksheet xmlns="{_MAIN}"><sheetData>{rows}</sheetData></worksheet>'
    files = dict(unzipped(xlsx({"Data": [[]]})))
    return zipped(files | {"xl/worksheets/sheet1.xml": part.encode()})


def sheet_xml(rows: Sheet) -> str:
    """Return a sheet's part."""
    data = "".join(
        f'<row r="{r}">'
        + "".join(
            _cell(f"{_letters(c)}{r}", cell) for c, cell in enumerate(row) if cell is not None
        )
        + "</row>"
        for r, row in enumerate(rows, 1)
    )
    return f'<worksheet xmlns="{_MAIN}"><sheetData>{data}</sheetData></worksheet>'


def _cell(place: str, cell: Cell) -> str:
    if not isinstance(cell, Formula):
        kind, inside = _content(cell, in_formula=False)
    elif cell.result is None:
        kind, inside = "", f"<f>1+1</f>{cell.value_of_none}"
    else:
        kind, inside = _content(cell.result, in_formula=True)
        inside = f"<f>1+1</f>{inside}"
    return f'<c r="{place}"{kind}>{inside}</c>'


def _content(cell: Cell, *, in_formula: bool) -> tuple[str, str]:
    """Return (the attribute for the cell's type or style, its value)."""
    if isinstance(cell, bool):
        return ' t="b"', f"<v>{int(cell)}</v>"
    if isinstance(cell, Error):
        return ' t="e"', f"<v>{cell.text}</v>"
    if isinstance(cell, Serial):
        return f' s="{_STYLES[cell.style]}"', f"<v>{cell.value!r}</v>"
    if isinstance(cell, str) and in_formula:
        return ' t="str"', f"<v>{escape(cell)}</v>"
    if isinstance(cell, str):
        return ' t="inlineStr"', f'<is><t xml:space="preserve">{escape(cell)}</t></is>'
    return "", f"<v>{cell!r}</v>"


def _letters(column: int) -> str:
    """Return a column's letters, 0 for A."""
    text = ""
    column += 1
    while column:
        column, letter = divmod(column - 1, 26)
        text = chr(ord("A") + letter) + text
    return text


def ods(rows: str) -> bytes:
    """Return an .ods spreadsheet of one sheet, whose rows are given as OpenDocument's XML."""
    names = {
        name: f"urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"
        for name in ("office", "table", "text")
    } | {"calcext": "urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0"}
    spaces = " ".join(f'xmlns:{name}="{uri}"' for name, uri in names.items())
    return zipped(
        {
            "mimetype": "application/vnd.oasis.opendocument.spreadsheet",
            "META-INF/manifest.xml": "<manifest/>",
            "content.xml": f"<office:document-content {spaces}><office:body><office:spreadsheet>"
            f'<table:table table:name="Data">{rows}</table:table>'
            "</office:spreadsheet></office:body></office:document-content>",
        }
    )


def unzipped(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the files in a ZIP archive."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for name in archive.namelist():
            yield name, archive.read(name)


def zipped(files: Mapping[str, str | bytes]) -> bytes:
    """Return a ZIP archive, the same bytes each time."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


class Written(io.BytesIO):
    """Collects what a converter writes."""

    found: Facts

    def facts(self, facts: Facts) -> None:
        """Take what was found."""
        self.found = facts


def converted(path: Path, *, sheet: str | None = None) -> tuple[str, Facts]:
    """Return (the workbook as CSV text with LF, what was found); no child process is started."""
    out = Written()
    form = "zip" if path.read_bytes().startswith(b"PK") else "ole"
    write_workbook(path, out, form=form, sheet=sheet)
    return out.getvalue().decode().replace("\r\n", "\n"), out.found
