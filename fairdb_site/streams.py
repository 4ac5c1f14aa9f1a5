"""What is written piece by piece, as something to be read: the body of a streamed answer.

PostgreSQL's COPY and ZIP files push their bytes, a web server pulls those of an answer. Between the
two stands a short queue: whoever writes works in a thread and waits when the reader is behind, so
that an answer of any length takes the memory of a few pieces.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from contextvars import copy_context

from django.db import connection

Write = Callable[[bytes], object]

PIECE = 1 << 18  # bytes; small writes are gathered up to this
_AHEAD = 4  # pieces that are ready and not read yet
_WATCHED_EVERY = 1.0  # seconds
_PATIENCE = 120.0  # seconds without a piece being taken, after which the reader is taken for gone


class ReaderGone(Exception):
    """Nobody reads on, so there is nothing to write for."""


class Streamed(Iterator[bytes]):
    """The bytes that `work` writes, in pieces; `work` begins with the first one asked for.

    What `work` raises is raised here, after the pieces from before it. With `close`, as a server
    does at the end of an answer, `work` meets ReaderGone at its next piece, and is waited for.

    `watch` is called by the reader every few seconds, in the reader's thread: the one of `work` may
    be in the middle of a query. What it raises is raised here, and nothing comes after it.
    """

    def __init__(
        self, work: Callable[[Write], object], *, watch: Callable[[], object] | None = None
    ) -> None:
        self._work = work
        self._watch = watch
        self._watched_at = time.monotonic()
        self._pieces: deque[bytes] = deque()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._has_ended = False
        self._error: BaseException | None = None
        self._is_closed = self._is_given_up = False

    def __next__(self) -> bytes:
        """Return the next piece, waiting for it; raise what ended the work."""
        self._look()
        with self._changed:
            if self._thread is None and not self._is_closed:
                self._begin()
            self._changed.wait_for(lambda: self._pieces or self._has_ended or self._is_closed)
            if self._is_closed:
                raise StopIteration
            if self._pieces:
                piece = self._pieces.popleft()
                self._changed.notify_all()
                return piece
            error, self._error = self._error, None
        if error is not None:
            raise error
        raise StopIteration

    def begin(self) -> None:
        """Wait for the first piece, which is kept; raise what ended the work before it."""
        with suppress(StopIteration):
            first = next(self)
            with self._changed:
                self._pieces.appendleft(first)

    def close(self) -> None:
        """Have the work end, and wait until it has."""
        with self._changed:
            self._is_closed = True
            self._pieces.clear()
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _look(self) -> None:
        if self._watch is None or time.monotonic() - self._watched_at < _WATCHED_EVERY:
            return
        try:
            self._watch()
        except BaseException:
            self.close()
            raise
        self._watched_at = time.monotonic()

    def _begin(self) -> None:
        # of the same request, as the log tells
        run = copy_context().run
        self._thread = threading.Thread(target=run, args=(self._run,), name="stream", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        gathered = bytearray()

        def write(data: bytes) -> None:
            gathered.extend(data)
            if len(gathered) >= PIECE:
                self._put(bytes(gathered))
                gathered.clear()

        error: BaseException | None = None
        try:
            self._work(write)
            if gathered:
                self._put(bytes(gathered))
        except BaseException as raised:  # handed to the reader, who raises it
            error = raised
        finally:
            connection.close()  # this thread's own
        with self._changed:
            self._has_ended, self._error = True, error
            self._changed.notify_all()

    def _put(self, piece: bytes) -> None:
        with self._changed:
            patience = 0 if self._is_given_up else _PATIENCE
            has_room = self._changed.wait_for(
                lambda: self._is_closed or len(self._pieces) < _AHEAD, patience
            )
            self._is_given_up = not has_room
            if self._is_closed or self._is_given_up:
                raise ReaderGone
            self._pieces.append(piece)
            self._changed.notify_all()
