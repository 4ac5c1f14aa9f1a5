"""How long a session lives: an idle time, a whole time, and while Supabase knows its account.

An access token is good for an hour whatever becomes of its account, so each session asks Supabase
anew every few minutes: a ban, a deletion or the loss of the staff flag holds within five.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from accounts.mirror import mirror_account
from accounts.models import SupabaseSession
from accounts.sessions import SessionTokens, session_revoke
from fairdb_site.errors import Unavailable
from fairdb_site.supabase import auth
from fairdb_site.supabase.errors import SESSION_ENDED, SessionEnded

logger = logging.getLogger(__name__)

CHECK_EVERY = timedelta(minutes=4)
# Who found Supabase silent, or was killed while asking, leaves the question to the next after this.
CHECK_AGAIN = timedelta(seconds=20)
SEEN_EVERY = timedelta(minutes=1)  # a write a minute is precise enough for "last seen"


def session_continue(
    *, row: SupabaseSession, tokens: SessionTokens, is_attended: bool = True
) -> None:
    """Let the session go on with this request, or end it and raise SessionEnded.

    One that no person sent (`is_attended` is false) does not count as use. When Supabase does not
    answer it lives on: whoever needs Supabase is told then.
    """
    if not is_alive(row):
        session_revoke(row=row)
        raise SessionEnded(SESSION_ENDED)
    if is_attended:
        _see(row)
    if not _is_mine_to_check(row):
        return
    try:
        user = mirror_account(_account(tokens))
    except SessionEnded:
        row.delete()
        raise
    except Unavailable:
        logger.warning("Supabase does not say whether an account is in good standing")
        return
    if not user.is_active:
        row.delete()
        raise SessionEnded(SESSION_ENDED)
    SupabaseSession.objects.filter(id=row.id).update(checked_at=timezone.now())


def is_alive(row: SupabaseSession) -> bool:
    """Whether neither its idle nor its absolute time is over."""
    now = timezone.now()
    return now - row.seen_at < idle_time() and now - row.created_at < whole_time()


def alive() -> Q:
    """Return the same as a filter of rows."""
    now = timezone.now()
    return Q(seen_at__gt=now - idle_time(), created_at__gt=now - whole_time())


def idle_time() -> timedelta:
    """Return how long a session may be left alone (FAIRDB_SESSION_IDLE_MINUTES)."""
    return timedelta(minutes=settings.FAIRDB_SESSION_IDLE_MINUTES)


def whole_time() -> timedelta:
    """Return how long a session may last at all (FAIRDB_SESSION_HOURS)."""
    return timedelta(seconds=settings.SESSION_COOKIE_AGE)


def _account(tokens: SessionTokens) -> auth.Account:
    """Ask Supabase whose the token is; with a fresh one where it does not take the one at hand.

    That may be the token's fault alone: the key that signed it was taken out of use.
    """
    access = tokens.access_token()
    try:
        return auth.get_account(access)
    except SessionEnded:
        return auth.get_account(tokens.renew(access))


def _see(row: SupabaseSession) -> None:
    now = timezone.now()
    if now - row.seen_at >= SEEN_EVERY:
        SupabaseSession.objects.filter(id=row.id).update(seen_at=now)


def _is_mine_to_check(row: SupabaseSession) -> bool:
    """Whether a check is due and this request, of several at once, is the one that makes it."""
    now = timezone.now()
    if now - row.checked_at < CHECK_EVERY:
        return False
    due = SupabaseSession.objects.filter(id=row.id, checked_at__lte=now - CHECK_EVERY)
    return due.update(checked_at=now - CHECK_EVERY + CHECK_AGAIN) == 1
