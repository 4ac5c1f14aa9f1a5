"""The card of a column: its chart counts what plain Python counts, and leads to those rows."""

import re
from html import unescape
from typing import Any

import pytest

from conftest import Person, make_person
from datasets import rpc
from datasets.browse.card import column_card
from datasets.browse.query import read_query
from datasets.selectors import dataset_get
from datasets.tests.browse.nasty import ROWS, TYPES, Nasty, store_nasty
from datasets.tests.pages.conftest import client_of, cohort
from datasets.tests.pages.tables import LONG, Loaded
from datasets.tests.stored import Columns, store_dataset
from fairdb_site.errors import NotFound
from fairdb_site.supabase.clients import Supabase

__all__ = ["client_of", "cohort"]


@pytest.fixture(scope="module")
def alice(db_ready: None) -> Person:
    return make_person("alice")


@pytest.fixture(scope="module")
def nasty(alice: Person) -> Nasty:
    return store_nasty(alice.user.pk, indexed=False)


def card_of(person: Person, dataset: Any, position: int) -> Any:
    supabase = Supabase(person.access_token)
    shown = dataset_get(supabase=supabase, dataset_id=dataset)
    return column_card(supabase=supabase, dataset=shown, position=position)


def rows_at(person: Person, dataset: Any, address: str) -> int:
    """Return how many rows an address shows."""
    from urllib.parse import parse_qs

    query, faults = read_query(parse_qs(address.removeprefix("?"), keep_blank_values=True))
    assert not faults
    conditions: list[rpc.Condition] = [
        {"position": c.position, "operator": c.operator, "values": list(c.values)}
        for c in query.conditions
    ]
    return rpc.count_dataset_rows(Supabase(person.access_token), dataset, conditions)


@pytest.mark.parametrize("position", range(2, len(TYPES) + 2))
def test_a_card_of_nasty_values_counts_every_one_of_them(
    alice: Person, nasty: Nasty, position: int
) -> None:
    values = [value for value in nasty.values[position] if value is not None]

    card = card_of(alice, nasty.stored.id, position)

    assert card.is_counted
    assert card.rows == ROWS
    assert card.column.missing == ROWS - len(values)
    if TYPES[position - 2] in ("text", "boolean"):
        assert all(top.bar.count <= len(values) for top in card.top)
        assert card.bars == ()
    elif TYPES[position - 2] == "float":
        finite = [value for value in values if abs(value) < float("inf")]
        assert sum(bar.count for bar in card.bars) == len(finite)
    else:
        assert sum(bar.count for bar in card.bars) == len(values)


COLUMNS: Columns = {
    "few": ("integer", [1, 2, 2, 3, None, 3, 3, 5]),
    "many": ("integer", [0, 99_999, 50_000, 4_166, 4_167, 8_333, 8_334, 99_998]),
    "day": ("date", ["2024-01-01", "2024-01-02", "2024-12-31"] + [None] * 5),
    "same": ("float", [1.5] * 8),
    "none": ("float", [None] * 8),
    "share": ("float", [n / 7 for n in range(8)]),
    "yes": ("boolean", [True, True, False, None, True, True, False, True]),
    "word": ("text", ["b", "a", "a", "", "", "", None, "<i>"]),
    "moment": ("timestamp", [f"2024-01-0{n} 12:00:00" for n in range(1, 9)]),
}


@pytest.fixture(scope="module")
def plain(alice: Person) -> Any:
    return store_dataset(alice.user.pk, COLUMNS, rows=8).id


def test_a_few_whole_numbers_have_a_bar_each(alice: Person, plain: Any) -> None:
    card = card_of(alice, plain, 2)

    assert [(bar.start, bar.count) for bar in card.bars] == [
        ("1", 1),
        ("2", 2),
        ("3", 3),
        ("4", 0),
        ("5", 1),
    ]
    assert card.highest == 3
    assert card.present == 7
    assert [bar.height for bar in card.bars] == [40.0, 80.0, 120.0, 0.0, 40.0]


@pytest.mark.parametrize("position", [2, 3, 4, 7, 10])
def test_each_bar_leads_to_as_many_rows_as_it_stands_for(
    alice: Person, plain: Any, position: int
) -> None:
    for bar in card_of(alice, plain, position).bars:
        if bar.count:
            assert rows_at(alice, plain, bar.address) == bar.count


def test_one_value_has_one_bar_and_none_has_none(alice: Person, plain: Any) -> None:
    assert [bar.count for bar in card_of(alice, plain, 5).bars] == [8]
    assert card_of(alice, plain, 6).bars == ()


def test_the_most_frequent_values_lead_to_their_rows(alice: Person, plain: Any) -> None:
    card = card_of(alice, plain, 9)

    assert [(top.bar.value, top.bar.count) for top in card.top] == [
        ("", 3),
        ("a", 2),
        ("<i>", 1),
        ("b", 1),
    ]
    assert [rows_at(alice, plain, top.address) for top in card.top] == [3, 2, 1, 1]
    assert [top.bar.value for top in card_of(alice, plain, 8).top] == ["true", "false"]
    assert rows_at(alice, plain, card.missing_address) == 1


def test_a_column_that_is_none_is_not_found(alice: Person, plain: Any, bob: Person) -> None:
    for position in (0, 99, 2**40):
        with pytest.raises(NotFound):
            card_of(alice, plain, position)
    with pytest.raises(NotFound):
        rpc.get_column_profile(Supabase(bob.access_token), plain, 2)


def test_the_page_draws_the_chart_and_has_its_figures_as_a_table(
    cohort: Loaded, client_of: Any
) -> None:
    text = client_of(cohort.owner).get(cohort.at("columns/2/")).content.decode()

    assert 'role="img"' in text
    assert "As a table" in text
    assert len(re.findall("<rect", text)) == len(re.findall('<th scope="row"', text)) == 20
    assert 'rel="next"' in text
    assert "12 rows</a>" in text


def test_pages_of_cards_lead_from_column_to_column(cohort: Loaded, client_of: Any) -> None:
    client = client_of(cohort.owner)
    seen, address = 0, cohort.at("columns/1/")
    while address:
        text = client.get(address).content.decode()
        found = re.search(r'rel="next"\s+href="([^"]*)"', text)
        seen, address = seen + 1, unescape(found[1]) if found else ""

    assert seen == 35


def test_the_card_of_the_id_holds_no_value(cohort: Loaded, client_of: Any) -> None:
    text = client_of(cohort.owner).get(cohort.at("columns/1/")).content.decode()

    assert "kept as pseudonyms alone" in text
    assert "P-0" not in text


def test_lists_and_heads_lead_to_cards(cohort: Loaded, client_of: Any) -> None:
    client = client_of(cohort.owner)

    for rest in ("", "columns/"):
        assert cohort.at("columns/8/") in client.get(cohort.at(rest)).content.decode()
    assert LONG in client.get(cohort.at("columns/8/")).content.decode()
