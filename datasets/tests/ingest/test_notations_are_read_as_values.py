"""Decimal commas and days or months first: read as values where a reader says so."""

import io

import polars as pl
import pytest

from datasets.ingest.notation import Notation, respelled
from datasets.ingest.profile import profile_table
from datasets.ingest.read import TableSource, open_table
from datasets.preview.choices import Choices
from datasets.preview.sample import read_sample
from datasets.preview.table import PreviewColumn, preview
from fairdb_site.errors import Refused


def table(data: str) -> TableSource:
    return open_table(lambda: io.BytesIO(data.encode()))


def column(*cells: str) -> PreviewColumn:
    data = "id;v\n" + "".join(f"P{n};{cell}\n" for n, cell in enumerate(cells))
    return preview(read_sample(lambda: io.BytesIO(data.encode()), Choices()), Choices()).columns[1]


@pytest.mark.parametrize(
    ("notation", "cell", "expected"),
    [
        ("decimal_comma", "3,14", "3.14"),
        ("decimal_comma", " -0,5", "-0.5"),
        ("decimal_comma", "1.234.567,5", "1234567.5"),
        ("decimal_comma", "1,5E-3", "1.5E-3"),
        ("decimal_comma", "12", "12"),
        ("decimal_comma", "1.234", None),
        ("decimal_comma", "1,234,5", None),
        ("day_first", "31-12-2024", "2024-12-31"),
        ("day_first", "1/2/2024", "2024-02-01"),
        ("month_first", "1/2/2024", "2024-01-02"),
        ("month_first", "31/12/2024", None),
        ("day_first", "31.02.2024", None),
        ("day_first", "1-2/2024", None),
        ("day_first", "1-2-24", None),
        ("day_first", "2024-02-01", "2024-02-01"),
    ],
)
def test_cell_is_respelled_or_does_not_fit(
    notation: Notation, cell: str, expected: str | None
) -> None:
    assert respelled(pl.Series([cell]), notation).to_list() == [expected]


def test_columns_become_values_and_what_means_missing_stays() -> None:
    found = table("id;w;d;t\nP1;3,5;1/2/2024;x,y\nP2;NA;;a\nP3;-1.000,25;31/12/2024;\n")
    found = found.read_as({2: "decimal_comma", 3: "day_first"}, ("NA",)).with_row_numbers()
    profile = profile_table(found, missing=("NA",))
    assert [c.data_type for c in profile.types] == ["integer", "text", "float", "date", "text"]
    weight, day = profile.columns[2:4]
    assert (weight.missing, weight.minimum, weight.maximum) == (1, "-1000.25", "3.5")
    assert (day.missing, day.minimum, day.maximum) == (1, "2024-02-01", "2024-12-31")


def test_cell_in_another_notation_is_refused_by_row_and_column() -> None:
    found = table("id;w\nP1;3,5\nP2;3.5\n").read_as({2: "decimal_comma"}, ())
    with pytest.raises(Refused, match=r"Row 2 .* of column 'w' is no number with a decimal comma"):
        list(found.blocks())


def test_notations_are_offered_by_what_the_cells_show() -> None:
    def offered(*cells: str) -> list[tuple[str, bool]]:
        return [(offer.notation, offer.is_sure) for offer in column(*cells).offers]

    assert offered("3,5", "4", "NA") == [("decimal_comma", True)]
    assert offered("1,234", "2,500") == [("decimal_comma", False)]
    assert offered("31/12/2024", "1/2/2024") == [("day_first", True)]
    assert offered("1/2/2024", "3/4/2024") == [("day_first", False), ("month_first", False)]
    assert offered("31/12/2024", "12/31/2024") == []
