"""Delete an account with all that is held of it: marked at once, then step by step, to the end.

Each step may be the last one that a killed process makes: all of them can be made again, and the
reaper (`manage.py reap_uploads`) goes on from the mark. The audit trail keeps that it happened,
with the account's id and nothing else of the person.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from uuid import UUID

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.db import transaction
from django.http import HttpRequest

from accounts import audit
from accounts.holdings import holdings
from accounts.models import (
    AccountDeletion,
    AuditAction,
    SupabaseSession,
    User,
    new_session_salt,
)
from fairdb_site.errors import FairdbError, NotFound
from fairdb_site.supabase import auth

logger = logging.getLogger(__name__)

_FOR_GOOD = "876000h"  # GoTrue takes a duration: a hundred years


def account_delete(*, account: UUID, by: UUID | None, request: HttpRequest | None = None) -> bool:
    """Mark the account, which makes it and its data invisible, then delete what can be now.

    Returns whether nothing is left; else the reaper finishes it, after a load that is still alive
    or when Supabase answers again.
    """
    with audit.trail(AuditAction.ACCOUNT_DELETED, actor=by, subject=account, request=request):
        _mark(account, by)
    try:
        return deletion_finish(account)
    except FairdbError as error:
        logger.warning("the deletion of an account waits: %s", type(error).__name__)
        return False


def deletions_finish() -> tuple[int, int]:
    """Go on with all deletions that are marked; return how many are done and how many wait."""
    done = waiting = 0
    for account in AccountDeletion.objects.values_list("account", flat=True):
        try:
            finished = deletion_finish(account)
        except FairdbError as error:
            logger.warning("the deletion of an account waits: %s", type(error).__name__)
            finished = False
        done, waiting = done + finished, waiting + (not finished)
    return done, waiting


def deletion_finish(account: UUID) -> bool:
    """Take the steps that are left of a marked deletion; return whether nothing is left."""
    _shut_out(account)
    if not _drop_holdings(account):
        return False
    auth.admin_delete_user(account)
    _forget(account)
    return True


def what_goes(account: UUID) -> list[str]:
    """Return in words what would go with an account."""
    return [summary for holding in holdings() if (summary := holding.summary(account))]


def _mark(account: UUID, by: UUID | None) -> None:
    with transaction.atomic():
        AccountDeletion.objects.get_or_create(account=account, defaults={"asked_by": by})
        User.objects.filter(pk=account).update(is_active=False, session_salt=new_session_salt())
        SupabaseSession.objects.filter(user=account).delete()
        for holding in holdings():
            holding.hide(account)


def _shut_out(account: UUID) -> None:
    """Ban the account at Supabase: no sign-in and no refresh, by whichever program."""
    with suppress(NotFound):
        auth.admin_update_user(account, ban_for=_FOR_GOOD)


def _drop_holdings(account: UUID) -> bool:
    dropped = [holding.drop(account) for holding in holdings()]
    return all(dropped)


def _forget(account: UUID) -> None:
    """Delete our own rows of the person, the mark last."""
    audit.forget_origins(account)
    for session in Session.objects.iterator():
        if session.get_decoded().get(SESSION_KEY) == str(account):
            session.delete()
    with transaction.atomic():
        User.objects.filter(pk=account).delete()
        AccountDeletion.objects.filter(account=account).delete()
