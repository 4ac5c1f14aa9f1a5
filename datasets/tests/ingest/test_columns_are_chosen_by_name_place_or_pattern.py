"""What a person writes for columns: a label, a place, a run of places, a pattern."""

import fnmatch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.ingest.choosing import MOST_PATTERNS, Labels, choose_columns, pattern_of
from fairdb_site.errors import Refused

HEADER = ("id", "age", "Age at visit", "weight*", "x", "x", "#2")


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("age", [2]),
        ("#2", [7]),  # a label goes before a place
        ("#3", [3]),
        ("#3-5", [3, 4, 5]),
        ("age*", [2, 3]),
        ("*VISIT", [3]),
        ("weight*", [4]),  # a label goes before a pattern
        ("x*", [5, 6]),
        ("*", [1, 2, 3, 4, 5, 6, 7]),
        ("a*v*t", [3]),
    ],
)
def test_text_names_columns(text: str, places: list[int]) -> None:
    assert list(Labels(HEADER).named(text, option="leave_out")) == places


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("nobody", "no column 'nobody'"),
        ("x", "2 columns are named 'x'"),
        ("#9", "no column '#9'"),
        ("#0-3", "no columns '#0-3'"),
        ("#5-3", "no columns '#5-3'"),
        ("#3-99", "no columns '#3-99'"),
        ("zz*", "No column has a name like 'zz"),
        ("", "no column ''"),
    ],
)
def test_text_that_names_none_is_refused_with_its_option(text: str, says: str) -> None:
    with pytest.raises(Refused, match="(?i)" + says.replace("*", r"\*")) as refused:
        Labels(HEADER).named(text, option="leave_out")
    assert refused.value.option == "leave_out"


@given(st.text("ab*", max_size=8), st.text("ab", max_size=10))
def test_pattern_agrees_with_fnmatch(pattern: str, label: str) -> None:
    assert pattern_of(pattern)(label) == fnmatch.fnmatchcase(label, pattern)


def test_pattern_of_many_stars_is_held_against_a_long_label_at_once() -> None:
    # by backtracking this would take longer than anybody lives
    assert not pattern_of("*a" * 200 + "*b")("a" * 100_000)


def test_signs_of_other_patterns_stand_for_themselves() -> None:
    assert pattern_of("smoker?*")("smoker? (y/n)")
    assert not pattern_of("smoker?*")("smokers")
    assert pattern_of("wt [kg]*")("wt [kg]")


def test_named_column_goes_before_a_pattern_that_holds_it() -> None:
    chosen = choose_columns(
        HEADER, id_column="id", types={"age": "integer", "*": "text", "#4-5": "float"}
    )
    assert chosen.types == {2: "integer", 3: "text", 4: "float", 5: "float", 6: "text", 7: "text"}


def test_patterns_pass_over_the_id_column() -> None:
    chosen = choose_columns(HEADER, id_column="age", leave_out=["age*", "#1-2"])
    assert (chosen.id_position, chosen.left_out) == (2, (1, 3))


@pytest.mark.parametrize("option", [{"leave_out": ["age"]}, {"types": {"#2-2": "x"}}])
def test_id_column_named_to_be_left_out_and_unknown_types_are_refused(option: dict) -> None:  # type: ignore[type-arg]
    with pytest.raises(Refused):
        choose_columns(HEADER, id_column="age", **option)


def test_id_column_named_with_a_type_is_refused() -> None:
    with pytest.raises(Refused, match="takes no type"):
        choose_columns(HEADER, types={"id": "text"})
    with pytest.raises(Refused, match="takes no type"):  # the first that is read
        choose_columns(HEADER, types={"age": "text"}, leave_out=["id"])


def test_left_out_column_needs_no_type() -> None:
    chosen = choose_columns(HEADER, types={"age": "integer"}, leave_out=["#2-3"])
    assert (dict(chosen.types), chosen.left_out) == ({}, (2, 3))


def test_leaving_out_everything_is_refused() -> None:
    with pytest.raises(Refused, match="Every column"):
        choose_columns(HEADER, leave_out=["*"])


def test_many_names_are_looked_up_and_many_patterns_refused() -> None:
    header = [f"c{place}" for place in range(100_000)]
    chosen = choose_columns(header, leave_out=header[1:])
    assert len(chosen.left_out) == 99_999
    with pytest.raises(Refused, match="at most"):
        choose_columns(header, leave_out=[f"*{n}" for n in range(MOST_PATTERNS + 1)])
