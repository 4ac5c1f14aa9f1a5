"""What Supabase says and what a person reads."""

import logging
from typing import Any

import httpx
import pytest

from fairdb_site import errors
from fairdb_site.supabase.errors import (
    AccountExists,
    EmailNotConfirmed,
    RegistrationClosed,
    SessionEnded,
    TokenExpired,
    TooSlow,
    WeakPassword,
    WrongCredentials,
    auth_error,
    refresh_error,
    rpc_error,
)

CELL = "4711"


def of_postgrest(code: str | None, message: str) -> Any:
    from postgrest.exceptions import APIError

    return APIError({"code": code, "message": message, "hint": None, "details": CELL})


def of_gotrue(status: int, code: str | None, message: str = "said by GoTrue") -> Any:
    from supabase_auth.errors import AuthApiError

    return AuthApiError(message, status, code)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("code", "message", "kind"),
    [
        ("PGRST303", "JWT expired", TokenExpired),
        ("PGRST301", "JWT expired", TokenExpired),
        ("PGRST301", "No suitable key", TokenExpired),
        ("PGRST302", "Anonymous access is disabled", errors.SignInRequired),
        ("PGRST116", "0 rows", errors.NotFound),
        ("P0002", "no data found", errors.NotFound),
        ("PT404", "There is no such dataset.", errors.NotFound),
        ("PT409", "The name is taken.", errors.Conflict),
        ("PT400", "Give a name.", errors.Refused),
        ("PT503", "Later.", errors.Unavailable),
        ("P0001", "Said by our function.", errors.Refused),
        ("22023", "The schema is not ours.", errors.Refused),
        ("22P02", f'invalid input syntax for type integer: "{CELL}"', errors.Refused),
        ("23514", f"violates check constraint, row ({CELL})", errors.Refused),
        ("23505", f"Key (id)=({CELL}) already exists", errors.Conflict),
        ("40001", "could not serialize", errors.Conflict),
        ("55P03", "lock not available", errors.Conflict),
        ("42501", "permission denied for table t", errors.Forbidden),
        ("57014", "canceling statement due to statement timeout", TooSlow),
        ("53300", "too many connections", errors.Unavailable),
        ("08006", "connection failure", errors.Unavailable),
        ("PGRST002", "Could not query the database", errors.Unavailable),
        ("PGRST202", "Could not find the function", errors.Unavailable),
        ("502", "Bad Gateway", errors.Unavailable),
        ("429", "Too Many Requests", errors.Unavailable),
        (None, "Invalid API key", errors.Unavailable),
        ("XX000", f"internal error {CELL}", errors.Unavailable),
    ],
)
def test_code_of_a_function_is_an_error_to_act_on(
    code: str | None, message: str, kind: type[errors.FairdbError], caplog: Any
) -> None:
    with caplog.at_level(logging.DEBUG, "fairdb_site"):
        error = rpc_error(of_postgrest(code, message), "some_function")

    assert type(error) is kind
    assert CELL not in error.message
    assert CELL not in caplog.text


def test_statement_timeout_says_that_it_took_too_long() -> None:
    error = rpc_error(of_postgrest("57014", "canceling statement"), "some_function")

    assert "took too long" in error.message


def test_sentence_of_our_own_function_is_shown_as_it_is() -> None:
    error = rpc_error(of_postgrest("PT404", "There is no such dataset."), "get_dataset")

    assert error.message == "There is no such dataset."


@pytest.mark.parametrize("error", [httpx.ConnectError(CELL), httpx.ReadTimeout(CELL)])
def test_no_answer_is_unavailable(error: httpx.HTTPError) -> None:
    assert isinstance(rpc_error(error, "some_function"), errors.Unavailable)
    assert isinstance(auth_error(error, "sign in"), errors.Unavailable)
    assert isinstance(refresh_error(error), errors.Unavailable)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "invalid_credentials", WrongCredentials),
        (400, "user_banned", WrongCredentials),
        (400, "email_not_confirmed", EmailNotConfirmed),
        (422, "user_already_exists", AccountExists),
        (422, "email_exists", AccountExists),
        (422, "signup_disabled", RegistrationClosed),
        (422, "weak_password", WeakPassword),
        (429, "over_request_rate_limit", errors.Unavailable),
        (429, "over_email_send_rate_limit", errors.Unavailable),
        (500, "unexpected_failure", errors.Unavailable),
        (401, None, errors.Unavailable),
    ],
)
def test_code_of_an_account_is_an_error_to_act_on(status: int, code: str, kind: type) -> None:
    assert isinstance(auth_error(of_gotrue(status, code), "sign in"), kind)


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (400, "refresh_token_not_found", ""),
        (400, "refresh_token_already_used", ""),
        (400, "session_expired", ""),
        (403, "session_not_found", ""),
        (400, "user_banned", ""),
        (400, None, "Invalid Refresh Token: Refresh Token Not Found"),  # before error codes
    ],
)
def test_session_that_supabase_ended_has_ended(status: int, code: str, message: str) -> None:
    assert isinstance(refresh_error(of_gotrue(status, code, message)), SessionEnded)


@pytest.mark.parametrize(
    ("status", "code"), [(401, None), (429, "over_request_rate_limit"), (500, None), (404, None)]
)
def test_trouble_during_a_refresh_ends_no_session(status: int, code: str | None) -> None:
    assert isinstance(refresh_error(of_gotrue(status, code)), errors.Unavailable)


def test_weak_password_says_the_rule() -> None:
    error = auth_error(
        of_gotrue(422, "weak_password", "Password should be at least 6 characters."), "sign up"
    )

    assert error.message == "Password should be at least 6 characters."


def test_weak_password_by_the_real_answer(db_ready: None) -> None:
    from fairdb_site.supabase import auth

    with pytest.raises(WeakPassword, match="at least 6 characters"):
        auth.sign_up("weak@example.org", "12345")
