"""How tests come through the doors, and what they do to a session to see it end."""

import time
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import SupabaseSession
from accounts.sealing import seal, unseal
from fairdb_site.local.gateway.keys import Keys
from fairdb_site.tests.supabase_servers import gateway_config


def sign_in(person: Any, client: Client | None = None, *, next_page: str = "") -> Client:
    """Sign in by the page, with the second factor of who has one, and return the browser."""
    client = client or Client()
    answer = client.post(
        reverse("accounts:sign-in"),
        {"email": person.email, "password": person.password, "next": next_page},
    )
    assert answer.status_code == 302, answer.content
    if person.totp_secret:
        answer = client.post(
            reverse("accounts:second-factor"), {"code": person.code(), "next": next_page}
        )
        assert answer.status_code == 302, answer.content
    return client


def row_of(client: Client) -> SupabaseSession:
    """Return the row that holds this browser's tokens."""
    return SupabaseSession.objects.get(id=client.session["supabase_session"])


def tokens_of(row: SupabaseSession) -> dict[str, Any]:
    """Return the row's tokens in the clear."""
    return unseal(row.sealed_tokens, place=str(row.id))


def let_it_expire(row: SupabaseSession) -> None:
    """Make the access token look expired to us."""
    row.refreshed_at = timezone.now() - timedelta(hours=1)
    row.expires_at = timezone.now() - timedelta(seconds=1)
    row.save()


def let_it_nearly_expire(row: SupabaseSession) -> None:
    """Leave the access token 4 minutes: it is good, and time to get the next."""
    row.refreshed_at = timezone.now() - timedelta(minutes=56)
    row.expires_at = timezone.now() + timedelta(minutes=4)
    row.save()


def give_expired_token(row: SupabaseSession) -> str:
    """Put in a token that Supabase calls expired and we believe good; return it."""
    tokens = tokens_of(row)
    claims = jwt.decode(tokens["access"], options={"verify_signature": False})
    expired: str = gateway_keys().sign(claims | {"exp": int(time.time()) - 3600})
    row.sealed_tokens = seal(tokens | {"access": expired}, place=str(row.id))
    row.save()
    return expired


def give_token_of_a_lost_key(row: SupabaseSession) -> None:
    """Put in a token whose signature no key of today's has made: its key was taken out of use."""
    tokens = tokens_of(row)
    header, claims, _ = tokens["access"].split(".")
    row.sealed_tokens = seal(
        tokens | {"access": f"{header}.{claims}.{'A' * 86}"}, place=str(row.id)
    )
    row.save()


def gateway_keys() -> Keys:
    """Return the keys by which the tests' Supabase signs."""
    return Keys(gateway_config())


def refreshes_of(row: SupabaseSession) -> int:
    """Count the refreshes of a session at Supabase: a refresh token each, after the first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select count(*) from auth.refresh_tokens where session_id = %s", [str(row.supabase_id)]
        )
        return int(cursor.fetchone()[0]) - 1


def next_of(answer: Any) -> str:
    """Return the `next` of a redirect to sign-in, having checked that it is one."""
    url = urlsplit(answer.headers.get("HX-Redirect") or answer.headers["Location"])
    assert url.path == reverse("accounts:sign-in")
    wanted: str = parse_qs(url.query)["next"][0]
    return wanted
