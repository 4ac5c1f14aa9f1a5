"""Functions over REST, each call in one transaction, as PostgREST runs them."""

import json
import re
from dataclasses import dataclass, field
from typing import Any

import psycopg2
from psycopg2 import sql
from starlette.responses import Response

from fairdb_site.local.gateway.calls import Call, database_error, not_supported, rest_error
from fairdb_site.local.gateway.database import Cursor
from fairdb_site.local.gateway.keys import TokenError
from fairdb_site.local.gateway.routines import SCHEMA, Routine, choose, find_routines

_MAX_ROWS = 1000  # hosted default
_SINGLE = "application/vnd.pgrst.object+json"
_RESERVED = ("select", "order", "columns", "on_conflict", "and", "or")
# settings of a function that must hold before it is entered (PostgREST: db-hoisted-tx-settings)
_HOISTED = ("statement_timeout", "plan_filter.statement_cost_limit")
# what `alter role ... set` says, the database's own over the general ones
_SET_AS_ROLE = """
select set_config(g.name, substr(s, strpos(s, '=') + 1), true)
from pg_db_role_setting d, unnest(d.setconfig) s
join pg_settings g on g.name = lower(split_part(s, '=', 1)) and g.context = 'user'
where d.setrole = (select oid from pg_roles where rolname = %s)
  and d.setdatabase in (0, (select oid from pg_database where datname = current_database()))
order by d.setdatabase
"""
_HEADER_NAME = re.compile(r"[\w!#$%&'*+.^`|~-]+", re.ASCII)  # RFC 9110, 5.6.2


@dataclass(frozen=True)
class Wanted:
    """A request, read: who asks, the names of the arguments, which rows, in which form."""

    claims: dict[str, Any] = field(repr=False)
    posted: bool
    names: frozenset[str]
    limit: str  # these two as they came: PostgreSQL refuses what is no number
    offset: str
    count: bool
    single: bool


def call_function(call: Call) -> Response:
    """Run the function that the path names, and answer with its result."""
    name, wanted = call.request.path_params["name"], _read(call)
    try:
        with call.pool.connection() as connection:
            with connection, connection.cursor() as cursor:
                found = find_routines(cursor, name)
            routine = choose(found, name, wanted.names)
            connection.set_session(
                isolation_level=routine.settings.get("default_transaction_isolation", "default"),
                # what cannot write may not, whatever it calls
                readonly=not wanted.posted or not routine.volatile,
            )
            with connection, connection.cursor() as cursor:
                _become_caller(cursor, call, wanted, routine)
                cursor.execute(_statement(call, wanted, routine))
                return _answer(wanted, routine, cursor.fetchone())
    except psycopg2.Error as error:
        raise database_error(error, anonymous=wanted.claims["role"] == "anon") from None


def _read(call: Call) -> Wanted:
    headers, query = call.request.headers, call.request.query_params
    posted = call.request.method == "POST"
    try:
        claims = call.keys.caller(headers)
    except TokenError as error:
        raise rest_error(401, error.code, str(error)) from None
    profile = headers.get("content-profile" if posted else "accept-profile", SCHEMA)
    if profile != SCHEMA:
        hint = f"Only the following schemas are exposed: {SCHEMA}"
        raise rest_error(406, "PGRST106", f"Invalid schema: {profile}", hint=hint)
    accept, prefer = headers.get("accept", "*/*"), headers.get("prefer", "")
    if not any(media in accept for media in (_SINGLE, "application/json", "*/*")):
        raise rest_error(406, "PGRST107", f"None of these media types are available: {accept}")
    if "max-affected" in prefer or "nulls=stripped" in accept:
        raise not_supported("max-affected and stripped nulls are not supported")
    arguments = {name for name, _ in query.multi_items()} - {"limit", "offset"}
    if arguments.intersection(_RESERVED) or (posted and arguments):
        raise not_supported("Results are not filtered, ordered or renamed here")
    return Wanted(
        claims=claims,
        posted=posted,
        names=_names(call.body) if posted else frozenset(arguments),
        limit=query.get("limit", str(_MAX_ROWS)),
        offset=query.get("offset", "0"),
        count="count=exact" in prefer,
        single=_SINGLE in accept,
    )


def _names(body: bytes) -> frozenset[str]:
    """Return the names of the arguments in a body; none of a body that is no object."""
    try:
        values = json.loads(body.decode() or "{}")
        names = frozenset(values) if isinstance(values, dict) else frozenset()
        "".join(names).encode()  # a lone surrogate could not be told back
    except (ValueError, RecursionError):
        raise rest_error(400, "PGRST102", "Empty or invalid json") from None
    return names


def _become_caller(cursor: Cursor, call: Call, wanted: Wanted, routine: Routine) -> None:
    """Make the transaction the caller's."""
    cursor.execute(_SET_AS_ROLE, (wanted.claims["role"],))
    headers = {name: value for name, value in call.request.headers.items() if name != "cookie"}
    values = {
        "search_path": f"{SCHEMA}, extensions",
        "role": wanted.claims["role"],
        "request.jwt.claims": json.dumps(wanted.claims),
        "request.method": call.request.method,
        "request.path": f"/rpc/{routine.name}",  # as behind Supabase's own door
        "request.headers": json.dumps(headers),
        "request.cookies": "{}",
        **{name: value for name, value in routine.settings.items() if name in _HOISTED},
    }
    calls = ", ".join(["set_config(%s, %s, true)"] * len(values))
    cursor.execute(f"select {calls}", [text for pair in values.items() for text in pair])


def _statement(call: Call, wanted: Wanted, routine: Routine) -> sql.Composable:
    """Return the one statement that calls, counts and renders."""
    values = f"json_agg(_page{'' if routine.returns_rows else '.pgrst_scalar'})"
    many = routine.returns_set and not wanted.single
    return sql.SQL(
        """
        with pgrst_source as ({source})
        select {offset}::bigint as first, count(*) as rows, {total} as total,
          ({body})::text as body,
          nullif(current_setting('response.headers', true), '') as headers,
          nullif(current_setting('response.status', true), '') as status
        from (select * from pgrst_source limit least({limit}::bigint, {max}) offset {offset}) _page
        """
    ).format(
        source=_source(call, wanted, routine),
        total=sql.SQL("(select count(*) from pgrst_source)" if wanted.count else "null::bigint"),
        body=sql.SQL(f"coalesce({values}, '[]')" if many else f"coalesce({values}->0, 'null')"),
        limit=sql.Literal(wanted.limit),
        max=sql.Literal(_MAX_ROWS),
        offset=sql.Literal(wanted.offset),
    )


def _source(call: Call, wanted: Wanted, routine: Routine) -> sql.Composable:
    """Return the call itself, its arguments the columns of one record."""
    used = [p for p in routine.parameters if p.name in wanted.names]
    query, body = call.request.query_params, sql.Literal(call.body.decode())

    def each(template: str) -> sql.Composable:
        return sql.SQL(", ").join(
            sql.SQL(template).format(
                name=sql.Identifier(p.name),
                type=sql.SQL(p.type),
                variadic=sql.SQL("variadic " if p.variadic else ""),
                # of several in a query string the last counts, or all of them
                value=sql.Literal(query.getlist(p.name) if p.variadic else query.get(p.name)),
            )
            for p in used
        )

    arguments = each("{variadic}{name} := _given.{name}")
    record = sql.SQL("(select {}) _given").format(each("{value}::{type} as {name}"))
    if wanted.posted and used:
        record = sql.SQL("json_to_record({}) _given({})").format(body, each("{name} {type}"))
    call_of = "select {}({}) as pgrst_scalar from {}"
    if routine.returns_rows:
        call_of = "select _call.* from {2}, {0}({1}) _call"
    return sql.SQL(call_of).format(sql.Identifier(SCHEMA, routine.name), arguments, record)


def _answer(wanted: Wanted, routine: Routine, result: dict[str, Any]) -> Response:
    """Return the result of the statement, with the status and headers that the function set."""
    first, rows, total = result["first"], result["rows"], result["total"]
    if wanted.single and rows != 1:
        message = "Cannot coerce the result to a single JSON object"
        raise rest_error(406, "PGRST116", message, details=f"The result contains {rows} rows")
    if total is not None and first > total:
        details = f"An offset of {first} was requested, there are only {total} rows."
        raise rest_error(416, "PGRST103", "Requested range not satisfiable", details=details)
    status = 204 if routine.returns_nothing else 206 if rows < (total or 0) else 200
    if own := result["status"]:
        if not re.fullmatch("[2-5][0-9][0-9]", own):
            message = "response.status guc must be a valid status code"
            raise rest_error(500, "PGRST112", message)
        status = int(own)
    shown = f"{first}-{first + rows - 1}" if rows else "*"
    headers = {
        "Content-Range": f"{shown}/{'*' if total is None else total}",
        "Content-Type": f"{_SINGLE if wanted.single else 'application/json'}; charset=utf-8",
    }
    body = None if status in (204, 205, 304) else result["body"]
    response = Response(body, status, headers)
    chosen = _own_headers(result["headers"] or "[]")
    for name, _ in chosen:
        del response.headers[name]
    for name, value in chosen:
        response.headers.append(name, value)
    return response


def _own_headers(text: str) -> list[tuple[str, str]]:
    """Return the headers that the function set, a JSON array of objects of one pair each."""
    try:
        pairs = [pair for item in json.loads(text) for pair in item.items()]
        sound = all(
            _HEADER_NAME.fullmatch(name) and value.isascii() and value.isprintable()
            for name, value in pairs
        )
    except (ValueError, TypeError, AttributeError, RecursionError):
        sound = False
    if not sound:
        message = "response.headers guc must be a JSON array of objects with a string value each"
        raise rest_error(500, "PGRST111", message)
    return pairs
