"""Cells of .xlsx, .xls and .ods as text: every value, every kind of error, and which sheet."""

import io
import sys
from pathlib import Path

import pytest

from datasets.ingest.profile import profile_table
from datasets.ingest.read import open_table
from datasets.tests.ingest.tables import cells, write
from datasets.tests.ingest.workbooks import (
    CONTENT_TYPE,
    OLD_WORKBOOK,
    Cell,
    Error,
    Formula,
    Serial,
    Sheet,
    converted,
    ods,
    xlsx,
    zipped,
)
from fairdb_site.errors import Refused

TABLE: Sheet = [["id", "age"], ["P1", 34], ["P2", 7]]


def csv_of(path: Path, data: bytes, *, sheet: str | None = None) -> str:
    return converted(write(path / "t", data), sheet=sheet)[0]


def package(main: str) -> bytes:
    """Return an Office package of nothing but the type of its main part."""
    return zipped({"[Content_Types].xml": f'<Override ContentType="{CONTENT_TYPE}{main}"/>'})


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (1, "1"),
        (1.0, "1"),
        (-0.0, "0"),
        (1.5, "1.5"),
        (0.1 + 0.2, "0.30000000000000004"),
        (9007199254740991.0, "9007199254740991"),
        (1e22, "1e+22"),
        (1e-7, "1e-07"),
        (True, "true"),
        (False, "false"),
        ("007", "007"),
        ("  a ", "  a "),
        ('a "b", c', '"a ""b"", c"'),
        ("two\nlines", '"two\nlines"'),
        ("<é😀&>", "<é😀&>"),
        ("", ""),
        (None, ""),
        (Error("#N/A"), "#N/A"),
        (Error("#DIV/0!"), "#DIV/0!"),
        (Error("#SPILL!"), "#SPILL!"),
        (Serial(45351, "day"), "2024-02-29"),
        (Serial(45351.5, "moment"), "2024-02-29 12:00:00"),
        (Serial(45351.999994213, "moment"), "2024-02-29 23:59:59.5"),
        (Serial(0.5, "moment"), "12:00:00"),
        (Serial(1.5, "duration"), "36:00:00"),
        (Serial(3e6, "day"), "3000000"),
        (Formula(2), "2"),
        (Formula("x"), "x"),
        (Formula(""), ""),
        (Formula(True), "true"),
        (Formula(Error("#REF!")), "#REF!"),
    ],
)
def test_a_cell_is_written_as_its_value(tmp_path: Path, cell: Cell, text: str) -> None:
    data = xlsx({"Data": [["id", "v"], ["P1", cell], ["P2", 1]]})

    assert csv_of(tmp_path, data) == f"id,v\nP1,{text}\nP2,1\n"


def test_dates_of_a_column_that_has_times_show_theirs(tmp_path: Path) -> None:
    days: Sheet = [["id", "day", "seen"], ["P1", Serial(45351, "day"), Serial(45351, "moment")],
                   ["P2", Serial(45352, "day"), Serial(45352.25, "moment")]]  # fmt: skip

    assert csv_of(tmp_path, xlsx({"Data": days})) == (
        "id,day,seen\nP1,2024-02-29,2024-02-29 00:00:00\nP2,2024-03-01,2024-03-01 06:00:00\n"
    )


def test_a_table_begins_at_its_first_filled_row_and_column(tmp_path: Path) -> None:
    data = xlsx({"Data": [[], [], [None, None, "id", "v"], [None, None, "P1", 1], [], []]})

    assert csv_of(tmp_path, data) == "id,v\nP1,1\n"


def test_a_row_without_any_cell_is_a_blank_line(tmp_path: Path) -> None:
    data = xlsx({"Data": [["id", "v"], ["P1", 1], [], ["P3", 3]]})

    assert csv_of(tmp_path, data) == "id,v\nP1,1\n\nP3,3\n"


def test_a_title_above_the_table_is_refused(tmp_path: Path) -> None:
    data = xlsx({"Data": [["Study of sleep"], [], ["id", "v"], ["P1", 1]]})

    with pytest.raises(Refused, match=r"first row of the sheet \(row 1\) .* is a title"):
        csv_of(tmp_path, data)


def test_the_first_visible_sheet_with_cells_is_read_and_the_others_are_named(
    tmp_path: Path,
) -> None:
    sheets: dict[str, Sheet] = {"Old": [["x"], [1]], "Empty": [], "Data": TABLE, "Notes": [["n"]]}

    text, facts = converted(write(tmp_path / "t", xlsx(sheets, hidden=["Old"])))

    assert text == "id,age\nP1,34\nP2,7\n"
    assert facts.sheet == "Data"
    assert facts.why == (
        "An Excel workbook (.xlsx), known by its content: sheet 'Data', the first visible one that "
        "has cells.",
        "Not read: 'Old' (hidden), 'Empty', 'Notes'.",
    )


@pytest.mark.parametrize("sheet", ["Notes", "2"])
def test_a_sheet_is_named_by_its_name_or_number(tmp_path: Path, sheet: str) -> None:
    path = write(tmp_path / "t", xlsx({"Data": TABLE, "Notes": [["n"], [1]]}))

    text, facts = converted(path, sheet=sheet)

    assert (text, facts.sheet) == ("n\n1\n", "Notes")
    assert "sheet 'Notes', as named" in facts.why[0]


def test_a_sheet_called_by_a_number_goes_before_that_number(tmp_path: Path) -> None:
    assert csv_of(tmp_path, xlsx({"2": [["a"], [1]], "x": TABLE}), sheet="2") == "a\n1\n"


@pytest.mark.parametrize(
    ("sheets", "sheet", "sentence"),
    [
        ({"Data": TABLE}, "Other", "has no sheet 'Other'; it has 'Data'."),
        ({"Data": TABLE}, "2", "has no sheet '2'"),
        ({"Data": TABLE}, "0", "has no sheet '0'"),
        ({"Data": [], "Notes": []}, None, "No visible sheet of the workbook has cells."),
        ({"Data": []}, "Data", "The sheet 'Data' has no cells."),
        ({"Data": [["id"], [Formula(None)]]}, None, "formulas without their results"),
        ({"Data": [["id"], [Formula(None, "<v/>")]]}, None, "formulas without their results"),
        ({"Data": [["id"], [Formula(None, "<v></v>")]]}, None, "formulas without their results"),
    ],
)
def test_a_sheet_that_cannot_be_read_is_refused(
    tmp_path: Path, sheets: dict[str, Sheet], sheet: str | None, sentence: str
) -> None:
    with pytest.raises(Refused) as refusal:
        csv_of(tmp_path, xlsx(sheets), sheet=sheet)

    assert sentence in refusal.value.message


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"PK\x03\x04 no archive", "damaged"),
        (xlsx({"Data": TABLE})[:-30], "damaged"),
        (package("spreadsheetml.sheet.main+xml"), "damaged"),
        (zipped({"a.csv": "id,v"}), "a ZIP archive; unpack it"),
        (package("wordprocessingml.document.main+xml"), "a Word document"),
        (package("ms-excel.sheet.binary.macroEnabled.main"), "a binary Excel workbook (.xlsb)"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "damaged"),
        (zipped({"META-INF/manifest.xml": "<manifest:encryption-data/>"}), "locked with a"),
    ],
)  # fmt: skip
def test_what_is_no_workbook_is_refused_by_its_name(
    tmp_path: Path, data: bytes, sentence: str
) -> None:
    with pytest.raises(Refused) as refusal:
        csv_of(tmp_path, data)

    assert sentence in refusal.value.message


def test_an_old_workbook_is_read_with_its_errors() -> None:
    text, facts = converted(OLD_WORKBOOK)

    assert text == (
        "id,age,day,seen,ok,err\n"
        "P1,34,2024-02-29,2024-02-29 23:59:59,true,\n"
        "P2,1.5,2024-01-01,2024-03-01 00:00:00,false,#N/A\n"
        "007,,,,,\n"
    )
    assert facts.why[0].startswith("An old Excel workbook (.xls)")


def test_a_spreadsheet_of_opendocument_is_read_with_its_errors(tmp_path: Path) -> None:
    def row(*texts: str) -> str:
        return "<table:table-row>" + "".join(texts) + "</table:table-row>"

    def text(inner: str, more: str = 'office:value-type="string"') -> str:
        return f"<table:table-cell {more}><text:p>{inner}</text:p></table:table-cell>"

    data = ods(
        row(text("id"), text("v"), text("day"))
        + row(
            text("P1"),
            text("1,50", 'office:value-type="float" office:value="1.5"'),
            text("1-1-24", 'office:value-type="date" office:date-value="2024-01-01"'),
        )
        + row(
            text("a<text:tab/>b"),
            text("#N/A", 'table:formula="of:=NA()" office:value-type="string" '
                 'office:string-value="" calcext:value-type="error"'),
            "<table:table-cell/>",
        )
    )  # fmt: skip

    assert csv_of(tmp_path, data) == "id,v,day\nP1,1.5,2024-01-01\na\tb,#N/A,\n"


def test_a_workbook_is_opened_like_any_file(tmp_path: Path) -> None:
    data = xlsx({"Data": [["id", "age"], ["P1", 34], [None, 7.0]]})
    path = write(tmp_path / "anything.csv", data)

    for source in (path, lambda: io.BytesIO(data)):
        table = open_table(source)
        assert table.header == ("id", "age")
        assert [cells(table), cells(table)] == [[("P1", "34"), (None, "7")]] * 2
        assert (table.evidence.form, table.evidence.sheet) == ("workbook", "Data")
        assert table.file is not None
        assert table.file.size == len(data)
        assert [c.data_type for c in profile_table(table).columns] == ["text", "integer"]


def test_blank_rows_of_a_sheet_are_ragged_rows(tmp_path: Path) -> None:
    path = write(tmp_path / "t", xlsx({"Data": [["id", "v"], ["P1", 1], [], ["P3", 3]]}))

    with pytest.raises(Refused, match=r"but row 2 \(where"):
        cells(open_table(path))
    assert len(cells(open_table(path, skip_bad_rows=True))) == 2


def test_what_workbooks_do_not_have_cannot_be_named(tmp_path: Path) -> None:
    path = write(tmp_path / "t", xlsx({"Data": TABLE}))

    with pytest.raises(Refused, match="no encoding to name"):
        open_table(path, encoding="latin-1")
    with pytest.raises(Refused, match="no delimiter to name"):
        open_table(path, delimiter=";")
    with pytest.raises(Refused, match="no sheets to name"):
        open_table(write(tmp_path / "t.csv", "id\n1\n"), sheet="1")


def test_a_converter_that_dies_is_a_damaged_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")

    with pytest.raises(Refused, match="damaged"):
        open_table(write(tmp_path / "t", xlsx({"Data": TABLE})))
