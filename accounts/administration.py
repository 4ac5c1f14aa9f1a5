"""What staff and operators do with other people's accounts: invite, ban, let in, sign out.

Each takes `by`, the member of staff who does it (None is an operator's command), and the request it
came with, and is on the audit trail. Supabase is asked first, as it holds the truth; our mirror and
our sessions follow at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from django.db import ProgrammingError, connection, transaction
from django.http import HttpRequest
from django.utils import timezone
from psycopg2 import errorcodes, sql

from accounts import audit, policy
from accounts.links import confirm_address
from accounts.mirror import mirror_account
from accounts.models import (
    AAL2,
    AccountDeletion,
    AuditAction,
    SupabaseSession,
    User,
    new_session_salt,
)
from accounts.own.sessions import device_name
from accounts.services import valid_email
from accounts.session_life import alive
from fairdb_site.errors import Conflict, Forbidden, NotFound, Refused
from fairdb_site.supabase import auth

MOST_HOURS = 876_000  # a hundred years: GoTrue knows no ban without an end
_ENDLESS = 50  # years
OWN_SESSION = "This session is your own: end it on the page of your account."
NOT_ONESELF = "This is your own account: ask another member of staff to do this."


def account_invite(*, email: str, by: User | None, request: HttpRequest | None = None) -> User:
    """Have an invitation mailed, which makes the account; AccountExists for one who has theirs.

    Whoever was invited before and never came gets another link. As with `account_create`, neither
    the registration policy nor the allowed domains bind who invites.
    """
    with _on_record(AuditAction.ACCOUNT_INVITED, by=by, request=request) as event:
        email = valid_email(email)
        policy.require_plain_address(email)
        user = mirror_account(auth.invite(email, redirect_to=confirm_address(request)))
        event.subject = user.pk
    return user


def account_ban(
    *, user: User, hours: int | None, by: User | None, request: HttpRequest | None = None
) -> User:
    """Refuse the account for some hours, or for good (None); its sessions end at once.

    Access tokens taken elsewhere open no dataset any more, as the policies ask about bans.
    """
    with _on_record(AuditAction.ACCOUNT_BANNED, user, by=by, request=request):
        _require_another(user, by)
        _require_staying(user)
        require_hours(hours)
        banned = mirror_account(auth.admin_update_user(user.pk, ban_for=f"{hours or MOST_HOURS}h"))
        _end_sessions(user, so_far="The account is banned. ")
    return banned


def require_hours(hours: int | None) -> None:
    """Refuse a ban of no time, or of more than GoTrue knows; None is for good."""
    if hours is not None and not 1 <= hours <= MOST_HOURS:
        raise Refused(f"A ban is for 1 to {MOST_HOURS:,} hours, or for good.", option="hours")


def account_unban(*, user: User, by: User | None, request: HttpRequest | None = None) -> User:
    """Let the account in again; who was not banned is as before."""
    with _on_record(AuditAction.ACCOUNT_UNBANNED, user, by=by, request=request):
        _require_staying(user)
        return mirror_account(auth.admin_update_user(user.pk, ban_for="none"))


def account_reset_second_factor(
    *, user: User, by: User | None, request: HttpRequest | None = None
) -> int:
    """Take all second factors off the account and end its sessions; return how many there were.

    Members of staff have to set up a new one as they next sign in.
    """
    with _on_record(AuditAction.SECOND_FACTOR_REMOVED, user, by=by, request=request):
        _require_another(user, by)
        removed = auth.admin_remove_factors(user.pk)
        User.objects.filter(pk=user.pk).update(has_second_factor=False)
        _end_sessions(user, so_far="The second factor is taken off. ")
    return removed


def account_sign_out_everywhere(
    *, user: User, by: User | None, request: HttpRequest | None = None
) -> int:
    """End all of the account's sessions, those of other programs too; return how many were ours."""
    with _on_record(AuditAction.SESSIONS_ENDED, user, by=by, request=request):
        _require_another(user, by)
        return _end_sessions(user)


def session_end(*, session_id: UUID, by: User | None, request: HttpRequest | None = None) -> User:
    """End one session of somebody else, here and at Supabase; return whose it was."""
    row = SupabaseSession.objects.select_related("user").filter(pk=session_id).first()
    if row is None:
        raise NotFound("This session has ended already.")
    with _on_record(AuditAction.SESSIONS_ENDED, row.user, by=by, request=request):
        if by is not None and by.pk == row.user.pk:
            raise Forbidden(OWN_SESSION)
        row.delete()
        _end_sessions_at_supabase("id", row.supabase_id)
    return row.user


def staff_grant(*, user: User, by: User | None, request: HttpRequest | None = None) -> User:
    """Let the account into the administration; its sessions end, as their rights were others."""
    with _on_record(AuditAction.STAFF_GRANTED, user, by=by, request=request):
        return _change_staff(user, is_staff=True)


def staff_revoke(*, user: User, by: User | None, request: HttpRequest | None = None) -> User:
    """Take the administration away from the account; its sessions end."""
    with _on_record(AuditAction.STAFF_REVOKED, user, by=by, request=request):
        _require_another(user, by)
        return _change_staff(user, is_staff=False)


# -- To look through ------------------------------------------------------------------------------


@dataclass(frozen=True)
class AccountFacts:
    """An account as Supabase knows it now; `active` is one that is not banned.

    `banned_until` is set where it is not: about a hundred years ahead for a ban for good.
    """

    account: UUID
    email: str
    staff: bool
    active: bool
    banned_until: datetime | None
    second_factor: bool
    confirmed: bool
    created_at: datetime | None
    last_sign_in_at: datetime | None


@dataclass(frozen=True)
class SessionFacts:
    """Where somebody is signed in here; nothing by which one could be them."""

    email: str
    device: str
    address: str
    second_factor: bool
    since: datetime
    seen_at: datetime


def is_for_good(until: datetime) -> bool:
    """Return whether a ban ends so far ahead that it was meant to have no end."""
    return until.year >= timezone.now().year + _ENDLESS


def accounts_all() -> Iterator[AccountFacts]:
    """Yield all accounts at Supabase, also those that never signed in here; newest first."""
    # GoTrue's list does not tell of second factors, which our mirror does.
    with_factor = set(User.objects.filter(has_second_factor=True).values_list("pk", flat=True))
    for account in auth.admin_list_users():
        yield AccountFacts(
            account=account.id,
            email=account.email,
            staff=account.is_staff,
            active=not account.is_banned,
            banned_until=account.banned_until if account.is_banned else None,
            second_factor=account.has_second_factor or account.id in with_factor,
            confirmed=account.is_confirmed,
            created_at=account.created_at,
            last_sign_in_at=account.last_sign_in_at,
        )


def sessions_all(*, user: User | None = None) -> Iterator[SessionFacts]:
    """Yield the sessions that are alive, of everybody or of one account; the last seen first."""
    rows = SupabaseSession.objects.filter(alive()).select_related("user").order_by("-seen_at")
    if user is not None:
        rows = rows.filter(user=user)
    for row in rows.defer("sealed_tokens"):
        yield SessionFacts(
            email=row.user.email,
            device=device_name(row.device),
            address=row.address or "",
            second_factor=row.assurance == AAL2,
            since=row.created_at,
            seen_at=row.seen_at,
        )


# -- Private --------------------------------------------------------------------------------------


def _on_record(
    action: AuditAction,
    user: User | None = None,
    *,
    by: User | None,
    request: HttpRequest | None,
) -> AbstractContextManager[audit.Trail]:
    return audit.trail(
        action,
        actor=by.pk if by else None,
        subject=user.pk if user else None,
        request=request,
    )


def _require_another(user: User, by: User | None) -> None:
    """Refuse what would lock its doer out, by a slip in a list, say."""
    if by is not None and by.pk == user.pk:
        raise Forbidden(NOT_ONESELF)


def _require_staying(user: User) -> None:
    """Leave an account that is being deleted as it is: banned for good, until it is gone."""
    if AccountDeletion.objects.filter(account=user.pk).exists():
        raise Conflict("This account is being deleted.")


def _change_staff(user: User, *, is_staff: bool) -> User:
    was_staff = user.is_staff
    changed = mirror_account(auth.admin_update_user(user.pk, staff=is_staff))
    if was_staff != is_staff:
        _end_sessions(user)
    return changed


def _end_sessions(user: User, *, so_far: str = "") -> int:
    """End the account's sessions here, then at Supabase; return how many there were here.

    `so_far` says what was done before, where the last step is refused.
    """
    # A new salt, too: a sign-in under way may write its row after these are deleted.
    User.objects.filter(pk=user.pk).update(session_salt=new_session_salt())
    ended = SupabaseSession.objects.filter(user=user).delete()[0]
    _end_sessions_at_supabase("user_id", user.pk, so_far=so_far)
    return ended


def _end_sessions_at_supabase(
    column: Literal["id", "user_id"], value: UUID | None, *, so_far: str = ""
) -> None:
    """Delete in Supabase's own table the session of this id, or all of this account.

    Their refresh tokens go with them. GoTrue has no endpoint for it: its `logout` takes a token of
    the account itself.
    """
    statement = sql.SQL("delete from auth.sessions where {} = %s").format(sql.Identifier(column))
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement, [value])
    except ProgrammingError as error:
        if getattr(error.__cause__, "pgcode", None) != errorcodes.INSUFFICIENT_PRIVILEGE:
            raise
        raise Refused(
            f"{so_far}Signed out here, but not of other programs: the database's user may not "  # noqa: S608
            "delete from auth.sessions. Connect as Supabase's `postgres` in DATABASE_URL."
        ) from None
