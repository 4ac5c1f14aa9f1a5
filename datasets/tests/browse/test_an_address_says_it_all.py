"""Addresses of rows: written and read back alike; hostile ones are passed over in plain words."""

import string
from typing import Any
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.browse.query import (
    MOST_CELLS,
    MOST_CONDITIONS,
    OPERATORS,
    SIZES,
    Condition,
    Query,
    Typed,
    read_query,
    read_typed,
    read_values,
    rows_borne,
)

values = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
listed = st.text(string.ascii_letters + string.digits + ',". %&=+#é日\n\r', max_size=20)


@st.composite
def conditions(draw: st.DrawFn) -> Condition:
    operator = draw(st.sampled_from(list(OPERATORS.values())))
    if operator.takes_list:
        most = 2 if operator.name == "between" else 6
        given_values = draw(st.lists(listed, min_size=2, max_size=most))
    else:
        given_values = draw(st.lists(values, min_size=operator.values, max_size=operator.values))
    return Condition(draw(st.integers(1, 10**9 - 1)), operator.name, tuple(given_values))


@st.composite
def queries(draw: st.DrawFn) -> Query:
    sort = draw(st.none() | st.integers(1, 10**9 - 1))
    place: Any = draw(
        st.sampled_from([{}, {"after": 0}, {"after": 2**62}, {"before": 7}, {"at_end": True}])
    )
    return Query(
        columns=draw(st.sampled_from(["", "1-12,40", "7"])),
        conditions=tuple(draw(st.lists(conditions(), max_size=4))),
        sort=sort,
        descending=sort is not None and draw(st.booleans()),
        rows=draw(st.sampled_from(SIZES)),
        **place,
    )


@given(queries())
def test_what_is_written_is_read_back_the_same(query: Query) -> None:
    sent = parse_qs(query.address.removeprefix("?"), keep_blank_values=True)

    assert read_query(sent) == (query, ())


@given(st.dictionaries(st.sampled_from(["where", "sort", "rows", "after", "before", "end",
                                        "columns"]), st.lists(values, max_size=3)))  # fmt: skip
def test_any_address_is_read_as_something(sent: dict[str, list[str]]) -> None:
    query, _ = read_query(sent)

    assert query.rows in SIZES
    assert read_query(parse_qs(query.address[1:], keep_blank_values=True))[0] == query


@pytest.mark.parametrize(
    ("where", "fault"),
    [
        ("age.ge.40", "cannot be read"),
        ("3.like.40", "cannot be read"),
        ("3", "cannot be read"),
        ("-3.ge.40", "cannot be read"),
        ("3;drop table x.ge.40", "cannot be read"),
        ("³.ge.40", "cannot be read"),
        ("3.between.40", "two values"),
        ("3.between.1,2,3", "two values"),
        ("3.in.", "takes a list"),
        ("3.in." + "1," * 1_100, "2,000 characters"),
        ("3.eq." + "x" * 2_001, "2,000 characters"),
        ("3.eq.a\x00b", "NUL"),
    ],
)
def test_a_condition_that_cannot_be_read_is_left_out_and_told(where: str, fault: str) -> None:
    query, faults = read_query({"where": ["2.eq.1", where]})

    assert query.conditions == (Condition(2, "eq", ("1",)),)
    assert len(faults) == 1
    assert fault in faults[0]


def test_a_value_may_hold_dots_and_be_empty() -> None:
    assert read_query({"where": ["3.ge.1.5"]})[0].conditions[0].values == ("1.5",)
    assert read_query({"where": ["3.eq."]})[0].conditions[0].values == ("",)
    assert read_query({"where": ["3.eq"]})[0].conditions[0].values == ("",)


def test_of_many_conditions_the_first_are_taken() -> None:
    query, faults = read_query({"where": ["2.eq.1"] * 100})

    assert len(query.conditions) == MOST_CONDITIONS
    assert "At most 20" in faults[0]


@pytest.mark.parametrize("sent", [{"sort": ["age"]}, {"sort": ["--3"]}, {"rows": ["51"]}])
def test_an_order_or_size_that_is_none_is_told(sent: dict[str, list[str]]) -> None:
    query, faults = read_query(sent)

    assert query == Query()
    assert len(faults) == 1


def test_lists_are_lines_of_csv() -> None:
    assert read_values("in", 'a, "b, c",,d') == ("a", "b, c", "", "d")
    assert read_values("between", "1,2") == ("1", "2")


def test_a_form_sends_its_conditions_in_turn() -> None:
    sent = {"column": ["age", "", "#3"], "operator": ["ge", "eq", "in"], "value": ["4", "", "a,b"]}

    typed = read_typed(sent)

    assert typed == (Typed("age", "ge", "4"), Typed("", "eq", ""), Typed("#3", "in", "a,b"))
    assert [one.is_empty for one in typed] == [False, True, False]


def test_pages_of_many_columns_have_fewer_rows() -> None:
    assert rows_borne(500, 12) == 500
    assert rows_borne(500, 200) == 100
    assert rows_borne(50, 10_000) == 50
    assert all(rows_borne(500, n) * n <= MOST_CELLS for n in range(1, 401))


def test_changes_begin_at_the_first_page() -> None:
    query = Query(conditions=(Condition(2, "eq", ("1",)), Condition(3, "missing")), after=7)

    assert query.without(0) == Query(conditions=(Condition(3, "missing"),))
    assert query.sorted_by(4, descending=True).place == ()
    assert query.sorted_by(None, descending=True).descending is False
