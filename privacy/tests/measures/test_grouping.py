"""Rows are grouped alike however many columns there are and however large their codes."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.measures import grouping, matching
from privacy.measures.classes import classes_of
from privacy.measures.grouping import first_rows, group
from privacy.tests.measures.tables import Small, random_codes, small_tables


def reference(columns: list[Any]) -> Any:
    table = np.stack([column.astype(np.int64) for column in columns], axis=1)
    return np.unique(table, axis=0, return_index=True, return_inverse=True)


@given(
    st.integers(0, 2**32),
    st.integers(1, 60),
    st.sampled_from([2, 50, 3_000]),
    st.sampled_from([1, 2, 40, 2**31 - 1, 2**61]),
)
def test_labels_are_those_of_sorted_distinct_rows(
    seed: int, width: int, rows: int, values: int
) -> None:
    rng = np.random.default_rng(seed)
    columns = [random_codes(rng, rows, values) - 1 for _ in range(width)]
    # half the rows are copies of others, so that wide ones meet too
    columns = [np.where(np.arange(rows) % 2, np.roll(column, 1), column) for column in columns]
    found = group(columns)
    distinct, first, labels = reference(columns)
    assert found.count == len(distinct)
    assert (found.labels == labels.ravel()).all()
    assert (first_rows(found) == first).all()


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.uint32, np.int64])
def test_any_kind_of_whole_number_will_do(dtype: Any) -> None:
    columns = [np.array([0, 1, 2, 1, 0], dtype=dtype), np.array([5, 5, 5, 5, 5], dtype=dtype)]
    assert group(columns).labels.tolist() == [0, 1, 2, 1, 0]


def test_keys_too_large_for_row_numbers_are_grouped_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(7)
    columns = [random_codes(rng, 5_000, 30) for _ in range(5)]
    expected = group(columns).labels
    monkeypatch.setattr(grouping, "_BITS", 26)  # room for keys, none for rows beside them
    assert (group(columns).labels == expected).all()


@given(small_tables(most_rows=25))
def test_both_ways_to_neighbours_find_the_same(table: Small) -> None:
    columns = list(table.codes()[0].values())
    found = []
    for cost in (0.0, 1e12):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(matching, "_A_JOIN", cost)
            patch.setattr(matching, "_JOINED", cost)
            patch.setattr(matching, "_COMPARED", 1e-6)
            patch.setattr(matching, "_MOST_WORK", 1e300)
            found.append(classes_of(columns, matching=True))
    joined, compared = found
    assert joined.sizes.tolist() == compared.sizes.tolist()
    if joined.neighbours is None or compared.neighbours is None:
        assert joined.neighbours is compared.neighbours
        return
    pairs = [
        set(zip(one.of, one.matching, strict=True))
        for one in (joined.neighbours, compared.neighbours)
    ]
    assert pairs[0] == pairs[1]
    assert len(pairs[0]) == len(joined.neighbours.of)  # each once
