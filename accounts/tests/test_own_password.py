"""A new password, by the old one."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from accounts.tests.doors import row_of, sign_in, tokens_of
from conftest import Person
from fairdb_site.supabase import auth
from fairdb_site.supabase.errors import SessionEnded, WrongCredentials, WrongPassword
from fairdb_site.tests.supabase_servers import another_gateway

PASSWORD, PAGE = "/accounts/password/", "/probe/tables/"
NEW = "an owl in the attic"


def change(client: Client, old: str, new: str = NEW, again: str | None = None) -> Any:
    form = {"old": old, "password": new, "password_again": new if again is None else again}
    return client.post(PASSWORD, form)


def test_new_password_opens_and_the_old_one_does_not(alice: Any) -> None:
    change(sign_in(alice), alice.password)

    sign_in(Person(alice.user, alice.email, NEW))
    with pytest.raises(WrongCredentials):
        auth.sign_in(alice.email, alice.password)


def test_this_session_goes_on_under_a_new_key_and_all_others_end(alice: Any) -> None:
    here, there = sign_in(alice), sign_in(alice)
    program = auth.sign_in(alice.email, alice.password)
    key = here.session.session_key

    change(here, alice.password)

    assert here.get(PAGE).status_code == 200
    assert here.session.session_key != key
    assert there.get(PAGE).status_code == 302
    with pytest.raises(SessionEnded):
        auth.refresh(program.refresh_token)


def test_wrong_old_password_changes_nothing_and_is_told(alice: Any) -> None:
    client = sign_in(alice)

    answer = change(client, "not this one")

    assert answer.status_code == 400
    assert "not your password" in answer.content.decode()
    assert auth.sign_in(alice.email, alice.password)


@pytest.mark.parametrize(
    ("new", "again", "said"),
    [
        ("short", None, "too short"),
        ("12345678901", None, "entirely numeric"),
        (NEW, "an owl in the cellar", "differ"),
        ("x" * 73, None, "too long"),
    ],
)
def test_password_that_will_not_do_is_refused(alice: Any, new: str, again: str, said: str) -> None:
    client = sign_in(alice)

    answer = change(client, alice.password, new, again)

    assert answer.status_code == 400
    assert said in answer.content.decode()
    assert auth.sign_in(alice.email, alice.password)


def test_same_password_again_is_refused(alice: Any) -> None:
    client = sign_in(alice)

    assert (
        "password you have now" in change(client, alice.password, alice.password).content.decode()
    )


def test_asking_for_the_old_password_leaves_no_session_at_supabase(alice: Any) -> None:
    client = sign_in(alice)
    access = tokens_of(row_of(client))["access"]

    change(client, alice.password)

    assert auth.get_account(access).email == alice.email
    assert sessions_at_supabase(alice) == 1


@pytest.fixture
def strict(settings: Any, tmp_path: Path) -> Iterator[Path]:
    """A Supabase that wants a new password proven by the current one, in a session of today."""
    wanted = {"current_password_required": True, "reauthentication_required": True}
    with another_gateway(settings, tmp_path, **wanted):
        yield tmp_path


def test_supabase_that_asks_for_the_old_password_gets_it(alice: Any, strict: Path) -> None:
    client = sign_in(alice)

    tokens = tokens_of(row_of(client))

    with pytest.raises(WrongPassword):
        auth.change_password(tokens["access"], tokens["refresh"], NEW)
    assert change(client, alice.password).status_code == 302
    sign_in(Person(alice.user, alice.email, NEW))


def test_supabase_asks_for_no_old_password_after_a_reset(alice: Any, strict: Path) -> None:
    auth.send_recovery(alice.email, redirect_to="http://testserver/accounts/confirm/")
    (mail,) = (json.loads(file.read_text()) for file in strict.glob("*.json"))
    client = Client()
    client.post("/accounts/confirm/", {"token_hash": mail["token_hash"], "type": "recovery"})

    answer = client.post(PASSWORD, {"password": NEW, "password_again": NEW})

    assert answer.status_code == 302
    sign_in(Person(alice.user, alice.email, NEW))


def test_whose_sign_in_is_too_old_is_told_what_to_do(alice: Any, strict: Path) -> None:
    client = sign_in(alice)
    with connection.cursor() as cursor:
        cursor.execute(
            "update auth.sessions set created_at = now() - interval '25 hours' where user_id = %s",
            [str(alice.user.id)],
        )

    answer = change(client, alice.password)

    assert answer.status_code == 400
    assert "sign out, sign in again and change your password" in answer.content.decode()
    sign_in(alice)


def test_page_never_repeats_a_password(alice: Any) -> None:
    page = change(sign_in(alice), "sesame-open-4711", "sesame-shut-4712", "else").content.decode()

    assert "sesame" not in page


def sessions_at_supabase(person: Any) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "select count(*) from auth.sessions where user_id = %s", [str(person.user.id)]
        )
        return int(cursor.fetchone()[0])
