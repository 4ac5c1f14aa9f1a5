"""Tokens lie encrypted in their own table and nowhere else."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import connection
from django.utils import timezone

from accounts.models import SupabaseSession
from accounts.sealing import UnsealError, seal, unseal
from accounts.tests.doors import let_it_expire, row_of, sign_in, tokens_of


def everything_of_django() -> Iterator[tuple[str, str]]:
    """Yield table and row, as text, of all that Django keeps."""
    tables = connection.introspection.table_names()
    with connection.cursor() as cursor:
        for table in tables:
            name = connection.ops.quote_name(table)
            cursor.execute(f"select t::text, encode(t::text::bytea, 'escape') from {name} t")
            for row in cursor.fetchall():
                yield table, " ".join(row)


def test_no_token_or_password_is_in_a_plain_column(alice: Any) -> None:
    client = sign_in(alice)
    first = tokens_of(row_of(client))
    let_it_expire(row_of(client))
    client.get("/probe/tables/")
    secrets = {*first.values(), *tokens_of(row_of(client)).values(), alice.password}
    secrets |= {secret.encode().hex() for secret in secrets}  # as bytea is written

    found = [table for table, row in everything_of_django() for s in secrets if s in row]

    assert len(secrets) == 10
    assert found == []


def test_session_data_holds_no_token(alice: Any) -> None:
    client = sign_in(alice)
    data = Session.objects.get(session_key=client.session.session_key).get_decoded()

    assert set(data) == {
        "_auth_user_id",
        "_auth_user_backend",
        "_auth_user_hash",
        "supabase_session",
    }
    assert not any(token in str(data) for token in tokens_of(row_of(client)).values())


def test_browser_gets_no_token(alice: Any) -> None:
    client = sign_in(alice)
    page = client.get("/probe/page/")
    tokens = tokens_of(row_of(client)).values()

    seen = str(client.cookies) + str(page.headers) + page.content.decode()
    assert not any(token in seen for token in tokens)


def test_tokens_open_in_their_own_row_alone(alice: Any, bob: Any) -> None:
    alices, bobs = row_of(sign_in(alice)), row_of(sign_in(bob))

    with pytest.raises(UnsealError):
        unseal(alices.sealed_tokens, place=str(bobs.id))


def test_what_was_tampered_with_does_not_open() -> None:
    sealed = bytearray(seal({"a": 1}, place="here"))
    sealed[-1] ^= 1

    with pytest.raises(UnsealError):
        unseal(bytes(sealed), place="here")


def test_tokens_of_sessions_long_over_are_deleted_at_the_next_sign_in(people: Any) -> None:
    old, live = row_of(sign_in(people.alice)), row_of(sign_in(people.alice))
    let_it_expire(live)
    old.created_at = timezone.now() - timedelta(days=1, seconds=settings.SESSION_COOKIE_AGE + 60)
    old.save()

    sign_in(people.bob)

    kept = SupabaseSession.objects.filter(user=people.alice.user)
    assert [row.id for row in kept] == [live.id]


def test_tokens_do_not_show_in_what_python_prints_of_them(alice: Any) -> None:
    from accounts.sessions import Tokens
    from fairdb_site.supabase import auth

    session = auth.sign_in(alice.email, alice.password)

    assert session.access_token not in repr(session)
    assert session.refresh_token not in repr(session)
    assert "secret" not in repr(Tokens(access="secret", refresh="secret"))
