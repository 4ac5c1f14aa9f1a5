"""What the database keeps of corrections, and takes back: over REST, as their owner."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import DatabaseError, connection

from accounts.models import AuditEvent
from accounts.tests.doors import sign_in
from conftest import Person
from datasets import rpc
from datasets.browse.export_file import dataset_write
from datasets.models import Change, ChangedRow, Dataset, DatasetColumn
from datasets.tests.stored import Columns, Stored, qualified, run, store_dataset
from fairdb_site.database import as_user
from fairdb_site.errors import Conflict, NotFound, Refused
from fairdb_site.supabase.clients import Supabase

AWKWARD: Columns = {
    "whole": ("integer", [9_007_199_254_740_993, -1, None]),
    "part": ("float", [0.1 + 0.2, -0.0, float("inf")]),
    "yes": ("boolean", [True, None, False]),
    "day": ("date", ["2024-02-29", None, "0999-01-01"]),
    "moment": ("timestamp", ["2024-02-29 23:59:59.999999", "1970-01-01", None]),
    "words": ("text", ['a "quoted" \\ one', "ünï\n\tcode ⚕", None]),
}


@pytest.fixture
def stored(alice: Person) -> Stored:
    return store_dataset(alice.user.id, AWKWARD)


def supabase(person: Person) -> Supabase:
    return Supabase(person.access_token)


def digest(stored: Stored) -> str:
    seen = hashlib.sha256()
    dataset_write(dataset_id=stored.id, reader_id=stored.owner, write=seen.update)
    return seen.hexdigest()


def changes(stored: Stored, person: Person, **asked: Any) -> list[rpc.Change]:
    return rpc.get_changes(supabase(person), stored.id, **asked)


def test_a_correction_is_kept_with_who_when_old_and_new(stored: Stored, alice: Person) -> None:
    before = datetime.now(UTC)

    made = rpc.update_dataset_row(supabase(alice), stored.id, 1, {2: 7, 7: "another"})
    (change,) = changes(stored, alice)

    assert change["change"] == made["change"]
    assert change["account"] == str(alice.user.id)
    assert before <= datetime.fromisoformat(change["at"]) <= datetime.now(UTC)
    assert (change["kind"], change["rows"], change["cells"]) == ("edited", 1, 2)
    assert [(c["row"], c["label"], c["old"], c["new"]) for c in change["shown"]] == [
        (1, "whole", "9007199254740993", "7"),
        (1, "words", 'a "quoted" \\ one', "another"),
    ]


def test_the_same_value_again_is_no_change(stored: Stored, alice: Person) -> None:
    made = rpc.update_dataset_row(supabase(alice), stored.id, 1, {3: 0.1 + 0.2})

    assert made == {"change": None}
    assert changes(stored, alice) == []


def test_whichever_way_a_change_comes_it_is_kept(stored: Stored, alice: Person) -> None:
    rpc.update_table_row(supabase(alice), stored.table, 1, {"c2": 1})
    with as_user(alice.user.id):
        run(f"update {stored.qualified} set c2 = 2 where rowid = 1")
    run(f"alter table {stored.qualified} no force row level security")
    run(f"update {stored.qualified} set c2 = 3 where rowid = 1")

    kept = [(c["account"], c["shown"][0]["new"]) for c in changes(stored, alice)]

    assert kept == [(None, "3"), (str(alice.user.id), "2"), (str(alice.user.id), "1")]


@pytest.mark.parametrize(
    "updates",
    [
        {2: None},
        {3: -1.5e-300},
        {4: False},
        {5: "2023-01-01"},
        {6: "2023-01-01 00:00:00.000001"},
        {7: ""},
        {2: 1, 3: None, 4: None, 5: None, 6: None, 7: None},
    ],
)
@pytest.mark.parametrize("row", [1, 2, 3])
def test_undo_puts_back_byte_for_byte_what_was_there(
    stored: Stored, alice: Person, row: int, updates: dict[int, Any]
) -> None:
    loaded = digest(stored)
    made = rpc.update_dataset_row(supabase(alice), stored.id, row, updates)
    if made["change"] is None:
        return
    edited = digest(stored)

    undone = rpc.undo_change(supabase(alice), UUID(made["change"]))

    assert edited != loaded == digest(stored)
    newest, first = changes(stored, alice)
    assert newest["undoes"] == first["change"]
    assert (first["undone"], newest["undone"]) == (True, False)
    rpc.undo_change(supabase(alice), UUID(undone["change"]))
    assert digest(stored) == edited


def test_deleted_rows_are_gone_from_every_part_and_come_back(stored: Stored, alice: Person) -> None:
    loaded = digest(stored)

    gone = rpc.delete_dataset_rows(supabase(alice), stored.id, [1, 3, 99])

    assert gone["rows"] == 2
    for part in stored.parts:
        assert run(f"select rowid from {qualified(part)}") == [(2,)]
    assert Dataset.objects.get(pk=stored.id).row_count == 1
    assert gone["change"] is not None
    assert rpc.undo_change(supabase(alice), UUID(gone["change"]))["rows"] == 2
    assert digest(stored) == loaded
    assert Dataset.objects.get(pk=stored.id).row_count == 3
    assert [c["kind"] for c in changes(stored, alice)] == ["restored", "deleted"]


def test_undoing_what_was_changed_again_is_refused_whole(stored: Stored, alice: Person) -> None:
    first = rpc.update_dataset_row(supabase(alice), stored.id, 1, {2: 1, 7: "x"})
    rpc.update_dataset_row(supabase(alice), stored.id, 1, {7: "y"})
    before = digest(stored)

    with pytest.raises(Conflict, match=r"Row 1 was changed again since"):
        rpc.undo_change(supabase(alice), UUID(first["change"]))

    assert digest(stored) == before
    assert len(changes(stored, alice)) == 2


def test_undoing_an_edit_of_a_row_deleted_since_is_refused(stored: Stored, alice: Person) -> None:
    edit = rpc.update_dataset_row(supabase(alice), stored.id, 1, {2: 1})
    rpc.delete_dataset_rows(supabase(alice), stored.id, [1])

    with pytest.raises(Conflict, match="undo the later change first"):
        rpc.undo_change(supabase(alice), UUID(edit["change"]))


def test_a_deletion_undone_twice_is_refused_the_second_time(stored: Stored, alice: Person) -> None:
    gone = rpc.delete_dataset_rows(supabase(alice), stored.id, [2])
    rpc.undo_change(supabase(alice), UUID(gone["change"]))

    with pytest.raises(Conflict):
        rpc.undo_change(supabase(alice), UUID(gone["change"]))

    assert Dataset.objects.get(pk=stored.id).row_count == 3


def test_who_saw_another_value_is_told_and_overwrites_nothing(
    stored: Stored, alice: Person
) -> None:
    seen: dict[int, Any] = {2: 9_007_199_254_740_993}
    rpc.update_dataset_row(supabase(alice), stored.id, 1, {2: 1}, expected=seen)

    with pytest.raises(Conflict, match="Somebody changed this meanwhile"):
        rpc.update_dataset_row(supabase(alice), stored.id, 1, {2: 2}, expected=seen)

    assert run(f"select c2 from {stored.qualified} where rowid = 1") == [(1,)]


def test_of_twenty_at_once_on_one_cell_one_wins(stored: Stored, alice: Person) -> None:
    token = alice.access_token

    def correct(value: int) -> bool:
        try:
            rpc.update_dataset_row(
                Supabase(token), stored.id, 2, {2: value, 7: "x"}, expected={2: -1}
            )
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        won = list(threads.map(correct, range(20)))

    assert won.count(True) == 1
    assert len(changes(stored, alice)) == 1


def test_a_value_of_another_type_is_refused_and_nothing_of_the_row_is_stored(
    stored: Stored, alice: Person
) -> None:
    with pytest.raises(Refused, match='Column "day" takes a date'):
        rpc.update_dataset_row(supabase(alice), stored.id, 1, {2: 5, 5: "tomorrow"})

    assert changes(stored, alice) == []


@pytest.mark.parametrize("updates", [{1: "x"}, {99: "x"}, {2: 1, 99: 1}, {0: 1}, {-3: 1}])
def test_the_id_and_what_is_no_column_are_refused(
    stored: Stored, alice: Person, updates: dict[int, Any]
) -> None:
    with pytest.raises(Refused, match="no such column"):
        rpc.update_dataset_row(supabase(alice), stored.id, 1, updates)

    assert changes(stored, alice) == []


def test_a_row_that_is_not_there_is_not_found(stored: Stored, alice: Person) -> None:
    with pytest.raises(NotFound, match="No such row"):
        rpc.update_dataset_row(supabase(alice), stored.id, 99, {2: 1})


@pytest.mark.parametrize("rows", [[], list(range(501))])
def test_one_to_500_rows_are_deleted_at_once(
    stored: Stored, alice: Person, rows: list[int]
) -> None:
    with pytest.raises(Refused, match="1 to 500 rows"):
        rpc.delete_dataset_rows(supabase(alice), stored.id, rows)


def test_history_of_one_row_and_page_by_page(stored: Stored, alice: Person) -> None:
    for value in range(5):
        rpc.update_dataset_row(supabase(alice), stored.id, 1 + value % 2, {2: value})

    newest = changes(stored, alice, limit=2)
    older = changes(stored, alice, before=newest[-1]["number"], limit=10)
    of_second = changes(stored, alice, row_id=2)

    assert [c["shown"][0]["new"] for c in [*newest, *older]] == ["4", "3", "2", "1", "0"]
    assert [c["shown"][0]["new"] for c in of_second] == ["3", "1"]


def test_nobody_else_sees_or_undoes_it(stored: Stored, alice: Person, bob: Person) -> None:
    made = rpc.update_dataset_row(supabase(alice), stored.id, 1, {2: 1})

    with pytest.raises(NotFound):
        changes(stored, bob)
    for change in (made["change"], str(uuid4())):
        with pytest.raises(NotFound, match=r"^No such change\.$"):
            rpc.undo_change(supabase(bob), UUID(change))
    with as_user(bob.user.id):
        assert not Change.objects.filter(dataset=stored.id).exists()
        assert not ChangedRow.objects.filter(dataset_id=stored.id).exists()


def test_it_goes_with_the_dataset(stored: Stored, alice: Person) -> None:
    rpc.delete_dataset_rows(supabase(alice), stored.id, [1])

    Dataset.objects.filter(pk=stored.id).delete()

    assert not ChangedRow.objects.filter(dataset_id=stored.id).exists()


def test_columns_whose_statistics_are_older_than_their_cells_can_be_found(
    stored: Stored, alice: Person
) -> None:
    rpc.update_dataset_row(supabase(alice), stored.id, 1, {2: 1})
    edited = DatasetColumn.objects.filter(dataset=stored.id, edited_at__isnull=False)

    assert [column.label for column in edited] == ["whole"]
    assert Dataset.objects.get(pk=stored.id).rows_changed_at is None
    rpc.delete_dataset_rows(supabase(alice), stored.id, [1])
    assert Dataset.objects.get(pk=stored.id).rows_changed_at is not None


def test_one_event_for_each_dataset_account_and_hour_however_it_was_corrected(
    stored: Stored, alice: Person
) -> None:
    for value in (1, 2):
        rpc.update_dataset_row(supabase(alice), stored.id, 1, {2: value})
    rpc.update_table_row(supabase(alice), stored.table, 2, {"c2": 5})

    (event,) = AuditEvent.objects.filter(dataset=stored.id)

    assert (event.action, event.outcome) == ("dataset corrected", "done")
    assert (event.actor, event.origin) == (alice.user.id, None)


def test_a_correction_that_was_refused_leaves_no_event(stored: Stored, alice: Person) -> None:
    with pytest.raises(Refused):
        rpc.update_dataset_row(supabase(alice), stored.id, 1, {2: "many"})

    assert not AuditEvent.objects.filter(dataset=stored.id).exists()


def test_owners_see_it_among_the_events_of_their_dataset(stored: Stored, alice: Person) -> None:
    rpc.update_dataset_row(supabase(alice), stored.id, 1, {2: 1})

    page = sign_in(alice).get(f"/datasets/{stored.id}/activity/").content.decode()

    assert "Corrected" in page


@pytest.mark.parametrize(
    "tampering",
    ["insert into {part} values (1, %s, 'x')", "select {schema}.keep_change()"],
)
def test_the_trigger_is_nobodys_to_call_or_to_pass(
    stored: Stored, alice: Person, tampering: str
) -> None:
    schema = qualified("x").split(".")[0]
    sql = tampering.format(part=stored.qualified, schema=schema)
    params = [alice.user.id] if "%s" in sql else None

    with pytest.raises(DatabaseError), as_user(alice.user.id), connection.cursor() as cursor:
        cursor.execute(sql, params)
