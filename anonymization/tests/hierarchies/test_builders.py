from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anonymization.hierarchies.categories import Flat, Kept, ValueMaps, tree_hierarchy
from anonymization.hierarchies.dates import Ages, Dates
from anonymization.hierarchies.hierarchy import Builder, Hierarchy
from anonymization.hierarchies.intervals import (
    Edges,
    EqualWidth,
    Rounding,
    TopBottom,
    quantile_edges,
)
from anonymization.hierarchies.layout import exported, imported
from anonymization.hierarchies.named import builder_of, facts_of
from anonymization.hierarchies.prefixes import Prefixes
from fairdb_site.errors import FairdbError, Refused


def line(builder: Builder, value: str, *others: str) -> str:
    """Return what becomes of the first value, level by level, beside others."""
    return "; ".join(next(builder.build([value, *others]).lines())[1:])


@pytest.mark.parametrize(
    ("builder", "values", "says"),
    [
        (EqualWidth(5, (2, 2)), ["17", "90"], "15-19; 10-19; 0-19; *"),
        (EqualWidth(5), ["-7"], "-10 to -6; *"),
        (EqualWidth(0.1, (5,)), ["0.3", "1"], "[0.3, 0.4); [0, 0.5); *"),
        (EqualWidth(1), ["3"], "3; *"),
        (Edges((18, 65, 90)), ["17", "40", "90"], "<18; *"),
        (Edges((18, 65, 90), (2,)), ["65"], "65-89; 18-89; *"),
        (Edges((18, 65.5)), ["66"], ">=65.5; *"),
        (TopBottom(18, 90), ["17"], "<18; *"),
        (TopBottom(18, 90), ["90.5"], ">90; *"),
        (TopBottom(18), ["90.5"], "90.5; *"),
        (Rounding((10, 100)), ["45"], "50; 100; *"),
        (Rounding((10, 100)), ["-45"], "-40; 0; *"),
        (Rounding((0.25,)), ["1e1", "0.1"], "10; *"),
        (Dates(), ["2024-03-05"], "2024-03; 2024-Q1; 2024; 2020-2029; *"),
        (Dates(("day",)), ["2024-03-05 12:00:00"], "2024-03-05; *"),
        (Ages(date(2024, 3, 1), 5, (2,)), ["2000-03-02"], "23; 20-24; 20-29; *"),
        (Ages(date(2024, 3, 1), 5, ()), ["2000-02-29"], "24; 20-24; *"),
        (Prefixes(), ["1234"], "123*; 12**; 1***; *"),
        (Prefixes((3,)), ["E11", "E11.9"], "E11**; *"),
        (Prefixes(), ["A"], "*"),
        (Kept(("a",)), ["b", "a"], "other; *"),
        (ValueMaps(({"a": "x", "b": "y"}, {"x": "z"})), ["a", "b", "c"], "x; z; *"),
        (ValueMaps(({"a": "x"},), "rest"), ["c", "a"], "rest; *"),
        (Flat(), ["a"], "*"),
    ],
)
def test_a_value_becomes_ever_coarser(builder: Builder, values: list[str], says: str) -> None:
    assert line(builder, *values) == says
    # missing stays missing until all is withheld, and what is named builds the same
    assert line(builder, "", *values).replace(";", "").split() == ["*"]
    assert builder_of(facts_of(builder)) == builder
    assert builder_of(facts_of(builder)).build(values) == builder.build(values)


numbers = st.integers(-1000, 1000) | st.floats(-1e6, 1e6).map(lambda x: round(x, 3))
merges = st.lists(st.integers(2, 4), max_size=3).map(tuple)
builders = st.one_of(
    st.builds(EqualWidth, st.sampled_from([50, 100.5, 2000, 12345]), merges),
    st.builds(
        Edges, st.lists(numbers, min_size=1, max_size=9, unique=True).map(sorted).map(tuple), merges
    ),
    st.builds(Rounding, st.lists(st.sampled_from([0.5, 3, 10, 100]), max_size=3).map(tuple)),
    st.builds(TopBottom, st.integers(-9, 0), st.integers(1, 9)),
)


@given(builders, st.lists(numbers, min_size=1, max_size=20, unique_by=float))
def test_intervals_nest_and_hold_their_numbers(builder: Builder, values: list[float]) -> None:
    texts = [str(value) for value in values]
    hierarchy = builder.build(texts)  # which checks that they nest

    assert hierarchy.leaves == tuple(texts)
    for *labels, last in hierarchy.lines():
        assert last == "*"
        if isinstance(builder, EqualWidth | Edges):
            assert all(_holds(label, labels[0]) for label in labels[1:])
    in_order = [labels for _, labels in sorted(zip(values, hierarchy.lines(), strict=True))]
    for level in zip(*in_order, strict=True):  # a node is one run of the ordered numbers
        runs = [
            label for label, before in zip(level, [None, *level], strict=False) if label != before
        ]
        assert len(runs) == len(set(runs))
    assert imported(exported(hierarchy)).hierarchy == hierarchy


def _holds(label: str, text: str) -> bool:
    value = Decimal(text)
    if label[0] in "<>":
        edge = Decimal(label.lstrip("<>="))
        return value < edge if label[0] == "<" else value >= edge
    if label[0] == "[":
        low, high = map(Decimal, label[1:-1].split(", "))
        return low <= value < high
    if " to " in label or "-" in label[1:]:
        low, high = map(Decimal, label.split(" to " if " to " in label else "-"))
        return low <= value <= high
    return Decimal(label) == value


@given(st.lists(st.dates(date(1900, 1, 1), date(2030, 1, 1)), min_size=1, max_size=20, unique=True))
def test_units_of_dates_nest(days: list[date]) -> None:
    texts = [day.isoformat() for day in days]

    assert Dates(("day", "month", "quarter", "year", "decade")).build(texts).levels == 7
    at = max(days)
    ages = Ages(at, 5, (2,)).build(texts)
    for day, (_, age, *_) in zip(days, ages.lines(), strict=True):
        birthdays = [
            date(year, day.month, 1) + timedelta(day.day - 1) for year in range(1899, 2032)
        ]
        assert int(age) == sum(day < birthday <= at for birthday in birthdays)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=60), st.integers(1, 8))
def test_quantiles_part_rows_evenly(rows: list[int], parts: int) -> None:
    values = sorted(set(rows))
    edges = quantile_edges(values, [rows.count(value) for value in values], parts).edges

    assert edges[0] == values[0]
    assert list(edges) == sorted(set(edges))
    for low, high in zip(edges, [*edges[1:], 51], strict=True):
        inside = [row for row in rows if low <= row < high]
        # more than a share only where one number has it, or begins within it
        assert len(inside) < len(rows) / parts + rows.count(int(low)) + max(map(rows.count, inside))


def test_a_tree_may_have_branches_of_different_depths() -> None:
    found = tree_hierarchy({"Europe": {"North": ["SE"], "South": ["IT"]}, "Asia": ["JP", "KR"]})

    assert list(found.lines()) == [
        ("SE", "North", "Europe", "*"),
        ("IT", "South", "Europe", "*"),
        ("JP", "JP", "Asia", "*"),
        ("KR", "KR", "Asia", "*"),
    ]


def _of(builder: Builder, *values: str) -> Hierarchy:
    return builder.build(values)


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda: _of(EqualWidth(0), "1"), "must be more than 0"),
        (lambda: _of(EqualWidth(1e-9), "0", "1"), "at most 100,000 are made"),
        (lambda: _of(EqualWidth(5, (1,)), "1"), "two at a time"),
        (lambda: _of(EqualWidth(5, (1000, 1000)), "1"), "at most 100,000 are made"),
        (lambda: _of(EqualWidth(5), "x"), "'x' is not a number"),
        (lambda: _of(EqualWidth(float("nan")), "1"), "'nan' is not a number"),
        (lambda: _of(EqualWidth(5), "1e999"), "'1e999' is not a number"),
        (lambda: _of(EqualWidth(5), "1e-999999999"), "is not a number"),
        (lambda: _of(EqualWidth(5), "1_000"), "is not a number"),
        (lambda: _of(Prefixes((1,)), "a", "b" * 101), "A value has 101 characters"),
        (lambda: _of(Edges((5, 5)), "1"), "each larger than the last"),
        (lambda: _of(TopBottom(9, 3), "1"), "The bottom lies above the top."),
        (lambda: _of(Rounding((0,)), "1"), "must be more than 0"),
        (lambda: _of(Dates(), "05/03/2024"), "is not a date"),
        (lambda: _of(Dates(("year", "month")), "2024-01-01"), "from short to long"),
        (lambda: _of(Ages(date(2024, 1, 1)), "2024-01-02"), "lies after 2024-01-01"),
        (lambda: _of(Prefixes((2, 3)), "abc"), "keeps fewer characters"),
        (
            lambda: _of(ValueMaps(({"a": "x", "b": "x"}, {"x": ""})), "a", "b"),
            "The label of 'a' at level 2 is empty.",
        ),
        (lambda: tree_hierarchy({"A": ["x"], "B": ["x"]}), "'x' is there twice"),
        (lambda: tree_hierarchy({"A": {"o": ["x"]}, "B": {"o": ["y"]}}), "two labels at level 2"),
        (lambda: tree_hierarchy({"A": "x"}), "stands a text"),
        (lambda: tree_hierarchy({}), "The hierarchy is empty"),
    ],
)
def test_what_cannot_be_built_is_refused(build: Any, says: str) -> None:
    with pytest.raises(FairdbError) as refused:
        build()

    assert says in refused.value.message


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ({}, "The kind of a hierarchy is one of suggested, flat, intervals"),
        ({"kind": ["flat"]}, "The kind of a hierarchy is one of"),
        ({"kind": "flat", "width": 5}, "'width' is no fact of flat"),
        ({"kind": "intervals"}, "Intervals have a width, or else edges."),
        ({"kind": "intervals", "width": "5"}, "width: a number"),
        ({"kind": "intervals", "width": True}, "width: a number"),
        ({"kind": "intervals", "edges": 5}, "edges: numbers that rise"),
        ({"kind": "ages", "at": "yesterday"}, "at: a date"),
        ({"kind": "ages"}, "at: a date"),
        ({"kind": "kept", "values": "abc"}, "values: texts"),
        ({"kind": "maps", "maps": [["a"]]}, "maps: tables of values with labels"),
        ({"kind": "lines", "lines": [["a", "x"], ["b"]]}, "lines: a list for each value"),
        ({"kind": "tree", "tree": {"A": [1]}}, "which is no text"),
        ({"kind": "tree", "tree": 5}, "tree: labels with what they hold"),
    ],
)
def test_facts_that_name_no_hierarchy_are_refused(facts: dict[str, Any], says: str) -> None:
    with pytest.raises(Refused) as refused:
        builder_of(facts)

    assert says in refused.value.message


def test_a_tree_and_lines_are_kept_as_lines() -> None:
    tree = builder_of({"kind": "tree", "tree": {"A": ["x", "y"]}})

    assert facts_of(tree) == {"kind": "lines", "lines": [["x", "A", "*"], ["y", "A", "*"]]}
    assert builder_of(facts_of(tree)) == tree
