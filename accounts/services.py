"""What is done with accounts: made, found, registered, signed in, signed out."""

from __future__ import annotations

import secrets

from django.contrib.auth import authenticate
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables

from accounts import audit, limits, policy, sessions
from accounts.backends import user_of_session
from accounts.limits import Limit
from accounts.links import confirm_address
from accounts.mirror import mirror_account
from accounts.models import AuditAction, User
from accounts.pace import refused_late
from fairdb_site.errors import NotFound, Refused
from fairdb_site.supabase import auth
from fairdb_site.supabase.errors import AccountExists, WrongCredentials

GENERATED_PASSWORD_BYTES = 15  # 120 random bits, written as 20 characters


@sensitive_variables("password")
def account_create(*, email: str, password: str, staff: bool = False) -> User:
    """Make a confirmed account at Supabase and mirror it; AccountExists when there is one.

    This is the operator's way: registration policy and allowed domains do not bind it, the rules
    of passwords do (WeakPassword).
    """
    email = valid_email(email)
    policy.require_plain_address(email)
    policy.require_strong_password(password, email=email)
    # Asked first, so that nothing is made at Supabase before our own tables are there.
    if User.objects.filter(email=email).exists():
        raise AccountExists
    user = mirror_account(auth.admin_create_user(email, password, staff=staff))
    audit.record(AuditAction.ACCOUNT_CREATED, actor=None, subject=user.pk)
    return user


def account_by_email(email: str) -> User:
    """Return the person with this e-mail, mirroring one who never signed in; else NotFound."""
    none = NotFound(f"There is no account with the e-mail address {email.strip()}.")
    try:
        email = valid_email(email)
    except Refused:
        raise none from None  # what is no address has no account either
    user = User.objects.filter(email=email).first()
    if user is not None:
        return user
    account = auth.admin_find_user(email)
    if account is None:
        raise none
    return mirror_account(account)


@sensitive_variables("password")
def account_register(*, request: HttpRequest, email: str, password: str) -> User | None:
    """Make an account as anybody may and sign it in; None where the mail must be confirmed first.

    A second click finds the account made and signs in with the same password, which counts as a try
    to sign in (TooManyTries). RegistrationClosed, Refused (domain), WeakPassword and AccountExists
    are for the form.
    """
    with audit.trail(AuditAction.REGISTERED, actor=None, request=request) as event:
        policy.require_registration_open()
        email = valid_email(email)
        policy.require_allowed_domain(email)
        policy.require_strong_password(password, email=email)
        try:
            session = auth.sign_up(email, password, redirect_to=confirm_address(request))
        except AccountExists:
            event.subject = audit.account_named(email)
            limits.require(Limit.SIGN_IN, request=request, email=email)
            try:
                session = auth.sign_in(email, password)
            except WrongCredentials:
                raise AccountExists from None
            limits.give_back(Limit.SIGN_IN, request=request, email=email)
            event.subject = None
        if session is None:
            return None
        user = user_of_session(session)
        event.actor = user.pk
        sessions.session_open(request=request, user=user, sign_in=user.sign_in)
        return user


@sensitive_variables("password")
def account_sign_in(*, request: HttpRequest, email: str, password: str) -> User:
    """Sign in with e-mail and password, or raise WrongCredentials or EmailNotConfirmed."""
    with audit.trail(AuditAction.SIGNED_IN, actor=None, request=request) as event:
        event.subject = audit.account_named(email)
        with refused_late(WrongCredentials):
            user = authenticate(request, username=email, password=password)
            if not isinstance(user, User):
                raise WrongCredentials
        event.actor, event.subject = user.pk, None
        sessions.session_open(request=request, user=user, sign_in=user.sign_in)
    return user


def account_sign_out(*, request: HttpRequest) -> None:
    """End this session here and at Supabase."""
    if request.user.is_authenticated:
        audit.record(AuditAction.SIGNED_OUT, actor=request.user.pk, request=request)
    sessions.session_close(request=request)


def generated_password() -> str:
    """Return a random password for an account somebody else will use."""
    return secrets.token_urlsafe(GENERATED_PASSWORD_BYTES)


def valid_email(email: str) -> str:
    """Return the e-mail in its one written form, or raise Refused."""
    email = email.strip().lower()
    try:
        validate_email(email)
    except ValidationError:
        raise Refused(
            "This is not an e-mail address such as name@example.org: please check it."
        ) from None
    return email
