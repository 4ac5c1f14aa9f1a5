"""A new password: by the old one, or after a mailed link."""

from __future__ import annotations

from django.contrib.auth import update_session_auth_hash
from django.views.decorators.debug import sensitive_variables

from accounts import audit, policy
from accounts.links import came_by_link, forget_link
from accounts.models import AuditAction, SupabaseSession, new_session_salt
from accounts.pace import refused_late
from accounts.sessions import SessionTokens
from fairdb_site.errors import Refused
from fairdb_site.http import HtmxHttpRequest
from fairdb_site.supabase import auth
from fairdb_site.supabase.errors import WrongCredentials

WRONG_PASSWORD = "This is not your password. Please type it once more."  # noqa: S105  a sentence


@sensitive_variables("old", "new")
def password_change(*, request: HtmxHttpRequest, old: str, new: str) -> None:
    """Set a new password and end all other sessions; this one goes on under a new key.

    `old` is asked for unless the session came by a mailed link. Raises Refused for a wrong one,
    WeakPassword and SamePassword for the new one.
    """
    user = request.user
    with audit.trail(AuditAction.PASSWORD_CHANGED, actor=user.pk, request=request):
        if not came_by_link(request):
            password_require(email=user.email, password=old)
        policy.require_strong_password(new, email=user.email)
        tokens = SessionTokens(request.supabase_session).pair()
        auth.change_password(tokens.access, tokens.refresh, new)
        SupabaseSession.objects.filter(user=user).exclude(pk=request.supabase_session.pk).delete()
        user.session_salt = new_session_salt()
        user.save(update_fields=["session_salt"])
        update_session_auth_hash(request, user)
        forget_link(request)


@sensitive_variables("password")
def password_require(*, email: str, password: str) -> None:
    """Raise Refused unless this is the account's password."""
    try:
        with refused_late(WrongCredentials):
            proof = auth.sign_in(email, password)
    except WrongCredentials:
        raise Refused(WRONG_PASSWORD) from None
    auth.sign_out(proof.access_token)  # asking for it began a session
