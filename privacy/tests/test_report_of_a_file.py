"""`privacy_report FILE`: no database, no account; the verdict is the exit code."""

import gzip
import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from manage import needs_stack

VISITS = (
    "patient;age;postcode;visit date;result\n"
    "P1;34;1011;2024-01-02;positive\n"
    " P1 ;34.0;1011;2024-01-03;negative\n"
    "P2;34;1011;2024-01-04;negative\n"
    "P2;34;1011;2024-01-04;positive\n"
    "P3;;1012;2024-01-05;positive\n"
    "P4;;1012;2024-01-06;negative\n"
)


@pytest.fixture
def visits(tmp_path: Path) -> Path:
    path = tmp_path / "visits.csv.gz"
    path.write_bytes(gzip.compress(VISITS.encode()))
    return path


def report(path: Path, quasi: str, *options: str) -> tuple[int, dict[str, Any]]:
    """Return the exit code and what --json prints."""
    out, code = StringIO(), 0
    try:
        call_command(
            "privacy_report",
            str(path),
            f"--quasi-identifiers={quasi}",
            *options,
            "--json",
            stdout=out,
            stderr=StringIO(),
        )
    except CommandError as error:
        code = error.returncode
        if code != 3:
            raise
    return code, json.loads(out.getvalue())


def test_figures_of_a_packed_file_hold_by_hand(visits: Path) -> None:
    code, found = report(
        visits, "age,#3", "--sensitive=result", "--id-column=patient", "--k=2", "--risk=0.5"
    )

    # two classes of 4 and 2 rows: 34 and 34.0 are one age, and two persons have the four rows
    assert code == 0
    assert found["held"] is True
    assert found["missed"] == []
    sizes = (found["rows"], found["classes"], found["k"], found["k_persons"], found["uniques"])
    assert sizes == (6, 2, 2, 2, 0)
    assert found["prosecutor_max"] == 0.5
    assert found["marketer"] == pytest.approx(2 / 6)
    assert found["l_distinct"] == {"result": 2}
    assert found["t"] == {"result": 0}
    assert found["file"] == str(visits)


def test_thresholds_that_are_missed_are_exit_code_3_and_named(visits: Path) -> None:
    code, found = report(visits, "age", "--sensitive=#5,visit date", "--t=0.3")
    words = StringIO()
    with pytest.raises(CommandError, match="3 thresholds missed") as stopped:
        call_command(
            "privacy_report",
            str(visits),
            "--quasi-identifiers=age",
            "--sensitive=result,visit date",
            "--t=0.3",
            stdout=words,
        )

    assert (code, stopped.value.returncode) == (3, 3)
    assert found["missed"] == ["k", "t of visit date", "risk"]
    assert found["thresholds"] == {"k": 5, "l": 2, "t": 0.3, "risk": 0.2}
    verdict, *lines = words.getvalue().splitlines()
    assert verdict == "3 of 6 thresholds missed."
    assert lines[0] == "MISSED    k 2, at least 5"


def test_missing_values_are_counted_as_asked(visits: Path) -> None:
    own = report(visits, "age")[1]
    left_out = report(visits, "age", "--missing-policy=drop")[1]
    matching = report(visits, "age", "--missing-policy=any")[1]
    marked = report(visits, "age", "--missing=34", "--missing=34.0")[1]

    assert (own["k"], own["rows_left_out"]) == (2, 0)
    assert (left_out["k"], left_out["rows_left_out"]) == (4, 2)
    assert (matching["k"], matching["missing_policy"]) == (6, "any")
    assert marked["k"] == 6
    assert "Every value of age is missing." in marked["remarks"]


@pytest.mark.parametrize(
    ("quasi", "options", "sentence"),
    [
        ("", [], "Name one quasi-identifier at least. Use --quasi-identifiers."),
        ("age,weight", [], "There is no column 'weight' in the header."),
        ("age,#2", [], "'#2' is named twice."),
        ("age", ["--sensitive=age"], "'age' is named as a quasi-identifier and as sensitive."),
        ("age", ["--id-column=age"], "'age' is named as a quasi-identifier and as the id."),
        ("age", ["--k=0"], "The threshold k is a whole number of 1 or above. Use --k."),
        ("age", ["--t=1.5"], "The threshold t is a number from 0 to 1. Use --t."),
        ("age", ["--risk=nan"], "The threshold risk is a number above 0, at most 1."),
        ("age", ["--delimiter=comma"], "There is no column 'age' in the header."),
        ("age", ["--encoding=nothing"], "nothing"),
    ],
)
def test_what_makes_no_sense_is_refused_plainly(
    visits: Path, quasi: str, options: list[str], sentence: str
) -> None:
    with pytest.raises(CommandError) as refused:
        report(visits, quasi, *options)

    assert refused.value.returncode == 1
    assert sentence in str(refused.value)


def test_repeated_labels_ragged_rows_and_no_file_are_refused(tmp_path: Path) -> None:
    twice, ragged = tmp_path / "twice.csv", tmp_path / "ragged.csv"
    twice.write_text("age,age,sex\n1,2,f\n1,3,f\n")
    ragged.write_text("age,sex\n1,f\n2\n")

    with pytest.raises(CommandError, match="2 columns are named 'age'; name one by its place"):
        report(twice, "age")
    with pytest.raises(CommandError, match="The header has 2 columns, but row 2"):
        report(ragged, "age")
    with pytest.raises(CommandError, match="There is no file"):
        report(tmp_path / "none.csv", "age")
    assert report(twice, "#1", "--sensitive=#2")[1]["l_distinct"] == {"#2": 2}


def test_a_population_table_is_counted_and_what_cannot_be_one_is_refused(tmp_path: Path) -> None:
    table, people = tmp_path / "table.csv", tmp_path / "people.csv"
    table.write_text("age,sex\n34.0,f\n34,f\n35,m\n?,m\n")
    people.write_text("sex;age\nf;34\nf;34\nf;34.0\nm;35\nm;35\nm;36\nx;?\n")

    found = report(table, "age,sex", f"--population={people}", "--missing=?")[1]

    # 3, 3 and 2 people; who has no age is not among them, so the table's own row is counted
    assert found["population"] == 7
    assert found["journalist_max"] == 1
    assert found["marketer"] == pytest.approx((1 / 3 + 1 / 3 + 1 / 2 + 1) / 4)
    assert any("fewer rows than the table for 1 of 4 rows" in one for one in found["remarks"])
    matched = report(table, "age", f"--population={people}", "--missing=?", "--missing-policy=any")
    assert matched[1]["marketer"] == pytest.approx((1 / 4 + 1 / 4 + 1 / 3 + 1 / 7) / 4)

    hint = StringIO()
    with pytest.raises(CommandError, match="thresholds missed"):
        call_command(
            "privacy_report", str(table), "--quasi-identifiers=age", stdout=hint, stderr=hint
        )
    assert "age: '?' in 1 cell is counted as a value." in hint.getvalue()
    (tmp_path / "empty.csv").write_text("age,sex\n")
    for named, sentence in (
        (["--population=none.csv"], "none.csv is no population: There is no file none.csv."),
        ([f"--population={tmp_path / 'empty.csv'}"], "has a header but no rows"),
        ([f"--population={people}", "--population-size=9"], "a table or a size"),
        (["--population=00000000-0000-4000-8000-000000000000"], "of a file is a file"),
    ):
        with pytest.raises(CommandError, match=sentence):
            report(table, "age", *named)
    people.write_text("age|sex of birth\n34|f\n")
    with pytest.raises(CommandError, match=r"no 'sex'.* Its labels are 'age', 'sex of birth'"):
        report(table, "age,sex", f"--population={people}")
    with pytest.raises(CommandError, match="mem cannot be read: Input/output error"):
        report(Path("/proc/self/mem"), "age")
    table.write_bytes(b"age\n\0\n")
    with pytest.raises(CommandError, match="binary data, not a table"):
        report(table, "age")


def test_many_quasi_identifiers_by_pattern_and_one_row(tmp_path: Path) -> None:
    wide = tmp_path / "wide.tsv"
    labels = "\t".join(["name", *(f"q{n}" for n in range(60))])
    wide.write_text(f"{labels}\n" + "\t".join(["x"] * 61) + "\n")

    code, found = report(wide, "q*")

    assert code == 3
    assert (found["rows"], found["k"]) == (1, 1)
    assert "The table has a single row, which nothing can hide." in found["remarks"]


def test_the_embedded_database_is_not_started_for_it() -> None:
    assert not needs_stack(["privacy_report", "visits.csv", "--quasi-identifiers", "age"])
