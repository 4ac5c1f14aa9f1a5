"""How the administration writes moments, and marks."""

from __future__ import annotations

from datetime import datetime

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.models import AuditOutcome

NONE = "—"


def address(words: str) -> SafeString:
    """Write an e-mail address so that a long one breaks, and pushes no column out of sight."""
    return format_html('<span class="address">{}</span>', words)


def person(key: object, email: str | None) -> SafeString | str:
    """Lead from a fact to the page of whom it names, as long as they have one."""
    if not email:
        return str(key or NONE)
    page = reverse("admin:accounts_user_change", args=[key])
    return format_html('<a href="{}">{}</a>', page, email)


def nobody(request: str) -> str:
    """Say who acted where no account did: commands come with no request."""
    return "a stranger" if request else "an operator"


def moment(at: datetime | None) -> SafeString | str:
    """Write when something was, in UTC."""
    if at is None:
        return NONE
    written = f"{at.day} {at:%b %Y, %H:%M}"
    return format_html(
        '<time class="tabular nowrap" datetime="{}">{}</time>', at.isoformat(), written
    )


def tag(words: str, tone: str = "") -> SafeString:
    """Write words as a mark: good, warn, bad or none."""
    return format_html('<span class="tag {}">{}</span>', tone, words)


def outcome_tag(outcome: str) -> SafeString | str:
    """Write how something ended; what was done, as most is, stands out by nothing."""
    tones = {AuditOutcome.REFUSED.value: "warn", AuditOutcome.FAILED.value: "bad"}
    return tag(outcome, tones[outcome]) if outcome in tones else outcome
