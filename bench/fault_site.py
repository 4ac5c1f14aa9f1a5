"""The site as a process that may be harmed: `python -m bench.fault_site`, for `bench.faults`.

Imports everything once, then makes a process for each line it reads (JSON), which serves the real
application on a free port. Its load holds still where it was told to, until SIGUSR1 lets it go on.
What the processes have to say are lines of JSON too, each with the process's number.
"""

import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

BLOCK_BYTES = 1 << 17  # small, so that a small file has many of them to be harmed between


def main() -> None:
    """Make a process for each line."""
    import django

    django.setup()

    from django.core.wsgi import get_wsgi_application

    from fairdb_site.supabase.clients import import_supabase

    import_supabase()
    application = get_wsgi_application()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks here how a killed one ended
    for line in sys.stdin:
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _serve(application, json.loads(line))


def _serve(application: Any, order: dict[str, Any]) -> None:
    from django.conf import settings
    from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler

    from fairdb_site.supabase import clients

    class Quiet(WSGIRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            return

    os.environ["PGAPPNAME"] = order["name"]  # by which its connections are told from others
    go_on = threading.Event()
    signal.signal(signal.SIGUSR1, lambda *_: go_on.set())
    if order["hold"]:
        _hold(*order["hold"], order["bytes"], go_on)
    if order["supabase"]:
        settings.SUPABASE_URL = order["supabase"]
        settings.FAIRDB_SUPABASE_TIMEOUT = clients.SERVICE_ROLE_PATIENCE = order["patience"]
    if order["staging"]:
        settings.STORAGES["staged"]["OPTIONS"]["location"] = order["staging"]
    server = ThreadedWSGIServer(("127.0.0.1", 0), Quiet)
    server.set_app(application)
    _tell(port=server.server_port, name=order["name"])
    server.serve_forever(poll_interval=0.1)


def _hold(step: str, share: float, size: int, go_on: threading.Event) -> None:
    """Have loads hold still once `share` of a step is done."""
    from datasets.ingest import pipeline, read

    held = threading.Event()

    def at(now: str, done: float) -> None:
        if now == step and done >= share and not held.is_set():
            held.set()
            _tell(held=True)
            go_on.wait()

    def progress(now: str, done: int, total: int) -> None:
        at(now, done / total if total else 0)

    def blocks(table: Any) -> Iterator[Any]:
        for block in real(table):
            if table.file is None:  # the first pass
                at("reading", table.bytes_read / size)
            yield block

    real: Callable[[Any], Iterator[Any]] = read.TableSource.blocks
    read.TableSource.blocks = blocks  # type: ignore[assignment, method-assign]
    read.open_table.__kwdefaults__["block_bytes"] = BLOCK_BYTES
    pipeline.dataset_import.__kwdefaults__["progress"] = progress


def _tell(**message: Any) -> None:
    os.write(1, json.dumps(message | {"pid": os.getpid()}).encode() + b"\n")


if __name__ == "__main__":
    main()
