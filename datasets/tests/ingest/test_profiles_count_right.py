"""Counts, extremes, means and most frequent values against a plain count of the cells."""

import io
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.ingest import tally
from datasets.ingest.datatypes import DATA_TYPES
from datasets.ingest.profile import TableProfile, profile_table, suggest_id_column
from datasets.ingest.read import open_table
from datasets.ingest.tally import Tally, mixed, unmixed
from datasets.tests.ingest.tables import quoted

NUMBERS = st.integers(-5, 12).map(str)
WORDS = st.sampled_from(["a", "b", "Ä", "long " * 60, "z"])


def profile_of(text: str, *, block_bytes: int = 1 << 24, **options: object) -> TableProfile:
    table = open_table(lambda: io.BytesIO(text.encode()), block_bytes=block_bytes)
    return profile_table(table, **options)  # type: ignore[arg-type]


def file_of(rows: list[list[str | None]]) -> str:
    header = ",".join(f"h{n}" for n in range(len(rows[0])))
    return "\n".join([header, *(",".join(map(quoted, row)) for row in rows)]) + "\n"


def most_common(cells: list[str]) -> Counter[int]:
    """How often each count occurs among the ten most frequent values: ties have no order."""
    counted = Counter(cells)
    counts = sorted(counted.values(), reverse=True)[:10]
    return Counter(count for count in counts if count > 1 or len(counted) <= 10)


@given(
    st.sampled_from([2, 5, 70]).flatmap(
        lambda width: st.lists(
            st.lists(st.none() | NUMBERS, min_size=width, max_size=width), min_size=1, max_size=15
        )
    ),
    st.sampled_from([16, 1 << 24]),
)
def test_numbers_are_counted_in_narrow_and_wide_tables(
    rows: list[list[str | None]], block_bytes: int
) -> None:
    profile = profile_of(file_of(rows), block_bytes=block_bytes)

    assert profile.rows == len(rows)
    for column, cells in zip(profile.columns, zip(*rows, strict=True), strict=True):
        filled = [cell for cell in cells if cell is not None]
        assert column.missing == len(cells) - len(filled)
        assert (column.distinct, column.distinct_exact) == (len(set(filled)), True)
        if not filled:
            assert (column.data_type, column.minimum, column.mean) == ("text", None, None)
            continue
        numbers = [int(cell) for cell in filled]
        assert column.data_type == "integer"
        assert (column.minimum, column.maximum) == (str(min(numbers)), str(max(numbers)))
        assert column.mean == pytest.approx(sum(numbers) / len(numbers))
        assert Counter(count for _, count in column.top) == most_common(filled)
        assert all(filled.count(value) == count for value, count in column.top)


@given(
    st.lists(st.tuples(WORDS, st.sampled_from([None, "", "x", "y"])), min_size=1, max_size=40),
    st.sampled_from([16, 1 << 24]),
    st.sampled_from([1, 70]),
)
def test_texts_are_counted_and_an_empty_one_is_missing(
    rows: list[tuple[str, str | None]], block_bytes: int, copies: int
) -> None:
    cells = [[*row, "7", *[row[0]] * copies] for row in rows]

    profile = profile_of(file_of(cells), block_bytes=block_bytes)

    words, marks = (list(column) for column in zip(*rows, strict=True))
    column = profile.columns[0]
    assert column.distinct == len(set(words))
    assert (column.minimum, column.maximum) == (min(words)[:200], max(words)[:200])
    assert dict(column.top) == {word: n for word, n in Counter(words).items() if len(word) <= 200}
    assert profile.columns[1].missing == len([mark for mark in marks if not mark])
    assert profile.columns[1].distinct == len({mark for mark in marks if mark})
    assert all(other.top == column.top for other in profile.columns[3:])


@pytest.mark.parametrize("change", ["2.5", "word", "NA", "9007199254740993.5"])
def test_a_column_whose_type_changes_late_is_counted_as_if_it_had_been_known(change: str) -> None:
    rows: list[list[str | None]] = [[f"id{n}", str(n % 3)] for n in range(200)]
    text = file_of([*rows, ["late", change]])

    early = profile_of(text).columns[1]
    late = profile_of(text, block_bytes=64).columns[1]

    assert early == late
    assert late.distinct == 4
    assert dict(late.top)["0"] == 67


def test_types_named_all_over_a_wide_table_reach_their_columns() -> None:
    rows: list[list[str | None]] = [[f"{n}{column}" for column in range(80)] for n in range(1, 4)]
    named = {position: DATA_TYPES[position % 2 * 5] for position in range(2, 80, 3)}

    columns = profile_of(file_of(rows), types=named, id_position=1).columns

    for position, column in enumerate(columns[1:], 2):
        assert column.data_type == named.get(position, "integer")
        assert (column.minimum, column.maximum) == (f"1{position - 1}", f"3{position - 1}")


def test_the_id_column_keeps_counts_and_no_value() -> None:
    rows: list[list[str | None]] = [["b7", "1"], ["b7", "2"], [None, "3"], ["", "4"], ["a1", "5"]]

    ids = profile_of(file_of(rows), id_position=1).columns[0]

    assert (ids.data_type, ids.missing, ids.distinct) == ("text", 2, 2)
    assert (ids.minimum, ids.maximum, ids.mean, ids.top, ids.suggestions) == (
        None,
        None,
        None,
        (),
        (),
    )


def test_markers_are_not_read_as_missing_among_ids() -> None:
    rows: list[list[str | None]] = [["NA", "NA"], ["x", "1"]]

    profile = profile_of(file_of(rows), id_position=1, missing=["NA"])

    assert [column.missing for column in profile.columns] == [0, 1]


@pytest.mark.parametrize(
    ("header", "position"),
    [("age,patient_id", 2), ("age,Sample-ID", 2), ("name,code", 1), ("pidnum,sample_id", 1)],
)
def test_the_id_column_is_suggested_by_name_and_by_being_unique(header: str, position: int) -> None:
    assert (
        suggest_id_column(
            profile_of(f"{header}\n1,1\n1,2\n" if position == 2 else f"{header}\n1,1\n2,1\n")
        )
        == position
    )


def test_an_id_that_comes_again_with_each_visit_is_suggested_too() -> None:
    visits = "".join(f"{n},{n % 4},a\n" for n in range(20))

    assert suggest_id_column(profile_of(f"visit,patient_id,site_id\n{visits}")) == 2


def test_many_values_are_estimated_within_a_few_percent_and_said_to_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tally, "COUNTED_VALUES", 100)
    monkeypatch.setattr(tally, "KEPT_VALUES", 1_000)
    values = Tally(1)
    for start in range(0, 20_000, 500):
        block = np.arange(start, start + 500, dtype=np.uint64)
        block[::5] = 7
        values.add(np.array([0]), mixed(block)[None, :], None)

    (distinct,), (exact,) = values.distinct()

    assert not exact
    assert distinct == pytest.approx(16_000, rel=0.1)
    top = values.top(10)
    assert {unmixed(int(code)) for code in top.codes} == {7}
    assert top.counts.tolist() == [20_000 // 5 + (7 % 5 != 0)]


@given(st.integers(0, 2**64 - 1))
def test_a_value_can_be_had_back_from_its_code(value: int) -> None:
    assert unmixed(int(mixed(np.array([value], dtype=np.uint64))[0])) == value
