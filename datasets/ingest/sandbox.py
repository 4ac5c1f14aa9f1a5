"""A child process that turns a workbook or a Parquet file into CSV text, and may fail alone.

Parsers of such files allocate what the file asks for, and their allocator's answer to too much is
to end the process (calamine's issue 693: 2 KB that ask for 550 GB). So they run in a process of
their own, whose memory and time are bounded and which has no setting or key in its environment.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from io import BufferedReader, FileIO
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol

from fairdb_site.errors import Refused, TooLarge

from .interruption import look_up
from .sheets import Sheet, offering
from .slots import take_slot

MEMORY: Final = 1 << 31  # bytes a converter may take for a load
# a stream that is no file of this host is held in memory while it is converted
MAX_COPIED: Final = 1 << 30
FRAME_BYTES: Final = 8  # the length before each piece that the child writes; 0 before the verdict
_PIECE: Final = 1 << 20
_NOTHING: Final = zlib.compress(b"")
_ROOT: Final = Path(__file__).resolve().parents[2]
_KEPT_SETTINGS: Final = ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT")
_OUT_OF_MEMORY: Final = {-signal.SIGABRT, -signal.SIGKILL, -signal.SIGSEGV}
_OUT_OF_TIME: Final = {-signal.SIGXCPU, -signal.SIGALRM}


@dataclass(frozen=True)
class Limits:
    """What one conversion may take, and how it waits for its turn; times in seconds.

    `kind` names the slots that it shares with others of its kind, so that no number of one kind
    keeps the other waiting. `busy` is said where none was free for `wait` seconds, `over` in place
    of the sentence that names the limit.
    """

    kind: str
    memory: int  # bytes
    cpu_seconds: int
    seconds: float  # from its start to its end, however it is read; 0 where that does not matter
    wait: float
    busy: str
    over: str | None = None


LOAD: Final = Limits(
    kind="load",
    memory=MEMORY,
    cpu_seconds=1_800,
    seconds=0,  # whoever reads may be as slow as the database
    wait=60,
    busy="The server is busy reading other files. Nothing was stored. Try again in a minute.",
)

# Somebody waits, and can do without. 2,000,000 cells take 4 s and less than this memory.
PREVIEW: Final = Limits(
    kind="preview",
    memory=1 << 29,
    cpu_seconds=10,
    seconds=20,
    wait=3,
    busy="The server is busy reading other files, so the columns of this one cannot be listed just "
    "now. Type the id column's name, or choose the file again in a minute.",
    over="It would take long to list the columns of this file beforehand. Type the id column's "
    "name.",
)

# A file of ids, answered in one request: as little, in places of its own.
LINKING: Final = replace(
    PREVIEW,
    kind="linking",
    busy="The server is busy reading other files. Try again in a minute.",
    over="This file takes too long to read here. Save its id column as a file of text, and give "
    "that.",
)


class _Reader(Protocol):
    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True)
class Facts:
    """What a workbook or Parquet file was taken for: sentences, and the sheet that is read.

    `sheets` are the workbook's, up to one more than a page offers; `unread` names the visible ones
    that were passed over because none was named.
    """

    why: tuple[str, ...]
    sheet: str | None = None
    sheets: tuple[Sheet, ...] = ()
    unread: tuple[str, ...] = ()


class Output(Protocol):
    """Where a converter's text goes: first what was found, then bytes."""

    def facts(self, facts: Facts) -> None:
        """Take what was found."""

    def write(self, data: bytes) -> int:
        """Take some text."""


@dataclass(frozen=True)
class Kept:
    """The CSV text of a workbook, held packed so that the workbook is parsed once."""

    facts: Facts
    _pieces: tuple[bytes, ...]

    def reader(self) -> "KeptReader":
        """Return a reader from the start."""
        return KeptReader(self._pieces)


class KeptReader:
    """Reads what is kept; gives a piece at a time, whatever size is asked for."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._left = b""

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes, none at the end."""
        if not self._left:
            self._left = zlib.decompress(next(self._pieces, _NOTHING))
        data, self._left = self._left[:size], self._left[size:]
        return data


class Conversion:
    """The CSV text of a file, read from a child process; UTF-8, comma, LF or CRLF."""

    def __init__(
        self,
        form: str,
        raw: BinaryIO,
        rest: _Reader,
        *,
        sheet: str | None = None,
        limits: Limits = LOAD,
    ) -> None:
        """Start on `raw`, of which `rest` gives every byte; all of them are read from it first.

        Raises Unavailable where too many others are being converted.
        """
        self._limits = limits
        # before the file is copied, which takes memory too
        self._slot = take_slot(limits.kind, wait=limits.wait, busy=limits.busy)
        try:
            self._process = self._started(form, raw, rest, sheet)
        except BaseException:
            self._slot.close()
            raise
        self._left = 0
        self._ended = False
        try:
            facts = json.loads(self._frame() or "{}")
            self.facts = Facts(
                tuple(facts["why"]), facts["sheet"], _sheets(facts), tuple(facts["unread"])
            )
        except BaseException:
            self.close()
            raise

    def _started(
        self, form: str, raw: BinaryIO, rest: _Reader, sheet: str | None
    ) -> "subprocess.Popen[bytes]":
        limits = self._limits
        with contextlib.ExitStack() as stack:
            if _is_file(raw):
                while rest.read(_PIECE):
                    pass  # read only to be hashed
                file: BinaryIO = raw
            else:
                file = stack.enter_context(_copied(rest))
            bounds = (limits.memory, limits.cpu_seconds, limits.seconds)
            arguments = [form, *map(str, (file.fileno(), *bounds))]
            arguments += [sheet] if sheet is not None else []
            return subprocess.Popen(  # noqa: S603 - this program, and no shell
                [sys.executable, "-m", "datasets.ingest.convert", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                pass_fds=[file.fileno(), self._slot.descriptor],  # whose lock is its own from here
                cwd=_ROOT,
                env={name: os.environ[name] for name in _KEPT_SETTINGS if name in os.environ},
            )

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes, none at the end; raises Refused and TooLarge."""
        look_up()
        if self._ended:
            return b""
        if not self._left:
            self._left = self._next_length()
            if not self._left:
                return b""
        data = self._exactly(min(size, self._left))
        self._left -= len(data)
        return data

    def kept(self, max_bytes: int | None) -> Kept:
        """Read all that is left and keep it; raises Refused and TooLarge."""
        pieces, size = [], 0
        while piece := self.read(_PIECE):
            size += len(piece)
            if max_bytes is not None and size > max_bytes:
                raise TooLarge(too_much_text(max_bytes))
            pieces.append(zlib.compress(piece, 1))
        return Kept(self.facts, tuple(pieces))

    def close(self) -> None:
        """End the child."""
        self._process.kill()
        self._process.wait()
        if self._process.stdout and not self._process.stdout.closed:
            self._process.stdout.close()
            self._slot.close()

    def _frame(self) -> bytes:
        return self._exactly(self._next_length())

    def _next_length(self) -> int:
        length = int.from_bytes(self._exactly(FRAME_BYTES))
        if not length:
            self._ended = True
            self._judge(json.loads(self._stdout.read()))
        return length

    def _exactly(self, size: int) -> bytes:
        data = self._stdout.read(size)
        if len(data) < size:
            self._refuse_crash()
        return data

    @property
    def _stdout(self) -> BinaryIO:
        if self._process.stdout is None:
            raise RuntimeError("The converter has no output.")
        return self._process.stdout  # type: ignore[return-value]

    def _judge(self, verdict: dict[str, Any]) -> None:
        if "refused" in verdict:
            with offering(_sheets(verdict)):
                raise Refused(verdict["refused"], option=verdict["option"])
        if "too_large" in verdict:
            raise TooLarge(self._limits.over or verdict["too_large"])

    def _refuse_crash(self) -> None:
        ended = self._process.wait()
        if ended in _OUT_OF_TIME:
            raise TooLarge(self._limits.over or _too_much_time(self._limits.cpu_seconds))
        if ended in _OUT_OF_MEMORY:
            raise TooLarge(self._limits.over or too_much_memory())
        raise Refused("The file is damaged: it cannot be read as the workbook or Parquet file it "
                      "begins as. Save it anew, or as CSV.")  # fmt: skip


def _sheets(found: dict[str, Any]) -> tuple[Sheet, ...]:
    return tuple(Sheet(**sheet) for sheet in found["sheets"])


def too_much_memory() -> str:
    """Return the sentence for a file that does not fit a converter's memory."""
    return (
        f"The file takes more than the {MEMORY >> 30} GB of memory that reading it may take (a few "
        "far apart cells are enough for that). Save the table as CSV and load that."
    )


def _too_much_time(seconds: int) -> str:
    return (
        f"The file takes more than the {seconds // 60} minutes of computing that reading it may "
        "take. Save the table as CSV and load that."
    )


def too_much_text(max_bytes: int) -> str:
    """Return the sentence for a file that unpacks to more text than is taken."""
    return f"The file holds more than {max_bytes:,} bytes once unpacked."


def _is_file(raw: BinaryIO) -> bool:
    """Whether another process can open the very bytes of `raw` by its descriptor."""
    return isinstance(raw, BufferedReader) and isinstance(raw.raw, FileIO)


@contextlib.contextmanager
def _copied(rest: _Reader) -> Iterator[BinaryIO]:
    """Give a file without a name that holds what is left of `rest`; in memory, where Linux runs."""
    with contextlib.ExitStack() as stack:
        if hasattr(os, "memfd_create"):
            copy: BinaryIO = stack.enter_context(open(os.memfd_create("table"), "w+b"))
        else:
            copy = stack.enter_context(tempfile.TemporaryFile())
        size = 0
        while piece := rest.read(_PIECE):
            size += len(piece)
            if size > MAX_COPIED:
                raise TooLarge(
                    f"A workbook or Parquet file of more than {MAX_COPIED >> 30} GB is not read "
                    "from this storage. Save the table as CSV and load that, gzipped if you like."
                )
            copy.write(piece)
        copy.flush()
        yield copy
