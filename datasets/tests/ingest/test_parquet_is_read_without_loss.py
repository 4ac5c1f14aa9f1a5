"""Columns of Parquet as text, by type; what text cannot hold is refused by name."""

import io
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from datasets.ingest import parquet
from datasets.ingest.parquet import write_parquet
from datasets.ingest.profile import profile_table
from datasets.ingest.read import open_table
from datasets.tests.ingest.tables import cells
from datasets.tests.ingest.workbooks import Written
from fairdb_site.errors import FairdbError, Refused


def saved(path: Path, columns: dict[str, Any], **options: Any) -> Path:
    pl.DataFrame(columns).write_parquet(path / "t.parquet", **options)
    return path / "t.parquet"


def column(path: Path, values: Any) -> list[str]:
    """Return a column's cells between rulers, so that one of nothing is seen."""
    out = Written()
    write_parquet(saved(path, {"v": values, "ruler": ["|"] * len(values)}), out)
    return [line.removesuffix(",|") for line in out.getvalue().decode().split("\n")[1:-1]]


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([1, -(2**62), None], ["1", "-4611686018427387904", ""]),
        (pl.Series([2**64 - 1], dtype=pl.UInt64), ["18446744073709551615"]),
        ([1.0, 0.1 + 0.2, 1e22, -0.0, None], ["1.0", "0.30000000000000004", "1e+22", "-0.0", ""]),
        ([float("nan"), float("inf"), -float("inf")], ["NaN", "Infinity", "-Infinity"]),
        (pl.Series([0.1, 1e20], dtype=pl.Float32), ["0.1", "1e+20"]),
        (pl.Series([1.5, None], dtype=pl.Float16), ["1.5", ""]),
        ([True, False, None], ["true", "false", ""]),
        (["a", "", None, 'b"', "é,"], ["a", '""', "", '"b"""', '"é,"']),
        (pl.Series(["x", None, "x"], dtype=pl.Categorical), ["x", "", "x"]),
        ([date(2024, 2, 29), None], ["2024-02-29", ""]),
        ([datetime(2024, 1, 1), datetime(2024, 1, 1, 10, 0, 10, 500000)],  # noqa: DTZ001
         ["2024-01-01 00:00:00", "2024-01-01 10:00:10.5"]),
        (pl.Series([datetime(2024, 7, 1, 10), None]).dt.replace_time_zone("Europe/Amsterdam"),  # noqa: DTZ001
         ["2024-07-01 10:00:00+02:00", ""]),
        ([time(10, 0), time(1, 2, 3, 400)], ["10:00:00", "01:02:03.0004"]),
        ([timedelta(hours=36)], ["P1DT12H"]),
        ([Decimal("1.50"), None], ["1.50", ""]),
        ([None, None], ["", ""]),
    ],
)  # fmt: skip
def test_a_column_is_written_as_its_values(tmp_path: Path, values: Any, texts: list[str]) -> None:
    assert column(tmp_path, values) == texts


@pytest.mark.parametrize(
    ("values", "kind"), [([[1]], "lists"), ([{"a": 1}], "structures"), ([b"x"], "bytes")]
)
def test_what_no_cell_can_hold_is_refused_by_its_column(
    tmp_path: Path, values: Any, kind: str
) -> None:
    with pytest.raises(Refused, match=rf"Column 'v' of the Parquet file holds .*{kind}"):
        column(tmp_path, values)


def test_every_group_of_rows_is_read_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "_CELLS", 7)
    path = saved(tmp_path, {"n": list(range(1_000))}, row_group_size=100)
    out = Written()

    write_parquet(path, out)

    assert out.getvalue().split() == [b'"n"', *(b"%d" % n for n in range(1_000))]


def test_a_parquet_file_is_opened_like_any_file(tmp_path: Path) -> None:
    path = saved(tmp_path, {"i,d": ["P1", None], "v": [1.0, 2.5], "n": [1, None]})

    for source in (path, lambda: io.BytesIO(path.read_bytes())):
        table = open_table(source)
        assert table.header == ("i,d", "v", "n")
        assert cells(table) == [("P1", "1.0", "1"), (None, "2.5", None)]
        assert table.evidence.form == "parquet"
        assert table.evidence.why == ("A Parquet file of 3 columns, known by its content.",)
        types = [column.data_type for column in profile_table(table).columns]
        assert types == ["text", "float", "integer"]


def test_a_missing_cell_of_a_single_column_stays_missing(tmp_path: Path) -> None:
    path = saved(tmp_path, {"v": ["x", None, "", None]})

    assert cells(open_table(path)) == [("x",), (None,), ("",), (None,)]


@pytest.mark.parametrize("cut", [slice(0, -9), slice(0, 60), slice(0, 8)])
def test_a_damaged_parquet_file_is_refused(tmp_path: Path, cut: slice) -> None:
    path = saved(tmp_path, {"v": list(range(500))})
    path.write_bytes(path.read_bytes()[cut])

    with pytest.raises(FairdbError, match="Parquet file cannot be read"):
        write_parquet(path, Written())


def test_a_parquet_file_without_columns_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="has no columns"):
        write_parquet(saved(tmp_path, {}), Written())


def test_a_column_called_like_the_first_bytes_of_parquet_is_a_column() -> None:
    assert open_table(lambda: io.BytesIO(b"PAR1,x\n1,2\n")).header == ("PAR1", "x")
