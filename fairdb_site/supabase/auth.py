"""Accounts at Supabase (GoTrue): sign in, sign up, refresh, links, second factors, admin's calls.

Every call has a client of its own: supabase-py writes a signed-in user's token into the client that
signed in, so a client that is shared, or the service role's, must never do it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Literal
from uuid import UUID

import httpx
import jwt
from django.conf import settings

from fairdb_site.errors import NotFound, Unavailable
from fairdb_site.supabase.account import (
    STAFF,
    Account,
    Factor,
    NewFactor,
    Session,
    account_of,
    session_of,
    session_of_second_factor,
)
from fairdb_site.supabase.clients import make_client, shared_http
from fairdb_site.supabase.errors import (
    NO_ANSWER,
    SESSION_ENDED,
    LinkUsed,
    Meanings,
    SessionEnded,
    TokenExpired,
    WrongCode,
    auth_error,
    refresh_error,
)

if TYPE_CHECKING:
    from supabase import Client
    from supabase_auth import SyncGoTrueAdminAPI
    from supabase_auth.types import (
        AdminUserAttributes,
        SignUpWithEmailAndPasswordCredentials,
        UserAttributes,
    )

__all__ = ["STAFF", "Account", "Factor", "NewFactor", "Session", "account_of"]

LinkKind = Literal["signup", "invite", "recovery", "email"]

logger = logging.getLogger(__name__)

_USERS_A_PAGE = 500
_ISSUER = "FAIRDatabase"  # what an authenticator app lists a second factor under
_LEAST_LIFE = 30  # seconds; supabase-py renews by itself a token with less than 10 left
_TOKEN_REFUSED = (
    "bad_jwt",
    "invalid_jwt",
    "no_authorization",
    "session_not_found",
    "user_banned",
    "user_not_found",
)


def sign_in(email: str, password: str) -> Session:
    """Exchange e-mail and password for a session; else WrongCredentials, EmailNotConfirmed."""
    with _as_fairdb_error("sign in"):
        client = make_client(settings.SUPABASE_PUBLISHABLE_KEY)
        answer = client.auth.sign_in_with_password({"email": email, "password": password})
    return session_of(answer.session)


def sign_up(email: str, password: str, *, redirect_to: str | None = None) -> Session | None:
    """Make an account; return its session, or None where Supabase first wants the mail confirmed.

    With confirmation on, Supabase answers the same for an address it already knows. With
    confirmation off it says so, and AccountExists is raised. `redirect_to` is the absolute URL of
    our page that the confirmation mail leads to.
    """
    wanted: SignUpWithEmailAndPasswordCredentials = {"email": email, "password": password}
    if redirect_to is not None:
        wanted["options"] = {"email_redirect_to": redirect_to}
    with _as_fairdb_error("sign up"):
        answer = make_client(settings.SUPABASE_PUBLISHABLE_KEY).auth.sign_up(wanted)
    return session_of(answer.session) if answer.session else None


def refresh(refresh_token: str) -> Session:
    """Exchange the refresh token for a new session; else SessionEnded or Unavailable."""
    from supabase_auth.errors import AuthError

    client = make_client(settings.SUPABASE_PUBLISHABLE_KEY)
    try:
        answer = client.auth.refresh_session(refresh_token)
    except (AuthError, httpx.HTTPError) as error:
        raise refresh_error(error) from None
    except ValueError:  # pydantic's: the answer is not GoTrue's
        raise Unavailable(NO_ANSWER) from None
    return session_of(answer.session)


def sign_out(access_token: str, scope: Literal["global", "local", "others"] = "local") -> None:
    """Revoke the session at Supabase: this one, all of the user's, or all but this one."""
    with _as_fairdb_error("sign out"):
        make_client(settings.SUPABASE_PUBLISHABLE_KEY).auth.admin.sign_out(access_token, scope)


def get_account(access_token: str) -> Account:
    """Ask GoTrue whose token this is; SessionEnded when it does not take the token."""
    with _as_fairdb_error("get user", _SIGNED_IN):
        answer = make_client(settings.SUPABASE_PUBLISHABLE_KEY).auth.get_user(access_token)
    if answer is None:
        raise SessionEnded(SESSION_ENDED)
    return account_of(answer.user)


def require_answer() -> None:
    """Raise Unavailable unless Supabase's accounts answer at all."""
    try:
        answer = shared_http().get(
            f"{settings.SUPABASE_URL}/auth/v1/health",
            headers={"apikey": settings.SUPABASE_PUBLISHABLE_KEY},
        )
    except httpx.HTTPError:
        raise Unavailable(NO_ANSWER) from None
    if not answer.is_success:
        raise Unavailable(NO_ANSWER)


# -- Mailed links ---------------------------------------------------------------------------------


def send_recovery(email: str, *, redirect_to: str) -> None:
    """Mail a link to set a new password, where there is such an account; nobody learns whether."""
    with _as_fairdb_error("recover"), _whether_or_not_it_is_known("recover"):
        make_client(settings.SUPABASE_PUBLISHABLE_KEY).auth.reset_password_for_email(
            email, {"redirect_to": redirect_to}
        )


def resend_confirmation(email: str, *, redirect_to: str) -> None:
    """Mail the confirmation link again to an account that waits for it; nobody learns whether."""
    with _as_fairdb_error("resend"), _whether_or_not_it_is_known("resend"):
        make_client(settings.SUPABASE_PUBLISHABLE_KEY).auth.resend(
            {"type": "signup", "email": email, "options": {"email_redirect_to": redirect_to}}
        )


def verify_link(token_hash: str, kind: LinkKind) -> Session:
    """Open a session with the token of a mailed link, which it uses up; else LinkUsed.

    The address counts as confirmed from then on. "email" takes the token of a "signup" too.
    """
    with _as_fairdb_error("verify link", _OF_A_LINK):
        client = make_client(settings.SUPABASE_PUBLISHABLE_KEY)
        answer = client.auth.verify_otp({"token_hash": token_hash, "type": kind})
    return session_of(answer.session)


# -- With a person's tokens -----------------------------------------------------------------------
# All of them raise SessionEnded where Supabase no longer takes the access token, and TokenExpired
# where it has run out or is about to; the refresh token is never used up.


def change_password(
    access_token: str, refresh_token: str, new_password: str, *, current: str | None = None
) -> None:
    """Set the person's password, which ends their other sessions; this one goes on.

    `current` is the password they have now: WrongPassword without it where Supabase is set up to
    ask for it, unless the session began with a mailed link. SamePassword, WeakPassword;
    SecondFactorNeeded when they have one and this session is without; SignInTooOld where Supabase
    wants sessions of no more than a day.
    """
    wanted: UserAttributes = {"password": new_password}
    if current is not None:  # GoTrue before 2.187 passes over what it does not know
        wanted["current_password"] = current
    with _as_fairdb_error("change password", _SIGNED_IN):
        client, _ = _signed_in(access_token, refresh_token)
        client.auth.update_user(wanted)


def factor_enrol(access_token: str, refresh_token: str, *, name: str) -> NewFactor:
    """Make a second factor (TOTP, RFC 6238); it counts once `factor_verify` got a code of it.

    One begun before and never verified is removed first: it would keep its name, and nobody has
    its secret any more. SecondFactorNeeded when the person has one and this session is without;
    FactorNameTaken, TooManyFactors.
    """
    with _as_fairdb_error("enrol factor", _SIGNED_IN):
        client, account = _signed_in(access_token, refresh_token)
        for factor in account.factors:
            if not factor.is_verified:
                client.auth.mfa.unenroll({"factor_id": str(factor.id)})
        made = client.auth.mfa.enroll(
            {"factor_type": "totp", "friendly_name": name, "issuer": _ISSUER}
        )
    if made.totp is None:
        raise Unavailable(NO_ANSWER)
    return NewFactor(id=UUID(made.id), secret=made.totp.secret, uri=made.totp.uri)


def factor_verify(access_token: str, refresh_token: str, *, factor: UUID, code: str) -> Session:
    """Prove the second factor with a code of its app; return the session's new tokens (aal2).

    The old refresh token is of no use afterwards. The person's sessions without a second factor
    end. WrongCode; NotFound for a factor that is not theirs.
    """
    with _as_fairdb_error("verify factor", _OF_A_CODE):
        client, _ = _signed_in(access_token, refresh_token)
        answer = client.auth.mfa.challenge_and_verify(
            {"factor_id": str(factor), "code": "".join(code.split())}
        )
    return session_of_second_factor(answer)


def factor_remove(access_token: str, refresh_token: str, *, factor: UUID) -> None:
    """Remove a second factor; SecondFactorNeeded, or NotFound for one that is not theirs.

    Sessions opened with it are without a second factor from their next refresh on.
    """
    with _as_fairdb_error("remove factor", _SIGNED_IN):
        client, _ = _signed_in(access_token, refresh_token)
        client.auth.mfa.unenroll({"factor_id": str(factor)})


# -- As the service role --------------------------------------------------------------------------


def admin_create_user(email: str, password: str, *, staff: bool = False) -> Account:
    """Make a confirmed account; AccountExists when the e-mail is taken."""
    with _as_fairdb_error("admin create user"):
        answer = _admin().create_user(
            {
                "email": email,
                "password": password,
                "email_confirm": True,
                "app_metadata": {STAFF: True} if staff else {},
            }
        )
    return account_of(answer.user)


def admin_get_user(user_id: UUID) -> Account:
    """Return the account with this id, or raise NotFound."""
    with _as_fairdb_error("admin get user", _OF_NO_ACCOUNT):
        return account_of(_admin().get_user_by_id(str(user_id)).user)


def admin_list_users() -> Iterator[Account]:
    """Return all accounts, newest first, asked for page by page as they are taken."""
    for page in range(1, 10_000):
        with _as_fairdb_error("admin list users"):
            users = _admin().list_users(page=page, per_page=_USERS_A_PAGE)
        if not users:
            return
        yield from map(account_of, users)


def admin_find_user(email: str) -> Account | None:
    """Return the account with this e-mail, or None; GoTrue can only be asked page by page."""
    wanted = email.strip().lower()
    return next((account for account in admin_list_users() if account.email == wanted), None)


def invite(email: str, *, redirect_to: str) -> Account:
    """Mail an invitation, which makes an account; AccountExists for one who has theirs.

    Somebody invited before who never came gets another link.
    """
    with _as_fairdb_error("invite"):
        answer = _admin().invite_user_by_email(email, {"redirect_to": redirect_to})
    return account_of(answer.user)


def admin_update_user(
    user_id: UUID,
    *,
    password: str | None = None,
    staff: bool | None = None,
    ban_for: str | None = None,
) -> Account:
    """Change what is given; `ban_for` is GoTrue's duration ("24h"), or "none" to lift a ban."""
    changes: AdminUserAttributes = {}
    if password is not None:
        changes["password"] = password
    if staff is not None:
        changes["app_metadata"] = {STAFF: staff}
    if ban_for is not None:
        changes["ban_duration"] = ban_for
    with _as_fairdb_error("admin update user", _OF_NO_ACCOUNT):
        return account_of(_admin().update_user_by_id(str(user_id), changes).user)


def admin_delete_user(user_id: UUID) -> None:
    """Delete the account with its sessions and factors; one that is gone already is fine."""
    with suppress(NotFound), _as_fairdb_error("admin delete user", _OF_NO_ACCOUNT):
        _admin().delete_user(str(user_id))


def admin_remove_factors(user_id: UUID) -> int:
    """Remove all second factors of an account, verified or not; return how many. Else NotFound."""
    factors = admin_get_user(user_id).factors
    for factor in factors:
        with suppress(NotFound), _as_fairdb_error("admin remove factor"):  # gone meanwhile
            _admin().mfa.delete_factor({"user_id": str(user_id), "id": str(factor.id)})
    return len(factors)


# -- Private --------------------------------------------------------------------------------------

_SIGNED_IN: Meanings = dict.fromkeys(_TOKEN_REFUSED, lambda: SessionEnded(SESSION_ENDED))
# a code or a link that GoTrue cannot even read is one that does not fit
_OF_A_CODE: Meanings = {
    **_SIGNED_IN,
    **dict.fromkeys(("mfa_ip_address_mismatch", "validation_failed", "bad_json"), WrongCode),
}
_OF_A_LINK: Meanings = dict.fromkeys(
    ("otp_expired", "user_banned", "user_not_found", "validation_failed", "bad_json"), LinkUsed
)
_OF_NO_ACCOUNT: Meanings = {"user_not_found": lambda: NotFound("There is no such account.")}
# What GoTrue answers only for an address it knows: a mail went there a moment ago, or none can.
_TELLS_OF_AN_ACCOUNT = {"over_email_send_rate_limit", "email_address_not_authorized"}


def _admin() -> SyncGoTrueAdminAPI:
    return make_client(settings.SUPABASE_SECRET_KEY).auth.admin


def _signed_in(access_token: str, refresh_token: str) -> tuple[Client, Account]:
    """Return a client of its own that acts as this person, and who that is.

    An access token without time left is refused: supabase-py would swap the refresh token for
    another one, which the caller would never see.
    """
    try:
        claims = jwt.decode(access_token, options={"verify_signature": False})
        left = float(claims["exp"]) - time.time()
    except (jwt.PyJWTError, KeyError, TypeError, ValueError):
        raise SessionEnded(SESSION_ENDED) from None
    if left < _LEAST_LIFE:
        raise TokenExpired(SESSION_ENDED)
    client = make_client(settings.SUPABASE_PUBLISHABLE_KEY)
    user = client.auth.set_session(access_token, refresh_token).user
    if user is None:
        raise SessionEnded(SESSION_ENDED)
    return client, account_of(user)


@contextmanager
def _whether_or_not_it_is_known(action: str) -> Iterator[None]:
    """Keep to ourselves the refusals from which one learns that an address has an account."""
    from supabase_auth.errors import AuthApiError

    try:
        yield
    except AuthApiError as error:
        if error.code not in _TELLS_OF_AN_ACCOUNT:
            raise
        logger.warning("auth %s: no mail was sent (%s)", action, error.code)


@contextmanager
def _as_fairdb_error(action: str, meanings: Meanings | None = None) -> Iterator[None]:
    from supabase_auth.errors import AuthError

    try:
        yield
    except (AuthError, httpx.HTTPError) as error:
        # `from None`: the original may hold the request's e-mail address.
        raise auth_error(error, action, meanings or {}) from None
    except ValueError:  # pydantic's: the answer is not GoTrue's, a proxy's page perhaps
        raise Unavailable(NO_ANSWER) from None
