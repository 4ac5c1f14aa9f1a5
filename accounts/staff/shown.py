"""How the administration writes moments, and marks."""

from __future__ import annotations

from datetime import datetime

from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.models import AuditOutcome

NONE = "—"


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
