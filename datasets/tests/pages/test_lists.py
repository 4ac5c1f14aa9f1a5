"""Lists: the dashboard, all datasets, the columns of one, the search over all, the chooser."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from psycopg2 import sql

from datasets import selectors
from datasets.identifiers import in_data_schema
from datasets.models import Dataset
from datasets.tests.pages.tables import WIDTH, Loaded, load_table


def text_of(answer: Any) -> str:
    assert answer.status_code == 200
    content = answer.content.decode().replace("<bdi>", "").replace("</bdi>", "")
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", content)).split())


def test_an_empty_account_is_told_what_to_do(alice: Any, client_of: Any) -> None:
    client = client_of(alice)

    assert "Upload your first table" in text_of(client.get("/dashboard/"))
    assert "No datasets yet" in text_of(client.get("/datasets/"))


def test_the_dashboard_sums_up_what_is_ready(own_cohort: Loaded, client_of: Any) -> None:
    load_table(own_cohort.owner, b"id,x\n1,2\n", title="Small one")

    text = text_of(client_of(own_cohort.owner).get("/dashboard/"))

    assert "Datasets 2" in text
    assert "Rows 121" in text
    assert f"Columns {WIDTH}" in text
    assert text.index("Small one") < text.index("Cohort of the north")


@contextmanager
def being_loaded(dataset: Dataset) -> Iterator[None]:
    """Hold the lock that a load holds."""
    second = connection.copy()
    with second.cursor() as cursor:
        cursor.execute("select pg_advisory_lock(hashtextextended(%s, 0))", [str(dataset.id)])
        yield
    second.close()


@pytest.mark.parametrize("has_others", [False, True])
def test_a_load_under_way_is_told_from_one_that_was_interrupted(
    alice: Any, bob: Any, client_of: Any, has_others: bool
) -> None:
    loading, killed, theirs = (
        Dataset.objects.create(user_id=person.user.pk, title=title, state="loading")
        for person, title in [(alice, "Half way"), (alice, "Left behind"), (bob, "Bob's own")]
    )
    Dataset.objects.create(user_id=alice.user.pk, title="On its way out", state="deleting")
    if has_others:
        load_table(alice, b"id,x\n1,2\n", title="Ready one")
    client = client_of(alice)

    with being_loaded(loading), being_loaded(theirs):
        text = text_of(client.get("/dashboard/"))
        page = text_of(client.get(f"/datasets/{loading.id}/"))

    assert re.search(r"Half way It is being loaded\. .* loading since \d+ \w+, \d\d:\d\d UTC", text)
    assert "Left behind Its load was interrupted. Nothing of it is kept" in text
    assert "On its way out It is being deleted." in text
    assert "Bob's own" not in text
    assert "is being loaded" in page
    assert "it will be cleared away" in text_of(client.get(f"/datasets/{killed.id}/"))
    # its lock is gone with the process that held it
    assert "Half way Its load was interrupted" in text_of(client.get("/dashboard/"))


def test_what_is_not_ready_is_no_dataset_to_browse(alice: Any, client_of: Any) -> None:
    loading = Dataset.objects.create(user_id=alice.user.pk, title="Half way", state="loading")
    client = client_of(alice)

    assert "Half way" not in text_of(client.get("/datasets/"))
    assert client.get(f"/datasets/{loading.id}/columns/").status_code == 404
    assert client.get(f"/datasets/{loading.id}/choose/").status_code == 404


def test_many_datasets_are_listed_page_by_page(
    alice: Any, client_of: Any, monkeypatch: Any
) -> None:
    now = timezone.now()
    for number in range(5):
        dataset = Dataset.objects.create(
            user_id=alice.user.pk, title=f"Table {number}", state="ready", ready_at=now
        )
        Dataset.objects.filter(id=dataset.id).update(created_at=now - timedelta(minutes=number))
    monkeypatch.setattr(selectors, "DATASETS_A_PAGE", 2)
    client, address, seen = client_of(alice), "/datasets/", []
    while address:
        page = client.get(address, headers={"HX-Request": "true"})
        seen.append(re.findall(r"Table \d", page.content.decode()))
        more = re.search(r'href="(\?before=[^"]+)"', page.content.decode())
        address = "/datasets/" + unescape(more[1]) if more else ""

    assert seen == [["Table 0", "Table 1"], ["Table 2", "Table 3"], ["Table 4"]]


def test_columns_are_listed_with_their_statistics(cohort: Loaded, client_of: Any) -> None:
    text = text_of(client_of(cohort.owner).get(cohort.at("columns/")))

    assert "3 weight float 0 % 120 50.125 65 57.5625" in text
    assert "2 age integer 10 %" in text
    assert "kept as pseudonyms" in text
    assert f"{WIDTH} columns, the id among them" in text


def test_columns_are_found_by_a_part_of_their_name(cohort: Loaded, client_of: Any) -> None:
    client = client_of(cohort.owner)

    assert f"27 of {WIDTH} columns" in text_of(client.get(cohort.at("columns/?q=TAXON")))
    # what means something to LIKE means itself here
    assert "No column has “%” in its name" in text_of(client.get(cohort.at("columns/?q=%25")))


def test_a_hundred_thousand_columns_are_listed_two_hundred_at_a_time(
    alice: Any, client_of: Any
) -> None:
    wide = load_table(alice, b"id,x\n1,2\n", title="Wide")
    total = 100_000
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL(
                "insert into {} (dataset_id, position, label, name, part, data_type, missing,"
                " distinct_count) select %s, n, 'col ' || n, 'c' || n, 1, 'text', 0, 1"
                " from generate_series(3, %s) n"
            ).format(in_data_schema("dataset_columns")),
            [wide.id, total + 1],
        )
    Dataset.objects.filter(id=wide.id).update(column_count=total)
    client = client_of(alice)

    page = client.get(listed := wide.at("columns/"))
    assert "100,001 columns, the id among them" in text_of(page)
    assert page.content.count(b'name="tick"') == 199
    middle = client.get(f"{listed}?after=50000")
    assert "50,001 col 50001" in text_of(middle)
    assert "100,000 columns at a glance" in text_of(middle)
    found = client.get(f"{listed}?q=col+9999")
    assert "11 of 100,001 columns" in text_of(found)


def test_a_search_covers_all_tables_of_one_person_and_of_nobody_else(
    own_cohort: Loaded, bob: Any, client_of: Any
) -> None:
    load_table(own_cohort.owner, b"id,Taxon map\n1,2\n", title="Small one")
    load_table(bob, b"id,taxon of bob\n1,2\n", title="Bob's own")

    text = text_of(client_of(own_cohort.owner).get("/search/?q=taxon"))

    assert "28 columns with “taxon” in the name, in 2 datasets" in text
    assert "All 27 of them" in text
    assert "Taxon map" in text
    assert "bob" not in text.replace(own_cohort.owner.email, "").lower()


def test_an_id_column_is_found_as_the_pseudonym_it_became(cohort: Loaded, client_of: Any) -> None:
    client = client_of(cohort.owner)

    found = client.get("/search/?q=person").content.decode()

    assert re.findall(r'class="type (\w+)"', found) == ["pseudonym"]
    # nor is it suggested as a column to jump to
    assert "<option" not in client.get(cohort.at("columns/names/?jump=person")).content.decode()


def test_the_map_of_columns_counts_what_it_draws(cohort: Loaded, client_of: Any) -> None:
    page = client_of(cohort.owner).get(cohort.at())

    assert f"All {WIDTH - 1} columns and the id at a glance" in text_of(page)
    colmap = re.search(r'<div class="colmap">.*?</svg>', page.content.decode(), re.DOTALL)
    assert colmap is not None
    assert colmap[0].count("<a ") + colmap[0].count('class="id"') == WIDTH


def test_a_wide_table_does_not_crowd_out_the_others(
    alice: Any, client_of: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(selectors, "MOST_FOUND", 6)
    load_table(alice, b"id,gene\n1,2\n", title="Small and old")
    header = ",".join(["id", *(f"gene {n}" for n in range(40))])
    values = ",".join(["1"] * 41)
    load_table(alice, f"{header}\n{values}\n".encode(), title="Wide and new")

    text = text_of(client_of(alice).get("/search/?q=gene"))

    assert "41 columns with “gene” in the name, in 2 datasets" in text
    assert "Small and old" in text


def test_a_search_for_what_looks_like_markup_is_shown_as_typed(alice: Any, client_of: Any) -> None:
    answer = client_of(alice).get("/search/", {"q": "<script>alert(1)</script>"})

    assert b"<script>alert" not in answer.content
    assert "No dataset or column has <bdi>“<script>" in unescape(answer.content.decode())


def test_datasets_of_one_title_are_told_apart_by_their_files(alice: Any, client_of: Any) -> None:
    names = ("first.csv", "second_שלום.csv")
    for name in names:
        load_table(alice, b"id,age\nP1,30\n", title="Cohort", file_name=name)
    client = client_of(alice)

    for address in ("/dashboard/", "/datasets/", "/search/?q=age"):
        page = client.get(address).content.decode()
        for name in names:
            assert f"<bdi>{name}</bdi>" in page
        year = Dataset.objects.filter(user_id=alice.user.pk)[0].created_at.year
        assert len(re.findall(rf"{year}, \d\d:\d\d</time>", page)) == 2


def test_ticked_columns_are_shown_and_others_stay(cohort: Loaded, client_of: Any) -> None:
    client = client_of(cohort.owner)
    answer = client.post(
        cohort.at("choose/"),
        {
            "columns": "2-4,30",
            "listed": "1-10",
            "tick": ["3", "9"],
            "place": "after=50",
            "show": "1",
        },
    )

    assert answer.status_code == 302
    assert answer["Location"] == cohort.at("?columns=3,30,9&after=50")


def test_ticks_survive_a_search_in_the_chooser(cohort: Loaded, client_of: Any) -> None:
    page = client_of(cohort.owner).post(
        cohort.at("choose/"),
        {"columns": "2-4", "listed": "1-35", "tick": ["2", "35"], "q": "taxon", "find": "1"},
    )

    text = page.content.decode()
    assert 'name="columns" value="2,35"' in text
    assert re.search(r'value="35"\s+checked', text)
    assert text.count('name="tick"') == 27


def test_showing_nothing_says_so_and_shows_nothing_else(cohort: Loaded, client_of: Any) -> None:
    client = client_of(cohort.owner)
    form = {"columns": "2-4", "listed": "1-35", "show": "1", "shown": "5-6", "place": "after=50"}

    page = client.post(cohort.at("choose/"), form)
    assert cohort.at("?columns=5-6&amp;after=50") in page.content.decode()
    assert "No column is ticked. Tick those to show" in text_of(page)
    assert "0 of at most 200" in text_of(page)

    # HTMX expects rows: the chooser has to go where the chooser was
    fragment = client.post(cohort.at("choose/"), form, headers={"HX-Request": "true"})
    assert "No column is ticked" in text_of(fragment)
    assert (fragment["HX-Retarget"], fragment["HX-Reswap"]) == ("#chooser", "innerHTML")
    assert fragment["HX-Push-Url"] == "false"


def test_none_means_none_of_those_that_are_not_listed_too(cohort: Loaded, client_of: Any) -> None:
    page = client_of(cohort.owner).post(
        cohort.at("choose/"),
        {"columns": "2-4,30", "listed": "30-31", "tick": ["30"], "q": "taxon", "none": "1"},
    )

    assert "0 of at most 200" in text_of(page)
    assert 'name="columns" value=""' in page.content.decode()
    assert "checked" not in page.content.decode()


def test_the_chooser_begins_with_what_the_rows_show(cohort: Loaded, client_of: Any) -> None:
    page = client_of(cohort.owner).get(cohort.at("choose/"))

    assert "12 of at most 200" in text_of(page)


def test_too_many_ticks_are_said_to_be_too_many(cohort: Loaded, client_of: Any) -> None:
    answer = client_of(cohort.owner).post(
        cohort.at("choose/"), {"columns": "x", "listed": "1-35", "tick": ["2"], "show": "1"}
    )

    assert "Columns are chosen by number" in text_of(answer)


def test_deleting_asks_first_and_says_what_went(own_cohort: Loaded, client_of: Any) -> None:
    client = client_of(own_cohort.owner)

    asked = text_of(client.get(own_cohort.at("delete/")))
    assert "the table that holds them, the statistics" in asked
    assert "0 corrections with old and new values" in asked
    assert "Delete “Cohort of the north”?" in asked
    for name, refusal in (("", "Type the title"), ("cohort", "This is not its title.")):
        answer = client.post(own_cohort.at("delete/"), {"name": name})
        assert answer.status_code == 422
        assert refusal in answer.content.decode()
    assert client.get(own_cohort.at()).status_code == 200

    named = {"name": " Cohort  of the north "}
    answer = client.post(own_cohort.at("delete/"), named, follow=True)
    assert (
        "“Cohort of the north” is deleted: 120 rows of 34 columns, 1 table that held them, and 0 "
        "corrections kept of it." in text_of(answer)
    )
    assert client.get(own_cohort.at()).status_code == 404
    assert client.post(own_cohort.at("delete/")).status_code == 404
