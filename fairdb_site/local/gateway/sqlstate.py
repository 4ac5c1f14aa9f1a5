"""PostgreSQL's errors as PostgREST answers them.

https://docs.postgrest.org/en/stable/references/errors.html
"""

import json
from typing import Any

import psycopg2

from fairdb_site.local.gateway.messages import GatewayError, Headers, rest_error

# by SQLSTATE or its class, the code before the class; what is not listed is a 400
_CODES = {
    400: "P0001",
    403: "0L 0P 28",
    404: "42883 42P01",
    405: "25006",
    409: "23503 23505",
    500: "09 21000 25 2D 38 39 3B 40 42P17 53400 54 55 57 58 F0 HV P0 XX",
    503: "08 53 57P01",
}
_STATUS = {code: status for status, codes in _CODES.items() for code in codes.split()}
_RAISE_HINT = (
    "MESSAGE must be a JSON object with obligatory keys: 'code', 'message' and optional keys: "
    "'details', 'hint'.",
    "DETAIL must be a JSON object with obligatory keys: 'status', 'headers' and optional key: "
    "'status_text'.",
)


def database_error(error: psycopg2.Error, *, anonymous: bool) -> GatewayError:
    """Return the answer to an error of the database; `anonymous` makes a missing grant a 401."""
    code, diagnosis = error.pgcode, error.diag
    if code is None:
        return rest_error(503, "PGRST001", "Database client error. Retrying the connection.")
    message = diagnosis.message_primary or ""
    details, hint = diagnosis.message_detail, diagnosis.message_hint
    if code == "PGRST":
        return _raised(message, details)
    status = _status(code, message, anonymous=anonymous)
    headers = (("WWW-Authenticate", "Bearer"),) if status == 401 else ()
    return rest_error(status, code, message, details, hint=hint, headers=headers)


def connection_error() -> GatewayError:
    """Return the answer while the database cannot be reached."""
    return rest_error(503, "PGRST000", "Database connection error.")


def response_status(value: Any) -> int | None:
    """Return a status that a function may answer with; None for what is none."""
    text = str(value)
    if not (text.isascii() and text.isdigit()):
        return None
    status = int(text[:4])
    return status if 200 <= status <= 599 else None  # 1xx would not end the request


def response_headers(values: Any) -> Headers | None:
    """Return the headers a function set, a list of pairs; None for what cannot be sent."""
    pairs = []
    for name, value in values:
        if not isinstance(value, str) or not _is_token(name):
            return None
        if not value.isprintable() or not value.isascii():
            return None
        # the length and framing of the answer stay with the server
        if name.lower() not in ("content-length", "transfer-encoding", "connection"):
            pairs.append((name, value))
    return tuple(pairs)


def _status(code: str, message: str, *, anonymous: bool) -> int:
    if code.startswith("PT"):
        return response_status(code[2:]) or 500
    if code == "42501":
        return 401 if anonymous else 403
    if code == "21000" and message.endswith("requires a WHERE clause"):
        return 400
    if code == "22023" and message.startswith("role") and message.endswith("does not exist"):
        return 401
    return _STATUS.get(code) or _STATUS.get(code[:2], 400)


def _raised(message: str, details: str | None) -> GatewayError:
    """Return the answer spelled out by `raise sqlstate 'PGRST'`."""
    wrong = "Could not parse JSON in the \"RAISE SQLSTATE 'PGRST'\" error"
    body, answer = _object(message), _object(details)
    if not {"code", "message"} <= body.keys():
        reason = f"Invalid JSON value for MESSAGE: '{message}'"
        return rest_error(500, "PGRST121", wrong, reason, hint=_RAISE_HINT[0])
    status = response_status(answer.get("status"))
    given = answer.get("headers")
    headers = response_headers(given.items()) if isinstance(given, dict) else None
    if status is None or headers is None:
        reason = f"Invalid JSON value for DETAIL: '{details}'"
        if details is None:
            reason = "DETAIL is missing in the RAISE statement"
        return rest_error(500, "PGRST121", wrong, reason, hint=_RAISE_HINT[1])
    return rest_error(
        status,
        str(body["code"]),
        str(body["message"]),
        body.get("details"),
        hint=body.get("hint"),
        headers=headers,
    )


def _object(text: str | None) -> dict[str, Any]:
    try:
        value = json.loads(text or "")
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _is_token(name: Any) -> bool:
    """Whether this is a header name (RFC 9110, 5.6.2)."""
    return (
        isinstance(name, str)
        and name.isascii()
        and name != ""
        and all(character.isalnum() or character in "!#$%&'*+-.^_`|~" for character in name)
    )
