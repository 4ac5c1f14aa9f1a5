"""The operator's commands for accounts, staff and sessions."""

import io
import json
import sys
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command

from accounts.models import AuditEvent, User
from accounts.tests.doors import row_of, sign_in, tokens_of
from fairdb_site.supabase import auth

PAGE = "/probe/tables/"


def said(*words: Any) -> str:
    out = io.StringIO()
    call_command(*words, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def told(*words: Any) -> Any:
    return json.loads(said(*words, "--json"))


def test_ban_and_its_end(alice: Any) -> None:
    assert told("ban_account", alice.email, "--hours", "3", "--yes") == {
        "account": str(alice.user.pk),
        "email": alice.email,
        "banned": True,
        "hours": 3,
    }
    assert auth.admin_get_user(alice.user.pk).is_banned

    assert said("ban_account", alice.email, "--lift") == f"{alice.email} is not banned.\n"
    assert sign_in(alice).get(PAGE).status_code == 200


def test_ban_for_good_is_said_so(alice: Any) -> None:
    assert "banned for good, and signed out" in said("ban_account", alice.email, "--yes")


def test_ban_asks_first_and_takes_anything_but_yes_for_no(
    alice: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("perhaps\n"))

    with pytest.raises(CommandError, match="Nothing was changed"):
        said("ban_account", alice.email)

    assert not auth.admin_get_user(alice.user.pk).is_banned


def test_ban_for_no_hours_names_the_flag(alice: Any) -> None:
    with pytest.raises(CommandError, match="Use --hours N"):
        said("ban_account", alice.email, "--hours", "0", "--yes")


def test_ban_for_no_hours_is_refused_before_anybody_is_asked(
    alice: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))

    with pytest.raises(CommandError, match="Use --hours N"):
        said("ban_account", alice.email, "--hours", "0")

    assert sys.stdin.read() == "yes\n"


def test_list_of_accounts_says_how_long_a_ban_lasts(people: Any) -> None:
    said("ban_account", people.alice.email, "--hours", "3", "--yes")
    said("ban_account", people.bob.email, "--yes")

    lines = said("list_accounts", "--banned").splitlines()

    (alices,) = [line for line in lines if people.alice.email in line]
    (bobs,) = [line for line in lines if people.bob.email in line]
    until = auth.admin_get_user(people.alice.user.pk).banned_until
    assert until is not None
    assert f"banned until {until.isoformat(timespec='seconds')}" in alices
    assert "banned for good" in bobs


def test_ban_is_lifted_or_has_hours_but_not_both(alice: Any, typed: Callable[..., Any]) -> None:
    assert typed("ban_account", alice.email, "--hours", "3", "--lift") == 2


def test_staff_is_granted_and_revoked(alice: Any) -> None:
    assert told("grant_staff", alice.email)["staff"] is True
    assert auth.admin_get_user(alice.user.pk).is_staff

    assert told("revoke_staff", alice.email)["staff"] is False
    assert not auth.admin_get_user(alice.user.pk).is_staff


def test_staff_flag_in_what_people_may_write_themselves_is_none(alice: Any) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "update auth.users set raw_user_meta_data = '{\"staff\": true}' where id = %s",
            [alice.user.pk],
        )

    sign_in(alice)

    assert not User.objects.get(pk=alice.user.pk).is_staff
    assert alice.email not in said("list_accounts", "--staff")


def test_sign_out_ends_all_sessions(alice: Any) -> None:
    client = sign_in(alice)

    assert told("sign_out_account", alice.email)["ended"] == 1

    assert client.get(PAGE).status_code == 302


def test_second_factor_is_reset(alice: Any) -> None:
    User.objects.filter(pk=alice.user.pk).update(has_second_factor=True)

    assert told("reset_second_factor", alice.email)["email"] == alice.email

    assert not User.objects.get(pk=alice.user.pk).has_second_factor


@pytest.mark.parametrize(
    "command",
    [
        ("ban_account", "--yes"),
        ("ban_account", "--lift"),
        ("grant_staff",),
        ("revoke_staff",),
        ("reset_second_factor",),
        ("sign_out_account",),
    ],
)
def test_unknown_account_is_told_of(command: tuple[str, ...], db_ready: None) -> None:
    name, *flags = command

    with pytest.raises(CommandError, match="There is no account with the e-mail address"):
        said(name, f"{uuid4().hex}@example.org", *flags)


def test_operators_doing_is_on_record_without_an_actor(alice: Any) -> None:
    said("grant_staff", alice.email)

    event = AuditEvent.objects.filter(subject=alice.user.pk).latest("id")
    assert (event.action, event.actor, event.origin) == ("staff granted", None, None)


def test_list_of_accounts_is_narrowed_to_staff_or_banned(people: Any) -> None:
    said("ban_account", people.bob.email, "--yes")

    emails = {
        flag: {account["email"] for account in told("list_accounts", *flag)["accounts"]}
        for flag in [(), ("--staff",), ("--banned",)]
    }

    alice, bob, carol = (person.email for person in vars(people).values())
    assert emails[()] >= {alice, bob, carol}
    assert carol in emails[("--staff",)]
    assert not {alice, bob} & emails[("--staff",)]
    assert bob in emails[("--banned",)]
    assert not {alice, carol} & emails[("--banned",)]


def test_list_of_accounts_says_what_there_is_to_say(people: Any) -> None:
    lines = said("list_accounts").splitlines()

    (alices,) = [line for line in lines if people.alice.email in line]
    (carols,) = [line for line in lines if people.carol.email in line]
    assert alices.startswith(str(people.alice.user.pk))
    assert "last sign-in never" in alices
    assert "staff" in carols


def test_list_of_sessions_shows_no_token_and_no_key(people: Any) -> None:
    alices, bobs = sign_in(people.alice), sign_in(people.bob)

    everybodys = said("list_sessions") + json.dumps(told("list_sessions"))
    alone = told("list_sessions", "--account", people.alice.email)["sessions"]

    assert [session["email"] for session in alone] == [people.alice.email]
    assert set(alone[0]) == {"email", "device", "address", "second_factor", "since", "seen_at"}
    assert people.bob.email in everybodys
    for client in (alices, bobs):
        row = row_of(client)
        hidden = (*tokens_of(row).values(), client.session.session_key, str(row.id))
        assert not [key for key in hidden if key in everybodys]
