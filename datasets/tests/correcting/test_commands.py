"""Correcting by commands: as the owner, and on record as an operator's doing."""

import io
import json
import re
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command

from accounts.models import AuditEvent
from accounts.tests.doors import sign_in
from datasets import rpc
from datasets.tests.stored import Columns, Stored, run, store_dataset
from fairdb_site.supabase.clients import Supabase


@pytest.fixture
def stored(alice: Any) -> Stored:
    columns: Columns = {
        "age": ("integer", [31, 47]),
        "a=b": ("text", ["x", "y"]),
        "a": ("text", ["p", "q"]),
        "twice": ("text", ["", ""]),
    }
    return store_dataset(alice.user.id, columns, rows=2)


def said(*arguments: object) -> Any:
    out = io.StringIO()
    call_command(*map(str, arguments), "--json", stdout=out)
    return json.loads(out.getvalue())


def test_a_row_is_corrected_told_and_undone(stored: Stored) -> None:
    made = said("update_row", stored.id, 1, "age=32", "#3=new", "#5=")
    told = said("history", stored.id, 1)
    undone = said("undo", made["change"])

    assert made["cells"] == {"age": "32", "a=b": "new", "twice": None}
    assert [(c["label"], c["old"], c["new"]) for c in told["changes"][0]["shown"]] == [
        ("age", "31", "32"),
        ("a=b", "x", "new"),
        ("twice", "", None),
    ]
    assert undone["rows"] == 1
    assert run(f"select c2, c3 from {stored.qualified} where rowid = 1") == [(31, "x")]


def test_it_is_on_record_as_an_operators(stored: Stored, alice: Any) -> None:
    said("update_row", stored.id, 1, "age=32")

    (change,) = rpc.get_changes(Supabase(alice.access_token), stored.id)
    event = AuditEvent.objects.get(dataset=stored.id, action="dataset corrected")
    assert (change["account"], event.actor) == (None, None)


def test_reading_the_history_is_on_record(stored: Stored) -> None:
    said("history", stored.id)

    event = AuditEvent.objects.get(dataset=stored.id)
    assert (event.action, event.actor, event.subject) == ("rows read", None, stored.owner)


@pytest.mark.parametrize(
    ("assignment", "says"),
    [
        ("age", "is not COLUMN=VALUE"),
        ("weight=3", "no column 'weight'"),
        ("patient=x", "no column 'patient'"),
        ("#1=x", "no column '#1'"),
        ("age=many", "takes a whole number"),
        ("a=b=c=d", None),
    ],
)
def test_what_cannot_be_set_is_refused(stored: Stored, assignment: str, says: str | None) -> None:
    if says is None:  # column `a=b` or column `a`: not for us to guess
        says = "may be column #3, #4"
    with pytest.raises(CommandError, match=says):
        said("update_row", stored.id, 1, assignment)


def test_what_is_not_there_is_not_found(stored: Stored) -> None:
    for command, says in (
        (("update_row", uuid4(), 1, "age=1"), "no such dataset"),
        (("update_row", stored.id, 9, "age=1"), "No such row"),
        (("history", uuid4()), "no such dataset"),
        (("undo", uuid4()), "no such change"),
    ):
        with pytest.raises(CommandError, match=says):
            said(*command)


def test_the_same_again_is_no_change(stored: Stored) -> None:
    assert said("update_row", stored.id, 1, "age=31")["change"] is None


def test_words_for_people(stored: Stored) -> None:
    out = io.StringIO()
    call_command("update_row", str(stored.id), "1", "age=32", stdout=out)
    change = out.getvalue().split("change ")[1].strip()
    call_command("history", str(stored.id), stdout=out)
    call_command("undo", change, stdout=out)

    for words in ("Row 1 corrected: 'age'", "'31' -> '32'", "Undone: 1 row as before"):
        assert words in out.getvalue()


def test_the_first_rows_of_a_change_are_named(alice: Any) -> None:
    stored = store_dataset(alice.user.id, {"age": ("integer", [1] * 9)}, rows=9)
    rows = {"p_dataset_id": str(stored.id), "p_row_ids": list(range(3, 10))}
    alice.rpc("delete_dataset_rows", rows)
    out = io.StringIO()

    call_command("history", str(stored.id), stdout=out)
    page = sign_in(alice).get(f"/datasets/{stored.id}/history/").content.decode()

    assert "7 rows deleted, rows 3, 4, 5, 6, 7 and 2 more" in out.getvalue()
    text = " ".join(re.sub(r"<[^>]*>", " ", page).split())
    assert "rows 3 , 4 , 5 , 6 , 7 and 2 more" in text
