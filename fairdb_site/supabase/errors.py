"""What Supabase's errors mean to a person: each becomes a `FairdbError` with a plain sentence.

PostgreSQL's own messages can quote a cell ("invalid input syntax for type integer: ..."), so they
are shown only for the error codes that our own functions raise on purpose, and are never logged.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

import httpx

from fairdb_site.errors import (
    Conflict,
    FairdbError,
    Forbidden,
    NotFound,
    Refused,
    SignInRequired,
    TooLarge,
    Unavailable,
)

if TYPE_CHECKING:
    from postgrest.exceptions import APIError
    from supabase_auth.errors import AuthError

logger = logging.getLogger(__name__)

NO_ANSWER = "The account and data service does not answer just now. Please try again in a minute."
TOO_SLOW = "This took too long and was stopped. Ask for less at once, or try again later."
TOO_LONG = "A text is too long for a column that rows are sorted by: 2,000 characters fit always."
TOO_MANY = "Too many tries in a short time. Please wait a minute and try again."
SESSION_ENDED = "Your session has ended. Please sign in again."


class TokenExpired(SignInRequired):
    """The access token is past its time; a refresh may mend it."""


class SessionEnded(SignInRequired):
    """Supabase no longer knows the session: revoked, expired, or the account is banned or gone."""


class TooSlow(Unavailable):
    """The database stopped it: it took longer than the caller's queries may."""

    code = "too_slow"


class WrongCredentials(Refused):
    """The e-mail is unknown, the password wrong or the account closed: one answer for all three."""

    code = "wrong_credentials"

    def __init__(self) -> None:
        super().__init__("We could not sign you in with this e-mail address and password.")


class EmailNotConfirmed(Refused):
    """The account waits for the link in its confirmation mail."""

    code = "email_not_confirmed"

    def __init__(self) -> None:
        super().__init__(
            "This account's e-mail address is not confirmed yet. Please open the link in the "
            "message we sent there, then sign in."
        )


class WeakPassword(Refused):
    """The password does not meet Supabase's rules."""

    code = "weak_password"


class AccountExists(Conflict):
    """There is an account with this e-mail address already."""

    code = "account_exists"

    def __init__(self) -> None:
        super().__init__("There is an account with this e-mail address already.")


class RegistrationClosed(Forbidden):
    """Nobody can make an account of their own here."""

    code = "registration_closed"

    def __init__(self) -> None:
        super().__init__("Registration is closed. Accounts are made by the people who run this.")


class UnusableAddress(Refused):
    """Supabase sends no mail to this address."""

    def __init__(self) -> None:
        super().__init__("Messages cannot be sent to this e-mail address. Please use another one.")


class LinkUsed(Refused):
    """The token of a mailed link opens nothing: used before, too old, or never one of ours."""

    code = "link_used"

    def __init__(self) -> None:
        super().__init__(
            "This link has been used already or is too old. Please ask for a new message and open "
            "the link in the newest one."
        )


class SamePassword(Refused):
    """The new password is the old one."""

    code = "same_password"

    def __init__(self) -> None:
        super().__init__("This is the password you have now. Please choose another one.")


class WrongPassword(Refused):
    """The password given as the one the account has now is another."""

    code = "wrong_password"

    def __init__(self) -> None:
        super().__init__("This is not your password. Please type it once more.")


class SignInTooOld(Refused):
    """Supabase wants a fresh sign-in before it changes the password."""

    code = "sign_in_too_old"

    def __init__(self) -> None:
        super().__init__(
            "A new password takes a fresh sign-in here. Please sign out, sign in again and change "
            "your password within a day."
        )


class SecondFactorNeeded(Forbidden):
    """The account has a second factor, and this session was opened without it."""

    code = "second_factor_needed"

    def __init__(self) -> None:
        super().__init__(
            "This needs your second factor. Please sign in with the code of your app first."
        )


class WrongCode(Refused):
    """The code is not the one that the person's app shows now, or was used before."""

    code = "wrong_code"

    def __init__(self) -> None:
        super().__init__(
            "This code does not fit. Please enter the one that your app shows now; each code works "
            "once. If none works, check that the clock of your device is right."
        )


class TooManyFactors(Conflict):
    """The account has as many second factors as Supabase keeps."""

    code = "too_many_factors"

    def __init__(self) -> None:
        super().__init__("You have as many second factors as one account can. Remove one first.")


class FactorNameTaken(Conflict):
    """The account has a second factor with this name."""

    code = "factor_name_taken"

    def __init__(self) -> None:
        super().__init__("You have a second factor with this name. Please choose another name.")


# -- RPCs -----------------------------------------------------------------------------------------

Meaning = tuple[type[FairdbError], str]
_MISFIT = "The database refused a value: it does not fit the column it is meant for."
_NOT_SET_UP: Meaning = (
    Unavailable,
    "The database is not set up for this yet. Ask the operator to run `manage.py migrate` and "
    "`manage.py doctor`.",
)
_BUSY: Meaning = (Conflict, "Somebody else is changing this just now. Please try again.")
_UNKNOWN: Meaning = (
    Unavailable,
    "The database could not do this. Ask the operator to look at the log.",
)
# PostgREST's codes and PostgreSQL's (its documentation, appendix A), the whole code before its
# class of two letters.
_MEANING_OF_CODE: dict[str, Meaning] = {
    "": (Unavailable, NO_ANSWER),  # an answer of something in front of PostgREST
    "57014": (TooSlow, TOO_SLOW),  # query_canceled: the role's statement_timeout
    "54000": (Refused, TOO_LONG),  # program_limit_exceeded: of an index that sorts by a column
    "42501": (Forbidden, "You are not allowed to do this."),
    "23505": (Conflict, "This exists already."),
    "40001": _BUSY,
    "40P01": _BUSY,
    "55P03": _BUSY,
    "42883": _NOT_SET_UP,
    "42P01": _NOT_SET_UP,
    "3F000": _NOT_SET_UP,
    "PGRST000": (Unavailable, NO_ANSWER),
    "PGRST001": (Unavailable, NO_ANSWER),
    "PGRST002": (Unavailable, NO_ANSWER),
    "PGRST003": (Unavailable, NO_ANSWER),
    "PGRST106": _NOT_SET_UP,
    "PGRST116": (NotFound, "There is no such object here."),
    "PGRST202": _NOT_SET_UP,
    "PGRST203": _NOT_SET_UP,
    "PGRST300": (SignInRequired, SESSION_ENDED),
    "PGRST301": (SignInRequired, SESSION_ENDED),
    "PGRST302": (SignInRequired, SESSION_ENDED),
    "PGRST303": (SignInRequired, SESSION_ENDED),
}
_MEANING_OF_CLASS: dict[str, Meaning] = {
    "22": (Refused, _MISFIT),
    "23": (Refused, _MISFIT),
    "08": (Unavailable, NO_ANSWER),
    "53": (Unavailable, NO_ANSWER),
    "57": (Unavailable, NO_ANSWER),
    "58": (Unavailable, NO_ANSWER),
}
# Raised by our own SQL functions, whose messages are written for people and quote no value.
_OURS: dict[str, type[FairdbError]] = {"P0001": Refused, "P0002": NotFound, "22023": Refused}
# PGRST303 is "JWT expired" and other claims that do not hold, since PostgREST 13. PGRST301 is what
# cannot be read: before 13 an expired token, else one whose signing key was taken out of use.
_REFRESH_MAY_MEND = {"PGRST301", "PGRST303"}
_BY_STATUS: dict[int, type[FairdbError]] = {
    401: SignInRequired,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    413: TooLarge,
    429: Unavailable,
}
_HTTP_SERVER_ERROR = 500


def rpc_error(error: APIError | httpx.HTTPError, name: str) -> FairdbError:
    """Return the error a person should see when the function `name` failed, and log its code."""
    if isinstance(error, httpx.HTTPError):
        logger.warning("rpc %s: %s", name, type(error).__name__)
        return Unavailable(NO_ANSWER)
    code, message = error.code or "", error.message or ""
    return _logged(error_of_sqlstate(code, message), f"rpc {name}", code or "no code")


def error_of_sqlstate(code: str, message: str) -> FairdbError:
    """Return the error that a code of PostgreSQL or PostgREST means to a person."""
    if code in _REFRESH_MAY_MEND:
        return TokenExpired(SESSION_ENDED)
    if code in _OURS:
        return _OURS[code](message)
    if code == "PT403":  # `require_caller` alone raises it
        return SecondFactorNeeded()
    if code.startswith("PT") and code[2:].isdigit():  # raised by us, as a status of HTTP
        return _error_of_status(int(code[2:]), message)
    if code.isdigit() and len(code) == len("404"):  # an answer that is not PostgREST's own
        return _error_of_status(int(code), NO_ANSWER)
    meaning = _MEANING_OF_CODE.get(code) or _MEANING_OF_CLASS.get(code[:2], _UNKNOWN)
    return meaning[0](meaning[1])


def _error_of_status(status: int, message: str) -> FairdbError:
    if status >= _HTTP_SERVER_ERROR:
        return Unavailable(message)
    return _BY_STATUS.get(status, Refused)(message)


# -- Accounts -------------------------------------------------------------------------------------

_SESSION_GONE = {
    "refresh_token_not_found",
    "refresh_token_already_used",
    "session_expired",
    "session_not_found",
    "user_banned",
    "user_not_found",
}
Meanings = Mapping[str, Callable[[], FairdbError]]  # by GoTrue's error code
_MEANING_OF_AUTH_CODE: Meanings = {
    "invalid_credentials": WrongCredentials,
    "user_banned": WrongCredentials,
    "user_not_found": WrongCredentials,
    "email_not_confirmed": EmailNotConfirmed,
    "user_already_exists": AccountExists,
    "email_exists": AccountExists,
    "signup_disabled": RegistrationClosed,
    "email_provider_disabled": RegistrationClosed,
    "email_address_invalid": UnusableAddress,
    "email_address_not_authorized": UnusableAddress,
    "otp_expired": LinkUsed,
    "same_password": SamePassword,
    "current_password_required": WrongPassword,
    "current_password_invalid": WrongPassword,
    "reauthentication_needed": SignInTooOld,
    "insufficient_aal": SecondFactorNeeded,
    "too_many_enrolled_mfa_factors": TooManyFactors,
    "mfa_factor_name_conflict": FactorNameTaken,
    "mfa_factor_not_found": lambda: NotFound("There is no such second factor."),
    "mfa_verification_failed": WrongCode,
    "mfa_challenge_expired": WrongCode,
    "mfa_totp_enroll_not_enabled": lambda: Forbidden("Second factors are switched off here."),
}


def auth_error(
    error: AuthError | httpx.HTTPError, action: str, meanings: Meanings = MappingProxyType({})
) -> FairdbError:
    """Return the error a person should see when `action` (for the log) failed at GoTrue.

    `meanings` says what a code means in this call where that is not what it means elsewhere.
    """
    code = getattr(error, "code", None) or ""
    status = int(getattr(error, "status", 0) or 0)
    said = f"{type(error).__name__} {status or ''} {code}"
    meant = _auth_error_of_code(code, status, str(error), meanings)
    return _logged(meant, f"auth {action}", said)


def _auth_error_of_code(code: str, status: int, message: str, meanings: Meanings) -> FairdbError:
    if status == 0 or status >= _HTTP_SERVER_ERROR:
        return Unavailable(NO_ANSWER)
    if status == httpx.codes.TOO_MANY_REQUESTS or code.startswith("over_"):
        return Unavailable(TOO_MANY)
    meaning = meanings.get(code) or _MEANING_OF_AUTH_CODE.get(code)
    if meaning is not None:
        return meaning()
    if code == "weak_password" or (code == "validation_failed" and "password" in message.lower()):
        return WeakPassword(_password_advice(message))
    if code in {"validation_failed", "bad_json"}:
        return Refused("Please check the e-mail address and the password.")
    return Unavailable("The account service refused this. Ask the operator to look at the log.")


def refresh_error(error: AuthError | httpx.HTTPError) -> FairdbError:
    """Tell a session that ended from a service in trouble: only the first signs anyone out."""
    code = getattr(error, "code", None) or ""
    status = int(getattr(error, "status", 0) or 0)
    # Before it had error codes, GoTrue said {"error": "invalid_grant", ...} with status 400.
    legacy = (
        status == httpx.codes.BAD_REQUEST and not code and "refresh token" in str(error).lower()
    )
    if code in _SESSION_GONE or legacy:
        logger.info("auth refresh: the session has ended (%s)", code or "invalid_grant")
        return SessionEnded(SESSION_ENDED)
    mapped = auth_error(error, "refresh")
    return mapped if isinstance(mapped, Unavailable) else Unavailable(NO_ANSWER)


def _logged(error: FairdbError, call: str, said: str) -> FairdbError:
    # What the person is told anyway is no news to the operator, nor does a command say it twice.
    level = logging.DEBUG if error.status < _HTTP_SERVER_ERROR else logging.WARNING
    logger.log(level, "%s: %s", call, said)
    return error


def _password_advice(message: str) -> str:
    # GoTrue's sentence names the rule and quotes nothing: "Password should be at least 6 ...".
    rule = message.strip().rstrip(".")
    return f"{rule}." if rule.startswith("Password") else "Please choose a stronger password."
