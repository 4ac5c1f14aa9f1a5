"""What describes a dataset is its owner's to write, all or nothing, and never unawares."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest

from accounts import audit
from conftest import Person
from datasets.models import Dataset, DatasetColumn
from datasets.tests.stored import Stored, run, store_dataset
from fairdb_site.database import as_user
from fairdb_site.errors import Conflict, NotFound, Refused


@pytest.fixture
def stored(alice: Person) -> Stored:
    return store_dataset(alice.user.pk)


def describe(person: Person, stored: Stored, facts: Any, expected: Any = None) -> Any:
    return person.rpc(
        "describe_dataset",
        {"p_dataset_id": str(stored.id), "p_facts": facts, "p_expected": expected},
    )


def describe_columns(person: Person, stored: Stored, columns: Any, **more: Any) -> Any:
    return person.rpc(
        "describe_columns", {"p_dataset_id": str(stored.id), "p_columns": columns, **more}
    )


def words_of(stored: Stored) -> dict[int, tuple[str, str]]:
    columns = DatasetColumn.objects.filter(dataset=stored.id).order_by("position")
    return {column.position: (column.description, column.unit) for column in columns}


def test_all_that_describes_is_stored_and_told_with_the_facts(
    alice: Person, stored: Stored
) -> None:
    facts = {
        "title": "Gut cohort",
        "description": "Two\nlines",
        "origin": "PRJNA422434",
        "licence": "CC-BY-4.0",
        "keywords": ["gut", "a,b"],
    }

    changed = describe(alice, stored, facts)
    told = alice.rpc("get_dataset", {"p_dataset_id": str(stored.id)})

    assert changed == sorted(facts)
    assert {name: told[name] for name in facts} == facts
    assert told["described_at"] is not None
    assert describe(alice, stored, {"title": "Gut cohort"}) == []


def test_columns_are_described_and_told_with_their_statistics(
    alice: Person, stored: Stored
) -> None:
    assert describe_columns(alice, stored, {"2": {"description": "At entry", "unit": "a"}}) == 1
    assert (
        describe_columns(alice, stored, {"2": {"unit": "years"}, "1": {"description": "id"}}) == 2
    )
    assert describe_columns(alice, stored, {"2": {"unit": "years"}}) == 0

    columns = alice.rpc("get_dataset_columns", {"p_dataset_id": str(stored.id)})["columns"]

    assert (columns[1]["description"], columns[1]["unit"]) == ("At entry", "years")
    assert words_of(stored) == {1: ("id", ""), 2: ("At entry", "years"), 3: ("", ""), 4: ("", "")}


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({"title": " "}, "has a title"),
        ({"title": "x" * 201}, "title is at most 200"),
        ({"description": "x" * 10_001}, "description is at most 10000"),
        ({"licence": 3}, "licence is a text"),
        ({"title": None}, "title is a text"),
        ({"state": "ready"}, "no state to describe"),
        ({"keywords": ["x"] * 51}, "at most 50 keywords"),
        ({"keywords": ["x" * 101]}, "at most 50 keywords"),
        ({"keywords": [1]}, "list of texts"),
        ({"keywords": "x"}, "list of texts"),
        ([], "object of texts"),
    ],
)
def test_what_is_too_long_or_no_text_is_refused_whole(
    alice: Person, stored: Stored, facts: Any, sentence: str
) -> None:
    more = {"origin": "kept out"} | facts if isinstance(facts, dict) else facts

    with pytest.raises(Refused, match=sentence):
        describe(alice, stored, more)

    assert Dataset.objects.get(pk=stored.id).origin == ""


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"9": {"unit": "kg"}}, "no column 9"),
        ({"x": {"unit": "kg"}}, "named by its position"),
        ({"2": {"unit": "x" * 101}}, "unit is at most 100"),
        ({"2": {"description": "x" * 2_001}}, "description is at most 2000"),
        ({"2": {"label": "mine"}}, "no label to describe"),
        ({"2": "kg"}, "object of texts"),
        ([], "object"),
    ],
)
def test_columns_that_cannot_be_described_so_are_refused_with_all_others(
    alice: Person, stored: Stored, columns: Any, sentence: str
) -> None:
    more = {"3": {"unit": "m"}} | columns if isinstance(columns, dict) else columns

    with pytest.raises(Refused, match=sentence):
        describe_columns(alice, stored, more)

    assert set(words_of(stored).values()) == {("", "")}


def test_who_describes_what_was_described_meanwhile_is_told_and_overwrites_nothing(
    alice: Person, stored: Stored
) -> None:
    describe(alice, stored, {"title": "First", "origin": "A"})

    with pytest.raises(Conflict, match="described this meanwhile"):
        describe(alice, stored, {"title": "Second"}, {"title": "A cohort"})
    assert describe(alice, stored, {"origin": "B"}, {"origin": "A", "title": "seen long ago"}) == [
        "origin"
    ]

    describe_columns(alice, stored, {"2": {"unit": "a"}})
    seen = {"2": {"description": "", "unit": ""}}
    with pytest.raises(Conflict, match='described column "Age" meanwhile'):
        describe_columns(alice, stored, {"2": {"unit": "b"}, "3": {"unit": "m"}}, p_expected=seen)
    with pytest.raises(Conflict, match="described this meanwhile"):
        describe_columns(alice, stored, {"3": {"unit": "m"}}, p_seen="")
    assert words_of(stored)[3] == ("", "")

    dataset = alice.rpc("get_dataset", {"p_dataset_id": str(stored.id)})
    assert (
        describe_columns(alice, stored, {"3": {"unit": "m"}}, p_seen=dataset["described_at"]) == 1
    )
    assert Dataset.objects.get(pk=stored.id).title == "First"


def test_of_twenty_who_describe_at_once_one_is_first(alice: Person, stored: Stored) -> None:
    _ = alice.access_token

    def one(number: int) -> bool:
        try:
            describe(alice, stored, {"title": f"Title {number}"}, {"title": "A cohort"})
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(20) as pool:
        assert sum(pool.map(one, range(20))) == 1


def test_others_describe_nothing(bob: Person, stored: Stored) -> None:
    with pytest.raises(NotFound, match="No such dataset"):
        describe(bob, stored, {"title": "mine"})
    with pytest.raises(NotFound, match="No such dataset"):
        describe_columns(bob, stored, {"2": {"unit": "kg"}})
    with as_user(bob.user.pk):
        run('update "_fd".datasets set title = %s', ["mine"])
        run('update "_fd".dataset_columns set unit = %s where dataset_id = %s', ["x", stored.id])
    assert Dataset.objects.get(pk=stored.id).title == "A cohort"
    assert set(words_of(stored).values()) == {("", "")}


def test_dataset_that_is_on_its_way_is_not_described(alice: Person) -> None:
    unready = store_dataset(alice.user.pk, ready=False)

    with pytest.raises(NotFound):
        describe(alice, unready, {"title": "early"})
    with pytest.raises(NotFound):
        describe_columns(alice, unready, {"2": {"unit": "kg"}})


def test_it_is_on_record_once_an_hour_whichever_way_it_came(alice: Person, stored: Stored) -> None:
    describe(alice, stored, {"title": "A cohort"})  # as it is
    assert list(audit.events(dataset=stored.id, most=10)) == []

    describe(alice, stored, {"title": "New"})
    describe_columns(alice, stored, {"2": {"unit": "a"}, "3": {"unit": "m"}})

    (event,) = audit.events(dataset=stored.id, most=10)
    assert (event.action, event.actor) == ("dataset described", alice.user.pk)


def test_ten_thousand_columns_are_described_at_once(alice: Person) -> None:
    stored = store_dataset(alice.user.pk)
    run(
        'insert into "_fd".dataset_columns (dataset_id, position, label, name, part, data_type)'
        " select %s, n, 'taxon ' || n, 'c' || n, 1, 'float' from generate_series(5, 10000) n",
        [stored.id],
    )
    words = {str(n): {"description": f"Taxon {n}", "unit": "%"} for n in range(5, 10_001)}

    assert describe_columns(alice, stored, words) == 9_996
    assert words_of(stored)[10_000] == ("Taxon 10000", "%")


def test_missing_dataset_is_the_same_404(alice: Person) -> None:
    with pytest.raises(NotFound):
        alice.rpc("describe_dataset", {"p_dataset_id": str(uuid4()), "p_facts": {"title": "x"}})
