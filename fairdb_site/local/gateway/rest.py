"""Functions over REST, each call in one transaction, as PostgREST runs them."""

import json
import re
from dataclasses import dataclass
from typing import Any

import psycopg2
from psycopg2 import sql

from fairdb_site.local.gateway.core import Gateway
from fairdb_site.local.gateway.keys import Caller, TokenError
from fairdb_site.local.gateway.messages import (
    JSON_TYPE,
    Call,
    GatewayError,
    Headers,
    Reply,
    not_supported,
    rest_error,
)
from fairdb_site.local.gateway.query import Reading, read_query
from fairdb_site.local.gateway.routines import (
    Parameter,
    Routine,
    choose,
    find_routines,
    role_settings,
)
from fairdb_site.local.gateway.sqlstate import (
    connection_error,
    database_error,
    response_headers,
    response_status,
)

_ROLES = ("anon", "authenticated", "service_role")
_SINGLE_TYPE = "application/vnd.pgrst.object+json"
_PLAIN_TYPES = ("*/*", "application/*", "application/json", "application/vnd.pgrst.array+json")
_ISOLATION_LEVELS = ("repeatable read", "serializable")
_BODILESS = (204, 205, 304)


@dataclass(frozen=True)
class Request:
    """A call, read: who wants what of which function, and in which form."""

    call: Call
    caller: Caller
    schema: str
    negotiated: bool
    single: bool
    count: bool
    reading: Reading
    given: frozenset[str]

    @property
    def posted(self) -> bool:
        """Whether this is a POST, whose arguments are in the body."""
        return self.call.method == "POST"


@dataclass(frozen=True)
class Result:
    """What the statement of a call gave; `total` counts all rows, `rows` those in `body`."""

    total: int | None
    rows: int
    body: str
    headers: str | None
    status: str | None


def call_function(gateway: Gateway, call: Call, name: str) -> Reply:
    """Run one function and answer with its result."""
    request = _read_request(gateway, call)
    try:
        with gateway.rest.connection() as connection:
            connection.autocommit = True
            routines = find_routines(connection, request.schema, name)
            routine = choose(routines, request.schema, name, request.given, posted=request.posted)
            settings = role_settings(connection, request.caller.role)
            result = _run(gateway, connection, request, routine, settings)
    except psycopg2.OperationalError as error:
        if error.pgcode is None and not error.cursor:
            raise connection_error() from None
        raise database_error(error, anonymous=request.caller.role == "anon") from None
    except psycopg2.Error as error:
        raise database_error(error, anonymous=request.caller.role == "anon") from None
    return _reply(request, routine, result)


# ------------------------------------------------------------------------------- the request


def _read_request(gateway: Gateway, call: Call) -> Request:
    caller = _caller(gateway, call)
    if call.method not in ("POST", "GET", "HEAD"):
        raise rest_error(405, "PGRST101", f"Cannot use the {call.method} method on RPC")
    posted = call.method == "POST"
    profile = call.headers.get("content-profile" if posted else "accept-profile")
    schemas = gateway.config.schemas
    if profile is not None and profile not in schemas:
        hint = f"Only the following schemas are exposed: {', '.join(schemas)}"
        raise rest_error(406, "PGRST106", f"Invalid schema: {profile}", hint=hint)
    preferences = re.split(r"\s*[,;]\s*", call.headers.get("prefer", ""))
    if any(preference.startswith("max-affected=") for preference in preferences):
        raise not_supported("The preference max-affected is not supported")
    reading = read_query(call.query, posted=posted)
    return Request(
        call=call,
        caller=caller,
        schema=profile or schemas[0],
        negotiated=profile is not None or len(schemas) > 1,
        single=_wants_single(call),
        count=any(f"count={kind}" in preferences for kind in ("exact", "estimated")),
        reading=reading,
        given=_posted_arguments(call) if posted else frozenset(dict(reading.arguments)),
    )


def _caller(gateway: Gateway, call: Call) -> Caller:
    try:
        caller = gateway.keys.caller(call)
    except TokenError as error:
        reason = f'Bearer error="invalid_token", error_description="{error.message}"'
        headers = (("WWW-Authenticate", reason),)
        raise rest_error(401, error.code, error.message, error.details, headers=headers) from None
    if caller.role not in _ROLES:
        raise rest_error(403, "42501", f'permission denied to set role "{caller.role}"')
    return caller


def _wants_single(call: Call) -> bool:
    accepted = [part.strip() for part in call.headers.get("accept", "*/*").split(",")]
    for part in accepted:
        media, *parameters = (piece.strip().lower() for piece in part.split(";"))
        if "nulls=stripped" in parameters:
            continue
        if media in (_SINGLE_TYPE, "application/vnd.pgrst.object"):
            return True
        if media in _PLAIN_TYPES:
            return False
    message = f"None of these media types are available: {', '.join(accepted)}"
    raise rest_error(406, "PGRST107", message)


def _posted_arguments(call: Call) -> frozenset[str]:
    """Return the names of the arguments in a body; none of a body that is no object."""
    media = call.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if media != "application/json":
        raise rest_error(400, "PGRST102", f"Content-Type not acceptable: {media}")
    try:
        body = json.loads(call.body.decode() or "{}", parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise rest_error(400, "PGRST102", "Empty or invalid json") from None
    return frozenset(body) if isinstance(body, dict) else frozenset()


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


# ----------------------------------------------------------------------------- the statement


def _run(
    gateway: Gateway, connection: Any, request: Request, routine: Routine, settings: dict[str, str]
) -> Result:
    """Run the call in a transaction of its own; commit, unless a single row was wanted in vain."""
    level = (routine.isolation or settings.pop("default_transaction_isolation", "")).lower()
    connection.set_session(
        isolation_level=level if level in _ISOLATION_LEVELS else "read committed",
        # what cannot write may not, whatever it calls
        readonly=not request.posted or routine.volatility != "v",
        autocommit=False,
    )
    with connection.cursor() as cursor:
        cursor.execute(_settings(gateway, request, routine, settings))
        cursor.execute(_statement(gateway, request, routine))
        result = Result(*cursor.fetchone())
        if request.single and result.rows != 1:
            message = "Cannot coerce the result to a single JSON object"
            details = f"The result contains {result.rows} rows"
            raise rest_error(406, "PGRST116", message, details)
        connection.commit()
    return result


def _settings(
    gateway: Gateway, request: Request, routine: Routine, role_values: dict[str, str]
) -> sql.Composable:
    """Return the statement that makes the transaction the caller's."""
    call, caller = request.call, request.caller
    schemas = (request.schema, *gateway.config.extra_search_path)
    headers = {name: value for name, value in call.headers.items() if name != "cookie"}
    values = [
        ("search_path", ", ".join('"' + name.replace('"', '""') + '"' for name in schemas)),
        # before the role: the grants that setting them may need are authenticator's
        *role_values.items(),
        ("role", caller.role),
        ("request.jwt.claims", _json({**caller.claims, "role": caller.role})),
        ("request.method", call.method),
        ("request.path", call.path.removeprefix("/rest/v1")),  # as behind Supabase's own door
        ("request.headers", _json(headers)),
        ("request.cookies", "{}"),
        *routine.settings,
    ]
    calls = [
        sql.SQL("set_config({}, {}, true)").format(sql.Literal(name), sql.Literal(value))
        for name, value in values
    ]
    return sql.SQL("select ") + sql.SQL(", ").join(calls)


def _statement(gateway: Gateway, request: Request, routine: Routine) -> sql.Composable:
    """Return the one statement that calls, reads, counts and renders."""
    reading = request.reading
    total = sql.SQL("null::bigint")
    if request.count:
        total = sql.SQL("(select count(*) from pgrst_source _result{})").format(reading.where)
    return sql.SQL(
        """
        with pgrst_source as ({source})
        select {total}, count(*), ({body})::text,
          nullif(current_setting('response.headers', true), ''),
          nullif(current_setting('response.status', true), '')
        from (select {columns} from pgrst_source _result{where}{order}{window}) _page
        """
    ).format(
        source=_source(request, routine),
        total=total,
        body=sql.SQL(_body(request, routine)),
        columns=reading.columns,
        where=reading.where,
        order=reading.order,
        window=reading.window(gateway.config.max_rows),
    )


def _source(request: Request, routine: Routine) -> sql.Composable:
    """Return the call itself, with its arguments."""
    function = sql.SQL("{}.{}").format(sql.Identifier(routine.schema), sql.Identifier(routine.name))
    used = [parameter for parameter in routine.parameters if parameter.name in request.given]
    body = sql.SQL("")
    if request.posted and routine.takes_whole_body:
        text = request.call.body.decode() or "{}"
        arguments = sql.Literal(text) + sql.SQL(f"::{routine.parameters[0].shown}")
    elif request.posted and used:
        body = sql.SQL("json_to_record({}::json) as _body({}), lateral ").format(
            sql.Literal(request.call.body.decode()),
            sql.SQL(", ").join(
                sql.Identifier(parameter.name) + sql.SQL(f" {parameter.type}") for parameter in used
            ),
        )
        arguments = _named(used, lambda p: sql.SQL("_body.") + sql.Identifier(p.name))
    else:
        pairs = request.reading.arguments
        arguments = _named(used, lambda p: _from_query(p, [v for n, v in pairs if n == p.name]))
    called = sql.SQL("{}({})").format(function, arguments)
    if routine.returns_rows:
        return sql.SQL("select _call.* from {}{} _call").format(body, called)
    return sql.SQL("select _call.* from {}(select {} as pgrst_scalar) _call").format(body, called)


def _named(parameters: list[Parameter], value: Any) -> sql.Composable:
    return sql.SQL(", ").join(
        sql.SQL("{}{} := {}").format(
            sql.SQL("variadic " if parameter.variadic else ""),
            sql.Identifier(parameter.name),
            value(parameter),
        )
        for parameter in parameters
    )


def _from_query(parameter: Parameter, values: list[str]) -> sql.Composable:
    """Return an argument of the query string; a variadic one takes all that were given."""
    value = sql.Literal(values if parameter.variadic else values[-1])
    return value + sql.SQL(f"::{parameter.type}")


def _body(request: Request, routine: Routine) -> str:
    if request.single:
        scalar = not routine.returns_rows and not routine.returns_set
        return f"coalesce(json_agg({'_page.pgrst_scalar' if scalar else '_page'})->0, 'null')"
    rows = "json_agg(_page)" if routine.returns_rows else "json_agg(_page.pgrst_scalar)"
    return f"coalesce({rows}, '[]')" if routine.returns_set else f"coalesce({rows}->0, 'null')"


def _json(value: Any) -> str:
    # a header or claim that is no text PostgreSQL can hold is shown as a question mark
    text = json.dumps(value, ensure_ascii=False).replace("\0", "?")
    return text.encode("utf-8", "replace").decode()


# -------------------------------------------------------------------------------- the answer


def _reply(request: Request, routine: Routine, result: Result) -> Reply:
    total, offset = result.total, request.reading.offset
    status, body = _range_status(total, offset, result.rows), result.body.encode()
    if status == 416:
        details = f"An offset of {offset} was requested, but there are only {total} rows."
        raise rest_error(416, "PGRST103", "Requested range not satisfiable", details)
    last = offset + result.rows - 1
    window = f"{offset}-{last}" if result.rows and total != 0 else "*"
    headers: Headers = (("Content-Range", f"{window}/{'*' if total is None else total}"),)
    if request.count:
        headers += (("Preference-Applied", "count=exact"),)
    if request.negotiated:
        headers += (("Content-Profile", request.schema),)
    if routine.returns_nothing:
        status, body = 204, b""
    else:
        media = f"{_SINGLE_TYPE}; charset=utf-8" if request.single else JSON_TYPE
        headers += (("Content-Type", media),)
    return _with_overrides(result, Reply(status, body, headers))


def _range_status(total: int | None, offset: int, rows: int) -> int:
    if total is None:
        return 200
    if offset > total:
        return 416
    return 206 if rows < total else 200


def _with_overrides(result: Result, reply: Reply) -> Reply:
    """Return `reply` with the status and headers the function set as response.* settings."""
    status, headers = reply.status, reply.headers
    if result.status is not None:
        chosen = response_status(result.status)
        if chosen is None:
            raise _bad_setting("PGRST112", "response.status guc must be a valid status code")
        status = chosen
    if result.headers is not None:
        own = _own_headers(result.headers)
        names = {name.lower() for name, _ in own}
        headers = (*(pair for pair in headers if pair[0].lower() not in names), *own)
    return Reply(status, b"" if status in _BODILESS else reply.body, headers)


def _own_headers(text: str) -> Headers:
    message = (
        "response.headers guc must be a JSON array composed of objects with a single key and a "
        "string value"
    )
    try:
        objects = json.loads(text)
        pairs = [next(iter(item.items())) for item in objects if len(item) == 1]
    except (ValueError, AttributeError, TypeError, RecursionError):
        raise _bad_setting("PGRST111", message) from None
    headers = response_headers(pairs) if len(pairs) == len(objects) else None
    if headers is None:
        raise _bad_setting("PGRST111", message)
    return headers


def _bad_setting(code: str, message: str) -> GatewayError:
    return rest_error(500, code, message)
