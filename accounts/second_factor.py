"""The second factor: a code of an authenticator app (TOTP, RFC 6238), by Supabase's MFA.

Who has one is asked for it at every sign-in; staff have to have one. Supabase keeps the secret and
checks the codes; what we keep is that it was given, in the row of the session.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

from django.http import HttpRequest

from accounts import audit
from accounts.models import AAL1, AAL2, AuditAction, SupabaseSession, User
from accounts.sealing import UnsealError, seal, unseal
from accounts.sessions import SessionTokens, Tokens, session_raise
from fairdb_site.errors import Refused
from fairdb_site.http import HtmxHttpRequest
from fairdb_site.supabase import auth
from fairdb_site.supabase.errors import WrongCode

GIVE, ADD = "accounts:second-factor", "accounts:second-factor-new"
SESSION_KEY = "new_factor"  # in the Django session, sealed: the factor that is being set up
_NAME = "Authenticator app"
View = TypeVar("View")

STAFF_NEED_ONE = "Staff sign in with a second factor, so it cannot be removed from this account."
BEGIN_ANEW = "Setting up was not finished in time, or in another session. Please begin again."


def before_second_factor(view: View) -> View:
    """Mark a view that is open to who has given the password alone so far."""
    view.is_before_second_factor = True  # type: ignore[attr-defined]
    return view


def is_before_second_factor(view: object) -> bool:
    """Return whether a view is marked `before_second_factor`."""
    return getattr(view, "is_before_second_factor", False)


def page_of_missing_factor(request: HttpRequest) -> str:
    """Name the page on which a signed-in person gives, or sets up, what is missing; "" for none."""
    session, user = _session_of(request), request.user
    if session is None or session.assurance == AAL2 or not isinstance(user, User):
        return ""
    if user.has_second_factor:
        return GIVE
    return ADD if user.is_staff else ""


def second_factor_missed(request: HttpRequest) -> str:
    """Note that Supabase wants a second factor of this session; name the page that asks for it.

    So it is where the factor was set up by another program, and ours knew nothing of it yet.
    """
    session = _session_of(request)
    if session is None:
        return ""
    User.objects.filter(pk=session.user_id).update(has_second_factor=True)
    SupabaseSession.objects.filter(pk=session.pk).update(assurance=AAL1)
    return GIVE


def is_wholly_signed_in(request: HttpRequest) -> bool:
    """Return whether a person is signed in, with the second factor where there has to be one."""
    return _session_of(request) is not None and not page_of_missing_factor(request)


def second_factor_give(*, request: HtmxHttpRequest, code: str) -> None:
    """Bring the session to aal2 by a code, under a new key; else raise WrongCode.

    Whose factor was taken away meanwhile is let pass: there is nothing to be given.
    """
    with audit.trail(AuditAction.SECOND_FACTOR_GIVEN, actor=request.user.pk, request=request):
        tokens = SessionTokens(request.supabase_session).pair()
        factors = _verified_factors(tokens)
        if factors:
            _verify(request, factors, code)
    if not factors:
        User.objects.filter(pk=request.user.pk).update(has_second_factor=False)


@dataclass(frozen=True)
class FactorToAdd:
    """A factor that is being set up: what an authenticator app has to be told."""

    id: UUID
    secret: str = field(repr=False)
    uri: str = field(repr=False)


def second_factor_begin(*, request: HtmxHttpRequest) -> None:
    """Have Supabase make a new secret, and keep it sealed in the session until it is confirmed."""
    tokens = SessionTokens(request.supabase_session).pair()
    new = auth.factor_enrol(tokens.access, tokens.refresh, name=_NAME)
    content = {"id": str(new.id), "secret": new.secret, "uri": new.uri}
    request.session[SESSION_KEY] = seal(content, place=_place(request)).decode()


def second_factor_to_add(request: HtmxHttpRequest) -> FactorToAdd | None:
    """Return the factor that this session is setting up, if any."""
    if SESSION_KEY not in request.session:
        return None
    try:
        kept: dict[str, Any] = unseal(request.session[SESSION_KEY].encode(), place=_place(request))
    except UnsealError:
        return None
    return FactorToAdd(UUID(kept["id"]), kept["secret"], kept["uri"])


def second_factor_add(*, request: HtmxHttpRequest, code: str) -> None:
    """Confirm the new factor by its first code: the session is then at aal2, under a new key."""
    new = second_factor_to_add(request)
    if new is None:
        raise Refused(BEGIN_ANEW)
    with audit.trail(AuditAction.SECOND_FACTOR_ADDED, actor=request.user.pk, request=request):
        _verify(request, (new.id,), code)
    del request.session[SESSION_KEY]


def second_factor_remove(*, request: HtmxHttpRequest, code: str) -> None:
    """Take the second factor off the account, which takes a code once more; else WrongCode."""
    with audit.trail(AuditAction.SECOND_FACTOR_REMOVED, actor=request.user.pk, request=request):
        if request.user.is_staff:
            raise Refused(STAFF_NEED_ONE)
        factors = _verified_factors(SessionTokens(request.supabase_session).pair())
        if factors:
            _verify(request, factors, code)
        row = SupabaseSession.objects.get(pk=request.supabase_session.pk)
        tokens = SessionTokens(row).pair()
        for factor in factors:
            auth.factor_remove(tokens.access, tokens.refresh, factor=factor)
        User.objects.filter(pk=request.user.pk).update(has_second_factor=False)


def _verify(request: HtmxHttpRequest, factors: tuple[UUID, ...], code: str) -> None:
    """Give the code for whichever of the factors it fits."""

    def change(tokens: Tokens) -> auth.Session:
        for factor in factors[:-1]:
            try:
                return auth.factor_verify(tokens.access, tokens.refresh, factor=factor, code=code)
            except WrongCode:
                continue
        return auth.factor_verify(tokens.access, tokens.refresh, factor=factors[-1], code=code)

    session_raise(request=request, row_id=request.supabase_session.pk, change=change)


def _verified_factors(tokens: Tokens) -> tuple[UUID, ...]:
    factors = auth.get_account(tokens.access).factors
    return tuple(factor.id for factor in factors if factor.is_verified)


def _session_of(request: HttpRequest) -> SupabaseSession | None:
    return getattr(request, "supabase_session", None)


def _place(request: HtmxHttpRequest) -> str:
    return f"{SESSION_KEY} {request.supabase_session.pk}"
