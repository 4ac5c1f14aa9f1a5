"""Of many rows a count is estimated and sorting makes an index; here a small table is called large.

What is done for a large dataset goes by the row count on record, so a few rows will do.
"""

from contextlib import closing
from typing import Any

import pytest
from django.db import connection

from conftest import Person, make_person
from datasets import rpc
from datasets.tests.pages.conftest import client_of
from datasets.tests.stored import Columns, Stored, qualified, run, store_dataset
from fairdb_site.supabase.clients import Supabase

__all__ = ["client_of"]

ROWS = 400


@pytest.fixture(scope="module")
def alice(db_ready: None) -> Person:
    return make_person("alice")


@pytest.fixture
def large(alice: Person) -> Stored:
    """A dataset of 400 rows that is on record as one of 200,000."""
    columns: Columns = {
        "number": ("integer", [None if n % 100 == 0 else n % 7 for n in range(ROWS)]),
        "text": ("text", [f"text {n % 50}" for n in range(ROWS)]),
        "long": ("text", ["x" * (600 if n == 7 else 5) for n in range(ROWS)]),
    }
    stored = store_dataset(alice.user.pk, columns, rows=ROWS)
    run(f"update {qualified('datasets')} set row_count = 200000 where id = %s", [stored.id])
    return stored


def indexes(stored: Stored) -> list[str]:
    return [
        row[0]
        for row in run(
            "select pg_get_indexdef(indexrelid) from pg_index where indnatts = 2"
            " and indrelid = any (%s::text[]::regclass[])",
            [[qualified(part) for part in stored.parts]],
        )
    ]


def test_sorting_a_large_dataset_makes_one_index_that_its_pages_use(
    alice: Person, large: Stored
) -> None:
    supabase = Supabase(alice.access_token)
    before = rpc.select_dataset_rows(supabase, large.id, [2], sort=2, descending=True)

    assert rpc.index_dataset_column(supabase, large.id, 2)
    assert rpc.index_dataset_column(supabase, large.id, 2)

    assert len(indexes(large)) == 1
    assert before == rpc.select_dataset_rows(supabase, large.id, [2], sort=2, descending=True)


def pages(supabase: Supabase, dataset: Any, **asked: Any) -> list[list[Any]]:
    """Return all rows, page by page from the start, then page by page from the end."""
    found = []
    for way in ("after", "before"):
        place: dict[str, Any] = {} if way == "after" else {"last": True}
        more = True
        while more:
            page = rpc.select_dataset_rows(
                supabase, dataset, [2, 3], **place, **asked, sort=2, limit=60
            )
            found.append(page["rows"])
            more = page["has_next" if way == "after" else "has_previous"]
            place = {way: page["last" if way == "after" else "first"]}
    return found


@pytest.mark.parametrize("columns_a_part", [3, 1])
@pytest.mark.parametrize("descending", [False, True])
def test_conditions_on_other_columns_are_tried_in_the_order_of_an_index(
    alice: Person, columns_a_part: int, descending: bool
) -> None:
    columns: Columns = {
        "number": ("integer", [None if n % 4 == 0 else n % 7 for n in range(ROWS)]),
        "text": ("text", [f"text {n % 5}" for n in range(ROWS)]),
    }
    stored = store_dataset(alice.user.pk, columns, rows=ROWS, columns_a_part=columns_a_part)
    run(f"update {qualified('datasets')} set row_count = 200000 where id = %s", [stored.id])
    supabase = Supabase(alice.access_token)
    wanted: list[rpc.Condition] = [
        {"position": 3, "operator": "ne", "values": ["text 3"]},
        {"position": 2, "operator": "ne", "values": ["6"]},
    ]

    def found() -> list[list[list[Any]]]:
        return [
            pages(supabase, stored.id, conditions=conditions, descending=descending)
            for conditions in (wanted[:1], wanted)
        ]

    before = found()
    assert rpc.index_dataset_column(supabase, stored.id, 2)

    assert found() == before
    assert [sum(map(len, both_ways)) for both_ways in before] == [2 * 320, 2 * 206]


def test_rows_far_along_an_index_are_found_by_reading_all(alice: Person) -> None:
    rows = 20_100  # more than are tried one by one
    columns: Columns = {
        "number": ("integer", list(range(rows))),
        "text": ("text", ["yes" if n >= rows - 30 else "no" for n in range(rows)]),
    }
    stored = store_dataset(alice.user.pk, columns, rows=rows)
    supabase = Supabase(alice.access_token)
    run(f"update {qualified('datasets')} set row_count = 200000 where id = %s", [stored.id])
    wanted: list[rpc.Condition] = [{"position": 3, "operator": "ne", "values": ["no"]}]
    assert rpc.index_dataset_column(supabase, stored.id, 2)

    page = rpc.select_dataset_rows(supabase, stored.id, [2], conditions=wanted, sort=2, limit=10)

    assert [row[0] for row in page["rows"]] == list(range(rows - 29, rows - 19))
    assert page["has_next"]


def test_an_index_on_text_is_in_the_order_of_its_pages(alice: Person, large: Stored) -> None:
    assert rpc.index_dataset_column(Supabase(alice.access_token), large.id, 3)

    (index,) = indexes(large)
    assert 'COLLATE "C", rowid' in index


def test_texts_too_long_for_an_index_are_sorted_without_one(alice: Person, large: Stored) -> None:
    supabase = Supabase(alice.access_token)

    assert not rpc.index_dataset_column(supabase, large.id, 4)

    assert indexes(large) == []
    page = rpc.select_dataset_rows(supabase, large.id, [4], sort=4, last=True, limit=1)
    assert page["rows"][0][0] == 8


def test_a_dataset_has_ten_such_indexes_at_most(alice: Person, db_ready: None) -> None:
    columns: Columns = {f"c{n}": ("integer", [1]) for n in range(12)}
    stored = store_dataset(alice.user.pk, columns, rows=1, columns_a_part=12)
    run(f"update {qualified('datasets')} set row_count = 100000 where id = %s", [stored.id])
    supabase = Supabase(alice.access_token)

    made = [rpc.index_dataset_column(supabase, stored.id, n) for n in range(2, 14)]

    assert made == [True] * 10 + [False] * 2


def test_nobody_waits_for_an_index_while_a_row_is_being_changed(
    alice: Person, large: Stored
) -> None:
    with closing(connection.copy()) as other, other.cursor() as cursor:
        other.set_autocommit(False)
        cursor.execute(f"lock table {large.qualified} in row exclusive mode")

        assert not rpc.index_dataset_column(Supabase(alice.access_token), large.id, 2)

        other.rollback()


def test_a_large_count_is_estimated_and_exact_when_asked_for(alice: Person, large: Stored) -> None:
    supabase = Supabase(alice.access_token)
    wanted: list[rpc.Condition] = [{"position": 2, "operator": "ge", "values": ["0"]}]

    page = rpc.select_dataset_rows(supabase, large.id, [2], conditions=wanted)

    assert not page["exact"]
    assert 0 <= page["matching"] <= 200_000
    assert len(page["rows"]) == 50
    assert rpc.count_dataset_rows(supabase, large.id, wanted) == 396


def test_a_page_that_takes_too_long_is_stopped_and_told_beside_all_rows(
    alice: Person, client_of: Any
) -> None:
    columns: Columns = {"a": ("integer", [1, 2, 3]), "b": ("integer", [4, 5, 6])}
    stored = store_dataset(alice.user.pk, columns, columns_a_part=1)
    function = (
        "public.select_dataset_rows"
        "(uuid, integer[], bigint, bigint, integer, jsonb, integer, boolean, boolean, integer,"
        " text)"
    )
    run(f"alter function {function} set statement_timeout = '500ms'")
    try:
        with closing(connection.copy()) as other, other.cursor() as cursor:
            other.set_autocommit(False)
            cursor.execute(f"lock table {qualified(stored.parts[1])}")  # of the condition alone

            answer = client_of(alice).get(f"/datasets/{stored.id}/?columns=2&where=3.ge.5")

            other.rollback()
    finally:
        run(f"alter function {function} set statement_timeout = '6s'")

    text = answer.content.decode()
    assert answer.status_code == 200
    assert "This took longer than a page may and was stopped" in text
    assert "Rows 1 to 3 of 3" in text
