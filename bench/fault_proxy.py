"""A proxy before Supabase that misbehaves when tables are made; for `bench.faults`."""

import http.client
import socket
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

CREATE = "/rest/v1/rpc/create_data_table"


class Proxy:
    """Passes every request on, until `misbehave` says what becomes of those that make a table.

    `unreachable`: nobody listens any more. `answers 5xx`: a 503 without asking. `too slow`: the
    table is made when nobody waits any more (`finish`). `breaks off`: it is made, and the
    connection reset.
    """

    def __init__(self, upstream: str) -> None:
        self._upstream = urlsplit(upstream)
        self._mode = ""
        self._nobody_waits, self._made_late = threading.Event(), threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def misbehave(self, mode: str) -> None:
        """Begin to misbehave."""
        self._mode = mode
        if mode == "unreachable":
            self._server.shutdown()
            self._server.server_close()

    def finish(self) -> None:
        """Pass on what was held up, wait until that is done, and stop."""
        self._nobody_waits.set()
        if self._mode == "too slow":
            self._made_late.wait(30)
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                proxy._answer(self)

            do_POST = do_GET  # noqa: N815

            def log_message(self, format: str, *args: Any) -> None:
                return

        return Handler

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        mode = self._mode if request.path.startswith(CREATE) else ""
        if mode == "answers 5xx":
            request.send_error(503)
            return
        if mode == "too slow":
            self._nobody_waits.wait(60)
        connection = http.client.HTTPConnection(str(self._upstream.netloc), timeout=60)
        connection.request(request.command, request.path, body, dict(request.headers.items()))
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        if mode == "too slow":
            self._made_late.set()
        if mode == "breaks off":
            # closing with this option sends a reset (socket(7), SO_LINGER)
            linger = struct.pack("ii", 1, 0)
            request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            request.close_connection = True
            return
        try:
            request.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in {"transfer-encoding", "connection", "content-length"}:
                    request.send_header(name, value)
            request.send_header("Content-Length", str(len(content)))
            request.end_headers()
            request.wfile.write(content)
        except OSError:
            return  # they have gone
