"""How many taxa make a sample unique, beside a count by hand."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairdb_site.errors import Refused
from privacy.measures.taxa import taxa_uniqueness

tables = st.integers(1, 6).flatmap(
    lambda taxa: st.lists(
        st.lists(st.sampled_from([0, 0, 0, 1, 2, 50, None]), min_size=taxa, max_size=taxa),
        min_size=1,
        max_size=8,
    )
)


def unique_share(rows: list[Any]) -> float:
    counts = Counter(rows)
    return sum(counts[row] == 1 for row in rows) / len(rows)


@given(tables)
def test_uniqueness_by_the_first_taxa(table: list[list[int | None]]) -> None:
    found = taxa_uniqueness(np.array(table, dtype=float), decimals=1)
    columns = list(zip(*table, strict=True))

    def prevalence(taxon: int) -> tuple[int, int, int]:
        there = [count for count in columns[taxon] if count]
        return -len(there), -sum(there), taxon

    assert list(found.taxa) == sorted(range(len(columns)), key=prevalence)
    totals = [sum(count or 0 for count in row) for row in table]
    for known in range(1, len(columns) + 1):
        taxa = found.taxa[:known]
        there = [tuple(row[t] is None or (row[t] or 0) > 0 for t in taxa) for row in table]
        lacks = [tuple(row[t] is None for t in taxa) for row in table]
        presence = [(a, b) for a, b in zip(there, lacks, strict=True)]
        assert found.presence[known - 1] == pytest.approx(unique_share(presence))
        rounded = [
            tuple(None if count is None else total and np.rint(10 * count / total) for count in row)
            for row, total in zip(([row[t] for t in taxa] for row in table), totals, strict=True)
        ]
        assert found.abundance[known - 1] == pytest.approx(unique_share(rounded))
    assert (np.diff(found.presence) >= 0).all()


def test_how_many_taxa_are_needed() -> None:
    counts = np.array([[9, 1, 0], [9, 0, 1], [9, 1, 1], [8, 2, 0]])
    found = taxa_uniqueness(counts)
    assert found.taxa == (0, 1, 2)
    assert found.presence.tolist() == [0, 0.25, 0.5]
    assert found.taxa_needed(0.5) == 3
    assert found.taxa_needed(0.9) is None
    assert found.taxa_needed(1, rounded=True) == 2  # 90, 90, 82 and 80 per cent of the first
    assert len(taxa_uniqueness(counts, most=2).presence) == 2


@pytest.mark.parametrize("table", [[[-1, 2]], [[np.inf, 1]], [[]], [1, 2]])
def test_what_is_no_abundance_table_is_refused(table: Any) -> None:
    with pytest.raises(Refused, match="bundance"):
        taxa_uniqueness(np.array(table, dtype=float))
    with pytest.raises(Refused, match="one taxon at least"):
        taxa_uniqueness(np.ones((2, 2)), most=0)
