"""Owners of what is measured."""

from secrets import token_urlsafe
from uuid import uuid4

from accounts.models import User
from accounts.services import account_create


def new_owner() -> User:
    """Return a fresh account."""
    return new_person()[0]


def new_person() -> tuple[User, tuple[str, str]]:
    """Return a fresh account, and the e-mail address and password to sign in with."""
    credentials = (f"bench-{uuid4().hex}@example.org", token_urlsafe())
    return account_create(email=credentials[0], password=credentials[1]), credentials
