"""A way to end what reads a file, between two pieces of it, wherever in the house that is."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Watch = Callable[[], None]

_watch: ContextVar[Watch | None] = ContextVar("_watch", default=None)


@contextmanager
def interrupted_by(watch: Watch) -> Iterator[None]:
    """Have whatever reads a file in here call `watch` now and then, which may raise."""
    token = _watch.set(watch)
    try:
        yield
    finally:
        _watch.reset(token)


def look_up() -> None:
    """Raise what the one who waits for this work raises, if they want it ended."""
    if (watch := _watch.get()) is not None:
        watch()
