"""Mailed links through supabase-py and the embedded Supabase, as the platform asks for them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from fairdb_site.errors import NotFound, Refused, Unavailable
from fairdb_site.local.outbox import Mail, read_outbox
from fairdb_site.supabase import auth
from fairdb_site.supabase.errors import AccountExists, EmailNotConfirmed, LinkUsed
from fairdb_site.tests.supabase_servers import another_gateway, answering, say

PAGE = "http://127.0.0.1:8000/our-page/"


@pytest.fixture
def folder(db_ready: None, settings: Any, tmp_path: Path) -> Iterator[Path]:
    """A Supabase that wants addresses confirmed; give the folder of its outbox."""
    with another_gateway(settings, tmp_path / "outbox", autoconfirm=False):
        yield tmp_path


def new_address() -> str:
    return f"{uuid4().hex}@example.org"


def newest_mail(folder: Path, email: str) -> Mail:
    return [mail for mail in read_outbox(folder) if mail["to"] == email][-1]


def test_invited_person_comes_by_the_link_and_chooses_a_password(folder: Path) -> None:
    email = new_address()

    invited = auth.invite(email, redirect_to=PAGE)
    mail = newest_mail(folder, email)
    session = auth.verify_link(mail["token_hash"], "invite")
    auth.change_password(session.access_token, session.refresh_token, "a long password")

    assert (invited.email, invited.is_confirmed) == (email, False)
    assert invited.invited_at is not None
    assert mail["type"] == "invite"
    assert mail["link"].startswith(PAGE)
    assert session.account.is_confirmed
    assert auth.sign_in(email, "a long password").account.id == invited.id


def test_second_invitation_takes_the_place_of_the_first(folder: Path) -> None:
    email = new_address()
    invited = auth.invite(email, redirect_to=PAGE)
    first = newest_mail(folder, email)

    again = auth.invite(email, redirect_to=PAGE)

    assert again.id == invited.id
    with pytest.raises(LinkUsed):
        auth.verify_link(first["token_hash"], "invite")
    assert auth.verify_link(newest_mail(folder, email)["token_hash"], "invite")


def test_who_has_an_account_is_not_invited(folder: Path, alice: Any) -> None:
    with pytest.raises(AccountExists):
        auth.invite(alice.email, redirect_to=PAGE)


@pytest.mark.parametrize("kind", ["signup", "email"])
def test_registration_is_confirmed_by_its_link_once(folder: Path, kind: auth.LinkKind) -> None:
    email = new_address()
    assert auth.sign_up(email, "a long password", redirect_to=PAGE) is None
    with pytest.raises(EmailNotConfirmed):
        auth.sign_in(email, "a long password")
    mail = newest_mail(folder, email)

    session = auth.verify_link(mail["token_hash"], kind)

    assert mail["link"].startswith(PAGE)
    assert session.account.email == email
    assert auth.sign_in(email, "a long password")
    with pytest.raises(LinkUsed):
        auth.verify_link(mail["token_hash"], kind)


def test_confirmation_is_mailed_again_only_to_who_waits_for_it(folder: Path, alice: Any) -> None:
    email, nobody = new_address(), new_address()
    auth.sign_up(email, "a long password")
    first = newest_mail(folder, email)

    for address in (email, nobody, alice.email):
        auth.resend_confirmation(address, redirect_to=PAGE)

    mails = read_outbox(folder)
    assert [mail["to"] for mail in mails] == [email, email]
    assert mails[-1]["token_hash"] != first["token_hash"]
    assert mails[-1]["link"].startswith(PAGE)


def test_recovery_says_nothing_of_who_is_known(folder: Path, alice: Any) -> None:
    nobody = new_address()

    auth.send_recovery(alice.email, redirect_to=PAGE)
    auth.send_recovery(nobody, redirect_to=PAGE)

    assert [mail["to"] for mail in read_outbox(folder)] == [alice.email]
    session = auth.verify_link(newest_mail(folder, alice.email)["token_hash"], "recovery")
    assert session.account.id == alice.user.id


@pytest.mark.parametrize("kind", ["signup", "invite"])
def test_link_of_another_kind_opens_nothing(folder: Path, alice: Any, kind: auth.LinkKind) -> None:
    auth.send_recovery(alice.email, redirect_to=PAGE)

    with pytest.raises(LinkUsed):
        auth.verify_link(newest_mail(folder, alice.email)["token_hash"], kind)


@pytest.mark.parametrize("token", ["", "unknown", "x" * 5000, "a\x00b", "é"])
def test_token_that_is_none_opens_nothing(db_ready: None, token: str) -> None:
    with pytest.raises(LinkUsed):
        auth.verify_link(token, "recovery")


def test_link_of_a_banned_person_opens_nothing(folder: Path, alice: Any) -> None:
    auth.send_recovery(alice.email, redirect_to=PAGE)
    auth.admin_update_user(alice.user.id, ban_for="24h")

    with pytest.raises(LinkUsed):
        auth.verify_link(newest_mail(folder, alice.email)["token_hash"], "recovery")


def gotrue_says(status: int, code: str) -> Any:
    return say(status, f'{{"code":{status},"error_code":"{code}","msg":"no"}}', "application/json")


@pytest.mark.parametrize("code", ["over_email_send_rate_limit", "email_address_not_authorized"])
def test_refusals_that_only_the_known_get_are_kept_from_the_asker(settings: Any, code: str) -> None:
    with answering(settings, gotrue_says(429, code)) as asked:
        auth.send_recovery("somebody@example.org", redirect_to=PAGE)
        auth.resend_confirmation("somebody@example.org", redirect_to=PAGE)

    assert len(asked) == 2


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (429, "over_request_rate_limit", Unavailable),
        (500, "unexpected_failure", Unavailable),
        (400, "validation_failed", Refused),
    ],
)
def test_other_refusals_of_a_mail_are_told(
    settings: Any, status: int, code: str, error: type[Exception]
) -> None:
    with answering(settings, gotrue_says(status, code)), pytest.raises(error):
        auth.send_recovery("somebody@example.org", redirect_to=PAGE)


def test_deleted_account_is_gone_with_its_sessions_and_may_be_deleted_again(alice: Any) -> None:
    auth.sign_in(alice.email, alice.password)

    auth.admin_delete_user(alice.user.id)
    auth.admin_delete_user(alice.user.id)

    with pytest.raises(NotFound):
        auth.admin_get_user(alice.user.id)
    with connection.cursor() as cursor:
        cursor.execute("select from auth.sessions where user_id = %s", [alice.user.id])
        assert cursor.fetchall() == []


def test_all_accounts_are_listed_page_by_page(people: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth, "_USERS_A_PAGE", 2)

    listed = auth.admin_list_users()
    newest = [next(listed) for _ in range(3)]

    assert {account.email for account in newest} == {
        people.alice.email,
        people.bob.email,
        people.carol.email,
    }
    assert all(account.created_at is not None for account in newest)
    assert auth.admin_find_user(people.alice.email.upper()) in newest
