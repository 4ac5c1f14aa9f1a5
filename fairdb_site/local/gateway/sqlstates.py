"""PostgreSQL's errors as PostgREST answers them.

https://docs.postgrest.org/en/stable/references/errors.html
"""

import re

import psycopg2

from fairdb_site.local.gateway.calls import Refusal, not_supported, rest_error

# by SQLSTATE or its class, the code before the class; what is not listed is a 400
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
