"""Who may have an account, and by which password, wherever it is made."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.views.decorators.debug import sensitive_variables

from accounts.models import User
from fairdb_site.errors import Refused
from fairdb_site.supabase.errors import RegistrationClosed, WeakPassword

# GoTrue hashes with bcrypt, which reads 72 bytes and refuses more.
LONGEST_PASSWORD_BYTES = 72


def registration_is_open() -> bool:
    """Whether anybody may make an account of their own; by invitation means staff make them."""
    return bool(settings.FAIRDB_REGISTRATION == "open")


def require_registration_open() -> None:
    """Raise RegistrationClosed unless anybody may make an account."""
    if not registration_is_open():
        raise RegistrationClosed


def require_plain_address(email: str) -> None:
    """Raise Refused for an address with letters that Supabase takes in none: other than ASCII."""
    name, _, domain = email.rpartition("@")
    if not name.isascii():
        raise Refused(
            "An address for an account here has only the letters a to z, digits and signs such as "
            "a point before the @. Please use another address of yours."
        )
    if not domain.isascii():
        raise Refused(
            f"Please write the part behind the @ in its other form, {_ascii_domain(domain)}: it is "
            "the same address to every mail server."
        )


def _ascii_domain(domain: str) -> str:
    """Return how an internationalized domain is written without its letters, where it is sure."""
    try:
        written = domain.lower().encode("idna").decode()
        is_sure = written.encode().decode("idna") == domain.lower()  # it is not of ß, for one
    except UnicodeError:
        is_sure = False
    return written if is_sure else "which begins with xn--"


def require_allowed_domain(email: str) -> None:
    """Raise Refused unless the e-mail's domain is one of the allowed; with none set, any is."""
    domains = settings.FAIRDB_ALLOWED_EMAIL_DOMAINS
    if domains and email.rpartition("@")[2].lower() not in domains:
        raise Refused(
            "Accounts here are for addresses of "
            + ", ".join(domains)
            + ". Please use your address there."
        )


@sensitive_variables("password")
def require_strong_password(password: str, *, email: str) -> None:
    """Raise WeakPassword for one that is short, common, a number or like the e-mail.

    The rules are AUTH_PASSWORD_VALIDATORS; Supabase's own come on top.
    """
    if len(password.encode()) > LONGEST_PASSWORD_BYTES:
        raise WeakPassword(
            f"This password is too long: it can have {LONGEST_PASSWORD_BYTES} bytes at most."
        )
    problems: dict[str, None] = {}  # each once, in order
    # Beside a long domain a password that is all of the name before it would not seem similar.
    for likeness in (email, email.rpartition("@")[0]):
        try:
            validate_password(password, user=User(email=likeness))
        except ValidationError as error:
            problems |= dict.fromkeys(error.messages)
    if problems:
        raise WeakPassword(" ".join(problems))
