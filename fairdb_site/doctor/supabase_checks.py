"""Checks of Supabase over HTTP: keys, what REST serves, who may sign up, clock."""

import time
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from secrets import token_urlsafe
from uuid import uuid4

import httpx
import jwt
from django.conf import settings

from fairdb_site.doctor.database_checks import CLOCK_TOLERANCE
from fairdb_site.doctor.finding import Finding

SupabaseCheck = Callable[[httpx.Client], Iterator[Finding]]


def examine_keys(http: httpx.Client) -> Iterator[Finding]:
    """Both keys work, and each is what its setting says."""
    publishable, secret = settings.SUPABASE_PUBLISHABLE_KEY, settings.SUPABASE_SECRET_KEY
    if http.get("/auth/v1/settings", headers=_headers(publishable)).is_error:
        yield Finding(
            "keys",
            "Supabase does not take SUPABASE_PUBLISHABLE_KEY.",
            "Copy it again from the project's API keys.",
        )
    if _opens_admin(http, publishable):
        yield Finding(
            "keys",
            "SUPABASE_PUBLISHABLE_KEY opens what only the secret key may: the two are swapped.",
            "Put each key into its own setting, and rotate the secret one if it was published.",
        )
    if not _opens_admin(http, secret):
        yield Finding(
            "keys",
            "SUPABASE_SECRET_KEY does not act as the service role.",
            "Copy it again from the project's API keys.",
        )


def examine_exposure(http: httpx.Client) -> Iterator[Finding]:
    """REST serves our functions, and the data schema not at all."""
    schema = settings.FAIRDB_DATA_SCHEMA
    url = "/rest/v1/rpc/get_all_tables"
    served = http.post(url, json={}, headers=_headers(settings.SUPABASE_PUBLISHABLE_KEY))
    if served.status_code == httpx.codes.NOT_FOUND:
        yield Finding(
            "REST",
            "REST does not know our functions.",
            "Run `manage.py migrate`; if it says there is nothing to do, "
            "notify pgrst, 'reload schema'.",
        )
    elif served.is_success:
        yield Finding(
            "REST",
            "get_all_tables answers without anybody signed in.",
            "revoke execute on function public.get_all_tables from public, anon",
        )
    inside = http.post(
        url,
        json={},
        headers=_headers(settings.SUPABASE_SECRET_KEY) | {"Content-Profile": schema},
    )
    if inside.status_code != httpx.codes.NOT_ACCEPTABLE:
        yield Finding(
            "REST",
            f"REST serves the data schema {schema}.",
            f"Take {schema} off the exposed schemas of the project's Data API.",
        )


def examine_registration(http: httpx.Client) -> Iterator[Finding]:
    """Supabase lets people sign up exactly where FAIRDB_REGISTRATION says so."""
    answer = http.get("/auth/v1/settings", headers=_headers(settings.SUPABASE_PUBLISHABLE_KEY))
    if answer.is_error:
        return  # the keys' check says why
    closed = bool(answer.json().get("disable_signup"))
    registration = settings.FAIRDB_REGISTRATION
    if registration == "open" and closed:
        yield Finding(
            "registration",
            "FAIRDB_REGISTRATION is open, but Supabase lets nobody sign up.",
            "Allow new users to sign up in the project's settings, or set "
            "FAIRDB_REGISTRATION=invite.",
        )
    if registration != "open" and not closed:
        yield Finding(
            "registration",
            f"FAIRDB_REGISTRATION is {registration}, but whoever has the publishable key can sign "
            "up at Supabase itself.",
            "Turn off new sign-ups in the project's settings.",
        )


def examine_issuer(http: httpx.Client) -> Iterator[Finding]:
    """A fresh access token names the issuer that we ask for.

    Supabase says it nowhere but in tokens, so an account is made, signed in and removed again.
    """
    secret = _headers(settings.SUPABASE_SECRET_KEY)
    person = {"email": f"{uuid4().hex}@doctor.invalid", "password": token_urlsafe(20)}
    made = http.post("/auth/v1/admin/users", json=person | {"email_confirm": True}, headers=secret)
    if made.is_error:
        return  # the keys' check says why
    try:
        signed_in = http.post(
            "/auth/v1/token?grant_type=password",
            json=person,
            headers=_headers(settings.SUPABASE_PUBLISHABLE_KEY),
        )
    finally:
        removed = http.delete(f"/auth/v1/admin/users/{made.json()['id']}", headers=secret)
    if removed.is_error:
        yield Finding(
            "sign-in",
            f"The account {person['email']}, made for this check, could not be removed.",
            "Remove it in the project's list of users.",
        )
    if signed_in.status_code == httpx.codes.UNAUTHORIZED:
        return  # the keys' check says why
    if signed_in.is_error:
        yield Finding(
            "sign-in",
            f"Supabase lets nobody in by e-mail and password ({signed_in.status_code}).",
            "Turn that way on in the project's settings, and bot protection (CAPTCHA) off.",
        )
        return
    token = signed_in.json()["access_token"]
    issuer = jwt.decode(token, options={"verify_signature": False}).get("iss")
    if issuer is None:
        yield Finding(
            "sign-in",
            "Tokens name no issuer: nobody can sign in.",
            "Set GOTRUE_JWT_ISSUER of Supabase's auth service to "
            f"{settings.SUPABASE_JWT_ISSUER}, and restart it.",
        )
    elif issuer != settings.SUPABASE_JWT_ISSUER:
        yield Finding(
            "sign-in",
            f"Tokens name the issuer {issuer}, but SUPABASE_JWT_ISSUER is "
            f"{settings.SUPABASE_JWT_ISSUER}: nobody can sign in.",
            f"Set SUPABASE_JWT_ISSUER={issuer}, if that is your Supabase.",
        )


def examine_clock(http: httpx.Client, *, now: Callable[[], float] = time.time) -> Iterator[Finding]:
    """This machine and Supabase agree on what time it is."""
    before = now()
    said = http.get("/auth/v1/health", headers=_headers(settings.SUPABASE_PUBLISHABLE_KEY))
    date = said.headers.get("Date")
    if not date:
        return
    skew = parsedate_to_datetime(date).timestamp() - (before + now()) / 2
    if abs(skew) > CLOCK_TOLERANCE:
        yield Finding(
            "clock",
            f"Supabase's clock is {skew:+.0f} s off this machine's.",
            "Keep this machine's by NTP: tokens are refused as expired, or taken too long.",
        )


def _headers(key: str) -> dict[str, str]:
    return {"apikey": key, "Authorization": f"Bearer {key}"}


def _opens_admin(http: httpx.Client, key: str) -> bool:
    return http.get("/auth/v1/admin/users?page=1&per_page=1", headers=_headers(key)).is_success


SUPABASE_CHECKS: tuple[SupabaseCheck, ...] = (
    examine_keys,
    examine_exposure,
    examine_registration,
    examine_issuer,
    examine_clock,
)
