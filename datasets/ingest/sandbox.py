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
from dataclasses import dataclass
from io import BufferedReader, FileIO
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from fairdb_site.errors import Refused, TooLarge

MEMORY: Final = 1 << 31  # bytes a converter may take
CPU_SECONDS: Final = 1_800
# a stream that is no file of this host is held in memory while it is converted
MAX_COPIED: Final = 1 << 30
FRAME_BYTES: Final = 8  # the length before each piece that the child writes; 0 before the verdict
_PIECE: Final = 1 << 20
_NOTHING: Final = zlib.compress(b"")
_ROOT: Final = Path(__file__).resolve().parents[2]
_KEPT_SETTINGS: Final = ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT")
_KILLED_BY_LIMIT: Final = {-signal.SIGABRT, -signal.SIGKILL, -signal.SIGXCPU, -signal.SIGSEGV}


class _Reader(Protocol):
    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True)
class Facts:
    """What a workbook or Parquet file was taken for: sentences, and the sheet that is read."""

    why: tuple[str, ...]
    sheet: str | None = None


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

    def __init__(self, form: str, raw: BinaryIO, rest: _Reader, *, sheet: str | None) -> None:
        """Start on `raw`, of which `rest` gives every byte; all of them are read from it first."""
        with contextlib.ExitStack() as stack:
            if _is_file(raw):
                while rest.read(_PIECE):
                    pass  # read only to be hashed
                file: BinaryIO = raw
            else:
                file = stack.enter_context(_copied(rest))
            arguments = [form, str(file.fileno()), *([sheet] if sheet is not None else [])]
            self._process = subprocess.Popen(  # noqa: S603 - this program, and no shell
                [sys.executable, "-m", "datasets.ingest.convert", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                pass_fds=[file.fileno()],
                cwd=_ROOT,
                env={name: os.environ[name] for name in _KEPT_SETTINGS if name in os.environ},
            )
        self._left = 0
        self._ended = False
        try:
            facts = json.loads(self._frame() or "{}")
            self.facts = Facts(tuple(facts["why"]), facts["sheet"])
        except BaseException:
            self.close()
            raise

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes, none at the end; raises Refused and TooLarge."""
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
        if self._process.stdout:
            self._process.stdout.close()

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

    @staticmethod
    def _judge(verdict: dict[str, str]) -> None:
        if "refused" in verdict:
            raise Refused(verdict["refused"])
        if "too_large" in verdict:
            raise TooLarge(verdict["too_large"])

    def _refuse_crash(self) -> None:
        if self._process.wait() in _KILLED_BY_LIMIT:
            raise TooLarge(too_much_memory())
        raise Refused("The file is damaged: it cannot be read as the workbook or Parquet file it "
                      "begins as. Save it anew, or as CSV.")  # fmt: skip


def too_much_memory() -> str:
    """Return the sentence for a file that does not fit a converter's memory."""
    return (
        f"The file takes more than the {MEMORY >> 30} GB of memory that reading it may take (a few "
        "far apart cells are enough for that). Save the table as CSV and load that."
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
