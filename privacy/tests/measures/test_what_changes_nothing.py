"""Figures stay when rows are shuffled or values renamed; P29 v2 never falls for more protection."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.measures import p29
from privacy.measures.coding import coded
from privacy.measures.combinations import all_combinations
from privacy.measures.report import Report, measure
from privacy.tests.measures.tables import Small, small_tables


def figures(table: Small, policy: Any) -> dict[str, Any]:
    quasi, sensitive = table.codes()
    if policy == "drop" and all(None in row for row in table.rows):
        policy = "own"
    return measure(
        quasi, sensitive, ordered=["number"], persons=table.person_codes(), missing=policy
    ).flat()


def close(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Sums of fractions depend on their order by rounding errors, and by no more."""
    return list(one) == list(other) and all(
        one[key] == (other[key] if isinstance(other[key], str) else pytest.approx(other[key]))
        for key in one
    )


@given(small_tables(), st.sampled_from(["own", "any", "drop"]), st.randoms())
def test_order_of_rows_and_columns(table: Small, policy: str, random: Any) -> None:
    order = list(range(len(table.rows)))
    random.shuffle(order)
    shuffled = table.in_order(order)
    turned = Small(dict(reversed(shuffled.quasi.items())), shuffled.sensitive, shuffled.persons)
    assert close(figures(table, policy), figures(turned, policy))

    scores = all_combinations(table.codes()[0]).row_scores
    assert all_combinations(turned.codes()[0]).row_scores == pytest.approx(scores[order])


@given(small_tables(), st.sampled_from(["own", "any", "drop"]))
def test_names_of_values(table: Small, policy: str) -> None:
    names = {"a": "z", "b": "k", "c": "B", "x": "3", "y": "1", "z": "2", None: None}
    # numbers keep their order
    renamed = Small(
        {name: [names[cell] for cell in column] for name, column in table.quasi.items()},
        {
            "word": [names[cell] for cell in table.sensitive["word"]],
            "number": [cell and cell**2 - 7 for cell in table.sensitive["number"]],
        },
        [person and 100 - person for person in table.persons],
    )
    assert close(figures(table, policy), figures(renamed, policy))


def test_v2_never_falls_when_k_or_l_rises_or_t_falls() -> None:
    ks, ls = [1, 2, 3, 5, 11, 1000], [1, 2, 3, 10, 500]
    ts = [1.0, 0.75, 0.5 + 1e-6, 0.5, 0.49, 0.1, 0.0]
    scores = np.array([[[p29.v2(k, l, t) for t in ts] for l in ls] for k in ks])  # noqa: E741
    for axis in range(3):
        assert (np.diff(scores, axis=axis) >= 0).all()
    assert (scores[0] == 0).all()
    assert (scores[:, 0] == 0).all()
    assert (scores[:, :, :3] == 0).all()
    assert scores[1, 1, 3] == 0.5  # the least that is not 0
    assert scores.max() < 1
    assert p29.v2(4, 3, 0.2) == pytest.approx(0.5 * 3 / 4 + 0.25 * 2 / 3 + 0.25 * 0.8)


@given(small_tables(missing=False, most_rows=30))
def test_v2_never_falls_when_a_column_is_made_coarser(table: Small) -> None:
    scores = []
    values: list[dict[str, str]] = [{}, {"c": "b"}, {"c": "a", "b": "a"}]
    for coarser in values:
        name, column = next(iter(table.quasi.items()))
        quasi = {**table.quasi, name: [coarser.get(cell, cell) for cell in column]}
        codes = {name: coded(cells).codes for name, cells in quasi.items()}
        scores.append(measure(codes, table.codes()[1], ordered=["number"]).p29_v2 or 0.0)
    assert all(before <= after + 1e-12 for before, after in pairwise(scores))


def test_the_original_score_falls_where_every_figure_gets_better() -> None:
    """Three classes of ten: t falls and entropies rise, but their t are less alike than before."""

    def of_ones(*ones: int) -> Report:
        cells = [int(place < many) for many in ones for place in range(10)]
        return measure({"q": np.repeat(np.arange(3), 10)}, {"s": np.array(cells)})

    worse, better = of_ones(7, 7, 1), of_ones(8, 2, 5)
    before, after = worse.columns["s"], better.columns["s"]
    assert [before.t, after.t] == pytest.approx([0.4, 0.3])
    assert before.normalized_entropy < after.normalized_entropy
    assert before.normalized_entropy_mean < after.normalized_entropy_mean
    assert [worse.p29, better.p29] == pytest.approx([0.8026, 0.7370], abs=1e-4)
    assert [worse.p29_v2, better.p29_v2] == pytest.approx([0.725, 0.75])
