"""The bytes of an uploaded file as UTF-8 text: opened, unpacked, transcoded, hashed as uploaded."""

import codecs
import gzip
import hashlib
import os
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from fairdb_site.errors import Refused, TooLarge

from .encoding import encoding_of, transcoded
from .form import form_of, refuse_other_forms, refuse_packed_twice
from .sandbox import LOAD, Conversion, Facts, Kept, Limits, too_much_text

Opener = Callable[[], BinaryIO]
Source = str | os.PathLike[str] | Opener

# a large enough head that the encoding is settled by it for most files; cheap beside a block
_PEEKED = 1 << 20
# the clock of file systems ticks 100 to 1,000 times a second: a write in the tick of the last one
# leaves the same time, so only a file at rest for longer is known by its stamp
_SETTLED_NS = 100_000_000


@dataclass(frozen=True)
class Stamp:
    """What changes when a file does; times in ns since 1970."""

    device: int
    inode: int
    size: int
    modified: int
    changed: int  # the inode: no program can set this time back

    def is_settled(self) -> bool:
        """Whether any write from now on is going to change the stamp."""
        return time.time_ns() - max(self.modified, self.changed) > _SETTLED_NS


@dataclass(frozen=True)
class FileDigest:
    """What was uploaded, byte for byte (compressed as it came): SHA-256 in hex, and the size."""

    sha256: str
    size: int


class TextBytes:
    """One pass over a file: `chunks()` yields its text as UTF-8 bytes without a byte order mark.

    `form`, `compression`, `found` (the encoding) and `facts` (of a workbook or a Parquet file) say
    what it was taken for. `digest()` is known after the last chunk.
    """

    def __init__(
        self,
        opener: Opener,
        *,
        encoding: str | None = None,
        sheet: str | None = None,
        kept: Kept | None = None,
        max_bytes: int | None = None,
        known: Stamp | None = None,
        hashed: bool = True,
        limits: Limits | None = LOAD,
    ) -> None:
        """Open the file; `known` is the stamp of one that need not be hashed again.

        `limits` bound the converter of a workbook or a Parquet file; without any such a file is
        known by its `kind` and gives no text.
        """
        self._raw = opener()
        self.hashed = hashed and (known is None or self.stamp() != known)
        self._max_bytes = max_bytes
        self._unpacked = 0
        self._conversion: Conversion | None = None
        try:
            self._hashing = _HashingReader(self._raw, hashed=self.hashed)
            self._text = _Peekable(self._hashing)
            head = self._text.peek(_PEEKED)
            if not head:
                raise Refused("The file is empty.")
            self.form = form_of(head)
            self.compression: str | None = None
            if self.form == "gzip":
                head = self._unpack()
            if self.form == "text":
                refuse_other_forms(head, encoding)
                if sheet is not None:
                    raise Refused("A file of text has no sheets to name.")
            elif encoding is not None:
                raise Refused("A workbook or Parquet file has no encoding to name.")
            else:
                if limits is not None:
                    self._convert(sheet, kept, limits)
                head = b""
            self.found = encoding_of(head, encoding)
        except BaseException:
            self.close()
            raise

    @property
    def encoding(self) -> str:
        """The codec's name."""
        return self.found.name

    @property
    def kind(self) -> str:
        """What people call the form: `text`, `workbook` or `parquet`."""
        return self.form if self.form in {"text", "parquet"} else "workbook"

    @property
    def facts(self) -> Facts | None:
        """What was found in a workbook or a Parquet file; None for text."""
        return self._conversion.facts if self._conversion else None

    @property
    def bytes_read(self) -> int:
        """Bytes of the file read so far, as uploaded; for progress."""
        return self._hashing.size

    def chunks(self, size: int) -> Iterator[bytes]:
        """Yield UTF-8 bytes in pieces of `size` or so; Refused where a byte has no meaning."""
        name = self.found.name
        decoder = None if name == "utf-8" else codecs.getincrementaldecoder(name)("strict")
        position = len(self._read(len(self.found.mark)))
        while data := self._read(size):
            yield data if decoder is None else transcoded(decoder, data, position, name)
            position += len(data)
        if decoder is not None and (rest := transcoded(decoder, b"", position, name, final=True)):
            yield rest
        while self._hashing.read(_PEEKED):
            pass  # what lies behind the compressed data belongs to the file's digest too

    def raw_chunks(self, size: int) -> Iterator[bytes]:
        """Yield the unpacked bytes as they are, in no encoding; instead of `chunks()`."""
        while data := self._read(size):
            yield data

    def digest(self) -> FileDigest:
        """Return the digest of the bytes as uploaded; complete once `chunks()` has ended."""
        return self._hashing.digest()

    def stamp(self) -> Stamp | None:
        """Return what changes when the file does; None where the stream is no file of this host."""
        return stamp_of(self._raw)

    def close(self) -> None:
        """Release the file."""
        if self._conversion:
            self._conversion.close()
        self._raw.close()

    def keep(self) -> Kept | None:
        """Convert the whole workbook, to read from in later passes; None for other forms."""
        if self._conversion is None or self.form == "parquet":
            return None
        kept = self._conversion.kept(self._max_bytes)
        self._text = _Peekable(kept.reader())
        return kept

    def _unpack(self) -> bytes:
        """Read on from what the gzip file holds; return its beginning."""
        self.compression = "gzip"
        self._text = _Peekable(gzip.GzipFile(fileobj=cast("BinaryIO", self._text)))
        with _plain_gzip_errors():
            head = self._text.peek(_PEEKED)
        if not head:
            raise Refused("The file is empty.")
        refuse_packed_twice(head)
        self.form = "text"
        return head

    def _convert(self, sheet: str | None, kept: Kept | None, limits: Limits) -> None:
        """Read on from what a converter makes of the file, or made of it before."""
        if kept is None:
            self._conversion = Conversion(
                self.form, self._raw, self._text, sheet=sheet, limits=limits
            )
            self._text = _Peekable(self._conversion)
            return
        while self._text.read(_PEEKED):
            pass  # for the digest
        self._text = _Peekable(kept.reader())

    def _read(self, size: int) -> bytes:
        with _plain_gzip_errors():
            data = self._text.read(size)
        self._unpacked += len(data)
        if self._max_bytes is not None and self._unpacked > self._max_bytes:
            raise TooLarge(too_much_text(self._max_bytes))
        return data


class _Reader(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _HashingReader:
    """A binary reader that hashes and counts what passes through it, and nothing else."""

    def __init__(self, raw: BinaryIO, *, hashed: bool) -> None:
        self._raw = raw
        self._hash = hashlib.sha256()
        self._hashed = hashed
        self.size = 0

    def read(self, size: int, /) -> bytes:
        data = self._raw.read(size)
        if self._hashed:
            self._hash.update(data)
        self.size += len(data)
        return data

    def digest(self) -> FileDigest:
        return FileDigest(self._hash.hexdigest(), self.size)


class _Peekable:
    """A reader whose first bytes can be looked at before they are read; reads are full ones."""

    def __init__(self, rest: _Reader) -> None:
        self._rest = rest
        self._head = b""

    def peek(self, size: int) -> bytes:
        self._head = self.read(size)
        return self._head

    def read(self, size: int, /) -> bytes:
        data, self._head = self._head[:size], self._head[size:]
        pieces, missing = [data], size - len(data)
        while missing > 0 and (piece := self._rest.read(missing)):
            pieces.append(piece)
            missing -= len(piece)
        return b"".join(pieces)


@contextmanager
def _plain_gzip_errors() -> Iterator[None]:
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        message = "The gzip file is damaged or cut short; pack it again and retry."
        raise Refused(message) from error


def stamp_of(raw: BinaryIO) -> Stamp | None:
    """Return the stamp of an open file; None where the stream is no file of this host."""
    try:
        found = os.fstat(raw.fileno())
    except (AttributeError, OSError):
        return None
    return Stamp(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def opener_of(source: Source) -> Opener:
    """Return what opens the source anew for each pass: a path, or a callable as storages give."""
    if callable(source):
        return source
    path = Path(source)

    def open_path() -> BinaryIO:
        try:
            return path.open("rb")
        except OSError as error:
            raise Refused(
                f"The file cannot be read: {error.strerror or 'unknown reason'}."
            ) from error

    return open_path
