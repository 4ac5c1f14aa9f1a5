"""Access tokens run out; sessions do not: refreshed in time, unless Supabase has ended them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import SupabaseSession, User
from accounts.tests.doors import (
    give_expired_token,
    let_it_expire,
    let_it_nearly_expire,
    refreshes_of,
    row_of,
    sign_in,
    tokens_of,
)
from fairdb_site.supabase import auth


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
