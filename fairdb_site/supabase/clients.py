"""The Supabase clients of one request or command: made when first used, closed with it.

`supabase` takes 1.6 s to import, so it is imported when the first client is made; servers call
`import_supabase` as they start, lest the first visitor wait. Sync clients
share one pool of connections a process: supabase-py sends its headers with each request and keeps
none in the pool, so people do not mix there. Async clients belong to one event loop, yet send over
that same pool, in threads that wait: an event loop under WSGI lasts no longer than its view, and
connections of its own would be made anew, TLS and all, for every page (`bench/RESULTS.md`).
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import httpx
from asgiref.sync import sync_to_async
from django.conf import settings

from fairdb_site.supabase import rpc
from fairdb_site.supabase.errors import TokenExpired

if TYPE_CHECKING:
    from supabase import AsyncClient, Client

Token = str | Callable[[], str] | None

# Seconds. Functions that only the service role may call give themselves up to 60 s in the database
# (datasets/sql/0002_parts.sql); before them PostgREST may wait 10 s for a connection. Whoever gave
# up earlier would take a table for not made that is made a moment later.
SERVICE_ROLE_PATIENCE = 75.0
# How many calls of async clients wait for Supabase at once in one process; more queue.
_CALLS_AT_ONCE = 64


def import_supabase() -> None:
    """Import the library now; what is imported is kept, so calling this again costs nothing."""
    import supabase  # noqa: F401


@dataclass(frozen=True)
class Credentials:
    """What a client is made with: a key of the project, and a person's token if it is theirs."""

    key: str = field(repr=False)
    access_token: str | None = field(repr=False, default=None)
    patience: float = 0.0  # seconds to wait for an answer where FAIRDB_SUPABASE_TIMEOUT is less

    @property
    def headers(self) -> dict[str, str]:
        """The header that supabase-py else takes from the session it stores, and we do not."""
        return {"Authorization": f"Bearer {self.access_token or self.key}"}


class Supabase:
    """Supabase as one person, or as nobody, plus the service role for what only it may do.

    `access_token` is the person's token, or a callable that gives the token valid now, asked at
    every call; None means nobody: the publishable key alone. `renew` takes a token that Supabase
    called expired and returns a fresh one; without it an expired token is the caller's error.
    """

    def __init__(
        self, access_token: Token = None, *, renew: Callable[[str], str] | None = None
    ) -> None:
        self._access_token = access_token
        self._renew = renew
        self._clients: dict[Credentials, Client] = {}
        self._async_clients: dict[Credentials, _AsyncClientOfLoop] = {}

    # -- sync --------------------------------------------------------------------------------------

    @property
    def client(self) -> Client:
        """The client under row level security: the person's, or the anonymous one."""
        return self._client_for(_as_user(self._token()))

    @property
    def service_role_client(self) -> Client:
        """The client that passes row level security; never sign anyone in with it."""
        return self._client_for(_service_role())

    def safe_rpc_call(
        self,
        name: str,
        params: Mapping[str, Any] | None = None,
        *,
        service_role: bool = False,
        patience: float = 0.0,
    ) -> Any:
        """Call a database function as the person, or as the service role; raise FairdbError.

        When Supabase says that the token has expired, it is renewed once and the call repeated.
        A function that gives itself more time than others has `patience`, in seconds.
        """
        if service_role:
            return rpc.safe_rpc_call(self.service_role_client, name, params)
        token = self._token()
        try:
            return rpc.safe_rpc_call(self._client_for(_as_user(token, patience)), name, params)
        except TokenExpired:
            if self._renew is None or token is None:
                raise
            fresh = _as_user(self._renew(token), patience)
            return rpc.safe_rpc_call(self._client_for(fresh), name, params)

    def close(self) -> None:
        """Forget the clients and their tokens; the pool stays.

        Async clients are closed with their loop (under WSGI, when the view ends) or by `aclose`.
        """
        self._clients.clear()
        for credentials, client in list(self._async_clients.items()):
            if client.loop.is_closed():
                del self._async_clients[credentials]

    def _token(self) -> str | None:
        return self._access_token() if callable(self._access_token) else self._access_token

    def _client_for(self, credentials: Credentials) -> Client:
        if credentials not in self._clients:
            self._clients[credentials] = _make_client(credentials)
        return self._clients[credentials]

    # -- async -------------------------------------------------------------------------------------

    @property
    def async_client(self) -> Awaitable[AsyncClient]:
        """As `client`, for one event loop: `client = await supabase.async_client`."""
        return self._async_user_client()

    @property
    def async_service_role_client(self) -> Awaitable[AsyncClient]:
        """As `service_role_client`, for one event loop."""
        return self._async_client_for(_service_role())

    async def async_safe_rpc_call(
        self, name: str, params: Mapping[str, Any] | None = None, *, service_role: bool = False
    ) -> Any:
        """As `safe_rpc_call`; several may run at once in one loop."""
        if service_role:
            client = await self._async_client_for(_service_role())
            return await rpc.async_safe_rpc_call(client, name, params)
        token = await self._async_token()
        try:
            client = await self._async_client_for(_as_user(token))
            return await rpc.async_safe_rpc_call(client, name, params)
        except TokenExpired:
            if self._renew is None or token is None:
                raise
            fresh = _as_user(await sync_to_async(self._renew)(token))
            return await rpc.async_safe_rpc_call(await self._async_client_for(fresh), name, params)

    async def aclose(self) -> None:
        """Close the async clients of the running loop and forget the sync ones."""
        self.close()
        opened, self._async_clients = self._async_clients, {}
        for client in opened.values():
            if client.loop is asyncio.get_running_loop():
                await client.guard.aclose()

    async def _async_user_client(self) -> AsyncClient:
        return await self._async_client_for(_as_user(await self._async_token()))

    async def _async_token(self) -> str | None:
        # The callable reads the database, which Django allows in a worker thread only.
        if callable(self._access_token):
            return await sync_to_async(self._access_token)()
        return self._access_token

    async def _async_client_for(self, credentials: Credentials) -> AsyncClient:
        loop = asyncio.get_running_loop()
        known = self._async_clients.get(credentials)
        if known is None or known.loop is not loop:
            guard = _open_async_client(credentials)
            known = _AsyncClientOfLoop(loop, guard, await anext(guard))
            self._async_clients[credentials] = known
        return known.client


@dataclass(frozen=True)
class _AsyncClientOfLoop:
    loop: asyncio.AbstractEventLoop
    guard: AsyncGenerator[AsyncClient]  # closing it closes the client
    client: AsyncClient


def _as_user(token: str | None, patience: float = 0.0) -> Credentials:
    return Credentials(settings.SUPABASE_PUBLISHABLE_KEY, token, patience)


def _service_role() -> Credentials:
    return Credentials(settings.SUPABASE_SECRET_KEY, patience=SERVICE_ROLE_PATIENCE)


def make_client(key: str) -> Client:
    """Return a sync client of its own, with a key of the project, for calls about accounts."""
    return _make_client(Credentials(key))


def _make_client(credentials: Credentials) -> Client:
    from supabase import Client, ClientOptions

    options = ClientOptions(
        auto_refresh_token=False,
        persist_session=False,
        httpx_client=_shared_pool(os.getpid(), settings.SUPABASE_URL, _timeout(credentials)),
        headers=credentials.headers,
    )
    return Client(settings.SUPABASE_URL, credentials.key, options)


def shared_http() -> httpx.Client:
    """Return the process's pool of connections to Supabase, for plain requests (JWKS)."""
    return _shared_pool(
        os.getpid(), settings.SUPABASE_URL, _timeout(Credentials(settings.SUPABASE_PUBLISHABLE_KEY))
    )


async def _open_async_client(credentials: Credentials) -> AsyncGenerator[AsyncClient]:
    """Yield an async client and close its connections when the generator is closed.

    An event loop closes its asynchronous generators before it ends (`loop.shutdown_asyncgens`), so
    a client left open by an async view under WSGI, whose loop ends with the view, is closed too.
    """
    from supabase import AsyncClient, AsyncClientOptions

    http = httpx.AsyncClient(transport=_OverSharedPool(), **_client(_timeout(credentials)))
    options = AsyncClientOptions(
        auto_refresh_token=False,
        persist_session=False,
        httpx_client=http,
        headers=credentials.headers,
    )
    try:
        yield AsyncClient(settings.SUPABASE_URL, credentials.key, options)
    finally:
        await http.aclose()


class _OverSharedPool(httpx.AsyncBaseTransport):
    """Sends an async client's requests over the process's connections, and reads the answer whole.

    Closing the client leaves the connections open. A caller that goes away does not break its
    connection: the thread reads the answer, nobody gets it, and the connection serves the next.
    """

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request in a thread; raises what httpx raises."""
        await request.aread()  # afterwards its content can be sent by either kind of transport
        transport = _shared_transport(os.getpid(), settings.SUPABASE_URL)
        loop, threads = asyncio.get_running_loop(), _threads(os.getpid())
        return await loop.run_in_executor(threads, _send_and_read, transport, request)


def _send_and_read(transport: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
    answer = transport.handle_request(request)
    try:
        # as it came over the wire: who asked will unpack it
        content = b"".join(cast("httpx.SyncByteStream", answer.stream))
    finally:
        answer.close()
    return httpx.Response(
        answer.status_code,
        headers=answer.headers,
        stream=httpx.ByteStream(content),
        extensions=answer.extensions,
    )


# By process, since a forked worker must not share its parent's sockets and has none of its threads.


@lru_cache(maxsize=4)
def _shared_pool(process_id: int, url: str, timeout: float) -> httpx.Client:
    return httpx.Client(transport=_shared_transport(process_id, url), **_client(timeout))


@lru_cache(maxsize=2)
def _shared_transport(process_id: int, url: str) -> httpx.HTTPTransport:
    return httpx.HTTPTransport(**_transport())


@lru_cache(maxsize=1)
def _threads(process_id: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_CALLS_AT_ONCE, thread_name_prefix="supabase")


def _transport() -> dict[str, Any]:
    return {
        "retries": 1,  # of connecting only: a request that was sent is never repeated
        # Kept shorter than the 5 s after which uvicorn closes an idle connection, lest a request
        # go out on one that is just being closed.
        "limits": httpx.Limits(
            max_connections=100, max_keepalive_connections=20, keepalive_expiry=3.0
        ),
        "verify": _tls(trust_env=not _is_loopback()),
        "trust_env": not _is_loopback(),
    }


@lru_cache(maxsize=2)
def _tls(*, trust_env: bool) -> ssl.SSLContext:
    # Reading the certificates of the world takes some 50 ms.
    return httpx.create_ssl_context(trust_env=trust_env)


def _timeout(credentials: Credentials) -> float:
    return max(float(settings.FAIRDB_SUPABASE_TIMEOUT), credentials.patience)


def _client(timeout: float) -> dict[str, Any]:
    return {
        "timeout": httpx.Timeout(timeout, connect=min(timeout, 5.0)),
        "follow_redirects": False,
        # The pool serves many people: no cookie of an answer goes out with the next request.
        "cookies": CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        # A proxy of the environment is for the world outside, not for this machine.
        "trust_env": not _is_loopback(),
    }


def _is_loopback() -> bool:
    return urlsplit(settings.SUPABASE_URL).hostname in {"127.0.0.1", "::1", "localhost"}
