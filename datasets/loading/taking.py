"""The transaction in which a worker takes a load from the queue, which may not last."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

LONGEST = 60.0
"""Seconds a worker may idle in it, after which its machine is taken to sleep."""


@contextmanager
def taken_in_time() -> Iterator[None]:
    """Have the server end a transaction in which this thread takes a task and idles so long.

    It holds the task's row for milliseconds. Where the machine sleeps just then, nobody else could
    take the task before it wakes up. Such a transaction is the one that asks to skip locked rows;
    the limit is its own alone, as another session may have the connection next.
    """

    def bounded(execute: Callable[..., Any], query: str, *others: Any) -> Any:
        if "SKIP LOCKED" in query and (held := connection.connection) is not None:
            with held.cursor() as cursor:
                cursor.execute(
                    "set local idle_in_transaction_session_timeout = %s", [round(1000 * LONGEST)]
                )
        return execute(query, *others)

    with connection.execute_wrapper(bounded):
        yield
