"""Connections: a bounded number a role, reused, waited for."""

import contextlib
import select
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import anyio
import anyio.to_thread
import psycopg2
from psycopg2.extras import RealDictCursor

T = TypeVar("T")
Cursor = Any  # psycopg2 has no types: a cursor of dictionary rows, inside a transaction


class Pool:
    """At most `size` connections; a further caller waits in the event loop, holding no thread."""

    def __init__(self, dsn: str, size: int) -> None:
        self._dsn = dsn
        self._idle: list[Any] = []
        self._limiter = anyio.CapacityLimiter(size)

    async def run(self, work: Callable[[], T]) -> T:
        """Run `work` in a thread, as soon as there is a connection to spare for it."""
        return await anyio.to_thread.run_sync(work, limiter=self._limiter)

    @contextlib.contextmanager
    def connection(self) -> Iterator[Any]:
        """Lend a connection that is outside any transaction; psycopg2.OperationalError without."""
        connection = self._take()
        try:
            yield connection
        finally:
            with contextlib.suppress(psycopg2.Error):  # it is lost
                connection.rollback()
                self._idle.append(connection)

    def _take(self) -> Any:
        with contextlib.suppress(IndexError):
            while connection := self._idle.pop():
                # something to read from an idle connection is the server's farewell
                if not select.select([connection], [], [], 0)[0]:
                    return connection
                connection.close()
        name = "fairdb-gateway"
        return psycopg2.connect(
            self._dsn, connect_timeout=5, application_name=name, cursor_factory=RealDictCursor
        )
