"""Work one step ahead: one thread prepares the next value while the caller uses the last."""

import queue
import threading
from collections.abc import Iterable, Iterator
from contextvars import copy_context
from typing import TypeVar

Value = TypeVar("Value")


class _End:
    """Marks the end of the values, with the error that ended them if there was one."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


def ahead(values: Iterable[Value], depth: int = 2) -> Iterator[Value]:
    """Yield `values` in order, made in a thread that runs at most `depth` values ahead.

    An error of `values` is raised here. When the caller stops early (or fails), the thread stops
    at its next value and is joined, so that nothing runs on behind the caller's back.
    """
    ready: queue.Queue[Value | _End] = queue.Queue(maxsize=depth)
    stopped = threading.Event()

    def hand_over(item: Value | _End) -> bool:
        while not stopped.is_set():
            try:
                ready.put(item, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def produce() -> None:
        try:
            for value in values:
                if not hand_over(value):
                    return
        except BaseException as error:  # handed to the caller, who raises it
            hand_over(_End(error))
        else:
            hand_over(_End())

    # what the caller is in the middle of, the values are too
    thread = threading.Thread(target=copy_context().run, args=(produce,), name="ahead", daemon=True)
    thread.start()
    try:
        while True:
            item = ready.get()
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item
    finally:
        stopped.set()
        thread.join()
