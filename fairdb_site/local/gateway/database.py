"""Connections: a bounded number a role, reused, waited for."""

import contextlib
import select
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import anyio
import anyio.to_thread
import psycopg2
import psycopg2.extensions
import psycopg2.extras

from fairdb_site.local.gateway.messages import GatewayError

T = TypeVar("T")
_UUID_AS_TEXT = psycopg2.extensions.new_type((2950,), "UUID", lambda value, _: value)


class Pool:
    """At most `size` connections; a further caller waits in the event loop, holding no thread."""

    def __init__(self, dsn: str, size: int, **options: str) -> None:
        self._dsn = dsn
        # a libpq option replaces the one in the DSN, so it is given only where there is one
        settings = " ".join(f"-c {name}={value}" for name, value in options.items())
        self._options = {"options": settings} if settings else {}
        self._idle: list[Any] = []
        self._limiter = anyio.CapacityLimiter(size)

    async def run(self, work: Callable[[], T]) -> T:
        """Run `work` in a thread as soon as there is a connection to spare for it."""
        return await anyio.to_thread.run_sync(work, limiter=self._limiter)

    @contextlib.contextmanager
    def connection(self) -> Iterator[Any]:
        """Lend a connection that is outside any transaction; psycopg2.OperationalError without."""
        connection = self._take()
        try:
            yield connection
        finally:
            if not connection.closed:
                with contextlib.suppress(psycopg2.Error):
                    connection.rollback()
            if not connection.closed:
                self._idle.append(connection)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Any]:
        """Lend a cursor of dictionary rows; commit at the end, roll back on an error."""
        with (
            self.connection() as connection,
            connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor,
        ):
            try:
                yield cursor
            except GatewayError as error:
                if error.keep:
                    connection.commit()
                raise
            connection.commit()

    def close(self) -> None:
        """Close what is idle."""
        while self._idle:
            self._idle.pop().close()

    def _take(self) -> Any:
        with contextlib.suppress(IndexError):
            while connection := self._idle.pop():
                # something to read from an idle connection is the server's farewell
                if not select.select([connection], [], [], 0)[0]:
                    return connection
                connection.close()
        connection = psycopg2.connect(
            self._dsn, connect_timeout=5, application_name="fairdb-gateway", **self._options
        )
        # whatever else in this process taught psycopg2 about uuids
        psycopg2.extensions.register_type(_UUID_AS_TEXT, connection)
        return connection
