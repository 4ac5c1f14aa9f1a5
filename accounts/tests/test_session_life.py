"""How long a session lives: idle, at all, and once its account is banned, deleted or demoted."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import SupabaseSession, User
from accounts.session_life import CHECK_EVERY
from accounts.tests.doors import give_token_of_a_lost_key, refreshes_of, row_of, sign_in
from fairdb_site.supabase import auth
from fairdb_site.tests.supabase_servers import answering, say

PAGE = "/probe/tables/"


def set_back(client: Client, **moments: timedelta) -> SupabaseSession:
    """Put moments of a session's row so far into the past."""
    row = row_of(client)
    for name, ago in moments.items():
        setattr(row, name, timezone.now() - ago)
    row.save()
    return row


def test_session_that_nobody_uses_ends(alice: Any, settings: Any) -> None:
    settings.FAIRDB_SESSION_IDLE_MINUTES = 30
    client = sign_in(alice)
    row = set_back(client, seen_at=timedelta(minutes=31))

    answer = client.get(PAGE, follow=True)

    assert "session has ended" in answer.content.decode()
    assert not SupabaseSession.objects.filter(id=row.id).exists()


def test_session_that_is_used_goes_on(alice: Any, settings: Any) -> None:
    settings.FAIRDB_SESSION_IDLE_MINUTES = 30
    client = sign_in(alice)
    set_back(client, seen_at=timedelta(minutes=29))

    assert client.get(PAGE).status_code == 200
    assert timezone.now() - row_of(client).seen_at < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("query", "headers"), [("?unattended", {}), ("", {"X-Unattended": "true"})]
)
def test_what_a_page_asks_by_itself_keeps_no_session_alive(
    alice: Any, settings: Any, query: str, headers: dict[str, str]
) -> None:
    settings.FAIRDB_SESSION_IDLE_MINUTES = 30
    client = sign_in(alice)
    row = set_back(client, seen_at=timedelta(minutes=29))

    assert client.get(PAGE + query, headers=headers).status_code == 200
    assert row_of(client).seen_at == row.seen_at
    set_back(client, seen_at=timedelta(minutes=31))
    assert client.get(PAGE + query, headers=headers).status_code == 302


def test_session_ends_in_time_however_busy(alice: Any, settings: Any) -> None:
    settings.SESSION_COOKIE_AGE = 3600
    client = sign_in(alice)
    set_back(client, created_at=timedelta(minutes=61))

    assert client.get(PAGE).status_code == 302


def test_session_that_ended_by_age_is_over_at_supabase_too(alice: Any) -> None:
    client = sign_in(alice)
    supabase_id = set_back(client, created_at=timedelta(days=2)).supabase_id

    client.get(PAGE)

    assert not at_supabase(supabase_id)


def test_banned_person_is_out_at_the_next_check(alice: Any) -> None:
    client = sign_in(alice)
    auth.admin_update_user(alice.user.id, ban_for="24h")
    row = set_back(client, checked_at=CHECK_EVERY)

    assert client.get(PAGE).status_code == 302
    assert not SupabaseSession.objects.filter(id=row.id).exists()


def test_checks_are_close_enough_for_a_ban_to_hold_within_five_minutes() -> None:
    assert timedelta(minutes=5) > CHECK_EVERY


def test_deleted_person_is_out_at_the_next_check(alice: Any) -> None:
    client = sign_in(alice)
    auth.admin_delete_user(alice.user.id)
    set_back(client, checked_at=CHECK_EVERY)

    assert client.get(PAGE).status_code == 302


def test_check_uses_no_refresh_token_and_is_not_repeated(alice: Any) -> None:
    client = sign_in(alice)
    set_back(client, checked_at=CHECK_EVERY)

    assert client.get(PAGE).status_code == 200

    row = row_of(client)
    assert timezone.now() - row.checked_at < timedelta(minutes=1)
    assert refreshes_of(row) == 0


@pytest.mark.parametrize("when", ["at the check", "in a call"])
def test_session_outlives_the_key_that_signed_its_token(alice: Any, when: str) -> None:
    client = sign_in(alice)
    row = row_of(client)
    give_token_of_a_lost_key(row)
    if when == "at the check":
        set_back(client, checked_at=CHECK_EVERY)

    assert client.get(PAGE).status_code == 200
    assert refreshes_of(row) == 1


def test_session_outlives_a_supabase_that_does_not_say(alice: Any, settings: Any) -> None:
    client = sign_in(alice)
    set_back(client, checked_at=CHECK_EVERY)

    with answering(settings, say(503, "away")):
        assert client.get("/probe/page/").status_code == 200

    assert row_of(client)


def test_one_of_many_requests_asks_a_silent_supabase(alice: Any, settings: Any) -> None:
    client = sign_in(alice)
    set_back(client, checked_at=CHECK_EVERY)

    with answering(settings, say(503, "away")) as asked:
        for _ in range(5):
            client.get("/probe/page/")

    assert sum("/user" in path for path in asked) == 1


@pytest.mark.parametrize("staff", [True, False])
def test_change_of_staff_ends_the_sessions_that_were_open(alice: Any, staff: bool) -> None:
    if not staff:
        auth.admin_update_user(alice.user.id, staff=True)
        User.objects.filter(pk=alice.user.pk).update(is_staff=True)
    client = sign_in(alice)
    auth.admin_update_user(alice.user.id, staff=staff)
    set_back(client, checked_at=CHECK_EVERY)

    client.get("/probe/page/")

    assert client.get("/probe/page/").status_code == 302
    assert "_auth_user_id" not in client.session


def at_supabase(session_id: Any) -> bool:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("select exists(select from auth.sessions where id = %s)", [str(session_id)])
        return bool(cursor.fetchone()[0])
