"""A new password: by the old one, or after a mailed link."""

from __future__ import annotations

from django.contrib.auth import update_session_auth_hash
from django.views.decorators.debug import sensitive_variables

from accounts import audit, policy
from accounts.links import came_by_link, forget_link
from accounts.models import AuditAction, SupabaseSession, new_session_salt
from accounts.pace import refused_late
from accounts.sessions import SessionTokens
from fairdb_site.http import HtmxHttpRequest
from fairdb_site.supabase import auth
from fairdb_site.supabase.account import Account
from fairdb_site.supabase.errors import WrongCredentials, WrongPassword


@sensitive_variables("old", "new")
def password_change(*, request: HtmxHttpRequest, old: str, new: str) -> None:
    """Set a new password and end all other sessions; this one goes on under a new key.

    `old` is asked for unless the session came by a mailed link. Raises WrongPassword for another
    than it is, WeakPassword and SamePassword for the new one.
    """
    user = request.user
    with audit.trail(AuditAction.PASSWORD_CHANGED, actor=user.pk, request=request):
        by_link = came_by_link(request)
        if not by_link:
            password_require(email=user.email, password=old)
        policy.require_strong_password(new, email=user.email)
        tokens = SessionTokens(request.supabase_session).pair()
        current = None if by_link else old
        auth.change_password(tokens.access, tokens.refresh, new, current=current)
        SupabaseSession.objects.filter(user=user).exclude(pk=request.supabase_session.pk).delete()
        user.session_salt = new_session_salt()
        user.save(update_fields=["session_salt"])
        update_session_auth_hash(request, user)
        forget_link(request)


@sensitive_variables("password")
def password_require(*, email: str, password: str) -> Account:
    """Return the account if this is its password, else raise WrongPassword."""
    try:
        with refused_late(WrongCredentials):
            proof = auth.sign_in(email, password)
    except WrongCredentials:
        raise WrongPassword from None
    auth.sign_out(proof.access_token)  # asking for it began a session
    return proof.account
