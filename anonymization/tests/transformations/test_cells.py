from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anonymization.hierarchies.fitting import codes_of, fitted
from anonymization.hierarchies.intervals import EqualWidth
from anonymization.tests.hierarchies.columns import column
from anonymization.transformations.cells import (
    generalized,
    marked,
    masked,
    rare_suppressed,
    rounded,
    suppressed,
    top_bottom,
    withheld,
    written,
)
from fairdb_site.errors import Refused
from privacy.reading import recoded


def test_values_become_what_a_recipe_says() -> None:
    assert withheld(["a", ""]) == ["*", "*"]
    assert masked(["Smith", "Li", "Lee", ""], first=1, last=1) == ["S***h", "**", "L*e", ""]
    assert masked(["Smith"]) == ["*****"]
    assert masked(["12345"], last=2) == ["***45"]
    assert rounded(["17", "", "12.4", "-15"], 5) == ["15", "", "10", "-15"]
    assert top_bottom(["17", "", "50", "95.5"], bottom=18, top=90) == ["18", "", "50", "90"]
    assert suppressed(["a", "b", ""], {"a"}) == ["*", "b", ""]
    assert marked(["a", ""], "unknown") == ["a", "unknown"]
    fit = fitted(EqualWidth(5).build(["1", "7"]), column(["1", "7", None]))
    assert generalized(fit, 1) == ["0-4", "5-9", ""]


def test_what_makes_no_sense_is_refused() -> None:
    fit = fitted(EqualWidth(5).build(["1"]), column(["1"]))
    wrongs: list[tuple[Callable[[], object], str]] = [
        (lambda: masked(["a"], first=-1), "0 or more"),
        (lambda: generalized(fit, 3), "has the levels 0 to 2"),
        (lambda: generalized(fit, -1), "has the levels 0 to 2"),
        (lambda: rounded(["x"], 5), "'x' is not a number"),
        (lambda: top_bottom(["5"], bottom=2, top=1), "above the top"),
        (lambda: marked(["a", ""], "a"), "is a value of the column already"),
        (lambda: marked(["a", ""], ""), "is empty"),
    ]
    for wrong, says in wrongs:
        with pytest.raises(Refused, match=says):
            wrong()


def test_rare_values_are_suppressed() -> None:
    read = column(["a", "a", "b", None])

    assert rare_suppressed(["a", "b", ""], codes_of(read), least=2) == ["a", "*", ""]


def test_a_transformed_column_is_one_again() -> None:
    read = column(["17", None, "19", "22", "17"])

    by_five = recoded(read, rounded(read.values, 5))
    assert by_five.values == ("15", "20")
    assert by_five.coded.codes.tolist() == [0, -1, 1, 1, 0]
    assert by_five.coded.numeric
    # text where not all are numbers any more, with one text more for missing ones
    named = recoded(read, [*suppressed(read.values, {"17"}), "unknown"])
    assert named.values == ("*", "19", "22", "unknown")
    assert named.coded.codes.tolist() == [0, 3, 1, 2, 0]
    assert named.data_type == "text"


cells = st.lists(st.none() | st.sampled_from(["a", "b", "é", "1"]), min_size=1, max_size=9)


@given(cells)
def test_what_is_written_of_a_column_is_the_column(rows: list[str | None]) -> None:
    read = column(rows)
    values = [*read.values, ""]

    assert written(values, codes_of(read)).to_list() == rows
    again = recoded(read, read.values)
    assert again.values == read.values
    assert np.array_equal(again.coded.codes, read.coded.codes)
