"""Every form of an export gives the stored values back: types, missing cells, awkward ones."""

import csv
import datetime as dt
import io
import math
from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from conftest import Person
from datasets.browse import export
from datasets.exporting import parquet
from datasets.exporting.wanted import Format, Wanted
from datasets.exporting.writing import dataset_write
from datasets.tests.stored import (
    Columns,
    Stored,
    not_kept,
    qualified,
    run,
    store_dataset,
)
from fairdb_site.errors import Refused

AWKWARD: Columns = {
    "n": ("integer", [2**63 - 1, -(2**63), 0, None, 9007199254740993]),
    "x": ("float", [math.nan, math.inf, -math.inf, None, "-0"]),
    "y": ("float", [0.1, 5e-324, 1.7976931348623157e308, None, 1e23]),
    "b": ("boolean", [True, False, None, True, False]),
    "d": ("date", [dt.date(1, 1, 1), dt.date(9999, 12, 31), None, dt.date(2024, 2, 29)] * 2),
    "t": (
        "timestamp",
        [
            dt.datetime.fromisoformat("0001-01-01"),
            dt.datetime.fromisoformat("9999-12-31T23:59:59.999999"),
            None,
            *[dt.datetime.fromisoformat("2024-02-29T01:02:03.25")] * 2,
        ],
    ),
    "s": ("text", ["", None, 'says "no",\r\ntwice', "\\.", "Ω\u2028😀\ttab"]),
    "": ("text", [" pad ", "NA", "null", "NaN", "-1"]),
}


def written(person: Person, stored: Stored, **wanted: Any) -> bytes:
    out = io.BytesIO()
    dataset_write(
        dataset_id=stored.id, reader_id=person.user.pk, write=out.write, wanted=Wanted(**wanted)
    )
    return out.getvalue()


def same(found: Any, expected: Any) -> bool:
    if isinstance(expected, float) and isinstance(found, float):
        alike = math.isnan(found) and math.isnan(expected)
        return alike or (
            found == expected and math.copysign(1, found) == math.copysign(1, expected)
        )
    return type(found) is type(expected) and found == expected


@pytest.fixture
def in_windows(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return a function that makes exports read part by part, two rows at a time."""

    def make_small() -> None:
        monkeypatch.setattr(export, "MAX_JOINED_COLUMNS", 1)
        monkeypatch.setattr(export, "WINDOW_CELLS", 18)
        monkeypatch.setattr(parquet, "_MOST_CELLS", 2)
        monkeypatch.setattr(parquet, "_BLOCK", 2)

    return make_small


@pytest.mark.parametrize("small", [False, True])
def test_parquet_holds_the_stored_values_with_their_types(
    alice: Person, in_windows: Callable[[], None], small: bool
) -> None:
    stored = store_dataset(alice.user.pk, AWKWARD, rows=5)
    if small:
        in_windows()

    packed = written(alice, stored, format=Format.PARQUET)
    table = pl.read_parquet(io.BytesIO(packed))

    assert table.columns == ["patient_hash", "n", "x", "y", "b", "d", "t", "s", "column_9"]
    assert list(table.schema.values())[1:] == [
        pl.Int64, pl.Float64, pl.Float64, pl.Boolean, pl.Date, pl.Datetime("us"), *[pl.String] * 2,
    ]  # fmt: skip
    assert table["patient_hash"].to_list() == [f"hash{n}" for n in range(1, 6)]
    for name, label in zip(table.columns[1:], AWKWARD, strict=True):
        found = table[name].to_list()
        expected = [-0.0 if value == "-0" else value for value in AWKWARD[label][1]][:5]
        assert all(map(same, found, expected)), (name, found)
    groups = pl.scan_parquet(io.BytesIO(packed)).select(pl.len()).collect().item()
    assert groups == 5


@pytest.mark.parametrize("small", [False, True])
@pytest.mark.parametrize(("form", "delimiter"), [(Format.CSV, ","), (Format.TSV, "\t")])
def test_text_forms_hold_what_postgresql_prints(
    alice: Person, in_windows: Callable[[], None], small: bool, form: Format, delimiter: str
) -> None:
    stored = store_dataset(alice.user.pk, AWKWARD, rows=5)
    if small:
        in_windows()

    text = written(alice, stored, format=form).decode()
    header, *rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)

    assert header == ["patient_hash", *AWKWARD]
    assert [row[1] for row in rows] == [
        "9223372036854775807", "-9223372036854775808", "0", "", "9007199254740993",
    ]  # fmt: skip
    assert [row[2] for row in rows] == ["NaN", "Infinity", "-Infinity", "", "-0"]
    assert [row[4] for row in rows] == ["true", "false", "", "true", "false"]
    assert [row[6] for row in rows][1] == "9999-12-31 23:59:59.999999"
    assert [row[7] for row in rows] == [value or "" for value in AWKWARD["s"][1]]
    first = text.splitlines()[1].split(delimiter)
    second = text.splitlines()[2].split(delimiter)
    assert (first[7], second[7]) == ('""', "")  # an empty text, a missing value


def test_columns_come_in_the_order_wanted_each_once(alice: Person) -> None:
    stored = store_dataset(alice.user.pk, AWKWARD, rows=5)

    for form, delimiter in ((Format.CSV, b","), (Format.TSV, b"\t")):
        text = written(alice, stored, format=form, positions=(5, 2, 5))
        assert text.splitlines()[:2] == [
            b"b" + delimiter + b"n",
            b"true" + delimiter + b"9223372036854775807",
        ]
    table = pl.read_parquet(
        io.BytesIO(written(alice, stored, format=Format.PARQUET, positions=(5, 2)))
    )
    assert table.columns == ["b", "n"]
    with pytest.raises(Refused, match="no column 99"):
        written(alice, stored, positions=(99,))


@pytest.mark.parametrize("form", list(Format))
def test_table_without_rows_is_a_header_with_types(alice: Person, form: Format) -> None:
    stored = store_dataset(alice.user.pk, AWKWARD, rows=5)
    with not_kept(stored):
        for part in stored.parts:
            run(f"delete from {qualified(part)}")

    out = written(alice, stored, format=form)

    if form is Format.PARQUET:
        table = pl.read_parquet(io.BytesIO(out))
        assert table.height == 0
        assert table.schema["d"] == pl.Date
    elif form is not Format.ZIP:
        assert out.count(b"\n") == 1


def test_labels_that_repeat_are_told_apart_in_parquet() -> None:
    assert parquet.column_names(["a", "a", "a_2", "", "a", "column_4"]) == [
        "a", "a_3", "a_2", "column_4_2", "a_4", "column_4",
    ]  # fmt: skip


def test_date_that_parquet_readers_do_not_know_is_refused_by_its_column(alice: Person) -> None:
    stored = store_dataset(alice.user.pk, AWKWARD, rows=5)
    alice.rpc(
        "update_dataset_row",
        {"p_dataset_id": str(stored.id), "p_row_id": 1, "p_updates": {"6": "10000-01-01"}},
    )

    with pytest.raises(Refused, match="Column 'd' has a date outside"):
        written(alice, stored, format=Format.PARQUET)

    assert b"10000-01-01" in written(alice, stored)


FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "＝1+1"]
HARMLESS = ["1=1", "a", "", None, "'=1"]


@pytest.mark.parametrize("small", [False, True])
@pytest.mark.parametrize("form", [Format.CSV, Format.TSV])
def test_what_a_spreadsheet_would_run_gets_an_apostrophe_where_it_is_wanted(
    alice: Person, in_windows: Callable[[], None], form: Format, small: bool
) -> None:
    texts = [*FORMULAS, *HARMLESS]
    columns: Columns = {
        "=label": ("text", texts),
        "n": ("integer", [-1] * len(texts)),
        "x": ("float", [-math.inf] * len(texts)),
    }
    stored = store_dataset(alice.user.pk, columns, rows=len(texts))
    if small:
        in_windows()
    delimiter = "," if form is Format.CSV else "\t"

    def read(*, harmless: bool) -> list[list[str]]:
        text = written(alice, stored, format=form, harmless=harmless).decode()
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))

    made, plain = read(harmless=True), read(harmless=False)

    assert made[0] == ["patient_hash", "'=label", "n", "x"]
    assert [row[1] for row in made[1:]] == [f"'{f}" for f in FORMULAS] + [t or "" for t in HARMLESS]
    assert {(row[2], row[3]) for row in made[1:]} == {("-1", "-Infinity")}
    assert [row[1] for row in plain] == ["=label", *(text or "" for text in texts)]
