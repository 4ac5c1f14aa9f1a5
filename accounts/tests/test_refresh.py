"""Access tokens run out; sessions do not: refreshed once, by whoever comes first."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from django.utils import timezone

from accounts.models import SupabaseSession, User
from accounts.tests.doors import (
    give_expired_token,
    let_it_expire,
    refreshes_of,
    row_of,
    sign_in,
    tokens_of,
)
from fairdb_site.supabase import auth

PARALLEL = 20
AWAY = "http://127.0.0.1:9"  # the discard port: nothing listens there


def let_it_nearly_expire(row: SupabaseSession) -> None:
    row.refreshed_at = timezone.now() - timedelta(minutes=56)
    row.expires_at = timezone.now() + timedelta(minutes=4)
    row.save()


def at_once(browser: Client, url: str) -> list[int]:
    """Ask for the page 20 times at the same moment with one browser's cookies."""
    barrier = threading.Barrier(PARALLEL)

    def ask(_: int) -> int:
        client = Client()
        client.cookies = browser.cookies
        barrier.wait()
        try:
            return client.get(url).status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(PARALLEL) as pool:
        return list(pool.map(ask, range(PARALLEL)))


@pytest.mark.parametrize("url", ["/probe/tables/", "/probe/tables-async/"])
@pytest.mark.parametrize("make_expired", [let_it_expire, give_expired_token])
def test_parallel_requests_with_an_expired_token_make_one_refresh_and_sign_nobody_out(
    alice: Any, make_expired: Callable[[SupabaseSession], Any], url: str
) -> None:
    client = sign_in(alice)
    row = row_of(client)
    make_expired(row)

    statuses = at_once(client, url)

    assert statuses == [200] * PARALLEL
    assert refreshes_of(row) == 1
    assert client.get(url).status_code == 200
    assert refreshes_of(row) == 1


def test_token_is_refreshed_before_it_runs_out(alice: Any) -> None:
    client = sign_in(alice)
    row = row_of(client)
    before = tokens_of(row)
    let_it_nearly_expire(row)

    client.get("/probe/page/")

    row.refresh_from_db()
    assert tokens_of(row)["refresh"] != before["refresh"]
    assert row.expires_at > timezone.now() + timedelta(minutes=5)


def test_fresh_token_is_left_alone(alice: Any) -> None:
    client = sign_in(alice)

    client.get("/probe/tables/")

    assert refreshes_of(row_of(client)) == 0


def test_short_lived_tokens_are_used_for_half_their_life(alice: Any) -> None:
    client = sign_in(alice)
    row = row_of(client)
    SupabaseSession.objects.filter(id=row.id).update(
        refreshed_at=timezone.now() - timedelta(seconds=10),
        expires_at=timezone.now() + timedelta(seconds=50),
    )

    client.get("/probe/tables/")

    assert refreshes_of(row) == 0


def test_answer_to_a_refresh_that_was_lost_does_not_end_the_session(alice: Any) -> None:
    client = sign_in(alice)
    row = row_of(client)
    auth.refresh(tokens_of(row)["refresh"])  # Supabase went on; we never saw its answer
    let_it_expire(row)

    assert client.get("/probe/tables/").status_code == 200


@pytest.mark.parametrize("make_expired", [let_it_expire, give_expired_token])
def test_session_lives_on_while_supabase_is_away(
    alice: Any, settings: Any, make_expired: Callable[[SupabaseSession], Any]
) -> None:
    client = sign_in(alice)
    make_expired(row_of(client))
    home = settings.SUPABASE_URL

    settings.SUPABASE_URL = AWAY
    answer = client.get("/probe/tables/")
    without_data = client.get("/probe/page/")
    settings.SUPABASE_URL = home
    SupabaseSession.objects.update(refresh_failed_at=None)  # in place of waiting

    assert answer.status_code == 503
    assert "does not answer just now" in answer.content.decode()
    assert without_data.status_code == 200
    assert client.get("/probe/tables/").status_code == 200


def test_expired_token_and_no_answer_says_that_one_is_still_signed_in(
    alice: Any, settings: Any
) -> None:
    client = sign_in(alice)
    let_it_expire(row_of(client))
    settings.SUPABASE_URL = AWAY

    assert "You are still signed in" in client.get("/probe/tables/").content.decode()


def test_nobody_waits_again_right_after_supabase_failed_to_answer(
    alice: Any, settings: Any
) -> None:
    client = sign_in(alice)
    row = row_of(client)
    let_it_expire(row)
    home = settings.SUPABASE_URL
    settings.SUPABASE_URL = AWAY
    client.get("/probe/tables/")

    settings.SUPABASE_URL = home
    answer = client.get("/probe/tables/")

    assert answer.status_code == 503
    assert refreshes_of(row) == 0


def test_token_with_some_life_left_serves_while_supabase_is_away(alice: Any, settings: Any) -> None:
    client = sign_in(alice)
    row = row_of(client)
    let_it_nearly_expire(row)
    settings.SUPABASE_URL = AWAY

    assert client.get("/probe/page/").status_code == 200


def revoke(person: Any, row: SupabaseSession) -> None:
    auth.sign_out(tokens_of(row)["access"], "global")


def ban(person: Any, row: SupabaseSession) -> None:
    auth.admin_update_user(person.user.id, ban_for="24h")


@pytest.mark.parametrize("end", [revoke, ban])
@pytest.mark.parametrize("make_expired", [let_it_expire, give_expired_token])
def test_refused_refresh_signs_out_to_the_sign_in_page(
    alice: Any,
    end: Callable[[Any, SupabaseSession], None],
    make_expired: Callable[[SupabaseSession], Any],
) -> None:
    client = sign_in(alice)
    row = row_of(client)
    end(alice, row)
    make_expired(row)

    answer = client.get("/probe/tables/?of=mine", follow=True)

    assert answer.redirect_chain == [
        ("/accounts/sign-in/?next=%2Fprobe%2Ftables%2F%3Fof%3Dmine", 302)
    ]
    assert "Your session has ended" in answer.content.decode()
    assert not SupabaseSession.objects.filter(id=row.id).exists()
    assert "_auth_user_id" not in client.session


def test_all_of_parallel_requests_learn_that_the_session_has_ended(alice: Any) -> None:
    client = sign_in(alice)
    row = row_of(client)
    revoke(alice, row)
    let_it_expire(row)

    assert at_once(client, "/probe/tables/") == [302] * PARALLEL


def test_staff_flag_taken_away_at_supabase_is_gone_after_the_next_refresh(people: Any) -> None:
    client = sign_in(people.carol)
    assert User.objects.get(id=people.carol.user.id).is_staff
    auth.admin_update_user(people.carol.user.id, staff=False)
    let_it_expire(row_of(client))

    client.get("/probe/page/")

    assert not User.objects.get(id=people.carol.user.id).is_staff


def test_tokens_sealed_with_a_key_that_is_gone_end_the_session(alice: Any, settings: Any) -> None:
    from cryptography.fernet import Fernet

    client = sign_in(alice)
    settings.FAIRDB_TOKEN_KEYS = [Fernet.generate_key().decode()]

    assert client.get("/probe/tables/").status_code == 302


def test_new_first_key_opens_what_the_old_one_sealed(alice: Any, settings: Any) -> None:
    from cryptography.fernet import Fernet

    client = sign_in(alice)
    settings.FAIRDB_TOKEN_KEYS = [Fernet.generate_key().decode(), *settings.FAIRDB_TOKEN_KEYS]

    assert client.get("/probe/tables/").status_code == 200
