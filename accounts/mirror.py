"""Mirror a Supabase account as a Django user: at sign-in, at every refresh, at creation."""

from __future__ import annotations

from django.db import IntegrityError, transaction

from accounts.models import User
from fairdb_site.errors import Refused
from fairdb_site.supabase.auth import Account

_TRIES = 5


def mirror_account(account: Account) -> User:
    """Return the user with this account's id, e-mail and staff flag, making or changing it.

    Two first sign-ins of one person at the same time give one user: who comes second takes over
    what the first has made.
    """
    if not account.email:
        raise Refused("This account has no e-mail address, which the platform needs.")
    for tries_left in reversed(range(_TRIES)):
        try:
            return _mirror(account)
        except IntegrityError:
            if not tries_left:
                raise
    raise AssertionError("unreachable")


def _mirror(account: Account) -> User:
    mirrored = {
        "email": account.email,
        "is_staff": account.is_staff,
        "is_active": not account.is_banned,
    }
    user = User.objects.filter(id=account.id).first()
    if user and all(getattr(user, name) == value for name, value in mirrored.items()):
        return user
    with transaction.atomic():
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
