"""The gateway as an ASGI application: its endpoints, and the door they all lie behind."""

import functools
import logging
import traceback
from collections.abc import Callable

import psycopg2
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from fairdb_site.local.gateway import accounts, admin, factors, rpc, sessions
from fairdb_site.local.gateway.calls import Call, Refusal, auth_error, invalid, not_supported
from fairdb_site.local.gateway.config import HOST, GatewayConfig
from fairdb_site.local.gateway.database import Cursor, Pool
from fairdb_site.local.gateway.keys import Keys

Work = Callable[[Call], Response]
AuthWork = Callable[[Call, Cursor], Response]

logger = logging.getLogger("fairdb.gateway")

# together well below the server's 200 connections, which Django and loads need too
_REST_CONNECTIONS = 24
_AUTH_CONNECTIONS = 8
_MAX_BODY = 64 << 20  # bytes; the names of 100,000 columns fit well


def health(call: Call, cursor: Cursor) -> Response:
    """Answer 200 once accounts can be reached."""
    cursor.execute("select from auth.users limit 1")
    return JSONResponse({"name": "GoTrue", "version": "embedded"})


def jwks(call: Call, cursor: Cursor) -> Response:
    """Publish the key that access tokens are checked with."""
    return JSONResponse(call.keys.jwks)


def settings(call: Call, cursor: Cursor) -> Response:
    """Tell who may sign up, and how."""
    closed, autoconfirm = not call.config.signup_enabled, call.config.autoconfirm
    return JSONResponse({"disable_signup": closed, "mailer_autoconfirm": autoconfirm})


_AUTH: tuple[tuple[str, str, AuthWork], ...] = (
    ("GET", "/health", health),
    ("GET", "/.well-known/jwks.json", jwks),
    ("GET", "/settings", settings),
    ("POST", "/signup", accounts.sign_up),
    ("POST", "/token", accounts.token),
    ("GET", "/user", accounts.show_user),
    ("PUT", "/user", accounts.update_user),
    ("POST", "/logout", sessions.sign_out),
    ("POST", "/recover", accounts.recover),
    ("POST", "/resend", accounts.resend),
    ("POST", "/verify", accounts.verify),
    ("POST", "/invite", admin.invite),
    ("POST", "/factors", factors.enroll),
    ("POST", "/factors/{factor_id}/challenge", factors.challenge),
    ("POST", "/factors/{factor_id}/verify", factors.verify),
    ("DELETE", "/factors/{factor_id}", factors.unenroll),
    ("GET", "/admin/users", admin.list_users),
    ("POST", "/admin/users", admin.create_user),
    ("GET", "/admin/users/{user_id}", admin.show_user),
    ("PUT", "/admin/users/{user_id}", admin.update_user),
    ("DELETE", "/admin/users/{user_id}", admin.delete_user),
    ("GET", "/admin/users/{user_id}/factors", admin.list_factors),
    ("DELETE", "/admin/users/{user_id}/factors/{factor_id}", admin.remove_factor),
)
_OPEN = ("/auth/v1/health", "/auth/v1/.well-known/jwks.json")


def create_app(config: GatewayConfig) -> Starlette:
    """Return the application; it connects to the database when it is first asked."""
    route = functools.partial(_route, config=config, keys=Keys(config))
    auth = Pool(config.auth_admin_dsn, _AUTH_CONNECTIONS)
    rest = Pool(config.authenticator_dsn, _REST_CONNECTIONS)
    routes = [
        route(auth, f"/auth/v1{path}", [method], functools.partial(_in_transaction, path, work))
        for method, path, work in _AUTH
    ]
    routes.append(route(rest, "/rest/v1/rpc/{name}", ["GET", "HEAD", "POST"], rpc.call_function))
    return Starlette(
        routes=routes,
        # a web page elsewhere may make its own host's name mean this machine
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])],
        exception_handlers={404: _not_here, 405: _not_here},
        max_body_size=_MAX_BODY,
    )


def _route(
    pool: Pool, path: str, methods: list[str], work: Work, *, config: GatewayConfig, keys: Keys
) -> Route:
    """Return a route that lets nobody in without an API key, works in a thread, logs no value."""

    async def endpoint(request: Request) -> Response:
        try:
            if path not in _OPEN and keys.key_role(request.headers) is None:
                raise auth_error(401, "no_authorization", "No API key, or a wrong one")
            if b"%00" in request.scope["raw_path"] + request.scope["query_string"]:
                raise auth_error(400, "22021", "PostgreSQL has no NUL characters")
            call = Call(config, keys, pool, request, await request.body())
            response = await pool.run(lambda: work(call))
        except Refusal as refusal:
            response = refusal.response
        except psycopg2.DataError:
            response = invalid("A value cannot be stored").response
        except psycopg2.OperationalError:
            response = auth_error(503, "unexpected_failure", "No answer of the database").response
        except HTTPException:
            raise  # Starlette's own, where a body is too large
        except Exception as error:  # its message may hold values: only its place is told
            place = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{place.filename}:{place.lineno}"
            logger.error("unexpected %s at %s", type(error).__name__, where)
            response = auth_error(500, "unexpected_failure", "Unexpected failure").response
        logger.info("%s %s %d", request.method, path, response.status_code)
        return response

    return Route(path, endpoint, methods=methods)


def _in_transaction(path: str, work: AuthWork, call: Call) -> Response:
    """Do `work` in a transaction, and what is for administrators for the service role alone."""
    if path.startswith("/admin/") or path == "/invite":
        admin.require_service_role(call)
    with call.pool.connection() as connection, connection, connection.cursor() as cursor:
        return work(call, cursor)


async def _not_here(request: Request, error: Exception) -> Response:
    """Answer to whatever a hosted project does and this gateway does not."""
    logger.info("%s elsewhere 501", request.method)
    if request.url.path.startswith("/rest/"):
        return not_supported("Only functions (/rest/v1/rpc/...) are served here").response
    return auth_error(501, "not_implemented", "This gateway does not do that").response
