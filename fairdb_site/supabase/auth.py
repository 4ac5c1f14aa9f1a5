"""Accounts at Supabase (GoTrue): sign in, sign up, refresh, sign out, and the admin's calls.

Every call has a client of its own: supabase-py writes a signed-in user's token into the client that
signed in, so a client that is shared, or the service role's, must never do it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal
from uuid import UUID

import httpx
from django.conf import settings

from fairdb_site.errors import NotFound, Unavailable
from fairdb_site.supabase.clients import make_client
from fairdb_site.supabase.errors import (
    NO_ANSWER,
    SESSION_ENDED,
    SessionEnded,
    auth_error,
    refresh_error,
)

if TYPE_CHECKING:
    from supabase_auth import SyncGoTrueAdminAPI
    from supabase_auth.types import AdminUserAttributes
    from supabase_auth.types import Session as GoTrueSession
    from supabase_auth.types import User as GoTrueUser

STAFF = "staff"  # app_metadata {"staff": true}; only the service role can write app_metadata
_USERS_A_PAGE = 500
_TOKEN_REFUSED = {"bad_jwt", "no_authorization", "session_not_found", "user_not_found"}


@dataclass(frozen=True)
class Account:
    """A user as Supabase knows them."""

    id: UUID
    email: str
    is_staff: bool
    is_confirmed: bool
    banned_until: datetime | None = None

    @property
    def is_banned(self) -> bool:
        """Whether Supabase refuses this account just now."""
        return self.banned_until is not None and self.banned_until > datetime.now(UTC)


@dataclass(frozen=True)
class Session:
    """A sign-in: the token to call with, the token to renew it by, and whose they are."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_at: datetime
    account: Account


def sign_in(email: str, password: str) -> Session:
    """Exchange e-mail and password for a session; else WrongCredentials, EmailNotConfirmed."""
    with _as_fairdb_error("sign in"):
        client = make_client(settings.SUPABASE_PUBLISHABLE_KEY)
        answer = client.auth.sign_in_with_password({"email": email, "password": password})
    return _session(answer.session)


def sign_up(email: str, password: str) -> Session | None:
    """Make an account; return its session, or None where Supabase first wants the mail confirmed.

    With confirmation on, Supabase answers the same for an address it already knows. With
    confirmation off it says so, and AccountExists is raised.
    """
    with _as_fairdb_error("sign up"):
        client = make_client(settings.SUPABASE_PUBLISHABLE_KEY)
        answer = client.auth.sign_up({"email": email, "password": password})
    return _session(answer.session) if answer.session else None


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
    return _session(answer.session)


def sign_out(access_token: str, scope: Literal["global", "local", "others"] = "local") -> None:
    """Revoke the session at Supabase: this one, all of the user's, or all but this one."""
    with _as_fairdb_error("sign out"):
        make_client(settings.SUPABASE_PUBLISHABLE_KEY).auth.admin.sign_out(access_token, scope)


def get_account(access_token: str) -> Account:
    """Ask GoTrue whose token this is; SessionEnded when it does not take the token."""
    from supabase_auth.errors import AuthApiError

    with _as_fairdb_error("get user"):
        try:
            answer = make_client(settings.SUPABASE_PUBLISHABLE_KEY).auth.get_user(access_token)
        except AuthApiError as error:
            if error.code in _TOKEN_REFUSED:
                raise SessionEnded(SESSION_ENDED) from None
            raise
    if answer is None:
        raise SessionEnded(SESSION_ENDED)
    return account_of(answer.user)


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
    from supabase_auth.errors import AuthApiError

    with _as_fairdb_error("admin get user"):
        try:
            return account_of(_admin().get_user_by_id(str(user_id)).user)
        except AuthApiError as error:
            if error.status == httpx.codes.NOT_FOUND:
                raise NotFound("There is no such account.") from None
            raise


def admin_find_user(email: str) -> Account | None:
    """Return the account with this e-mail, or None; GoTrue can only be asked page by page."""
    wanted = email.strip().lower()
    for page in range(1, 10_000):
        with _as_fairdb_error("admin list users"):
            users = _admin().list_users(page=page, per_page=_USERS_A_PAGE)
        if not users:
            return None
        for user in users:
            if (user.email or "").lower() == wanted:
                return account_of(user)
    return None


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
    with _as_fairdb_error("admin update user"):
        return account_of(_admin().update_user_by_id(str(user_id), changes).user)


def account_of(user: GoTrueUser) -> Account:
    """Read what we keep of a GoTrue user; the staff flag from `app_metadata` and nowhere else."""
    return Account(
        id=UUID(user.id),
        email=(user.email or "").strip().lower(),
        is_staff=user.app_metadata.get(STAFF) is True,
        is_confirmed=user.email_confirmed_at is not None or user.confirmed_at is not None,
        banned_until=datetime.fromisoformat(user.banned_until) if user.banned_until else None,
    )


# -- Private --------------------------------------------------------------------------------------


def _admin() -> SyncGoTrueAdminAPI:
    return make_client(settings.SUPABASE_SECRET_KEY).auth.admin


def _session(session: GoTrueSession | None) -> Session:
    if session is None:
        raise Unavailable(NO_ANSWER)
    expires_at = session.expires_at
    if expires_at is None:
        raise Unavailable(NO_ANSWER)
    return Session(
        access_token=session.access_token,
        refresh_token=session.refresh_token,
        expires_at=datetime.fromtimestamp(expires_at, UTC),
        account=account_of(session.user),
    )


@contextmanager
def _as_fairdb_error(action: str) -> Iterator[None]:
    from supabase_auth.errors import AuthError

    try:
        yield
    except (AuthError, httpx.HTTPError) as error:
        # `from None`: the original may hold the request's e-mail address.
        raise auth_error(error, action) from None
    except ValueError:  # pydantic's: the answer is not GoTrue's, a proxy's page perhaps
        raise Unavailable(NO_ANSWER) from None
