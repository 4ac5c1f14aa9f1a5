"""Supabase sessions on the server: opened at sign-in, refreshed once for all, closed at sign-out.

A request finds its row by the id in the Django session. Before the access token runs out, or when
an RPC called it expired, the request takes the row's lock and refreshes it; whoever waited for the
lock finds the fresh token and uses that. Supabase rotates refresh tokens, so a second refresh with
the old one could end the session.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.contrib.auth import login, logout
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection, transaction
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone

from accounts.mirror import mirror_account
from accounts.models import SupabaseSession, User
from accounts.sealing import UnsealError, seal, unseal
from accounts.sign_in import SignIn
from fairdb_site.errors import FairdbError, Unavailable
from fairdb_site.http import client_address, device_of
from fairdb_site.supabase import auth
from fairdb_site.supabase.clients import Supabase
from fairdb_site.supabase.errors import SESSION_ENDED, SessionEnded
from fairdb_site.supabase.tokens import verify_access_token

logger = logging.getLogger(__name__)

SESSION_KEY = "supabase_session"  # in the Django session: the id of our row, never a token
REFRESH_WHEN_LEFT = timedelta(minutes=5)
# After Supabase failed to answer, this long nobody waits for it again on the session's behalf.
PAUSE_AFTER_FAILURE = timedelta(seconds=10)


STILL_SIGNED_IN = (
    "The account and data service does not answer just now. You are still signed in: please try "
    "again in a minute."
)


@dataclass(frozen=True)
class Tokens:
    """The tokens of one session."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)


def session_open(*, request: HttpRequest, user: User, sign_in: SignIn) -> SupabaseSession:
    """Sign the person in: a new Django session key, and a row that holds the tokens.

    Who was signed in here before, be it the same person, is signed out first.
    """
    session_close(request=request)
    login(request, user)
    row = SupabaseSession(
        user=user,
        supabase_id=sign_in.claims.session_id,
        assurance=sign_in.claims.assurance,
        address=client_address(request),
        device=device_of(request),
    )
    _put(row, sign_in.session)
    row.save(force_insert=True)
    request.session[SESSION_KEY] = str(row.id)
    sessions_reap()
    return row


def session_close(*, request: HttpRequest) -> None:
    """Sign the person out here and, if it answers, at Supabase."""
    row = row_of(request)
    if request.user.is_authenticated:
        logout(request)
    if row is not None:
        session_revoke(row=row)


def session_revoke(*, row: SupabaseSession) -> None:
    """End a session: here in any case, at Supabase if it answers."""
    try:
        # GoTrue takes only a token that has not expired.
        auth.sign_out(_tokens(session_refresh(row_id=row.id)).access)
    except FairdbError as error:
        # Supabase forgets the session in its own time.
        logger.info("the session could not be revoked at Supabase: %s", type(error).__name__)
    SupabaseSession.objects.filter(id=row.id).delete()


def session_raise(
    *, request: HttpRequest, row_id: UUID, change: Callable[[Tokens], auth.Session]
) -> None:
    """Put the session on new footing: `change` makes tokens of a higher assurance of those at hand.

    The session gets a new key, so that one that was planted or seen before is worth nothing.
    """
    with transaction.atomic(durable=True):
        row = SupabaseSession.objects.select_for_update().filter(id=row_id).first()
        if row is None:
            raise SessionEnded(SESSION_ENDED)
        fresh = change(_tokens(row))
        _put(row, fresh)
        row.assurance = verify_access_token(fresh.access_token).assurance
        row.refreshed_at = timezone.now()
        row.save()
    request.session.cycle_key()
    # asked anew: the account that comes with the tokens may be as it was before the change
    mirror_account(auth.get_account(fresh.access_token))


def sessions_reap() -> int:
    """Delete Django's sessions that have ended by age and their rows; return how many rows.

    Every sign-in does, so that nobody need think of it. Those of a day more are left, for a request
    that was sent in time and takes long.
    """
    SessionStore.clear_expired()
    ended = timezone.now() - timedelta(days=1)
    idle = ended - timedelta(minutes=settings.FAIRDB_SESSION_IDLE_MINUTES)
    whole = ended - timedelta(seconds=settings.SESSION_COOKIE_AGE)
    dead = SupabaseSession.objects.filter(Q(seen_at__lt=idle) | Q(created_at__lt=whole))
    return dead.delete()[0]


def row_of(request: HttpRequest) -> SupabaseSession | None:
    """Return the row of the request's session, if there still is one and it is this person's."""
    row_id, user_id = request.session.get(SESSION_KEY), request.user.pk
    if row_id is None or user_id is None:
        return None
    return SupabaseSession.objects.filter(id=row_id, user_id=user_id).first()


def session_require(*, request: HttpRequest) -> None:
    """Raise SessionEnded where the session ended since the request began, as a long upload does.

    One that ended by its age alone is let finish: its request was sent in time.
    """
    row = row_of(request)
    if row is None:
        raise SessionEnded(SESSION_ENDED)
    SupabaseSession.objects.filter(id=row.id).update(seen_at=timezone.now())
    SessionTokens(row).refresh_if_due()


def session_refresh(*, row_id: UUID, refused: str | None = None) -> SupabaseSession:
    """Return the row with tokens that last a while, refreshing them when they are due.

    `refused` is an access token that Supabase called expired: it is replaced unless somebody else
    did so meanwhile. Raises SessionEnded when Supabase has ended the session (the row is then
    gone) and Unavailable when it does not answer and the token at hand is of no use.
    """
    failure: FairdbError | None = None
    account: auth.Account | None = None
    # Durable: were the new refresh token rolled back with somebody's work, the session would be
    # lost. A failure is raised after the commit, since what it changed must stay as well.
    with transaction.atomic(durable=True):
        row = SupabaseSession.objects.select_for_update().filter(id=row_id).first()
        if row is None:
            raise SessionEnded(SESSION_ENDED)
        try:
            account = _refresh_if_needed(row, refused)
        except SessionEnded as error:
            row.delete()
            failure = error
        except Unavailable:
            row.save(update_fields=["refresh_failed_at"])
            if refused is not None or row.expires_at <= timezone.now():
                failure = Unavailable(STILL_SIGNED_IN)
    if failure is not None:
        raise failure
    if account is not None:
        mirror_account(account)
    return row


class SessionTokens:
    """The access token of one request: opened when first used, refreshed when due or refused."""

    def __init__(self, row: SupabaseSession) -> None:
        self._row = row
        self._tokens: Tokens | None = None

    def pair(self) -> Tokens:
        """Return both tokens, the access token good for some minutes; for calls about oneself."""
        self.access_token()
        assert self._tokens is not None
        return self._tokens

    def supabase(self) -> Supabase:
        """Return Supabase as this person."""
        return Supabase(self.access_token, renew=self.renew)

    def access_token(self) -> str:
        """Return a token valid now; inside a transaction, the one at hand."""
        if is_due(self._row) and not connection.in_atomic_block:
            self._take(session_refresh(row_id=self._row.id))
        if self._tokens is None:
            self._tokens = _tokens(self._row)
        return self._tokens.access

    def renew(self, refused: str) -> str:
        """Return a token other than the one that Supabase refused."""
        self._take(session_refresh(row_id=self._row.id, refused=refused))
        return self.access_token()

    def refresh_if_due(self) -> None:
        """Refresh ahead of time; SessionEnded when Supabase has ended the session.

        When Supabase does not answer the session lives on: whoever needs the token is told then.
        """
        if not is_due(self._row):
            return
        try:
            self._take(session_refresh(row_id=self._row.id))
        except Unavailable:
            logger.warning("Supabase does not answer a refresh; the session is kept")

    def _take(self, row: SupabaseSession) -> None:
        self._row, self._tokens = row, None


def is_due(row: SupabaseSession) -> bool:
    """Whether it is time to refresh: 5 minutes are left, or half of a token's shorter life."""
    margin = min(REFRESH_WHEN_LEFT, (row.expires_at - row.refreshed_at) / 2)
    return row.expires_at - timezone.now() < margin


def _refresh_if_needed(row: SupabaseSession, refused: str | None) -> auth.Account | None:
    tokens = _tokens(row)
    if tokens.access != refused and not is_due(row):
        return None
    now = timezone.now()
    if row.refresh_failed_at and now - row.refresh_failed_at < PAUSE_AFTER_FAILURE:
        raise Unavailable(STILL_SIGNED_IN)
    try:
        fresh = auth.refresh(tokens.refresh)
    except Unavailable:
        # The pause begins now: waiting for an answer may have taken longer than the pause does.
        row.refresh_failed_at = timezone.now()
        raise
    _put(row, fresh)
    row.refreshed_at, row.refresh_failed_at = now, None
    row.save()
    return fresh.account


def _put(row: SupabaseSession, session: auth.Session) -> None:
    if session.account.id != row.user_id:
        raise SessionEnded(SESSION_ENDED)
    row.expires_at = session.expires_at
    row.sealed_tokens = seal(
        {"access": session.access_token, "refresh": session.refresh_token}, place=str(row.id)
    )


def _tokens(row: SupabaseSession) -> Tokens:
    try:
        return _opened(row.id, row.sealed_tokens)
    except UnsealError:
        pass
    # A row read before the key was changed: what it holds now may open.
    rows = SupabaseSession.objects.filter(id=row.id)
    try:
        return _opened(row.id, rows.values_list("sealed_tokens", flat=True).first() or b"")
    except UnsealError:
        # The operator took the key away that sealed them: the session cannot go on.
        raise SessionEnded(SESSION_ENDED) from None


def _opened(row_id: UUID, sealed: bytes | memoryview) -> Tokens:
    return Tokens(**unseal(sealed, place=str(row_id)))
