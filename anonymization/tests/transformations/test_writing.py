from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anonymization.hierarchies.categories import ValueMaps
from anonymization.hierarchies.fitting import fitted, with_codes
from anonymization.hierarchies.hierarchy import Builder
from anonymization.hierarchies.intervals import EqualWidth
from anonymization.hierarchies.suggesting import suggested
from anonymization.tests.hierarchies.columns import column
from anonymization.transformations import writing
from anonymization.transformations.writing import full_domain_cells, local_cells
from fairdb_site.errors import TooLarge

NORTH = ValueMaps(({"SE": "North", "NO": "North", "IT": "South", "ES": "South"},))


def local(
    cells: Sequence[str | None], classes: Sequence[int], builder: Builder | None = None
) -> list[str | None]:
    """Return the cells by class; those of class -1 are suppressed."""
    read = column(cells)
    found = builder or suggested(read).builder
    fit = fitted(found.build(read.values), read)
    places = np.array(classes, dtype=np.int32)
    return local_cells(fit, with_codes(fit, read), places, places < 0).to_list()


def test_all_rows_have_the_label_of_a_level() -> None:
    read = column(["17", None, "23", "24"])
    fit = fitted(EqualWidth(5, (2,)).build(read.values), read)
    attribute = with_codes(fit, read)
    last_is_out = np.array([False, False, False, True])

    found = [full_domain_cells(fit, attribute, n, last_is_out).to_list() for n in range(4)]

    assert found == [
        ["17", None, "23", "*"],
        ["15-19", None, "20-24", "*"],
        ["10-19", None, "20-29", "*"],
        ["*", "*", "*", "*"],
    ]


def test_numbers_of_a_class_become_their_range() -> None:
    assert local(["23", "17", "20", "5", "5"], [0, 0, 0, 1, 1]) == ["17-23"] * 3 + ["5", "5"]
    assert local(["9", None, "10", None, "3"], [7, 7, 7, 2, -1]) == [
        "9-10 or missing", "9-10 or missing", "9-10 or missing", None, "*",
    ]  # fmt: skip
    assert local(["9", None], [0, 0]) == ["9 or missing"] * 2
    assert local(["-5", "3", "1.5", "2"], [0, 0, 1, 1]) == ["-5 to 3"] * 2 + ["1.5-2"] * 2


def test_dates_of_a_class_become_their_range() -> None:
    days = ["2024-03-04", "2024-01-02", "2024-01-02"]

    assert local(days, [0, 0, 0]) == ["2024-01-02 to 2024-03-04"] * 3
    assert local(days, [0, 1, 1]) == days


def test_categories_of_a_class_become_a_label_or_a_set() -> None:
    cells = ["SE", "NO", "IT", "SE", "SE", "ES", None, "SE"]
    classes = [0, 0, 1, 1, 2, 3, 3, 4]

    assert local(cells, classes, NORTH) == [
        "North", "North", "{IT, SE}", "{IT, SE}", "SE", "{ES, missing}", "{ES, missing}", "SE",
    ]  # fmt: skip
    # the label of leaves that the data has: of the South it has one, which says more
    assert local(["SE", "NO", "IT"], [0, 0, 1], NORTH) == ["North", "North", "IT"]
    assert local(["SE", "NO", "IT"], [0, 0, 0], NORTH) == ["*"] * 3
    odd = ["a, b", "{c}", "missing", "d", 'e"', "*", None, "f"]
    assert local(odd, [0] * 7 + [1])[0] == '{"*", "a, b", d, "e""", "missing", "{c}", missing}'


def test_all_rows_may_be_suppressed() -> None:
    assert local(["a", "b"], [-1, -1]) == ["*", "*"]


def test_sets_of_more_than_can_be_written_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "MOST_CHARACTERS", 20)

    assert local(["ab", "cd", "ef"], [0, 0, 1])[0] == "{ab, cd}"
    with pytest.raises(TooLarge, match="would be 26 characters"):
        local(["ab", "cd", "ef", "ab"], [0, 0, 1, 0])


values = st.sampled_from([*"abcdef", None])


@given(st.lists(st.tuples(values, st.integers(-1, 3)), min_size=1, max_size=30))
def test_a_cell_says_what_its_class_holds_in_any_order_of_rows(
    rows: list[tuple[str | None, int]],
) -> None:
    builder = ValueMaps((dict.fromkeys("abc", "x"),))
    cells = local([cell for cell, _ in rows], [place for _, place in rows], builder)
    present = {cell for cell, _ in rows}

    for (_, place), label in zip(rows, cells, strict=True):
        held = {cell for cell, other in rows if other == place}
        if place < 0 or (held == present and len(held) > 1):
            assert label == "*" or (held == present and label == "x")
        elif len(held) == 1:
            assert {label} == held
        elif held == present & {*"abc"}:
            assert label == "x"
        else:
            names = sorted(cell for cell in held if cell) + ["missing"] * (None in held)
            assert label == "{" + ", ".join(names) + "}"
    backwards = local([c for c, _ in rows][::-1], [p for _, p in rows][::-1], builder)
    assert backwards == cells[::-1]
