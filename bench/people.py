"""Owners of what is measured."""

from secrets import token_urlsafe
from uuid import uuid4

from accounts.models import User
from accounts.services import account_create


def new_owner() -> User:
    """Return a fresh account."""
    return account_create(email=f"bench-{uuid4().hex}@example.org", password=token_urlsafe())
