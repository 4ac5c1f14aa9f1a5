"""Django's authentication by Supabase: e-mail and password for a verified session."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.auth.backends import BaseBackend
from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables

from accounts.mirror import mirror_account
from accounts.models import User
from accounts.policy import require_allowed_domain
from accounts.sign_in import SignIn
from fairdb_site.supabase import auth
from fairdb_site.supabase.errors import WrongCredentials
from fairdb_site.supabase.tokens import InvalidToken, verify_access_token


class SupabaseBackend(BaseBackend):
    """Sign in by GoTrue; the user is the mirror of the account that the token names."""

    @sensitive_variables()
    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> User | None:
        """Return the person, with their `sign_in`, or None when e-mail and password do not fit.

        EmailNotConfirmed and Unavailable pass to the caller, who has a page for them.
        """
        if not username or not password:
            return None
        try:
            return user_of_session(auth.sign_in(username.strip().lower(), password))
        except WrongCredentials:
            return None

    def get_user(self, user_id: str | UUID) -> User | None:
        """Return the active user of a session, or None."""
        return User.objects.filter(id=user_id, is_active=True).first()


def user_of_session(session: auth.Session) -> User:
    """Verify the session's token, mirror its person and return them with their `sign_in`.

    Whoever comes for the first time needs an address of an allowed domain (else Refused): anybody
    with the publishable key may sign up at Supabase itself. Whom staff or the operator made an
    account has been mirrored before, or is staff.
    """
    claims = verify_access_token(session.access_token)
    account = session.account
    if claims.user_id != account.id:
        raise InvalidToken
    if not account.is_staff and not User.objects.filter(id=account.id).exists():
        require_allowed_domain(account.email)
    user = mirror_account(account)
    user.backend = "accounts.backends.SupabaseBackend"
    user.sign_in = SignIn(session, claims)
    return user
