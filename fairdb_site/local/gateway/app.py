"""The gateway as an ASGI application: routes, the door, errors that tell no secrets."""

import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import urlsplit

import psycopg2
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from fairdb_site.local.gateway import accounts, admin, rest, sessions
from fairdb_site.local.gateway.config import GatewayConfig
from fairdb_site.local.gateway.core import Cursor, Gateway
from fairdb_site.local.gateway.messages import (
    Call,
    GatewayError,
    Reply,
    auth_error,
    json_reply,
    not_supported,
    rest_error,
)

logger = logging.getLogger("fairdb.gateway")

Work = Callable[[Gateway, Call], Reply]
AuthWork = Callable[[Gateway, Call, Cursor], Reply]

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_MAX_AUTH_BODY = 1 << 20
_MAX_REST_BODY = 64 << 20  # the names of 100,000 columns fit well
_SQLSTATE_DATA = "22"
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")

_AUTH: tuple[tuple[str, str, AuthWork], ...] = (
    ("POST", "/signup", accounts.sign_up),
    ("POST", "/token", accounts.token),
    ("GET", "/user", accounts.show_user),
    ("PUT", "/user", accounts.update_user),
    ("POST", "/logout", sessions.sign_out),
    ("POST", "/recover", accounts.recover),
    ("POST", "/verify", accounts.verify),
    ("POST", "/invite", admin.invite),
    ("POST", "/admin/generate_link", admin.generate_link),
    ("GET", "/admin/users", admin.list_users),
    ("POST", "/admin/users", admin.create_user),
    ("GET", "/admin/users/{user_id}", admin.get_user),
    ("PUT", "/admin/users/{user_id}", admin.update_user),
    ("DELETE", "/admin/users/{user_id}", admin.delete_user),
)


def create_app(config: GatewayConfig) -> Starlette:
    """Return the application; it connects to the database when it is first asked."""
    gateway = Gateway.build(config)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        gateway.close()

    door = _Door(gateway)
    auth = [
        door.route(f"/auth/v1{path}", _transaction(work), methods=(method,))
        for method, path, work in _AUTH
    ]
    routes = [
        door.route("/auth/v1/health", _transaction(_health), open_to_all=True),
        door.route("/auth/v1/.well-known/jwks.json", _jwks, open_to_all=True),
        door.route("/auth/v1/settings", _settings),
        *auth,
        door.route("/rest/v1/rpc/{name}", _rpc, methods=_METHODS, limit=_MAX_REST_BODY),
        door.route("/{path:path}", _nothing_here, methods=_METHODS),
    ]
    return Starlette(routes=routes, lifespan=lifespan)


class _Door:
    """Makes endpoints: each request is let in, read, answered in a thread, and logged."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def route(
        self,
        path: str,
        work: Work,
        *,
        methods: tuple[str, ...] = ("GET",),
        open_to_all: bool = False,
        limit: int = _MAX_AUTH_BODY,
    ) -> Route:
        """Return a route for these methods."""
        is_rest = path.startswith("/rest/")
        pool = self._gateway.rest if is_rest else self._gateway.auth

        async def endpoint(request: Request) -> Response:
            started = time.perf_counter()
            try:
                _refuse_foreign_host(request)
                if not open_to_all:
                    self._gateway.keys.key_role(request.headers)
                call = await _read(request, limit)
                reply = await pool.run(lambda: work(self._gateway, call))
            except GatewayError as error:
                reply = error.reply
            except Exception as error:  # nothing may leave with its values
                reply = _unexpected(error)
            seconds = time.perf_counter() - started
            logger.info("%s %s %d %.0f ms", request.method, path, reply.status, seconds * 1000)
            return _response(request, reply)

        return Route(path, endpoint, methods=list(methods))


def _transaction(work: AuthWork) -> Work:
    """Return `work` in a transaction on schema auth, the database's errors told as GoTrue would."""

    def run(gateway: Gateway, call: Call) -> Reply:
        try:
            with gateway.auth.transaction() as cursor:
                return work(gateway, call, cursor)
        except psycopg2.Error as error:
            raise _auth_database_error(error) from None

    return run


def _auth_database_error(error: psycopg2.Error) -> GatewayError:
    code = error.pgcode or ""
    if not code:
        return auth_error(503, "unexpected_failure", "The database does not answer")
    if code.startswith(_SQLSTATE_DATA):
        return auth_error(400, "validation_failed", "A value cannot be stored")
    if isinstance(error, psycopg2.errors.LockNotAvailable):
        return auth_error(409, "conflict", "Too many concurrent requests on the same account")
    logger.error("auth: SQLSTATE %s", code)
    return auth_error(500, "unexpected_failure", "Database error")


def _rpc(gateway: Gateway, call: Call) -> Reply:
    return rest.call_function(gateway, call, call.path.rpartition("/")[2])


def _health(gateway: Gateway, call: Call, cursor: Cursor) -> Reply:
    """Answer 200 once accounts can be reached."""
    cursor.execute("select from auth.users limit 1")
    about = {"version": "embedded", "name": "GoTrue", "description": "Accounts, on this machine"}
    return json_reply(200, about)


def _jwks(gateway: Gateway, call: Call) -> Reply:
    return json_reply(200, gateway.keys.jwks)


def _settings(gateway: Gateway, call: Call) -> Reply:
    config = gateway.config
    return json_reply(
        200,
        {
            "external": {"email": True, "phone": False, "anonymous_users": False},
            "disable_signup": not config.signup_enabled,
            "mailer_autoconfirm": config.autoconfirm,
            "phone_autoconfirm": False,
            "sms_provider": "",
            "saml_enabled": False,
        },
    )


def _nothing_here(gateway: Gateway, call: Call) -> Reply:
    if call.path.startswith("/rest/"):
        raise not_supported("Only functions (/rest/v1/rpc/...) are served here")
    raise auth_error(501, "not_implemented", "This gateway does not do that")


def _refuse_foreign_host(request: Request) -> None:
    """Refuse a name that is not this machine's: a web page's, bound to 127.0.0.1 by its DNS."""
    try:
        host = urlsplit(f"//{request.headers.get('host', '')}").hostname
    except ValueError:
        host = None
    if host not in _LOOPBACK:
        raise GatewayError(json_reply(403, {"message": "This host is not served here"}))


async def _read(request: Request, limit: int) -> Call:
    """Return the request whole; 413 for a body over `limit` bytes."""
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > limit:
                message = f"Request body too large (max {limit} bytes)"
                raise auth_error(413, "request_entity_too_large", message)
    except ClientDisconnect:
        raise GatewayError(Reply(400)) from None
    query = tuple(request.query_params.multi_items())
    path: str = request.scope["path"]  # request.url would cut it at an encoded question mark
    if any("\0" in text for text in (path, *(part for pair in query for part in pair))):
        raise rest_error(400, "22021", 'invalid byte sequence for encoding "UTF8": 0x00')
    return Call(
        method=request.method,
        path=path,
        query=query,
        headers=dict(request.headers),
        body=bytes(body),
    )


def _response(request: Request, reply: Reply) -> Response:
    response = Response(reply.body, reply.status)
    for name, value in reply.headers:
        response.headers.append(name, value)
    return response


def _unexpected(error: Exception) -> Reply:
    """Log where it happened, not what with: messages and tracebacks hold values."""
    if isinstance(error, HTTPException):
        return json_reply(error.status_code, {"message": "Bad request"})
    place: Any = error.__traceback__
    while place and place.tb_next:
        place = place.tb_next
    where = f"{place.tb_frame.f_code.co_filename}:{place.tb_lineno}" if place else "?"
    logger.error("unexpected %s at %s", type(error).__name__, where)
    body = {"code": "unexpected_failure", "message": "Unexpected failure"}
    return json_reply(500, body)
