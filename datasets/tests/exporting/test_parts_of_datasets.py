"""Some columns, some rows: as typed at the command, as an address says them, in every form."""

import csv
import io
import json
import zipfile
from io import StringIO
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from django.core.management import CommandError, call_command

from conftest import Person
from datasets.browse import export
from datasets.browse.query import Condition
from datasets.exporting import parquet
from datasets.exporting.typed import columns_typed, condition_typed
from datasets.exporting.wanted import Format, Wanted
from datasets.exporting.writing import dataset_write
from datasets.ingest.plan import PlannedColumn
from datasets.tests.stored import Columns, Stored, store_dataset
from fairdb_site.errors import Refused

COHORT: Columns = {
    "age": ("integer", [30, 41, None, 55, 62]),
    "sex": ("text", ["f", "m", "f", "f", None]),
    "weight (kg)": ("float", [70.5, 80.0, 61.0, None, 90.25]),
    "seen": ("date", ["2024-01-01", "2024-02-01", "2024-03-01", None, "2024-05-01"]),
}
OLDER = Condition(2, "gt", ("40",))


@pytest.fixture
def cohort(alice: Person) -> Stored:
    return store_dataset(alice.user.pk, COHORT, rows=5, columns_a_part=1)


def rows_of(stored: Stored, form: Format, **wanted: Any) -> list[list[str]]:
    out = io.BytesIO()
    dataset_write(
        dataset_id=stored.id,
        reader_id=stored.owner,
        write=out.write,
        wanted=Wanted(form, **wanted),
    )
    if form is Format.PARQUET:
        table = pl.read_parquet(io.BytesIO(out.getvalue()))
        return [table.columns, *([str(v) for v in row] for row in table.rows())]
    delimiter = "\t" if form is Format.TSV else ","
    return list(csv.reader(io.StringIO(out.getvalue().decode()), delimiter=delimiter))


@pytest.mark.parametrize("small", [False, True])
@pytest.mark.parametrize("form", [Format.CSV, Format.TSV, Format.PARQUET])
def test_rows_that_meet_all_conditions_come_in_the_order_of_the_file(
    cohort: Stored, form: Format, small: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if small:
        monkeypatch.setattr(export, "MAX_JOINED_PARTS", 1)
        monkeypatch.setattr(export, "WINDOW_CELLS", 2)
        monkeypatch.setattr(parquet, "_MOST_CELLS", 1)
        monkeypatch.setattr(parquet, "_BLOCK", 1)

    found = rows_of(cohort, form, positions=(1, 3, 2), conditions=(OLDER,))
    both = (OLDER, Condition(3, "eq", ("f",)))
    other_part = rows_of(cohort, form, positions=(5,), conditions=both)

    gone = "None" if form is Format.PARQUET else ""
    assert found == [
        ["patient_hash", "sex", "age"],
        ["hash2", "m", "41"],
        ["hash4", "f", "55"],
        ["hash5", gone, "62"],
    ]
    assert [row or [""] for row in other_part] == [["seen"], [gone]]


def test_dates_lists_and_missing_cells_are_conditions_too(cohort: Stored) -> None:
    for conditions, expected in (
        ((Condition(5, "between", ("2024-02-01", "2024-03-01")),), ["hash2", "hash3"]),
        ((Condition(3, "in", ("m", "x")),), ["hash2"]),
        ((Condition(4, "missing"),), ["hash4"]),
        ((Condition(1, "eq", ("hash5",)),), ["hash5"]),
        ((Condition(2, "gt", ("99",)),), []),
    ):
        found = rows_of(cohort, Format.CSV, positions=(1,), conditions=conditions)
        assert [row[0] for row in found[1:]] == expected


@pytest.mark.parametrize("form", list(Format))
def test_condition_that_makes_no_sense_is_refused_before_the_first_byte(
    cohort: Stored, form: Format
) -> None:
    for condition in (Condition(2, "gt", ("secret",)), Condition(77, "eq", ("1",))):
        with pytest.raises(Refused) as refused:
            rows_of(cohort, form, conditions=(condition,))
        assert "secret" not in refused.value.message


PLANNED = [
    PlannedColumn(1, "patient", "patient_hash", None, "text"),
    PlannedColumn(2, "age", "c2", 1, "integer"),
    PlannedColumn(3, "age at visit", "c3", 1, "integer"),
    PlannedColumn(4, "a=b, c", "c4", 1, "text"),
    PlannedColumn(5, "twice", "c5", 1, "text"),
    PlannedColumn(6, "twice", "c6", 1, "text"),
    PlannedColumn(7, "#2", "c7", 1, "text"),
]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("age >= 40", Condition(2, "ge", ("40",))),
        ("age>=40", Condition(2, "ge", ("40",))),
        ("age at visit < 3", Condition(3, "lt", ("3",))),
        ("age = =1+1", Condition(2, "eq", ("=1+1",))),
        ("age != ", Condition(2, "ne", ("",))),
        ("a=b, c = x = y", Condition(4, "eq", ("x = y",))),
        ("age between 10, 20", Condition(2, "between", ("10", "20"))),
        ('a=b, c in "x,y",z', Condition(4, "in", ("x,y", "z"))),
        ("age IS MISSING", Condition(2, "missing")),
        ("age is not missing", Condition(2, "present")),
        ("age starts with is missing", Condition(2, "starts", ("is missing",))),
        ("#5 contains 5 %", Condition(5, "contains", ("5 %",))),
        ("#2 = x", Condition(7, "eq", ("x",))),
        ("patient_hash = ab", Condition(1, "eq", ("ab",))),
    ],
)
def test_conditions_are_typed_as_they_are_said(typed: str, meant: Condition) -> None:
    assert condition_typed(typed, PLANNED) == meant


@pytest.mark.parametrize(
    ("typed", "refusal"),
    [
        ("nobody = 3", "No condition is understood"),
        ("age", "No condition is understood"),
        ("age like x", "No condition is understood"),
        ("twice = x", "Several columns are called 'twice'. Name one by its place: #5, #6."),
        ("age between 3", "takes two values"),
        ("#99 = 1", "There is no column '#99'"),
    ],
)
def test_what_is_no_condition_is_refused_with_what_to_write(typed: str, refusal: str) -> None:
    with pytest.raises(Refused, match=refusal) as refused:
        condition_typed(typed, PLANNED)
    assert refused.value.option == "where"


def test_columns_are_typed_as_a_line_of_csv() -> None:
    assert columns_typed('age, "a=b, c",patient,#5', PLANNED) == (2, 4, 1, 5)
    assert columns_typed("AGE,1-3,#5-#99,4,", PLANNED) == (2, 3, *range(5, len(PLANNED) + 1), 4)
    for typed, refusal in (
        ("age,nope", "no column 'nope'"),
        ("nope,age,0,#99", "no columns 'nope', '0', '#99'"),
        ("twice", "Several columns are called 'twice'. Name one by its place: #5, #6"),
        (" ,", "at least one"),
        ("age\nsex", "on one line"),
    ):
        with pytest.raises(Refused, match=refusal):
            columns_typed(typed, PLANNED)


def test_command_takes_out_a_part_in_any_form(cohort: Stored, tmp_path: Path) -> None:
    out = tmp_path / "out"
    said = StringIO()
    call_command(
        *("export_dataset", str(cohort.id), str(out), "--json", "--format", "zip"),
        *("--with-parquet", "--columns", 'sex,"weight (kg)"', "--where", "age > 40"),
        *("--where", "sex is not missing"),
        stdout=said,
    )
    archive = zipfile.ZipFile(out)

    assert json.loads(said.getvalue())["unchanged"] is None
    assert archive.read("data.csv") == b"sex,weight (kg)\nm,80\nf,\n"
    assert pl.read_parquet(io.BytesIO(archive.read("data.parquet"))).rows() == [
        ("m", 80),
        ("f", None),
    ]
    assert "changes.json" not in archive.namelist()

    with pytest.raises(CommandError, match="There is no column 'nope'"):
        call_command("export_dataset", str(cohort.id), str(tmp_path / "x"), "--columns", "nope")
    assert not (tmp_path / "x").exists()


def test_command_leaves_what_a_spreadsheet_would_run(alice: Person, tmp_path: Path) -> None:
    stored = store_dataset(alice.user.pk, {"=f": ("text", ["=1+1"] * 3)})
    out = tmp_path / "out.tsv"

    call_command("export_dataset", str(stored.id), str(out), format="tsv", stdout=StringIO())

    assert out.read_text().splitlines()[1] == "hash1\t=1+1"
