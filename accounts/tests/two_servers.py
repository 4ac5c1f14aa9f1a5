"""Two server processes of the platform, as two of gunicorn's workers are, and many askers."""

import http.client
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.context import ForkProcess
from typing import cast

from django.core.handlers.wsgi import WSGIHandler
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application
from django.db import connections
from django.test import Client

PARALLEL = 20


class _Quiet(WSGIRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@dataclass(frozen=True)
class Server:
    """A process that serves the platform at a port of this machine."""

    port: int
    process: ForkProcess

    def get(self, page: str, browser: Client) -> int:
        """Ask for a page with a browser's cookies; return the status of the answer."""
        cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in browser.cookies.items())
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("GET", page, headers={"Cookie": cookies})
            answer = connection.getresponse()
            answer.read()
            return answer.status
        finally:
            connection.close()


@contextmanager
def two_servers() -> Iterator[tuple[Server, Server]]:
    """Serve the platform, with the settings of this moment, by two processes.

    They are forked, as a worker is: what is imported need not be imported again.
    """
    import supabase  # noqa: F401

    # a connection that both ends of a fork use speaks nonsense
    connections.close_all()
    application = get_wsgi_application()
    with ExitStack() as end:
        yield _start(application, end), _start(application, end)


def _start(application: WSGIHandler, end: ExitStack) -> Server:
    listening = end.enter_context(socket.create_server(("127.0.0.1", 0), backlog=PARALLEL))
    process = get_context("fork").Process(target=_serve, args=(application, listening))
    process.start()
    end.callback(process.join)
    end.callback(process.kill)
    return Server(listening.getsockname()[1], process)


def _serve(application: WSGIHandler, listening: socket.socket) -> None:
    address = cast("tuple[str, int]", listening.getsockname())
    server = ThreadedWSGIServer(address, _Quiet, bind_and_activate=False)
    server.socket.close()
    server.socket = listening
    server.server_name, server.server_port = address
    server.setup_environ()
    server.set_app(application)
    server.serve_forever()


def ask_at_once(servers: tuple[Server, ...], browser: Client, pages: list[str]) -> list[int]:
    """Ask 20 times at the same moment with one browser's cookies; give the answers' statuses.

    Servers and pages take turns, each page at each server.
    """
    barrier = threading.Barrier(PARALLEL)

    def ask(number: int) -> int:
        turn, place = divmod(number, len(servers))
        barrier.wait()
        return servers[place].get(pages[turn % len(pages)], browser)

    with ThreadPoolExecutor(PARALLEL) as pool:
        return list(pool.map(ask, range(PARALLEL)))
