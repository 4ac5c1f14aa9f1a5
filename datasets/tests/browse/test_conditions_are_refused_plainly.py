"""What makes no sense of a column is refused by its label, over REST, and never runs."""

from typing import Any

import pytest

from conftest import Person, make_person
from datasets import rpc
from datasets.tests.stored import Stored, qualified, run, store_dataset
from fairdb_site.errors import NotFound, Refused
from fairdb_site.supabase.clients import Supabase

INJECTIONS = (
    "1; drop table _fd.datasets",
    "' or true --",
    "$1",
    "%s",
    'x") or 1=1',
    "{0,values,0}",
    "\\",
)


@pytest.fixture(scope="module")
def alice(db_ready: None) -> Person:
    return make_person("alice")


@pytest.fixture(scope="module")
def stored(alice: Person) -> Stored:
    return store_dataset(
        alice.user.pk,
        {
            "age": ("integer", [30, 31, 32]),
            "height": ("float", [1.5, 1.6, None]),
            "smoker": ("boolean", [True, False, None]),
            "born": ("date", ["2000-01-01", "2001-01-01", None]),
            "seen": ("timestamp", ["2000-01-01 10:00:00", None, None]),
            "note": ("text", ["a", "$1", "' or true --"]),
        },
    )


def rows(person: Person, stored: Stored, *conditions: Any, **asked: Any) -> list[int]:
    page = rpc.select_dataset_rows(
        Supabase(person.access_token), stored.id, [2], conditions=conditions, **asked
    )
    return [row[0] for row in page["rows"]]


def condition(position: Any, operator: Any, *values: Any) -> Any:
    return {"position": position, "operator": operator, "values": list(values)}


@pytest.mark.parametrize(
    ("refused", "message"),
    [
        (condition(2, "gt", "old"), '"age" takes a whole number; the condition'),
        (condition(2, "gt", "9" * 30), '"age" takes a whole number'),
        (condition(2, "in", "1", "1.5"), '"age" takes a whole number'),
        (condition(3, "le", "1,5"), '"height" takes a number'),
        (condition(3, "le", "1e999"), '"height" takes a number'),
        (condition(4, "eq", "perhaps"), '"smoker" takes true or false'),
        (condition(4, "lt", "true"), '"smoker" cannot be compared this way: it holds true'),
        (condition(5, "ge", "today"), '"born" takes a date'),
        (condition(5, "ge", "2024-02-30"), '"born" takes a date'),
        (condition(6, "ge", "2024-01-01 10:00+02"), '"seen" takes a date and time'),
        (condition(2, "contains", "3"), '"age" cannot be compared this way: it holds no text'),
        (condition(1, "contains", "hash"), '"patient" cannot be compared this way: it holds pseud'),
        (condition(1, "missing"), '"patient" cannot be compared this way'),
        (condition(2, "between", "1"), '"age" takes two values'),
        (condition(2, "eq"), '"age" takes one value'),
        (condition(2, "eq", "1", "2"), '"age" takes one value'),
        (condition(2, "missing", "1"), '"age" takes no value'),
        (condition(2, "in"), '"age" takes 1 to 1,000 values'),
        (condition(2, "in", *["1"] * 1001), '"age" takes 1 to 1,000 values'),
        (condition(2, "like", "1"), "operator that does not exist"),
        (condition(2, None, "1"), "operator that does not exist"),
        (condition(99, "eq", "1"), "column of a condition does not exist"),
        (condition(0, "eq", "1"), "column of a condition does not exist"),
        (condition("age", "eq", "1"), "by the position"),
        (condition("2; drop table x", "eq", "1"), "by the position"),
        (condition(-1, "eq", "1"), "by the position"),
        (condition(2, "eq", 1), "list of texts"),
        (condition(2, "eq", ["1"]), "list of texts"),
        (condition(2, "eq", None), "list of texts"),
        ({"position": 2, "operator": "eq", "values": "1"}, "list of texts"),
        ("age = 1", "list of objects"),
        (["age"], "list of objects"),
        ({}, "by the position"),
    ],
)
def test_a_condition_that_makes_no_sense_is_refused(
    alice: Person, stored: Stored, refused: Any, message: str
) -> None:
    with pytest.raises(Refused, match=message):
        rows(alice, stored, refused)


def test_too_many_conditions_are_refused(alice: Person, stored: Stored) -> None:
    with pytest.raises(Refused, match="At most 50"):
        rows(alice, stored, *[condition(2, "ge", "1")] * 51)


@pytest.mark.parametrize("text", INJECTIONS)
@pytest.mark.parametrize("operator", ["eq", "in", "contains", "starts", "ends", "lt"])
def test_values_stay_values(alice: Person, stored: Stored, text: str, operator: str) -> None:
    before = run(f"select count(*) from {qualified('datasets')}")

    found = rows(alice, stored, condition(7, operator, text))

    notes = ["a", "$1", "' or true --"]
    if operator in ("eq", "in"):
        assert found == [n for n, note in enumerate(notes, 1) if note == text]
    if operator == "contains":
        assert found == [n for n, note in enumerate(notes, 1) if text in note]
    assert run(f"select count(*) from {qualified('datasets')}") == before


@pytest.mark.parametrize("text", INJECTIONS)
def test_no_refusal_quotes_a_value(alice: Person, stored: Stored, text: str) -> None:
    with pytest.raises(Refused) as refused:
        rows(alice, stored, condition(2, "eq", text))

    assert text not in refused.value.message


@pytest.mark.parametrize("position", [1, 0, -1, 99])
def test_rows_are_not_sorted_by_what_is_no_column(
    alice: Person, stored: Stored, position: int
) -> None:
    with pytest.raises(Refused, match="cannot be sorted"):
        rows(alice, stored, sort=position)


def test_a_sorted_page_behind_a_row_that_is_gone_is_refused(alice: Person, stored: Stored) -> None:
    with pytest.raises(Refused, match="not there any more"):
        rows(alice, stored, sort=2, after=1000)


def test_an_unsorted_page_goes_on_behind_a_row_that_is_gone(alice: Person, stored: Stored) -> None:
    assert rows(alice, stored, condition(2, "ge", "0"), after=1000) == []


def test_another_person_reads_and_counts_nothing(stored: Stored, bob: Person) -> None:
    supabase = Supabase(bob.access_token)

    for call in (
        lambda: rows(bob, stored, condition(2, "ge", "0"), sort=2),
        lambda: rpc.count_dataset_rows(supabase, stored.id, [condition(2, "ge", "0")]),
    ):
        with pytest.raises(NotFound):
            call()
