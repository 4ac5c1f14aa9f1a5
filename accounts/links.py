"""Mailed links: to confirm an address, to take up an invitation, to set a new password.

A link leads to a page with a button, and its POST uses the link up: mail scanners open links, and
would use them up unasked. Whether an address has an account no answer tells, nor how long it takes.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from secrets import token_urlsafe
from typing import cast, get_args

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from accounts import audit, sessions
from accounts.backends import user_of_session
from accounts.models import AuditAction, User
from accounts.pace import wait_until
from fairdb_site.errors import FairdbError
from fairdb_site.supabase import auth
from fairdb_site.supabase.auth import LinkKind
from fairdb_site.supabase.errors import LinkUsed, WrongCredentials

logger = logging.getLogger(__name__)

SETS_PASSWORD = ("invite", "recovery")
ANSWERED_AFTER = 1.0  # seconds; that mail is sent to a known address takes longer, unseen
PASSWORD_WITHIN = 15 * 60  # seconds after such a link was used
_BY_LINK = "password_by_link"  # in the Django session: until when a password may be set


def confirm_address(request: HttpRequest | None) -> str:
    """Return where mailed links lead; "" where that is unknown, and Supabase's Site URL counts."""
    path = reverse("accounts:confirm")
    if settings.FAIRDB_SITE_URL:
        return f"{settings.FAIRDB_SITE_URL}{path}"
    return request.build_absolute_uri(path) if request is not None else ""


def reset_ask(*, request: HttpRequest, email: str) -> None:
    """Have a link mailed to set a new password, if the address has an account.

    Raises Unavailable where Supabase does not answer at all.
    """
    audit.record(
        AuditAction.RESET_ASKED, actor=None, subject=audit.account_named(email), request=request
    )
    auth.require_answer()
    redirect_to = confirm_address(request)
    _unseen(lambda: auth.send_recovery(email, redirect_to=redirect_to))


def confirmation_resend(*, request: HttpRequest, email: str) -> None:
    """Have the link to confirm an address mailed again, if it waits for it."""
    auth.require_answer()
    redirect_to = confirm_address(request)
    _unseen(lambda: auth.resend_confirmation(email, redirect_to=redirect_to))


def link_kind(text: str) -> LinkKind:
    """Return what kind of link this is, or raise LinkUsed for none of ours."""
    if text not in get_args(LinkKind):
        raise LinkUsed
    return cast("LinkKind", text)


@sensitive_variables("password")
def link_use(*, request: HttpRequest, token_hash: str, kind: LinkKind, password: str = "") -> User:
    """Use a link up: the address is confirmed, and its owner signed in; else LinkUsed.

    Who comes in for the first time may not be who set the account's password: anybody can register
    an address that is not theirs, and wait for its owner to confirm it. So it stays only where they
    give it, and is else replaced by one that nobody knows. Then, and after invitations and resets,
    they may set one, for a while, without the old one (`came_by_link`).
    """
    with audit.trail(AuditAction.ADDRESS_CONFIRMED, actor=None, request=request) as event:
        if not token_hash:
            raise LinkUsed
        session = auth.verify_link(token_hash, kind)
        user = user_of_session(session)
        event.actor = user.pk
        sets_password = kind in SETS_PASSWORD
        if user.last_login is None and (sets_password or not _is_password(user, password)):
            auth.change_password(session.access_token, session.refresh_token, _nobodys_password())
            sets_password = True
        sessions.session_open(request=request, user=user, sign_in=user.sign_in)
    if sets_password:
        request.session[_BY_LINK] = timezone.now().timestamp() + PASSWORD_WITHIN
    return user


def came_by_link(request: HttpRequest) -> bool:
    """Return whether this session may set a password without the old one."""
    until: float = request.session.get(_BY_LINK, 0.0)
    return until > timezone.now().timestamp()


def forget_link(request: HttpRequest) -> None:
    """Have the old password asked for again."""
    request.session.pop(_BY_LINK, None)


@sensitive_variables("password")
def _is_password(user: User, password: str) -> bool:
    if not password:
        return False
    try:
        proof = auth.sign_in(user.email, password)
    except WrongCredentials:
        return False
    auth.sign_out(proof.access_token)  # asking for it began a session
    return True


def _nobodys_password() -> str:
    return f"{token_urlsafe(32)}aA1!"  # of all kinds of letters that Supabase may be set to want


def _unseen(send: Callable[[], None]) -> None:
    """Do it while the answer waits for its fixed time, and go on after; tell the log what failed.

    That mail cannot be sent is met only by addresses that have an account, so nobody is told.
    """

    def work() -> None:
        try:
            send()
        except FairdbError as error:
            logger.warning("a mail could not be sent: %s", type(error).__name__)

    answer_at = time.monotonic() + ANSWERED_AFTER
    threading.Thread(target=work, name="mail").start()
    wait_until(answer_at)
