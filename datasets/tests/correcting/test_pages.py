"""Correcting on pages: a row as a form, a cell in its place, rows that go, history and undo."""

import re
from html import unescape
from typing import Any

import pytest
from django.test import Client

from accounts.models import AuditEvent
from accounts.tests.doors import sign_in
from datasets.correcting.values import mark_of
from datasets.models import Change
from datasets.tests.correcting.rows import HTMX, address, fields, values
from datasets.tests.stored import Stored, run, store_dataset


def test_a_row_is_shown_as_a_form(client: Client, stored: Stored) -> None:
    page = client.get(address(stored, 2)).content.decode()

    sent = fields(page)

    assert {name: value for name, value in sent.items() if name.startswith("c")} == {
        "c2": "47",
        "c3": "1e+22",
        "c4": "false",
        "c5": "1980-02-29",
        "c6": "two\r\nlines <b>",
    }
    assert "hash2" in page
    assert "lines <b>" not in page


@pytest.mark.parametrize("row", [1, 2, 3])
def test_a_row_sent_as_it_stands_changes_nothing(client: Client, stored: Stored, row: int) -> None:
    sent = fields(client.get(address(stored, row)).content.decode())

    answer = client.post(address(stored, row), sent, follow=True)

    assert "Nothing was changed" in answer.content.decode()
    assert not Change.objects.filter(dataset=stored.id).exists()


def test_what_was_typed_is_stored_and_told_with_its_history(client: Client, stored: Stored) -> None:
    sent = fields(client.get(address(stored, 1)).content.decode())

    answer = client.post(
        address(stored, 1),
        sent | {"c2": "32", "c4": "", "c6": "a\r\nb <script>"},
        follow=True,
    )
    page = answer.content.decode()

    assert values(stored, 1) == (32, 70.5, None, "1990-01-31", "a\nb <script>")
    assert "Row 1 is stored" in page
    assert "3 cells corrected" in page
    assert "<script>" not in page.split("</head>")[1]


def test_an_empty_field_is_a_missing_value(client: Client, stored: Stored) -> None:
    sent = fields(client.get(address(stored, 2)).content.decode())

    client.post(address(stored, 2), {name: "" if name[0] == "c" else v for name, v in sent.items()})

    assert values(stored, 2) == (None,) * 5


@pytest.mark.parametrize(
    ("name", "typed", "says"),
    [
        ("c2", "many", "takes a whole number"),
        ("c2", "99999999999999999999", "takes a whole number"),
        ("c3", "1,5", "takes a number"),
        ("c4", "perhaps", "takes true or false"),
        ("c5", "31.01.1990", "takes a date (YYYY-MM-DD)"),
        ("c5", "1990-02-30", "takes a date (YYYY-MM-DD)"),
        ("c6", "nul \0 here", "cannot be stored"),
        ("c6", "x" * 1_000_001, "at most 1,000,000 characters"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_at_its_field_and_kept_there(
    client: Client, stored: Stored, name: str, typed: str, says: str
) -> None:
    sent = fields(client.get(address(stored, 1)).content.decode())
    before = values(stored, 1)

    answer = client.post(address(stored, 1), sent | {"c2": "5"} | {name: typed})
    page = answer.content.decode()

    assert answer.status_code == 422
    assert values(stored, 1) == before
    assert re.search(rf'id="{name}-error">\s*[^<]*{re.escape(says)}', page)
    if name != "c4" and len(typed) < 100 and "\0" not in typed:  # no menu offers it
        assert fields(page)[name] == typed


def test_who_saw_another_value_is_shown_both_and_decides(
    client: Client, stored: Stored, alice: Any
) -> None:
    sent = fields(client.get(address(stored, 1)).content.decode())
    alice.rpc(
        "update_table_row",
        {"p_table_name": stored.table, "p_row_id": 1, "p_updates": {"c2": 99}},
    )

    answer = client.post(address(stored, 1), sent | {"c2": "32", "c6": "mine"})
    page = answer.content.decode()

    assert answer.status_code == 409
    assert "Somebody changed this meanwhile to <bdi><strong>99" in page
    assert values(stored, 1)[0] == 99
    again = fields(page)
    assert (again["c2"], again["c6"]) == ("32", "mine")
    client.post(address(stored, 1), again)
    assert values(stored, 1)[::4] == (32, "mine")


def test_a_row_deleted_meanwhile_stores_nothing(client: Client, stored: Stored, alice: Any) -> None:
    sent = fields(client.get(address(stored, 1)).content.decode())
    alice.rpc("delete_dataset_rows", {"p_dataset_id": str(stored.id), "p_row_ids": [1]})

    answer = client.post(address(stored, 1), sent | {"c2": "1"})

    assert answer.status_code == 409
    assert "deleted meanwhile" in answer.content.decode()


def test_a_deleted_row_comes_back_from_its_page(client: Client, stored: Stored) -> None:
    before = values(stored, 2)

    history = client.post(f"/datasets/{stored.id}/rows/delete/", {"rows": "2"}, follow=True)
    page = client.get(address(stored, 2)).content.decode()
    change = Change.objects.get(dataset=stored.id)
    back = client.post(
        f"/datasets/{stored.id}/history/{change.pk}/undo/", {"row": "2"}, follow=True
    )

    assert "1 row is deleted" in history.content.decode()
    assert "This row was deleted" in page
    assert "Undone: 1 row is as before" in unescape(back.content.decode())
    assert values(stored, 2) == before


@pytest.mark.parametrize(
    ("typed", "left"), [("1-2", [3]), ("1, 3", [2]), (" 2 ", [1, 3]), ("7-99", [1, 2, 3])]
)
def test_rows_are_deleted_by_their_numbers(
    client: Client, stored: Stored, typed: str, left: list[int]
) -> None:
    page = f"/datasets/{stored.id}/rows/delete/"
    assert 'name="rows"' in client.get(page).content.decode()

    client.post(page, {"rows": typed})

    assert run(f"select rowid from {stored.qualified} order by 1") == [(row,) for row in left]


@pytest.mark.parametrize(
    "typed", ["", ",", "all", "-3", "1-", "3-1x", "1-501", "1-9" * 900, "\u0663"]
)
def test_what_names_no_rows_is_refused(client: Client, stored: Stored, typed: str) -> None:
    answer = client.post(f"/datasets/{stored.id}/rows/delete/", {"rows": typed})

    assert answer.status_code == 422
    assert not Change.objects.filter(dataset=stored.id).exists()


def test_rows_beside_are_found_over_deleted_ones(
    client: Client, stored: Stored, alice: Any
) -> None:
    alice.rpc("delete_dataset_rows", {"p_dataset_id": str(stored.id), "p_row_ids": [2]})

    page = client.get(address(stored, 1)).content.decode()

    assert address(stored, 3) in page
    assert 'rel="prev"' not in page


@pytest.mark.parametrize("row", ["99", "0", "9223372036854775808", "9" * 40])
def test_a_row_that_never_was_is_not_found(client: Client, stored: Stored, row: str) -> None:
    assert client.get(f"/datasets/{stored.id}/rows/{row}/").status_code == 404


def test_columns_are_found_by_a_part_of_their_name(client: Client, stored: Stored) -> None:
    sent = fields(client.get(address(stored, 1) + "?q=eigh").content.decode())

    assert set(sent) == {"c3", "seen3"}
    assert "No column has this" in client.get(address(stored, 1) + "?q=zzz").content.decode()


def test_a_wide_row_is_shown_a_hundred_columns_at_a_time(client: Client, alice: Any) -> None:
    wide = store_dataset(
        alice.user.id, {f"x{n}": ("integer", [n]) for n in range(250)}, rows=1, columns_a_part=100
    )

    first = client.get(address(wide, 1)).content.decode()
    after = re.search(r"\?after=(\d+)", first)
    assert after
    second = fields(client.get(address(wide, 1) + after[0]).content.decode())
    client.post(address(wide, 1) + after[0], second | {"c150": "-1"})

    assert len(fields(first)) == 2 * 99
    assert "c150" in second
    assert run(f'select c150 from "_fd"."{wide.parts[1]}"') == [(-1,)]


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"c2": "1"},
        {"c1": "forged", "seen1": mark_of("hash1")},
        {"c99": "1", "seen99": "-"},
        {"c0": "1", "seen0": "-"},
        {"c2x": "1"},
        {"c999999999": "1", "seen999999999": "-"},
        {f"c{n}": "1" for n in range(2, 200)} | {f"seen{n}": "-" for n in range(2, 200)},
    ],
)
def test_a_form_that_is_not_ours_changes_nothing(
    client: Client, stored: Stored, sent: dict[str, str]
) -> None:
    answer = client.post(address(stored, 1), sent)

    assert answer.status_code in {400, 404}
    assert not Change.objects.filter(dataset=stored.id).exists()


# -- History --------------------------------------------------------------------------------------


def test_history_says_who_what_and_what_was_there(client: Client, stored: Stored) -> None:
    page = f"/datasets/{stored.id}/history/"
    assert "Nothing was corrected" in client.get(page).content.decode()
    sent = fields(client.get(address(stored, 1)).content.decode())
    client.post(address(stored, 1), sent | {"c6": "second"})

    said = client.get(page).content.decode()

    for words in ("You", "1 cell corrected", "<del>first</del>", "<ins>second</ins>"):
        assert words in said


def test_undoing_what_was_changed_again_says_so(client: Client, stored: Stored) -> None:
    for value in ("second", "third"):
        sent = fields(client.get(address(stored, 1)).content.decode())
        client.post(address(stored, 1), sent | {"c6": value})
    first = Change.objects.filter(dataset=stored.id).last()
    assert first

    said = client.post(f"/datasets/{stored.id}/history/{first.pk}/undo/", follow=True)

    assert "Row 1 was changed again since" in said.content.decode()
    assert values(stored, 1)[4] == "third"


def test_long_histories_have_pages(client: Client, stored: Stored, alice: Any) -> None:
    for value in range(52):
        alice.rpc(
            "update_table_row",
            {"p_table_name": stored.table, "p_row_id": 1, "p_updates": {"c2": value}},
        )
    page = f"/datasets/{stored.id}/history/"

    first = client.get(page).content.decode()
    earlier = re.search(r"\?before=\d+", first)
    assert earlier
    second = client.get(page + earlier[0]).content.decode()

    assert first.count("1 cell corrected</strong>") == 50
    assert second.count("1 cell corrected</strong>") == 2


# -- Whose it is ----------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["bob", "carol"])
def test_others_meet_what_is_not_there(
    client: Client, stored: Stored, people: Any, who: str
) -> None:
    sent = fields(client.get(address(stored, 1)).content.decode())
    client.post(address(stored, 1), sent | {"c2": "32"})
    change = Change.objects.get(dataset=stored.id)
    other = sign_in(getattr(people, who))

    answers = [
        other.get(address(stored, 1)),
        other.post(address(stored, 1), sent | {"c2": "33"}),
        other.get(address(stored, 1, 2), headers=HTMX),
        other.post(address(stored, 1, 2), sent, headers=HTMX),
        other.post(f"/datasets/{stored.id}/rows/delete/", {"rows": "1"}),
        other.get(f"/datasets/{stored.id}/history/"),
        other.post(f"/datasets/{stored.id}/history/{change.pk}/undo/"),
    ]
    own = store_dataset(getattr(people, who).user.id)
    answers.append(other.post(f"/datasets/{own.id}/history/{change.pk}/undo/"))

    assert [answer.status_code for answer in answers] == [404] * 8
    assert values(stored, 1)[0] == 32


def test_nobody_is_asked_to_sign_in(stored: Stored) -> None:
    for page in (address(stored, 1), address(stored, 1, 2), f"/datasets/{stored.id}/history/"):
        answer = Client().get(page)
        assert answer.status_code == 302
        assert answer["Location"].startswith("/accounts/sign-in/")


def test_a_correction_on_a_page_is_on_record_with_where_from(
    client: Client, stored: Stored
) -> None:
    sent = fields(client.get(address(stored, 1)).content.decode())

    client.post(address(stored, 1), sent | {"c2": "32"})

    event = AuditEvent.objects.get(dataset=stored.id, action="dataset corrected")
    assert event.origin is not None


def test_a_refused_correction_is_on_record_once(client: Client, stored: Stored) -> None:
    sent = fields(client.get(address(stored, 1)).content.decode())
    for _ in range(2):
        client.post(address(stored, 1), sent | {"c2": "many"})
        client.post(address(stored, 1, 2), sent | {"c2": "many"}, headers=HTMX)

    (event,) = AuditEvent.objects.filter(dataset=stored.id, action="dataset corrected")
    assert event.outcome == "refused"
    assert event.origin is not None
