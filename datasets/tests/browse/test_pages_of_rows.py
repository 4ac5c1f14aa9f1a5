"""Conditions, order and size of the rows on their page: typed, linked, refused, taken away."""

import re
from typing import Any

import pytest

from datasets.tests.pages.conftest import client_of, cohort
from datasets.tests.pages.tables import Loaded, load_table
from datasets.tests.pages.test_rows import link, numbers, table_of, text_of

__all__ = ["client_of", "cohort"]


@pytest.fixture(name="get")
def _get(cohort: Loaded, client_of: Any) -> Any:
    client = client_of(cohort.owner)
    return lambda rest="", **sent: client.get(cohort.at(rest), **sent)


def test_an_address_filters_and_sorts(get: Any) -> None:
    answer = get("?where=2.ge.60&where=6.eq.true&sort=-2")

    rows = table_of(answer)[1:]
    ages = [int(row[2]) for row in rows]
    assert ages == sorted(ages, reverse=True)
    assert min(ages) >= 60
    assert {row[6] for row in rows} == {"true"}
    text = text_of(answer)
    assert 'aria-sort="descending"' in text
    assert f"{len(rows)} of" in text
    assert f"{len(rows)} matching rows" in text


def test_pages_of_filtered_rows_lead_both_ways(get: Any) -> None:
    first = get("?where=2.present&sort=3")
    second = get(link(first, "rows-next"))
    last = get(link(second, "rows-last"))

    assert len(numbers(first)) == 50
    assert numbers(second)[0] > numbers(first)[-1]
    assert link(last, "rows-next") == ""
    assert numbers(get(link(second, "rows-previous"))) == numbers(first)


def test_the_form_leads_to_the_address_that_says_the_same(get: Any) -> None:
    answer = get(
        "?columns=2-4&sort=3&after=50&column=%232+age&operator=between&value=30,+40"
        "&column=smoker&operator=missing&value=&column=&operator=eq&value="
    )

    assert answer.status_code == 302
    assert answer["Location"].endswith("?columns=2-4&where=2.between.30,40&where=6.missing&sort=3")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("column=nothing+like+it&operator=eq&value=1", "No column has this in its name."),
        ("column=&operator=eq&value=1", "Name the column"),
        ("column=age&operator=between&value=1", "takes two values"),
        ("column=age&operator=drop+table&value=1", "Choose how the column is compared."),
    ],
)
def test_a_condition_that_is_none_stays_in_the_form_with_the_reason(
    get: Any, typed: str, said: str
) -> None:
    answer = get(f"?{typed}")

    assert answer.status_code == 200
    assert said in text_of(answer)
    assert 'value="1"' in text_of(answer)
    assert numbers(answer)[0] == 1


def test_another_condition_is_offered_when_asked_for(get: Any) -> None:
    text = text_of(get("?column=age&operator=ge&value=40&more=1"))

    assert len(re.findall('<input name="column"', text)) == 2
    assert 'value="age"' in text


def test_the_id_is_found_by_its_pseudonym(get: Any, cohort: Loaded) -> None:
    page = text_of(get())
    pseudonym = re.findall(r'class="hash" title="([0-9a-f]{64})"', page)[4]

    assert numbers(get(f"?where=1.eq.{pseudonym}")) == [5]


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("?where=2.ge.old", "takes a whole number"),
        ("?where=2.contains.3", "cannot be compared this way"),
        ("?where=999.eq.1", "column of a condition does not exist"),
        ("?where=2.like.1", "cannot be read"),
        ("?where=';drop+table", "cannot be read"),
        ("?where=2.eq.1%00", "NUL"),
        ("?sort=999", "cannot be sorted by this column"),
        ("?sort=1", "cannot be sorted by this column"),
        ("?sort=age", "sorted by a column&#x27;s number"),
        ("?sort=3&after=99999", "not there any more"),
        ("?rows=7", "A page has 50, 100, 200 or 500 rows."),
        ("?" + "where=2.ge.1&" * 60, "At most 20 conditions"),
    ],
)
def test_what_makes_no_sense_is_told_beside_the_rows(get: Any, address: str, said: str) -> None:
    answer = get(address)

    assert answer.status_code == 200
    assert said in text_of(answer)
    assert numbers(answer)


def test_conditions_that_were_refused_stay_to_be_mended(get: Any) -> None:
    text = text_of(get("?where=2.ge.old"))

    assert 'value="#2 "' not in text
    assert 'value="old"' in text
    assert "conditions" in text


def test_no_row_meeting_the_conditions_is_said_with_a_way_out(get: Any) -> None:
    answer = get("?where=2.ge.5000&sort=3")

    assert "No row meets this condition." in text_of(answer)
    assert "Show all rows" in text_of(answer)


def test_a_page_has_as_many_rows_as_asked_for_and_as_it_bears(get: Any) -> None:
    assert len(numbers(get("?rows=100"))) == 100
    assert len(numbers(get("?rows=500"))) == 120
    assert 'id="rows-200"' in text_of(get("?rows=500"))


def test_conditions_are_taken_away_one_by_one(get: Any) -> None:
    answer = get("?where=2.ge.60&where=6.eq.true&sort=3")

    one_less = link(answer, "condition-1")
    assert "where=2" not in one_less
    assert "where=6.eq.true" in one_less
    assert "sort=3" in one_less
    assert "where" not in link(answer, "no-conditions")
    assert "sort" not in link(answer, "unsorted")


def test_a_click_on_a_head_sorts_up_then_down_then_not_at_all(get: Any) -> None:
    up = get(link(get("?where=2.present"), "sort-3"))
    down = get(link(up, "sort-3"))
    back = link(down, "sort-3")

    assert 'aria-sort="ascending"' in text_of(up)
    assert 'aria-sort="descending"' in text_of(down)
    assert "sort" not in back
    assert "where=2.present" in back


def test_choosing_columns_keeps_conditions_and_order(get: Any, cohort: Loaded) -> None:
    page = text_of(get("?columns=2-4&where=7.eq.a%26b,c&sort=-3"))
    address = re.search(r'id="choose-columns"\s+href="([^"]*)"', page)
    assert address

    chooser = text_of(get(address[1].removeprefix(cohort.at()).replace("&amp;", "&")))

    assert "where=7.eq.a%26b,c&amp;sort=-3" in chooser


def test_names_for_a_condition_bear_their_number(get: Any) -> None:
    text = text_of(get("columns/names/?column=taxon+2"))

    assert 'value="#29 taxon 20"' in text
    assert 'value="#1 person"' in text_of(get("columns/names/?column=person"))


def test_values_of_conditions_cannot_become_markup(alice: Any, client_of: Any) -> None:
    table = load_table(alice, b"id,<b>x</b>\n1,<i>y</i>\n")

    text = text_of(client_of(alice).get(table.at("?where=2.eq.<script>alert(1)</script>")))

    assert "<script>alert" not in text
    assert "<b>x</b>" not in text


def test_an_estimate_is_said_to_be_one_and_can_be_counted(alice: Any, client_of: Any) -> None:
    from datasets.models import Dataset

    rows = "".join(f"P{n},{n % 7}\n" for n in range(400))
    table = load_table(alice, f"id,number\n{rows}".encode())
    Dataset.objects.filter(pk=table.id).update(row_count=200_000)
    client = client_of(alice)

    text = text_of(client.get(table.at("?where=2.ge.0")))
    counted = re.search(r'href="([^"]*count=1)"', text)

    assert "50 of about" in " ".join(text.split())
    assert counted
    exact = client.get(table.at(counted[1].replace("&amp;", "&")))
    assert "400 matching rows" in text_of(exact)
