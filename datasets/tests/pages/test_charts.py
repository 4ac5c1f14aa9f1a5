"""What the charts of a dataset are drawn from."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.browse.charts import (
    BAR,
    MAP_HEIGHT,
    TYPES,
    ColumnGroup,
    column_map,
    top_bars,
    type_bar,
)


@given(st.dictionaries(st.sampled_from(TYPES), st.integers(1, 100_000), min_size=1))
def test_the_bar_of_types_is_filled_to_its_end(counts: dict[str, int]) -> None:
    segments = type_bar(counts)

    assert sum(segment.length for segment in segments) == pytest.approx(BAR)
    assert {segment.data_type: segment.count for segment in segments} == counts


def test_no_columns_make_no_bar() -> None:
    assert type_bar({}) == ()
    assert column_map([], rows=10) == ()


def test_a_bar_of_the_map_is_as_high_as_its_columns_are_filled() -> None:
    groups = [
        ColumnGroup(0, "integer", count=3, missing=10, different=30, first=1, last=4),
        ColumnGroup(0, "text", count=1, missing=10, different=10, first=2, last=2),
        ColumnGroup(1, "text", count=1, missing=10, different=0, first=5, last=5),
    ]

    half, empty = column_map(groups, rows=10)

    assert half.missing_share == 0.5
    assert half.different_share == 1.0
    assert (half.first, half.last) == (1, 4)
    assert sum(segment.length for segment in half.segments) == MAP_HEIGHT / 2
    assert half.segments[0].start + half.segments[0].length == MAP_HEIGHT
    assert empty.missing_share == 1.0
    assert 0 < empty.shade < 0.1


def test_a_dataset_without_rows_is_drawn_all_the_same() -> None:
    (bar,) = column_map([ColumnGroup(0, "text", 1, 0, 0, 1, 1)], rows=0)

    assert (bar.missing_share, bar.different_share) == (0.0, 0.0)
    assert top_bars([("a", 0)], rows=0)[0].share == 0.0
