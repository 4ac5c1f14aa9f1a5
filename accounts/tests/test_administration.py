"""What staff (Carol) and the operator do with Alice's account; Bob's is never touched."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth import authenticate
from django.db import connection
from django.test import Client, RequestFactory

from accounts import administration
from accounts.administration import (
    account_ban,
    account_invite,
    account_reset_second_factor,
    account_sign_out_everywhere,
    account_unban,
    accounts_all,
    sessions_all,
    staff_grant,
    staff_revoke,
)
from accounts.models import AccountDeletion, AuditEvent, SupabaseSession, User
from accounts.tests.doors import row_of, sign_in, tokens_of
from fairdb_site.errors import Conflict, FairdbError, Forbidden, Refused
from fairdb_site.local.outbox import read_outbox
from fairdb_site.supabase import auth
from fairdb_site.supabase.errors import AccountExists, SessionEnded
from fairdb_site.tests.supabase_servers import another_gateway
from fairdb_site.tests.test_supabase_factors import protect

PAGE = "/probe/tables/"


def last_event(subject: Any) -> tuple[str, str, Any]:
    event = AuditEvent.objects.filter(subject=subject.pk).order_by("-id").first()
    assert event is not None
    return event.action, event.outcome, event.actor


@pytest.fixture
def outbox(settings: Any, tmp_path: Path) -> Iterator[Path]:
    with another_gateway(settings, tmp_path):
        (tmp_path / "outbox").symlink_to(tmp_path)  # where a state folder has it
        yield tmp_path


# -- Invitations ----------------------------------------------------------------------------------


def test_invited_person_gets_a_link_and_sets_a_password(people: Any, outbox: Path) -> None:
    email = f"invited-{uuid4().hex[:12]}@example.org"
    request = RequestFactory(SERVER_NAME="127.0.0.1").post("/")

    user = account_invite(email=email.upper(), by=people.carol.user, request=request)

    mail = read_outbox(outbox)[-1]
    assert (mail["to"], mail["type"]) == (email, "invite")
    assert mail["link"].startswith("http://127.0.0.1/accounts/confirm/")
    assert User.objects.get(email=email) == user
    client = Client()
    client.post("/accounts/confirm/", {"token_hash": mail["token_hash"], "type": "invite"})
    assert client.session["supabase_session"]
    assert client.session["password_by_link"]


def test_invitation_is_on_record_with_who_invited_whom(people: Any, outbox: Path) -> None:
    email = f"invited-{uuid4().hex[:12]}@example.org"

    user = account_invite(email=email, by=people.carol.user)

    assert last_event(user) == ("account invited", "done", people.carol.user.pk)


def test_invitation_goes_to_any_domain_whoever_may_register(settings: Any, outbox: Path) -> None:
    settings.FAIRDB_ALLOWED_EMAIL_DOMAINS = ["hospital.example"]
    settings.FAIRDB_REGISTRATION = "closed"

    account_invite(email=f"{uuid4().hex[:12]}@elsewhere.example", by=None)

    mail = read_outbox(outbox)[-1]
    client = Client()
    client.post("/accounts/confirm/", {"token_hash": mail["token_hash"], "type": "invite"})
    assert client.session["supabase_session"]


def test_whoever_has_an_account_is_not_invited(people: Any, outbox: Path) -> None:
    with pytest.raises(AccountExists):
        account_invite(email=people.alice.email, by=people.carol.user)

    assert read_outbox(outbox) == []


@pytest.mark.parametrize("email", ["nobody", "élise@example.org"])
def test_what_is_no_plain_address_is_refused(email: str, db_ready: None) -> None:
    with pytest.raises(Refused):
        account_invite(email=email, by=None)


# -- Bans -----------------------------------------------------------------------------------------


def test_ban_ends_sessions_at_once_and_refuses_the_password(people: Any) -> None:
    alices, bobs = sign_in(people.alice), sign_in(people.bob)

    banned = account_ban(user=people.alice.user, hours=None, by=people.carol.user)

    assert not banned.is_active
    assert not SupabaseSession.objects.filter(user=banned).exists()
    assert alices.get(PAGE).status_code == 302
    assert authenticate(None, username=people.alice.email, password=people.alice.password) is None
    assert bobs.get(PAGE).status_code == 200
    assert last_event(banned) == ("account banned", "done", people.carol.user.pk)


def test_ban_ends_sessions_of_other_programs(people: Any) -> None:
    elsewhere = auth.sign_in(people.alice.email, people.alice.password)

    account_ban(user=people.alice.user, hours=2, by=None)
    account_unban(user=people.alice.user, by=None)

    with pytest.raises(SessionEnded):
        auth.refresh(elsewhere.refresh_token)


@pytest.mark.parametrize(("hours", "days"), [(1, 0), (48, 2), (None, 36_500)])
def test_ban_lasts_as_long_as_was_said(people: Any, hours: int | None, days: int) -> None:
    account_ban(user=people.alice.user, hours=hours, by=None)

    with connection.cursor() as cursor:
        cursor.execute(
            "select extract(day from banned_until - updated_at) from auth.users where id = %s",
            [people.alice.user.pk],
        )
        assert int(cursor.fetchone()[0]) == days


@pytest.mark.parametrize("hours", [0, -1, 876_001])
def test_ban_for_no_time_is_refused(people: Any, hours: int) -> None:
    with pytest.raises(Refused, match="hours, or for good"):
        account_ban(user=people.alice.user, hours=hours, by=None)

    assert not auth.admin_get_user(people.alice.user.pk).is_banned
    assert last_event(people.alice.user) == ("account banned", "refused", None)


def test_whose_ban_is_lifted_signs_in_again(people: Any) -> None:
    account_ban(user=people.alice.user, hours=None, by=people.carol.user)

    free = account_unban(user=people.alice.user, by=people.carol.user)

    assert free.is_active
    assert sign_in(people.alice).get(PAGE).status_code == 200
    assert last_event(free) == ("account unbanned", "done", people.carol.user.pk)


@pytest.mark.parametrize("act", [account_unban, partial(account_ban, hours=1)])
def test_account_that_is_being_deleted_is_neither_let_in_nor_banned_for_less(
    people: Any, act: Callable[..., User]
) -> None:
    AccountDeletion.objects.create(account=people.alice.user.pk)
    auth.admin_update_user(people.alice.user.pk, ban_for="876000h")

    with pytest.raises(Conflict, match="being deleted"):
        act(user=people.alice.user, by=people.carol.user)

    assert auth.admin_get_user(people.alice.user.pk).is_banned
    AccountDeletion.objects.all().delete()  # nothing is left for the reaper of another test


# -- Sessions and the second factor ---------------------------------------------------------------


def test_sign_out_everywhere_ends_sessions_here_and_of_other_programs(people: Any) -> None:
    clients = [sign_in(people.alice), sign_in(people.alice)]
    refresh_tokens = [tokens_of(row_of(client))["refresh"] for client in clients]
    elsewhere = auth.sign_in(people.alice.email, people.alice.password)
    bobs = sign_in(people.bob)

    ended = account_sign_out_everywhere(user=people.alice.user, by=people.carol.user)

    assert ended == 2
    assert [client.get(PAGE).status_code for client in clients] == [302, 302]
    for token in (*refresh_tokens, elsewhere.refresh_token):
        with pytest.raises(SessionEnded):
            auth.refresh(token)
    assert bobs.get(PAGE).status_code == 200
    assert last_event(people.alice.user) == ("sessions ended", "done", people.carol.user.pk)


def test_who_was_signed_out_may_sign_in_again(people: Any) -> None:
    account_sign_out_everywhere(user=people.alice.user, by=None)

    assert sign_in(people.alice).get(PAGE).status_code == 200


def test_database_user_without_the_right_is_told_what_was_done(people: Any) -> None:
    client = sign_in(people.alice)
    with connection.cursor() as cursor:
        cursor.execute("set role authenticated")
    try:
        with pytest.raises(Refused, match="Signed out here, but not of other programs"):
            administration._end_sessions_at_supabase("user_id", people.alice.user.pk)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("reset role")
    assert client.get(PAGE).status_code == 200  # nothing was deleted


def test_reset_of_the_second_factor_takes_its_mark_and_the_sessions(people: Any) -> None:
    client = sign_in(people.alice)
    User.objects.filter(pk=people.alice.user.pk).update(has_second_factor=True)

    account_reset_second_factor(user=people.alice.user, by=people.carol.user)

    assert not User.objects.get(pk=people.alice.user.pk).has_second_factor
    assert client.get(PAGE).status_code == 302
    assert last_event(people.alice.user) == ("second factor removed", "done", people.carol.user.pk)


def test_who_lost_the_second_factor_comes_back_with_the_password_alone(people: Any) -> None:
    protect(people.alice)
    client = sign_in(people.alice)
    assert client.get(PAGE).status_code == 302  # the code is asked for

    removed = account_reset_second_factor(user=people.alice.user, by=people.carol.user)

    assert removed == 1
    assert not auth.admin_get_user(people.alice.user.pk).has_second_factor
    assert sign_in(people.alice).get(PAGE).status_code == 200


# -- Staff ----------------------------------------------------------------------------------------


def test_staff_is_granted_at_supabase_and_sessions_begin_anew(people: Any) -> None:
    client = sign_in(people.alice)

    granted = staff_grant(user=people.alice.user, by=people.carol.user)

    assert granted.is_staff
    assert auth.admin_get_user(granted.pk).is_staff
    assert client.get(PAGE).status_code == 302
    assert last_event(granted) == ("staff granted", "done", people.carol.user.pk)


def test_staff_is_taken_away_at_supabase(people: Any) -> None:
    revoked = staff_revoke(user=people.carol.user, by=None)

    assert not revoked.is_staff
    assert not auth.admin_get_user(revoked.pk).is_staff
    assert last_event(revoked) == ("staff revoked", "done", None)


def test_who_is_staff_already_stays_signed_in(people: Any) -> None:
    salt = User.objects.get(pk=people.carol.user.pk).session_salt

    staff_grant(user=people.carol.user, by=None)

    assert User.objects.get(pk=people.carol.user.pk).session_salt == salt


@pytest.mark.parametrize(
    "act",
    [
        lambda carol: account_ban(user=carol, hours=1, by=carol),
        lambda carol: staff_revoke(user=carol, by=carol),
        lambda carol: account_reset_second_factor(user=carol, by=carol),
        lambda carol: account_sign_out_everywhere(user=carol, by=carol),
    ],
)
def test_nobody_locks_themselves_out(people: Any, act: Callable[[User], Any]) -> None:
    with pytest.raises(Forbidden, match="ask another member of staff"):
        act(people.carol.user)

    account = auth.admin_get_user(people.carol.user.pk)
    assert account.is_staff
    assert not account.is_banned
    assert last_event(people.carol.user)[1:] == ("refused", people.carol.user.pk)


def test_account_that_is_gone_at_supabase_is_told_of(people: Any) -> None:
    auth.admin_delete_user(people.alice.user.pk)

    with pytest.raises(FairdbError):
        staff_grant(user=people.alice.user, by=None)

    assert not User.objects.get(pk=people.alice.user.pk).is_staff


# -- Lists ----------------------------------------------------------------------------------------


def test_list_tells_staff_bans_and_second_factors(people: Any) -> None:
    account_ban(user=people.bob.user, hours=1, by=None)
    User.objects.filter(pk=people.carol.user.pk).update(has_second_factor=True)

    facts = {account.account: account for account in accounts_all()}

    alice, bob, carol = (facts[person.user.pk] for person in vars(people).values())
    assert (alice.staff, alice.active, alice.second_factor) == (False, True, False)
    assert (bob.staff, bob.active, bob.email) == (False, False, people.bob.email)
    assert (carol.staff, carol.active, carol.second_factor) == (True, True, True)


def test_list_of_sessions_tells_device_and_address_and_no_key(people: Any) -> None:
    client = Client(headers={"user-agent": "Mozilla/5.0 (X11; Linux) Firefox/140.0"})
    sign_in(people.alice, client)
    sign_in(people.bob)

    (session,) = sessions_all(user=people.alice.user)

    assert (session.email, session.device) == (people.alice.email, "Firefox on Linux")
    assert session.address == "127.0.0.1"
    shown = repr(session)
    row = row_of(client)
    hidden = (*tokens_of(row).values(), client.session.session_key, str(row.id))
    assert not [key for key in hidden if key in shown]
    both = {one.email for one in sessions_all()}
    assert both >= {people.alice.email, people.bob.email}
