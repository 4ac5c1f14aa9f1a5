"""The sweep tells which columns single people out, and SUDA how special each row is."""

import math
from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairdb_site.errors import Refused
from privacy.measures.coding import coded
from privacy.measures.combinations import affordable_size, all_combinations
from privacy.tests.measures.oracle import minimal_uniques
from privacy.tests.measures.tables import Small, random_codes, small_tables


@given(small_tables(), st.integers(1, 5))
def test_every_combination_and_special_unique(table: Small, largest: int) -> None:
    found = all_combinations(table.codes()[0], largest=largest)
    names, rows = list(table.quasi), table.rows
    most = min(largest, len(names))
    asked = [places for s in range(1, most + 1) for places in combinations(range(len(names)), s)]
    assert len(found.combinations) == len(asked)
    by_columns = {one.columns: one for one in found.combinations}
    for places in asked:
        sizes = Counter(tuple(row[p] for p in places) for row in rows).values()
        one = by_columns[tuple(names[p] for p in places)]
        assert (one.classes, one.k) == (len(sizes), min(sizes))
        assert one.uniques == list(sizes).count(1)

    minimal = minimal_uniques(rows, most)
    top = min(most, len(names) - 1)
    weights = {
        size: math.prod(len(names) - i for i in range(size, top + 1)) for size in range(1, most + 1)
    }
    scores = [sum(weights[len(places)] for places in of_row) for of_row in minimal]
    assert found.row_scores.tolist() == scores
    smallest = [min(map(len, of_row), default=0) for of_row in minimal]
    assert found.smallest.tolist() == smallest
    for place, name in enumerate(names):
        with_it = sum(weights[len(places)] for m in minimal for places in m if place in places)
        assert found.column_shares[name] == pytest.approx(with_it / (sum(scores) or 1))
    for size in range(1, most + 1):
        assert found.k_of_size(size) == min(one.k for one in found.worst(size, 99))


def test_the_worst_combination_comes_first() -> None:
    columns = {
        "sex": coded(list("mfmfmf")).codes,
        "age": coded([30, 30, 40, 40, 50, 51]).codes,
        "site": coded(list("aaaabb")).codes,
    }
    found = all_combinations(columns, largest=2)
    assert [one.columns for one in found.worst(1)] == [("age",), ("site",), ("sex",)]
    assert found.worst(2)[0].columns == ("sex", "age")
    assert found.worst(2)[0].uniques == 6
    # alone by age already, so knowing more is nothing special
    assert found.smallest.tolist() == [2, 2, 2, 2, 1, 1]


def test_what_is_too_much_is_refused_with_what_would_do() -> None:
    rng = np.random.default_rng(1)
    wide = {f"c{i}": random_codes(rng, 50, 3) for i in range(60)}
    with pytest.raises(Refused, match=r"up to 4 of 60 columns over 50 rows .* combinations of 3"):
        all_combinations(wide)
    assert affordable_size(60, 50) == 3
    assert affordable_size(8, 3_000_000) == 4
    assert affordable_size(3, 10) == 3
    assert affordable_size(60, 10**9) == 0
    assert len(all_combinations(wide, largest=2).combinations) == 60 + 60 * 59 // 2
    with pytest.raises(Refused, match="one quasi-identifier at least"):
        all_combinations({})
    with pytest.raises(Refused, match="one column at least"):
        all_combinations(wide, largest=0)
