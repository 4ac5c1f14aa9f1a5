"""What is written is read piece by piece, a few pieces behind, and ends when nobody reads."""

import threading
from collections.abc import Callable

import pytest

from fairdb_site import streams
from fairdb_site.streams import PIECE, ReaderGone, Streamed, Write


def writing(count: int, written: list[int], until: Callable[[], None] = lambda: None) -> Streamed:
    """Return a stream of `count` pieces; `written` counts those that were handed over."""

    def work(write: Write) -> None:
        for number in range(count):
            write(bytes([number % 256]) * PIECE)
            written.append(number)
        until()

    return Streamed(work)


def test_all_that_is_written_is_read_in_its_order(db_ready: None) -> None:
    def work(write: Write) -> None:
        for number in range(100_000):
            write(b"%d\n" % number)

    pieces = list(Streamed(work))

    assert b"".join(pieces) == b"".join(b"%d\n" % number for number in range(100_000))
    assert all(len(piece) < 2 * PIECE for piece in pieces)


def test_nothing_is_written_before_somebody_reads(db_ready: None) -> None:
    written: list[int] = []
    stream = writing(3, written)

    stream.close()

    assert written == []
    assert list(stream) == []


def test_who_writes_is_never_more_than_a_few_pieces_ahead(db_ready: None) -> None:
    written: list[int] = []
    stream = writing(200, written)

    ahead = [len(written) - read for read, _ in enumerate(stream, 1)]

    assert len(written) == 200
    assert max(ahead) <= 5


def test_who_stops_reading_ends_the_work(db_ready: None) -> None:
    written: list[int] = []
    stream = writing(1_000, written)

    next(stream)
    stream.close()

    assert len(written) < 10
    assert not [thread for thread in threading.enumerate() if thread.name == "stream"]


def test_an_error_is_raised_behind_what_was_written_before_it(db_ready: None) -> None:
    def breaks() -> None:
        raise ValueError("broken")

    stream = writing(2, [], until=breaks)

    assert len([next(stream), next(stream)]) == 2
    with pytest.raises(ValueError, match="broken"):
        next(stream)


def test_who_reads_nothing_for_long_is_taken_for_gone(
    db_ready: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "_PATIENCE", 0.01)
    ended = threading.Event()

    def work(write: Write) -> None:
        try:
            for _ in range(1_000):
                write(b"x" * PIECE)
        finally:
            ended.set()

    stream = Streamed(work)
    next(stream)
    assert ended.wait(30)

    with pytest.raises(ReaderGone):
        list(stream)


def test_what_the_watch_raises_ends_the_work_and_nothing_comes_after_it(
    db_ready: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "_WATCHED_EVERY", 0.0)
    ended = threading.Event()
    orders = iter([None, None, PermissionError()])

    def watch() -> None:
        if order := next(orders):
            raise order

    def work(write: Write) -> None:
        try:
            for _ in range(1_000):
                write(b"x" * PIECE)
        finally:
            ended.set()

    stream = Streamed(work, watch=watch)
    assert [next(stream), next(stream)] == [b"x" * PIECE] * 2
    with pytest.raises(PermissionError):
        next(stream)

    assert ended.is_set()
    assert list(stream) == []


def test_a_stream_that_was_begun_is_read_whole_and_an_error_is_met_then(db_ready: None) -> None:
    stream = writing(3, [])
    stream.begin()
    assert list(stream) == [bytes([number]) * PIECE for number in range(3)]

    def refuse(write: Write) -> None:
        raise PermissionError

    with pytest.raises(PermissionError):
        Streamed(refuse).begin()
    empty = Streamed(lambda write: None)
    empty.begin()
    assert list(empty) == []
