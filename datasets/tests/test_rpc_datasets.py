"""Facts, columns and rows of datasets across their parts, over REST and typed."""

import asyncio
import math
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.signals import user_logged_out
from django.db import connection

from conftest import Person
from datasets import rpc
from datasets.tests.stored import Columns, Stored, qualified, run, store_dataset
from fairdb_site.errors import NotFound, Refused
from fairdb_site.supabase.clients import Supabase


def supabase_of(person: Person) -> Supabase:
    return Supabase(person.access_token)


@pytest.fixture
def wide(alice: Person) -> Stored:
    """Nine rows of seven columns in three parts; column n holds n * 100 + row."""
    columns: Columns = {
        f"Taxon {n}": ("integer", [n * 100 + row for row in range(1, 10)]) for n in range(2, 9)
    }
    return store_dataset(alice.user.id, columns, rows=9, columns_a_part=3)


def rowids(page: rpc.RowsPage) -> list[int]:
    return [row[0] for row in page["rows"]]


def test_datasets_come_newest_first_page_by_page(alice: Person) -> None:
    stored = [str(store_dataset(alice.user.id, title=f"Study {n}").id) for n in range(3)]
    store_dataset(alice.user.id, ready=False)
    supabase = supabase_of(alice)

    first = rpc.list_datasets(supabase, limit=2)
    rest = rpc.list_datasets(supabase, before=first[-1]["created_at"])

    assert [facts["id"] for facts in first + rest] == stored[::-1]
    assert first[0]["title"] == "Study 2"
    assert first[0]["column_count"] == 3
    assert "user_id" not in first[0]


def test_datasets_of_one_moment_are_on_one_page_each(alice: Person) -> None:
    stored = {str(store_dataset(alice.user.id).id) for _ in range(5)}
    run(
        f"update {qualified('datasets')} set created_at = now() where user_id = %s",
        [alice.user.id],
    )
    supabase = supabase_of(alice)

    listed: list[str] = []
    page = rpc.list_datasets(supabase, limit=2)
    while page:
        listed += [facts["id"] for facts in page]
        last = page[-1]
        page = rpc.list_datasets(
            supabase, before=last["created_at"], before_id=UUID(last["id"]), limit=2
        )

    assert listed == sorted(stored, reverse=True)


def test_a_dataset_still_loading_has_facts_but_no_rows(alice: Person) -> None:
    loading = store_dataset(alice.user.id, ready=False)
    supabase = supabase_of(alice)

    assert rpc.get_dataset(supabase, loading.id)["state"] == "created"
    with pytest.raises(NotFound):
        rpc.select_dataset_rows(supabase, loading.id, [])


def test_the_receipt_comes_with_the_dataset(alice: Person) -> None:
    stored = store_dataset(alice.user.id)
    run(
        f"update {qualified('datasets')} set receipt = '{{\"refused\": 2}}' where id = %s",
        [stored.id],
    )

    assert rpc.get_dataset(supabase_of(alice), stored.id)["receipt"] == {"refused": 2}


def test_columns_are_searched_and_paged_by_position(alice: Person, wide: Stored) -> None:
    supabase = supabase_of(alice)

    page = rpc.get_dataset_columns(supabase, wide.id, search="TAXON", after=3, limit=2)

    assert (page["total"], page["matching"]) == (8, 7)
    assert [(c["position"], c["label"], c["part"]) for c in page["columns"]] == [
        (4, "Taxon 4", 1),
        (5, "Taxon 5", 2),
    ]
    assert "dataset_id" not in page["columns"][0]
    identifier = rpc.get_dataset_columns(supabase, wide.id)["columns"][0]
    assert (identifier["part"], identifier["role"]) == (None, "identifier")


def test_rows_hold_the_chosen_columns_of_any_part_in_the_order_asked(
    alice: Person, wide: Stored
) -> None:
    page = rpc.select_dataset_rows(supabase_of(alice), wide.id, [8, 2, 1, 5, 3, 8], limit=2)

    assert page["rows"] == [
        [1, "hash1", "801", "201", "hash1", "501", "301", "801"],
        [2, "hash2", "802", "202", "hash2", "502", "302", "802"],
    ]


@pytest.mark.parametrize("positions", [[], [1], [6], [2, 3, 4, 5, 6, 7, 8]])
def test_pages_go_forward_and_back_over_every_row(
    alice: Person, wide: Stored, positions: list[int]
) -> None:
    supabase = supabase_of(alice)
    forward = [rpc.select_dataset_rows(supabase, wide.id, positions, limit=4)]
    while forward[-1]["has_next"]:
        forward.append(
            rpc.select_dataset_rows(
                supabase, wide.id, positions, after=forward[-1]["last"], limit=4
            )
        )
    back = [forward[-1]]
    while back[-1]["has_previous"]:
        back.append(
            rpc.select_dataset_rows(supabase, wide.id, positions, before=back[-1]["first"], limit=4)
        )

    assert [rowids(page) for page in forward] == [[1, 2, 3, 4], [5, 6, 7, 8], [9]]
    assert [rowids(page) for page in back] == [[9], [5, 6, 7, 8], [1, 2, 3, 4]]
    assert not forward[0]["has_previous"]


@pytest.mark.parametrize(
    ("edge", "has_previous", "has_next"),
    [({"after": 9}, True, False), ({"before": 1}, False, True)],
)
def test_past_either_end_the_page_is_empty_and_says_where_rows_are(
    alice: Person, wide: Stored, edge: dict[str, Any], has_previous: bool, has_next: bool
) -> None:
    page = rpc.select_dataset_rows(supabase_of(alice), wide.id, [2], **edge)

    assert page == {
        "rows": [],
        "first": None,
        "last": None,
        "has_previous": has_previous,
        "has_next": has_next,
        "matching": 9,
        "exact": True,
    }


def test_pages_skip_rowids_that_are_not_there(alice: Person) -> None:
    stored = store_dataset(alice.user.id, {"a": ("integer", range(6))}, rows=6)
    run(f"delete from {stored.qualified} where rowid in (1, 3, 4)")

    page = rpc.select_dataset_rows(supabase_of(alice), stored.id, [2], limit=2)

    assert rowids(page) == [2, 5]
    assert (page["has_previous"], page["has_next"]) == (False, True)


def test_a_dataset_without_rows_has_an_empty_page(alice: Person) -> None:
    stored = store_dataset(alice.user.id, {"a": ("integer", [])}, rows=0)

    page = rpc.select_dataset_rows(supabase_of(alice), stored.id, [2])

    assert (page["rows"], page["has_previous"], page["has_next"]) == ([], False, False)


def test_values_are_the_text_that_copy_writes(alice: Person) -> None:
    columns: Columns = {
        "i": ("integer", [-(2**63), 0, None]),
        "f": ("float", [0.1, 1e300, math.nan]),
        "b": ("boolean", [True, False, None]),
        "d": ("date", ["0001-01-01", "9999-12-31", None]),
        "t": ("timestamp", ["2024-02-29 23:59:59.123456", "1969-12-31 00:00:00", None]),
        "x": ("text", ['"quoted", \\ and\nnew line', "", None]),
    }
    stored = store_dataset(alice.user.id, columns, columns_a_part=2)
    copied = []
    for part in stored.parts:
        rows = run(f"select * from {qualified(part)} order by rowid")
        names = [f"c{n}" for n in range(2, 8) if int(part[-1]) == n // 2]
        assert len(rows) == 3
        copied.append([_copy_text(part, name) for name in names])
    expected = list(zip(*(column for part in copied for column in part), strict=True))

    page = rpc.select_dataset_rows(supabase_of(alice), stored.id, list(range(2, 8)))

    assert [tuple(row[2:]) for row in page["rows"]] == expected


def _copy_text(part: str, column: str) -> list[str | None]:
    """Return a column as COPY TO prints it, one value a call so that nothing needs unescaping."""
    import io

    values: list[str | None] = []
    for rowid in (1, 2, 3):
        out = io.StringIO()
        with connection.cursor() as cursor:
            cursor.copy_expert(
                f"copy (select {column} from {qualified(part)} where rowid = {rowid})"
                " to stdout (format csv, null '\x01', force_quote *)",
                out,
            )
        text = out.getvalue()[:-1]
        values.append(None if text == "\x01" else text[1:-1].replace('""', '"'))
    return values


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"p_positions": [99]}, "does not exist"),
        ({"p_positions": [2, None]}, "does not exist"),
        ({"p_positions": [2] * 1001}, "1,000"),
        ({"p_positions": [2], "p_after": 1, "p_before": 5}, "not both"),
    ],
)
def test_what_cannot_be_shown_is_refused(
    alice: Person, wide: Stored, params: dict[str, Any], message: str
) -> None:
    with pytest.raises(Refused, match=message):
        alice.rpc("select_dataset_rows", {"p_dataset_id": str(wide.id), **params})


def test_a_page_has_at_most_500_rows(alice: Person) -> None:
    stored = store_dataset(alice.user.id, {"a": ("integer", range(600))}, rows=600)

    page = rpc.select_dataset_rows(supabase_of(alice), stored.id, [2], limit=10_000)

    assert len(page["rows"]) == 500
    assert page["has_next"]


def test_a_thousand_columns_of_many_parts_come_in_one_page(alice: Person) -> None:
    columns: Columns = {f"n{n}": ("integer", [n]) for n in range(1000)}
    stored = store_dataset(alice.user.id, columns, rows=1, columns_a_part=25)
    backwards = list(range(1001, 1, -1))

    page = rpc.select_dataset_rows(supabase_of(alice), stored.id, backwards)

    assert len(stored.parts) == 40
    assert page["rows"][0][2:] == [str(n) for n in range(999, -1, -1)]


def test_only_parts_with_a_chosen_column_are_opened(alice: Person, wide: Stored) -> None:
    run(f"drop table {qualified(wide.parts[2])}")

    page = rpc.select_dataset_rows(supabase_of(alice), wide.id, [2, 6], limit=1)

    assert page["rows"] == [[1, "hash1", "201", "601"]]


def test_columns_are_found_over_all_datasets(alice: Person, wide: Stored) -> None:
    other = store_dataset(alice.user.id, {"taxon Z": ("float", [0.5])}, rows=1)
    store_dataset(alice.user.id, {"taxon Y": ("text", ["x"])}, rows=1, ready=False)

    found = rpc.search_columns(supabase_of(alice), "taxon", limit=3)

    assert [(c["dataset"], c["label"]) for c in found] == [
        (str(other.id), "taxon Z"),
        (str(wide.id), "Taxon 2"),
        (str(wide.id), "Taxon 3"),
    ]


def test_the_same_calls_run_side_by_side_in_an_event_loop(alice: Person, wide: Stored) -> None:
    async def calls() -> Any:
        supabase = supabase_of(alice)
        try:
            return await asyncio.gather(
                rpc.async_get_all_tables(supabase),
                rpc.async_get_dataset(supabase, wide.id),
                rpc.async_get_dataset_columns(supabase, wide.id, limit=1),
                rpc.async_select_dataset_rows(supabase, wide.id, [2], limit=1),
            )
        finally:
            await supabase.aclose()

    tables, dataset, columns, rows = asyncio.run(calls())

    assert [table["table_name"] for table in tables] == wide.parts
    assert dataset["id"] == str(wide.id)
    assert columns["total"] == 8
    assert rows["rows"] == [[1, "hash1", "201"]]


def test_kept_table_lists_are_per_person_and_can_be_forgotten(alice: Person, bob: Person) -> None:
    stored = store_dataset(alice.user.id)

    def kept(person: Person) -> list[str]:
        tables = rpc.get_cached_tables(supabase_of(person), person.user.id)
        return [table["table_name"] for table in tables]

    assert kept(alice) == stored.parts
    assert kept(bob) == []

    more = store_dataset(alice.user.id)
    assert kept(alice) == stored.parts
    rpc.forget_cached_tables(alice.user.id)
    assert kept(alice) == more.parts + stored.parts


def test_signing_out_forgets_the_kept_list(alice: Person) -> None:
    store_dataset(alice.user.id)
    supabase = supabase_of(alice)
    before = rpc.get_cached_tables(supabase, alice.user.id)
    store_dataset(alice.user.id)

    user_logged_out.send(sender=type(alice.user), request=None, user=alice.user)
    user_logged_out.send(sender=type(alice.user), request=None, user=None)

    assert len(rpc.get_cached_tables(supabase, alice.user.id)) > len(before)


def test_typed_calls_reach_every_function_of_users(alice: Person, wide: Stored) -> None:
    supabase = supabase_of(alice)
    table = wide.table

    assert rpc.table_exists(supabase, table)
    assert rpc.get_table_columns(supabase, table)[0]["column_name"] == "rowid"
    assert len(rpc.search_tables_by_column(supabase, "taxon 2")) == 1
    assert rpc.select_from_table(supabase, table, 1)[0]["rowid"] == 1
    assert rpc.update_table_row(supabase, table, 1, {"c2": 5})
    assert rpc.insert_metadata(supabase, table, main_table="m", description="d", origin="o")
    with pytest.raises(NotFound):
        rpc.get_dataset(supabase, uuid4())
