"""A request as the endpoints see it, and refusals in the words of the two services."""

import json
import re
from dataclasses import dataclass, field
from typing import Any

import psycopg2
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from fairdb_site.local.gateway.config import GatewayConfig
from fairdb_site.local.gateway.database import Pool
from fairdb_site.local.gateway.keys import Keys

# what supabase-py adds to bodies, for captchas and for links that carry a code
_IGNORED = {"gotrue_meta_security", "options", "code_challenge", "code_challenge_method"}
# as the HTML standard has it, which GoTrue's check follows too
_EMAIL = re.compile(r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})*")

# PostgREST's statuses (https://docs.postgrest.org/en/stable/references/errors.html) by SQLSTATE or
# its class, the code before the class; what is not listed is a 400
_CODES = {
    400: "P0001",
    403: "0L 0P 28 42501",
    404: "42883 42P01",
    405: "25006",
    409: "23503 23505",
    500: "09 21 25 2D 38 39 3B 40 42P17 53400 54 55 57 58 F0 HV P0 XX PT",
    503: "08 53 57P01",
}
_STATUS = {code: status for status, codes in _CODES.items() for code in codes.split()}


@dataclass(frozen=True)
class Call:
    """A request, read whole, and what of the gateway answers it."""

    config: GatewayConfig
    keys: Keys
    pool: Pool
    request: Request
    body: bytes = field(repr=False)

    def fields(self, **kinds: type) -> dict[str, Any]:
        """Return these fields of the body; null and absent are the same, as GoTrue reads them.

        A 400 where the body is no object or a field is of another type, a 501 for other fields.
        """
        try:
            values = json.loads(self.body.decode() or "{}")
            # what PostgreSQL's text cannot hold: a NUL is escaped, a lone surrogate fails to encode
            storable = b"\\u0000" not in json.dumps(values, ensure_ascii=False).encode()
        except (ValueError, RecursionError):
            storable = False
        if not storable or not isinstance(values, dict):
            raise auth_error(400, "bad_json", "Could not parse request body as a JSON object")
        given = {name: value for name, value in values.items() if value is not None}
        for name in given.keys() - _IGNORED:
            if name not in kinds:
                raise auth_error(501, "not_implemented", f"The field {name} is not taken here")
            if not isinstance(given[name], kinds[name]):
                raise auth_error(400, "bad_json", f"The field {name} is of another type")
        return {name: given.get(name) for name in kinds}


def read_email(text: str | None) -> str:
    """Return an address as it is stored; 400 where it is none."""
    email = (text or "").lower()
    if not _EMAIL.fullmatch(email):
        raise invalid("Unable to validate email address: invalid format")
    return email


class Refusal(Exception):
    """An answer that ends a request early and takes back what its transaction did."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


def auth_error(status: int, code: str, message: str, **more: Any) -> Refusal:
    """Return a refusal in the form of GoTrue's API of 2024-01-01, whose clients read `code`."""
    headers = {"X-Supabase-Api-Version": "2024-01-01"}
    return Refusal(JSONResponse({"code": code, "message": message, **more}, status, headers))


def invalid(message: str) -> Refusal:
    """Return GoTrue's answer to a field that does not hold."""
    return auth_error(400, "validation_failed", message)


def rest_error(status: int, code: str, message: str, **more: str | None) -> Refusal:
    """Return a refusal in the form of PostgREST; it has `details` and `hint` too."""
    body = {"code": code, "message": message, "details": None, "hint": None, **more}
    # of a HEAD, clients see the headers alone
    return Refusal(JSONResponse(body, status, {"Proxy-Status": f"PostgREST; error={code}"}))


def not_supported(details: str) -> Refusal:
    """Return the answer to what PostgREST does and this gateway does not."""
    return rest_error(501, "PGRST127", "Feature not implemented", details=details)


def database_error(error: psycopg2.Error, *, anonymous: bool) -> Refusal:
    """Return the answer to an error of the database; `anonymous` makes a missing grant a 401."""
    code, said = error.pgcode, error.diag
    if code is None:
        return rest_error(503, "PGRST000", "Database connection error. Retrying the connection.")
    if code == "PGRST":
        return not_supported("A function cannot spell its answer out by sqlstate PGRST here")
    status = _STATUS.get(code) or _STATUS.get(code[:2], 400)
    if re.fullmatch("PT[2-5][0-9][0-9]", code):  # the status that the function wants
        status = int(code[2:])
    if code == "42501" and anonymous:
        status = 401
    message, details = said.message_primary or "", said.message_detail
    return rest_error(status, code, message, details=details, hint=said.message_hint)
