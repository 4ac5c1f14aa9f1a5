"""Verify access tokens: signature, issuer, audience, expiry (RFC 7519; Supabase: signing keys).

Projects with asymmetric keys (ES256, RS256) publish them as a JWKS, which is cached. Tokens of
projects with the older shared secret (HS256) are verified by asking GoTrue, so that no secret that
can sign tokens lies on this server.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

import httpx
import jwt
from django.conf import settings

from fairdb_site.errors import SignInRequired, Unavailable
from fairdb_site.supabase import auth
from fairdb_site.supabase.clients import shared_http
from fairdb_site.supabase.errors import NO_ANSWER, SESSION_ENDED, SessionEnded, TokenExpired

Assurance = Literal["aal1", "aal2"]  # GoTrue's levels
AUDIENCE = "authenticated"
LEEWAY = 30  # seconds by which clocks may differ; PostgREST allows as much
ASYMMETRIC = {"ES256", "RS256"}
_KEYS_FRESH_FOR = 600  # seconds; GoTrue's own cache header says ten minutes
_ASK_AGAIN_AFTER = 30  # seconds after a look for a key that was in vain
_TRY_AGAIN_AFTER = 3  # seconds after a look that failed


class InvalidToken(SignInRequired):
    """The token is not one that our Supabase issued for our people."""

    def __init__(self) -> None:
        super().__init__("This sign-in could not be verified. Please sign in again.")


@dataclass(frozen=True)
class Claims:
    """What a verified access token says."""

    user_id: UUID
    session_id: UUID | None
    expires_at: datetime
    assurance: Assurance = "aal1"  # aal2 once the session was opened with a second factor too


def verify_access_token(token: str) -> Claims:
    """Return the token's claims; else TokenExpired, InvalidToken, or Unavailable (no keys)."""
    try:
        header = jwt.get_unverified_header(token)
        algorithm = header.get("alg")
        if algorithm in ASYMMETRIC:
            key = signing_keys.key(str(header.get("kid", "")))
            if key.algorithm_name != algorithm:  # a token does not choose how it is checked
                raise InvalidToken
            return _claims(_decode(token, key, [str(algorithm)]))
        if algorithm == "HS256":
            return _claims_vouched_by_gotrue(token)
    except jwt.ExpiredSignatureError:
        raise TokenExpired(SESSION_ENDED) from None
    except jwt.PyJWTError:
        raise InvalidToken from None
    raise InvalidToken


def _decode(token: str, key: jwt.PyJWK | None, algorithms: list[str]) -> dict[str, Any]:
    return jwt.decode(
        token,
        key or "",
        algorithms=algorithms,
        audience=AUDIENCE,
        issuer=settings.SUPABASE_JWT_ISSUER,
        leeway=LEEWAY,
        options={
            "require": ["exp", "sub", "aud", "iss"],
            "verify_signature": key is not None,
            # PyJWT leaves these out together with the signature unless they are asked for.
            "verify_exp": True,
            "verify_nbf": True,
            "verify_aud": True,
            "verify_iss": True,
        },
    )


def _claims_vouched_by_gotrue(token: str) -> Claims:
    claims = _claims(_decode(token, None, ["HS256"]))  # cheap refusals first
    try:
        account = auth.get_account(token)
    except SessionEnded:
        raise InvalidToken from None
    if account.id != claims.user_id:
        raise InvalidToken
    return claims


def _claims(payload: dict[str, Any]) -> Claims:
    try:
        session_id = payload.get("session_id")
        return Claims(
            user_id=UUID(payload["sub"]),
            session_id=UUID(session_id) if session_id else None,
            expires_at=datetime.fromtimestamp(payload["exp"], UTC),
            # any other word, or none, proves no second factor
            assurance="aal2" if payload.get("aal") == "aal2" else "aal1",
        )
    except (TypeError, ValueError, AttributeError):
        raise InvalidToken from None


class SigningKeys:
    """The project's public keys by `kid`, fetched when stale or when one asked for is not known.

    So a new signing key is known with the first token that names it. Made-up `kid`s cost Supabase
    at most one request in 30 seconds, however many come in.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched_at = self._ask_again_at = float("-inf")
        self._failed = False

    def key(self, kid: str) -> jwt.PyJWK:
        """Return the key, or raise InvalidToken; Unavailable when the keys cannot be fetched."""
        known = self._fresh(kid)
        if known is not None:
            return known
        with self._lock:
            # others may have fetched it while this one waited
            if self._fresh(kid) is None and time.monotonic() >= self._ask_again_at:
                self._failed = not self._fetch()
                # what was found costs no pause: the next key may be new just after a first look
                in_vain = 0 if kid in self._keys else _ASK_AGAIN_AFTER
                pause = _TRY_AGAIN_AFTER if self._failed else in_vain
                self._ask_again_at = time.monotonic() + pause
        known = self._keys.get(kid)
        if known is not None:  # though stale, better than turning people away
            return known
        raise Unavailable(NO_ANSWER) if self._failed else InvalidToken()

    def forget(self) -> None:
        """Start anew, as after a change of settings."""
        with self._lock:
            self._keys = {}
            self._fetched_at = self._ask_again_at = float("-inf")
            self._failed = False

    def _fresh(self, kid: str) -> jwt.PyJWK | None:
        known = self._keys.get(kid)
        return known if time.monotonic() - self._fetched_at < _KEYS_FRESH_FOR else None

    def _fetch(self) -> bool:
        url = f"{settings.SUPABASE_URL}/auth/v1/.well-known/jwks.json"
        try:
            answer = shared_http().get(url, headers={"apikey": settings.SUPABASE_PUBLISHABLE_KEY})
            keys = answer.raise_for_status().json()["keys"]
            self._keys = {
                str(key["kid"]): jwt.PyJWK(key) for key in keys if key.get("alg") in ASYMMETRIC
            }
        except (httpx.HTTPError, jwt.PyJWTError, KeyError, TypeError, ValueError):
            return False
        self._fetched_at = time.monotonic()
        return True


signing_keys = SigningKeys()
