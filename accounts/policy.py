"""Who may make an account: FAIRDB_REGISTRATION and FAIRDB_ALLOWED_EMAIL_DOMAINS."""

from __future__ import annotations

from django.conf import settings

from fairdb_site.errors import Refused
from fairdb_site.supabase.errors import RegistrationClosed


def registration_is_open() -> bool:
    """Whether anybody may make an account of their own; by invitation means staff make them."""
    return bool(settings.FAIRDB_REGISTRATION == "open")


def require_registration_open() -> None:
    """Raise RegistrationClosed unless anybody may make an account."""
    if not registration_is_open():
        raise RegistrationClosed


def require_allowed_domain(email: str) -> None:
    """Raise Refused unless the e-mail's domain is one of the allowed; with none set, any is."""
    domains = settings.FAIRDB_ALLOWED_EMAIL_DOMAINS
    if domains and email.rpartition("@")[2].lower() not in domains:
        raise Refused(
            "Accounts here are for addresses of "
            + ", ".join(domains)
            + ". Please use your address there."
        )
