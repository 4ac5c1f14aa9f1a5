"""Web servers and workers that may be harmed: `python -m bench.fault_site`, for `bench.faults`.

Imports everything once, then makes a process for each line it reads (JSON): a web server of the
real application on a free port, or a worker of its queue (`manage.py db_worker`). A worker's load
holds still where it was told to, until SIGUSR1 lets it go on. What the processes have to say are
lines of JSON too, each with the process's number.
"""

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

BLOCK_BYTES = 1 << 17  # small, so that a small file has many of them to be harmed between


def main() -> None:
    """Make a process for each line."""
    import django

    django.setup()

    from django.core.wsgi import get_wsgi_application

    from datasets.ingest import pipeline  # noqa: F401 - once for all of them
    from fairdb_site.supabase.clients import import_supabase

    import_supabase()
    application = get_wsgi_application()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks here how a killed one ended
    for line in sys.stdin:
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _begin(application, json.loads(line))
            os._exit(0)


def _begin(application: Any, order: dict[str, Any]) -> None:
    from django.conf import settings

    from datasets.jobs import lease
    from datasets.loading import taking
    from fairdb_site.supabase import clients

    os.environ["PGAPPNAME"] = order["name"]  # by which its connections are told from others
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    if order["hold"]:
        _hold(*order["hold"], order["bytes"])
    if order["supabase"]:
        settings.SUPABASE_URL = order["supabase"]
        settings.FAIRDB_SUPABASE_TIMEOUT = clients.SERVICE_ROLE_PATIENCE = order["patience"]
    if order["staging"]:
        settings.STORAGES["staged"]["OPTIONS"]["location"] = order["staging"]
    if order["lease"]:
        lease.LEASE, lease._BEAT = timedelta(seconds=order["lease"]), order["lease"] / 8
        taking.LONGEST = order["lease"]
    if order["is_worker"]:
        _work(order)
    else:
        _serve(application, order)


def _serve(application: Any, order: dict[str, Any]) -> None:
    from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler

    class Quiet(WSGIRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            return

    server = ThreadedWSGIServer(("127.0.0.1", 0), Quiet)
    server.set_app(application)
    _tell(port=server.server_port, name=order["name"])
    server.serve_forever(poll_interval=0.1)


def _work(order: dict[str, Any]) -> None:
    """Work as `manage.py db_worker` does, and tell of each task that is begun, and has ended."""
    from django.core.management import call_command
    from django_tasks_db.management.commands.db_worker import Worker

    real = Worker.run_task

    def run_task(worker: Worker, task: Any) -> None:
        _tell(begun=True)
        try:
            real(worker, task)
        finally:
            _tell(done=True)

    Worker.run_task = run_task  # type: ignore[method-assign]
    _tell(port=0, name=order["name"])
    call_command("db_worker", interval=0.05, startup_delay=False, stdout=sys.stderr)


def _hold(step: str, share: float, size: int) -> None:
    """Have what comes by hold still, once, where `share` of a step is done."""
    from datasets.ingest import read
    from datasets.loading import sending
    from datasets.loading.lease import LoadLease

    # heard in any thread: the main one, in which Python runs handlers, may wait for the held one
    heard, said = os.pipe()
    os.set_blocking(said, False)
    signal.set_wakeup_fd(said, warn_on_full_buffer=False)
    signal.signal(signal.SIGUSR1, lambda *_: None)
    held: list[str] = []

    def at(now: str, done: float = 0.0) -> None:
        if now == step and done >= share and not held:
            held.append(now)
            _tell(held=True)
            while os.read(heard, 1) != bytes([signal.SIGUSR1]):
                pass  # a signal that is to end the worker

    def before(what: Callable[..., Any], now: str) -> Callable[..., Any]:
        def held_before(*args: Any, **named: Any) -> Any:
            at(now)
            return what(*args, **named)

        return held_before

    def after(what: Callable[..., Any], now: str) -> Callable[..., Any]:
        def held_after(*args: Any) -> Any:
            result = what(*args)
            at(now)
            return result

        return held_after

    def progress(lease: LoadLease, now: str, done: int, total: int) -> None:
        at(now, done / total if total else 0)
        real_progress(lease, now, done, total)

    def blocks(table: Any) -> Iterator[Any]:
        for block in real_blocks(table):
            if table.file is None:  # the first pass
                at("reading", table.bytes_read / size)
            yield block

    real_progress, real_blocks = LoadLease.progress, read.TableSource.blocks
    changed: Any = LoadLease
    changed.claim = before(LoadLease.claim, "taking")
    changed.progress = progress
    changed.seal = after(LoadLease.seal, "sealed")
    changed.stored = before(LoadLease.stored, "stored")
    changed = sending
    changed.submission_start = before(sending.submission_start, "handing over")
    changed = read
    changed.TableSource.blocks = blocks
    changed.open_table.__kwdefaults__["block_bytes"] = BLOCK_BYTES


def _tell(**message: Any) -> None:
    os.write(1, json.dumps(message | {"pid": os.getpid()}).encode() + b"\n")


if __name__ == "__main__":
    main()
