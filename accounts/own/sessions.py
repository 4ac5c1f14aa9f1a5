"""My sessions: where I am signed in, and how to end that."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.contrib.auth import logout

from accounts import audit
from accounts.models import AAL2, AuditAction, SupabaseSession, User
from accounts.session_life import alive
from accounts.sessions import SessionTokens, session_revoke
from fairdb_site.errors import NotFound
from fairdb_site.http import HtmxHttpRequest
from fairdb_site.supabase import auth

# Many browsers name others too, for old sites' sake: the first that is found is the one.
_BROWSERS = {
    "Edg": "Edge", "OPR": "Opera", "SamsungBrowser": "Samsung Internet", "Firefox": "Firefox",
    "FxiOS": "Firefox", "Chrome": "Chrome", "CriOS": "Chrome", "Safari": "Safari",
}  # fmt: skip
_SYSTEMS = {
    "iPhone": "iPhone", "iPad": "iPad", "Android": "Android", "Windows": "Windows",
    "Macintosh": "macOS", "CrOS": "ChromeOS", "Linux": "Linux",
}  # fmt: skip


@dataclass(frozen=True)
class OpenSession:
    """A place where somebody is signed in."""

    id: UUID
    device: str
    address: str
    since: datetime
    seen_at: datetime
    has_second_factor: bool
    is_this: bool


def sessions_of(user: User, *, this: SupabaseSession | None = None) -> list[OpenSession]:
    """Return the sessions that are alive, this one first, then the last seen."""
    rows = SupabaseSession.objects.filter(alive(), user=user).order_by("-seen_at")
    shown = [
        OpenSession(
            id=row.id,
            device=device_name(row.device),
            address=row.address or "",
            since=row.created_at,
            seen_at=row.seen_at,
            has_second_factor=row.assurance == AAL2,
            is_this=this is not None and row.id == this.id,
        )
        for row in rows
    ]
    return sorted(shown, key=lambda session: not session.is_this)


def device_name(agent: str) -> str:
    """Return browser and system in words, where a browser's name for itself tells them."""
    browser = next((name for mark, name in _BROWSERS.items() if f"{mark}/" in agent), "")
    system = next((name for mark, name in _SYSTEMS.items() if mark in agent), "")
    if browser and system:
        return f"{browser} on {system}"
    known = browser or system or re.split(r"[/ ]", agent)[0]
    return known or "an unknown browser"


def session_end(*, request: HtmxHttpRequest, session_id: UUID) -> bool:
    """End one of my sessions, else NotFound; return whether it was this one."""
    row = SupabaseSession.objects.filter(id=session_id, user=request.user).first()
    if row is None:
        raise NotFound("This session has ended already.")
    audit.record(AuditAction.SESSIONS_ENDED, actor=request.user.pk, request=request)
    is_this = row.id == request.supabase_session.id
    session_revoke(row=row)
    if is_this:
        logout(request)
    return is_this


def sessions_end_others(*, request: HtmxHttpRequest) -> None:
    """End all my sessions but this one, those of other programs at Supabase too."""
    audit.record(AuditAction.SESSIONS_ENDED, actor=request.user.pk, request=request)
    auth.sign_out(SessionTokens(request.supabase_session).access_token(), "others")
    others = SupabaseSession.objects.filter(user=request.user)
    others.exclude(id=request.supabase_session.id).delete()


def sessions_end_all(*, request: HtmxHttpRequest) -> None:
    """End all my sessions, this one too."""
    audit.record(AuditAction.SESSIONS_ENDED, actor=request.user.pk, request=request)
    auth.sign_out(SessionTokens(request.supabase_session).access_token(), "global")
    SupabaseSession.objects.filter(user=request.user).delete()
    logout(request)
