import math
from collections.abc import Sequence
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anonymization.hierarchies.categories import Flat, ValueMaps
from anonymization.hierarchies.dates import Ages, Dates
from anonymization.hierarchies.fitting import Fitted, attribute_of, codes_of, fitted
from anonymization.hierarchies.hierarchy import Hierarchy, hierarchy_of
from anonymization.hierarchies.intervals import EqualWidth, Rounding
from anonymization.hierarchies.layout import imported
from anonymization.tests.hierarchies.columns import column
from fairdb_site.errors import Refused


def losses_of(hierarchy: Hierarchy, cells: Sequence[str | None]) -> dict[str, list[float]]:
    fit = fitted(hierarchy, column(cells))
    return {value: fit.losses[:, place].tolist() for place, value in enumerate(fit.values)}


groups = st.lists(st.integers(0, 2), min_size=10, max_size=10)


@given(
    st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=12), st.booleans(), groups, groups
)
def test_categories_lose_by_how_many_are_in_a_node(
    cells: list[str], some_missing: bool, below: list[int], above: list[int]
) -> None:
    leaves = "abcdefghij"  # two of which no row has
    level_1 = [f"n{group}" for group in below]
    level_2 = [f"m{above[group]}" for group in below]
    hierarchy = hierarchy_of([list(leaves), level_1, level_2])
    rows: list[str | None] = [*cells, None] if some_missing else [*cells]
    present = {cell or "" for cell in rows}

    found = losses_of(hierarchy, rows)

    for value in present:
        for level, labels in enumerate((level_1, level_2), 1):
            node = {leaf for leaf in present & {*leaves} if value and
                    labels[leaves.index(leaf)] == labels[leaves.index(value)]} or {""}  # fmt: skip
            expected = (len(node) - 1) / (len(present) - 1) if len(present) > 1 else 0
            assert found[value][level] == pytest.approx(expected)
        assert found[value][0] == 0
        assert found[value][-1] == 1


@given(
    st.lists(st.integers(-50, 50), min_size=1, max_size=12),
    st.lists(st.integers(-60, 60), max_size=12),
    st.integers(2, 30),
)
def test_numbers_lose_by_the_interval_that_their_label_says(
    cells: list[int], others: list[int], width: int
) -> None:
    leaves = sorted({*cells, *others})
    low, high = min(cells), max(cells)

    found = losses_of(EqualWidth(width).build([str(n) for n in leaves]), [str(n) for n in cells])
    unsaid = losses_of(
        hierarchy_of([[str(n) for n in leaves], [f"#{n // width}" for n in leaves]]),
        [str(n) for n in cells],
    )

    for number in cells:
        first = number // width * width
        node = [leaf for leaf in leaves if leaf // width == number // width]
        for losses, bounds in (
            (found[str(number)], (first, first + width - 1)),
            (unsaid[str(number)], (min(node), max(node))),
        ):
            length = min(bounds[1], high) - max(bounds[0], low)
            assert losses[1] == pytest.approx(length / (high - low) if high > low else 0)
            assert (losses[0], losses[-1]) == (0, 1)


def test_labels_of_other_tools_say_intervals_too() -> None:
    values = [str(value) for value in range(0, 101, 10)]
    for label, loss in {
        "20-40": 0.2, "20 to 40": 0.2, "[20, 40)": 0.2, "[20; 40[": 0.2, "-5-40": 0.4, "<40": 0.4,
        ">=20": 0.8, "20..40": 0.2, "1-2": 0.1, "x": 0.1, "40-20": 0.1, "*": 1.0,
    }.items():  # fmt: skip
        labels = [value if value not in {"20", "30"} else label for value in values]

        assert losses_of(hierarchy_of([values, labels]), values)["20"][1] == pytest.approx(loss)


def test_a_coarser_label_never_loses_less() -> None:
    hierarchy = imported(b"1;1-90;1-9;*\n5;1-90;1-9;*\n90;90;90;*").hierarchy

    assert losses_of(hierarchy, ["1", "5", "90"])["5"] == [0, 1, 1, 1]
    assert losses_of(hierarchy_of([["1", "5", "9"], ["*", "*", "9"]]), ["1", "5", "9"])["5"][1] == 1


def test_dates_lose_by_days() -> None:
    days = ["2024-01-01", "2024-01-31", "2024-12-31"]
    year = 365

    found = losses_of(Dates(("month", "year")).build(days), days)
    assert found["2024-01-31"] == [0, pytest.approx(30 / year), 1, 1]
    born = losses_of(Ages(date(2025, 2, 1), 5, ()).build(days), days)
    assert born["2024-01-31"] == [0, pytest.approx(30 / year), 1, 1]
    fit = fitted(Flat().build(days), column(days))
    assert fit.numbers is not None
    assert fit.numbers.tolist() == [19723, 19753, 20088]


def test_rounded_numbers_lose_what_becomes_one() -> None:
    found = losses_of(Rounding((10,)).build(["1", "6", "14", "101"]), ["1", "6", "14", "101"])

    assert found["6"][1] == pytest.approx(8 / 100)


def test_a_missing_value_loses_nothing_until_all_is_withheld() -> None:
    fit = fitted(EqualWidth(5).build(["1", "3", "9"]), column(["1", None, "3", "9"]))

    assert fit.values == ("1", "3", "9", "")
    assert fit.labels == (("1", "3", "9", ""), ("0-4", "5-9", ""), ("*",))
    assert fit.losses[:, 3].tolist() == [0, 0, 1]
    assert fit.numbers is not None
    assert math.isnan(fit.numbers[3])
    # among categories it is one: of A, B and missing
    assert losses_of(ValueMaps(({"A": "x", "B": "x"},)).build(["A", "B"]), ["A", "B", None]) == {
        "A": [0, 0.5, 1],
        "B": [0, 0.5, 1],
        "": [0, 0, 1],
    }
    # and may be of a node, where a file says so
    grouped = imported(b"A;x;*\n;unknown;*\n?;unknown;*").hierarchy
    assert losses_of(grouped, ["A", "?", None])[""] == [0, 0.5, 1]


def test_a_constant_column_loses_nothing_below_the_last_level() -> None:
    for cells in (["7", "7"], ["x", "x"], [None, None], ["2024-01-01"]):
        for losses in losses_of(Flat().build([cells[0] or ""]), cells).values():
            assert losses == [0, 1]


def test_an_attribute_is_as_a_search_takes_it() -> None:
    cells = column(["3", None, "1", "9", "3"])
    hierarchy = EqualWidth(5).build([str(leaf) for leaf in range(20)])

    found = attribute_of(hierarchy, cells, weight=2.0)

    assert found.codes.tolist() == [1, 3, 0, 2, 1]
    assert found.codes.dtype == np.int32
    assert found.nodes.tolist() == [[0, 1, 2, 3], [0, 0, 1, 2], [0, 0, 0, 0]]
    assert found.nodes.dtype == np.int32
    assert found.losses.shape == found.nodes.shape
    assert (found.levels, found.values, found.weight) == (3, 4, 2.0)
    assert codes_of(column(["b", "a"])).tolist() == [1, 0]


def test_numbers_are_found_however_they_are_written() -> None:
    hierarchy = imported(b"17.0;a;*\n18;a;*\n1e1;a;*\n9007199254740993;b;*").hierarchy

    fit = fitted(hierarchy, column(["17", "18", "10", "9007199254740993"]))
    assert fit.at(1) == ["a", "a", "a", "b"]
    assert fit.at(0) == ["10", "17", "18", "9007199254740993"]
    assert fitted(hierarchy, column(["18.0", "10.0"])).at(0) == ["10", "18"]

    with pytest.raises(Refused, match=r"of 'age' has the number '17' twice: as '17\.0' too"):
        fitted(imported(b"17;a;*\n17.0;a;*").hierarchy, column(["17"]), name="age")
    # as text they differ
    fitted(imported(b"17;a;*\n17.0;a;*\nx;b;*").hierarchy, column(["17", "x"]))
    with pytest.raises(Refused, match="does not cover one value of the data: '017'"):
        fitted(imported(b"17;a;*\nx;b;*").hierarchy, column(["017", "x"]))


def test_gaps_are_named() -> None:
    with pytest.raises(Refused) as refused:
        fitted(Flat().build(["0"]), column([str(n) for n in range(14)]), name="age")

    assert refused.value.message == (
        "The hierarchy of 'age' does not cover 13 values of the data: '1', '2', '3', '4', '5', "
        "'6', '7', '8', '9', '10' and 3 more. Add a line for each."
    )


def test_numbers_that_are_names_lose_as_categories() -> None:
    cells = ["1", "2", "3"]
    odd_and_even = hierarchy_of([cells, ["odd", "even", "odd"]])
    in_order = hierarchy_of([cells, ["low", "low", "high"]])

    def kinds(fit: Fitted) -> tuple[bool, list[float]]:
        return fit.numbers is None, fit.losses[1].tolist()

    assert kinds(fitted(odd_and_even, column(cells))) == (True, [0.5, 0, 0.5])
    assert kinds(fitted(in_order, column(cells))) == (False, [0.5, 0.5, 0])
    assert kinds(fitted(in_order, column(cells), as_categories=True)) == (True, [0.5, 0.5, 0])
