"""Other Supabases for a test: set up differently, slow, broken or counting."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import uvicorn
from django.conf import settings as django_settings

from fairdb_site.local.gateway.app import create_app
from fairdb_site.local.gateway.config import GatewayConfig
from fairdb_site.supabase.tokens import signing_keys

Answer = Callable[[BaseHTTPRequestHandler], object]


def gateway_config() -> GatewayConfig:
    """Return what the tests' Supabase was started with."""
    return GatewayConfig.read(django_settings.FAIRDB_LOCAL_DIR / "gateway.json")


@contextmanager
def another_gateway(settings: Any, outbox: Path, **changes: Any) -> Iterator[GatewayConfig]:
    """Serve the same database by a gateway with other settings, and point the platform at it."""
    server: uvicorn.Server | None = None
    with _free_socket() as listening:
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

        do_GET = do_POST = _any  # noqa: N815 - the names that http.server looks for

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever).start()
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


def point_at(settings: Any, url: str) -> None:
    """Make the platform believe that Supabase is there."""
    settings.SUPABASE_URL = url
    settings.SUPABASE_JWT_ISSUER = f"{url}/auth/v1"
    signing_keys.forget()


@contextmanager
def _free_socket() -> Iterator[Any]:
    import socket

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        yield listening
