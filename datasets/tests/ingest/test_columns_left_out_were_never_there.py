"""A table without some columns reads as the same file written without them."""

import csv
import io
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.ingest.profile import profile_table
from datasets.ingest.read import open_table
from datasets.tests.ingest.tables import TRICKY, cells, quoted, write
from fairdb_site.errors import Refused

tables = st.integers(2, 5).flatmap(
    lambda width: st.tuples(
        st.lists(
            st.lists(
                st.one_of(st.none(), st.text(TRICKY.replace("\x00", ""), max_size=4)),
                min_size=width,
                max_size=width,
            ),
            min_size=1,
            max_size=5,
        ),
        st.sets(st.integers(1, width), min_size=1, max_size=width - 1),
        st.sampled_from(["\n", "\r\n", "\r"]),
    )
)


@given(tables)
def test_cells_of_the_other_columns_are_those_of_a_file_without_them(drawn: tuple) -> None:  # type: ignore[type-arg]
    rows, left_out, line_end = drawn
    width = len(rows[0])
    header = [f"c{place}" for place in range(1, width + 1)]
    text = line_end.join([",".join(header), *(",".join(map(quoted, row)) for row in rows), ""])
    table = open_table(lambda: io.BytesIO(text.encode())).without(left_out)
    kept = [place for place in range(width) if place + 1 not in left_out]
    assert table.header == tuple(header[place] for place in kept)
    assert cells(table) == [tuple(row[place] for place in kept) for row in rows]
    assert table.rows_read == len(rows)


@pytest.mark.parametrize("width", [10, 200])
def test_profile_is_that_of_the_file_without_them(tmp_path: Path, width: int) -> None:
    source = random.Random(7)
    rows = [
        [source.choice(["1", "2.5", "", "x y", 'say "a"', "NA"]) for _ in range(width)]
        for _ in range(40)
    ]
    left_out = set(source.sample(range(1, width + 1), width // 2)) | {1, width}

    def written(places: list[int], name: str) -> Path:
        buffer = io.StringIO()
        writer = csv.writer(buffer)
        writer.writerow([f"c{place}" for place in places])
        writer.writerows([[row[place - 1] for place in places] for row in rows])
        return write(tmp_path / name, buffer.getvalue())

    everything = list(range(1, width + 1))
    kept = [place for place in everything if place not in left_out]
    narrowed = open_table(written(everything, "all.csv")).without(left_out)
    without = open_table(written(kept, "kept.csv"))
    assert profile_table(narrowed).columns == profile_table(without).columns


def test_column_left_out_may_hold_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", b"id,photo,v\n" + b"1,a,1\n" * 200_000 + b"2,\xff\xfe,2\n")
    with pytest.raises(Refused, match="not UTF-8"):
        cells(open_table(path))
    table = open_table(path).without([2])
    assert cells(table)[-1] == ("2", "2")


def test_rows_of_another_width_are_judged_by_the_file(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "id,a,b\n1,2,3\n1,2\n")
    with pytest.raises(Refused, match="The header has 3 columns, but row 2"):
        cells(open_table(path).without([2]))


def test_second_pass_of_a_held_table_is_without_them_too(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "id,a,b\n1,2,3\n")
    table = open_table(path, hold_bytes=1 << 20).without([1])
    assert cells(table) == cells(table) == [("2", "3")]
    assert table.is_held
