"""Mirror a Supabase account as a Django user: at sign-in, at every refresh, at creation."""

from __future__ import annotations

from typing import Any

from django.db import connection, transaction

from accounts.models import AccountDeletion, User, new_session_salt
from fairdb_site.errors import Refused
from fairdb_site.supabase.auth import Account

# An advisory lock of ours; any number will do that nothing else in this database takes.
_MIRRORING = 0x_FA1D_0001


def mirror_account(account: Account) -> User:
    """Return the user with this account's id, e-mail and staff flag, making or changing it.

    Changes wait for each other: two first sign-ins of one person at the same time give one user,
    and an e-mail that goes from one account to another is never two people's.
    """
    if not account.email:
        raise Refused("This account has no e-mail address, which the platform needs.")
    leaving = AccountDeletion.objects.filter(account=account.id).exists()
    mirrored: dict[str, Any] = {
        "email": account.email,
        "is_staff": account.is_staff,
        "is_active": not account.is_banned and not leaving,
        "banned_until": account.banned_until if account.is_banned else None,
    }
    if account.has_second_factor:
        # Never taken away here: an answer that lists no factors may only not tell of them.
        mirrored["has_second_factor"] = True
    user = User.objects.filter(id=account.id).first()
    if user and all(getattr(user, name) == value for name, value in mirrored.items()):
        return user
    if user and user.is_staff != account.is_staff:
        mirrored["session_salt"] = new_session_salt()  # other rights, so sessions begin anew
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("select pg_advisory_xact_lock(%s)", [_MIRRORING])
        _release_email(account)
        user, _ = User.objects.update_or_create(id=account.id, defaults=mirrored)
    return user


def _release_email(account: Account) -> None:
    """Free the e-mail from a user who had it before.

    Supabase keeps e-mails unique, so the other one was deleted there or has a new address, which
    their own next sign-in brings.
    """
    for other in User.objects.filter(email=account.email).exclude(id=account.id):
        other.email = f"{other.id}@replaced.invalid"
        other.save(update_fields=["email"])
