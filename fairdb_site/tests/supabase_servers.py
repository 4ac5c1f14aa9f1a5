"""Other Supabases for a test: set up differently, slow, broken or counting."""

import http.client
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import uvicorn
from django.conf import settings as django_settings

from fairdb_site.local.gateway.app import create_app
from fairdb_site.local.gateway.config import GatewayConfig
from fairdb_site.supabase.tokens import signing_keys
from fairdb_site.tests.gateway.served import cheap_passwords

Answer = Callable[[BaseHTTPRequestHandler], object]


def gateway_config() -> GatewayConfig:
    """Return what the tests' Supabase was started with."""
    return GatewayConfig.read(django_settings.FAIRDB_LOCAL_DIR / "gateway.json")


@contextmanager
def another_gateway(
    settings: Any, outbox: Path, *, port: int = 0, **changes: Any
) -> Iterator[GatewayConfig]:
    """Serve the same database by a gateway with other settings, and point the platform at it.

    Tokens name the gateway's address: to one on another port they are a stranger's.
    """
    server: uvicorn.Server | None = None
    with cheap_passwords(), _socket(port) as listening:
        port = listening.getsockname()[1]
        config = replace(gateway_config(), port=port, outbox=str(outbox), **changes)
        server = uvicorn.Server(
            uvicorn.Config(create_app(config), log_level="error", access_log=False)
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            while not server.started:
                time.sleep(0.01)
            point_at(settings, config.url)
            yield config
        finally:
            server.should_exit = True
            thread.join()
            signing_keys.forget()


@contextmanager
def answering(settings: Any, answer: Answer) -> Iterator[list[str]]:
    """Point the platform at a server that answers everything so; yield the paths asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def _any(self) -> None:
            asked.append(self.path)
            answer(self)

        do_GET = do_POST = do_PUT = do_DELETE = _any  # noqa: N815 - the names that http.server looks for

        def log_message(self, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 128  # connections that wait; one more than 5 is else refused

    server = Server(("127.0.0.1", 0), Handler)
    # looks for the end as often, and so long would every test wait for it
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
    point_at(settings, f"http://127.0.0.1:{server.server_address[1]}")
    try:
        yield asked
    finally:
        server.shutdown()
        server.server_close()
        signing_keys.forget()


def say(status: int, body: str, kind: str = "text/html") -> Answer:
    """Return an answer for `answering`."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body.encode())

    return answer


def pass_on(home: str, *, lost: str | None = None) -> Answer:
    """Return an answer for `answering`: what the Supabase at `home` says.

    What it says of paths that begin with `lost` gets lost on the way: Supabase did as it was asked.
    """
    supabase = urlsplit(home)
    of_a_connection = {"connection", "content-length", "date", "server", "transfer-encoding"}

    def answer(handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        there = http.client.HTTPConnection(str(supabase.hostname), supabase.port or 80, timeout=30)
        try:
            there.request(handler.command, handler.path, body, dict(handler.headers.items()))
            said = there.getresponse()
            content = said.read()
        finally:
            there.close()
        if lost is not None and handler.path.startswith(lost):
            return
        handler.send_response(said.status)
        for name, value in said.getheaders():
            if name.lower() not in of_a_connection:
                handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return answer


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    """Take a request and close the connection: an answer for `answering`."""


def point_at(settings: Any, url: str) -> None:
    """Make the platform believe that Supabase is there."""
    settings.SUPABASE_URL = url
    settings.SUPABASE_JWT_ISSUER = f"{url}/auth/v1"
    signing_keys.forget()


@contextmanager
def _socket(port: int) -> Iterator[Any]:
    import socket

    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", port))
        yield listening
