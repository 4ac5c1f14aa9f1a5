"""An account, its second factors and its session as Supabase (GoTrue) tells of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from fairdb_site.errors import Unavailable
from fairdb_site.supabase.errors import NO_ANSWER

if TYPE_CHECKING:
    from supabase_auth.types import AuthMFAVerifyResponse
    from supabase_auth.types import Factor as GoTrueFactor
    from supabase_auth.types import Session as GoTrueSession
    from supabase_auth.types import User as GoTrueUser

STAFF = "staff"  # app_metadata {"staff": true}; only the service role can write app_metadata


@dataclass(frozen=True)
class Factor:
    """A second factor; it counts only once it is verified, which its first right code does."""

    id: UUID
    name: str
    is_verified: bool
    created_at: datetime


@dataclass(frozen=True)
class NewFactor:
    """A second factor just made, with the secret that is shown this once."""

    id: UUID
    secret: str = field(repr=False)  # base32, to type into an app
    uri: str = field(repr=False)  # otpauth://totp/..., to draw as a QR code


@dataclass(frozen=True)
class Account:
    """A user as Supabase knows them."""

    id: UUID
    email: str
    is_staff: bool
    is_confirmed: bool
    banned_until: datetime | None = None
    factors: tuple[Factor, ...] = ()  # the oldest first
    created_at: datetime | None = None
    last_sign_in_at: datetime | None = None
    invited_at: datetime | None = None

    @property
    def is_banned(self) -> bool:
        """Whether Supabase refuses this account just now."""
        return self.banned_until is not None and self.banned_until > datetime.now(UTC)

    @property
    def has_second_factor(self) -> bool:
        """Whether signing in takes a second factor: one that was never verified does not count."""
        return any(factor.is_verified for factor in self.factors)


@dataclass(frozen=True)
class Session:
    """A sign-in: the token to call with, the token to renew it by, and whose they are."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_at: datetime
    account: Account


def account_of(user: GoTrueUser) -> Account:
    """Read what we keep of a GoTrue user; the staff flag from `app_metadata` and nowhere else."""
    factors = sorted(user.factors or (), key=lambda factor: factor.created_at)
    return Account(
        id=UUID(user.id),
        email=(user.email or "").strip().lower(),
        is_staff=user.app_metadata.get(STAFF) is True,
        is_confirmed=user.email_confirmed_at is not None or user.confirmed_at is not None,
        banned_until=datetime.fromisoformat(user.banned_until) if user.banned_until else None,
        factors=tuple(map(_factor_of, factors)),
        created_at=user.created_at,
        last_sign_in_at=user.last_sign_in_at,
        invited_at=user.invited_at,
    )


def session_of(session: GoTrueSession | None) -> Session:
    """Read a session of GoTrue's; Unavailable where the answer holds none."""
    if session is None or session.expires_at is None:
        raise Unavailable(NO_ANSWER)
    return Session(
        access_token=session.access_token,
        refresh_token=session.refresh_token,
        expires_at=datetime.fromtimestamp(session.expires_at, UTC),
        account=account_of(session.user),
    )


def session_of_second_factor(answer: AuthMFAVerifyResponse) -> Session:
    """Read the session that a right code of a second factor gives."""
    return Session(
        access_token=answer.access_token,
        refresh_token=answer.refresh_token,
        expires_at=datetime.now(UTC) + timedelta(seconds=answer.expires_in),
        account=account_of(answer.user),
    )


def _factor_of(factor: GoTrueFactor) -> Factor:
    return Factor(
        id=UUID(factor.id),
        name=factor.friendly_name or "",
        is_verified=factor.status == "verified",
        created_at=factor.created_at,
    )
